package io.quire.bookie.storage;

import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;

/** One change of one ledger, as the journal keeps it. Applying it twice is the same as once. */
public sealed interface JournalRecord {
    LedgerId ledgerId();

    /** The bytes that the change needs in a memtable, about. */
    long weight();

    /**
     * Entries that were added, and what their writer had confirmed.
     *
     * @param lastAddConfirmed -1 or more
     * @param entries may be empty: the last-add-confirmed alone
     */
    record Added(LedgerId ledgerId, long lastAddConfirmed, EntryBatch entries) implements JournalRecord {
        @Override
        public long weight() {
            return 64L + entries.byteSize() + (long) entries.count() * Memtable.ENTRY_OVERHEAD_BYTES;
        }
    }

    /** The ledger takes no normal adds any more. */
    record Fenced(LedgerId ledgerId) implements JournalRecord {
        @Override
        public long weight() {
            return 64;
        }
    }
}
