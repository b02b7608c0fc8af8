package io.quire.bookie.storage;

import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListMap;

/**
 * Durable entries that are not in the ledger store yet, by ledger and entry, with the fences and last-add-confirmed that
 * came with them. One thread applies records, in journal order; any number of threads read beside it.
 */
final class Memtable {
    /** What an entry takes in memory beside its bytes, about. */
    static final int ENTRY_OVERHEAD_BYTES = 120;

    private final ConcurrentHashMap<Long, Slice> ledgers = new ConcurrentHashMap<>();
    private volatile long lastSequence;
    private volatile long weight;

    /** What a memtable holds of one ledger. */
    static final class Slice {
        private final ConcurrentSkipListMap<Long, Payload> entries = new ConcurrentSkipListMap<>();
        private volatile boolean fenced;
        private volatile long lastAddConfirmed = EntryId.NONE;
        private volatile long heldAt;
        private volatile boolean dropped;

        /** Encoded entries by id. */
        ConcurrentSkipListMap<Long, Payload> entries() {
            return entries;
        }

        boolean isFenced() {
            return fenced;
        }

        long lastAddConfirmed() {
            return lastAddConfirmed;
        }

        /** The highest version of the register at which recovery brought something, or 0. */
        long heldAt() {
            return heldAt;
        }

        /** Whether what older memtables and the ledger store hold of the ledger is dropped. */
        boolean isDropped() {
            return dropped;
        }

        /** Forgets what came before, here too. */
        private void drop() {
            dropped = true;
            entries.clear();
            fenced = false;
            lastAddConfirmed = EntryId.NONE;
            heldAt = 0;
        }

        /** Whether it says nothing but that the ledger was dropped. */
        boolean isEmpty() {
            return entries.isEmpty() && !fenced && lastAddConfirmed == EntryId.NONE && heldAt == 0;
        }

        /** What it knows of the ledger beside its entries. */
        LedgerStore.Marks marks() {
            return new LedgerStore.Marks(fenced, lastAddConfirmed, heldAt);
        }
    }

    /**
     * @param lastSequence the last record that older memtables and the ledger store hold
     */
    Memtable(long lastSequence) {
        this.lastSequence = lastSequence;
    }

    /**
     * Takes the record {@code sequence}, which follows the last one.
     *
     * @return how many of its entries are there already with other bytes, which stay (R18)
     */
    int apply(long sequence, JournalRecord record) {
        if (sequence != lastSequence + 1) {
            throw new IllegalStateException("record " + sequence + " applied behind " + lastSequence);
        }
        int conflicts = 0;
        Slice slice = ledgers.computeIfAbsent(record.ledgerId().value(), id -> new Slice());
        for (Payload entry : record.entries().entries()) {
            Payload older = slice.entries.putIfAbsent(EntryFormat.entryIdOf(entry), entry);
            if (older != null && !older.equals(entry)) {
                conflicts++;
            }
        }
        if (record instanceof JournalRecord.Added added) {
            if (added.lastAddConfirmed() > slice.lastAddConfirmed) {
                slice.lastAddConfirmed = added.lastAddConfirmed();
            }
        } else if (record instanceof JournalRecord.Recovered recovered) {
            slice.heldAt = Math.max(slice.heldAt, recovered.version());
        } else if (record instanceof JournalRecord.Dropped) {
            slice.drop();
        } else {
            slice.fenced = true;
        }
        long heavier = weight + record.weight(); // one writer: nothing is lost in between
        weight = heavier;
        lastSequence = sequence;
        return conflicts;
    }

    Optional<Slice> slice(LedgerId ledgerId) {
        return Optional.ofNullable(ledgers.get(ledgerId.value()));
    }

    /** The ledgers in here, ascending. */
    List<Long> ledgerIds() {
        return ledgers.keySet().stream().sorted().toList();
    }

    /** The bytes it takes in memory, about. */
    long weight() {
        return weight;
    }

    boolean isEmpty() {
        return ledgers.isEmpty();
    }

    long lastSequence() {
        return lastSequence;
    }
}
