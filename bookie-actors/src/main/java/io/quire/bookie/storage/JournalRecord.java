package io.quire.bookie.storage;

import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;

/** One change of one ledger, as the journal keeps it. Applying it twice is the same as once. */
public sealed interface JournalRecord {
    LedgerId ledgerId();

    /** What the record adds; may be empty. */
    default EntryBatch entries() {
        return EntryBatch.EMPTY;
    }

    /** The bytes that the change needs in a memtable, about. */
    default long weight() {
        return 64L + entries().byteSize() + (long) entries().count() * Memtable.ENTRY_OVERHEAD_BYTES;
    }

    /**
     * Entries that were added, and what their writer had confirmed.
     *
     * @param lastAddConfirmed -1 or more
     * @param entries may be empty: the last-add-confirmed alone
     */
    record Added(LedgerId ledgerId, long lastAddConfirmed, EntryBatch entries) implements JournalRecord {}

    /**
     * Entries that recovery or re-replication brought.
     *
     * @param version of the ledger's register, at which the copy is held from now on (R24)
     * @param entries those that were not here before; may be empty
     */
    record Recovered(LedgerId ledgerId, long version, EntryBatch entries) implements JournalRecord {}

    /** The ledger takes no normal adds any more. */
    record Fenced(LedgerId ledgerId) implements JournalRecord {}

    /** Everything that is held of the ledger goes: its register was read as purged (R22). */
    record Dropped(LedgerId ledgerId) implements JournalRecord {}
}
