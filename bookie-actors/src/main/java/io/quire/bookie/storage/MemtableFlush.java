package io.quire.bookie.storage;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.DamagedException;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Brings one full memtable into the ledger store, a commit at a time, so that no commit holds up the journal's syncs for
 * long. Only the last commit moves the applied position (R17). Not thread-safe.
 */
final class MemtableFlush {
    private static final int DROPPED_BLOCK_BYTES = 4096;

    private final Memtable memtable;
    private final LedgerStore ledgers;
    private final long commitBytes;
    private final AtomicLong conflicts;
    private final Iterator<Long> remaining;
    private boolean dropping;
    private LedgerId ledger;
    private Memtable.Slice slice;
    private Iterator<Map.Entry<Long, Payload>> entries;

    /**
     * @param conflicts raised by the entries that the ledger store has already, with other bytes
     */
    MemtableFlush(Memtable memtable, LedgerStore ledgers, BookieStore.Settings settings, AtomicLong conflicts) {
        this.memtable = memtable;
        this.ledgers = ledgers;
        this.conflicts = conflicts;
        this.commitBytes = Math.max(BlockFormat.BYTES_MAX, settings.memtableBytes() / settings.flushCommits());
        this.remaining = memtable.ledgerIds().iterator();
    }

    Memtable memtable() {
        return memtable;
    }

    /**
     * Makes the next commit.
     *
     * @return whether it was the last
     */
    boolean step() {
        try (LedgerStore.Writer writer = ledgers.begin()) {
            long bytes = 0;
            while (bytes < commitBytes && nextLedger()) {
                bytes += putSome(writer, commitBytes - bytes);
            }
            boolean last = !nextLedger();
            if (last) {
                writer.applied(memtable.lastSequence());
            }
            writer.commit();
            return last;
        }
    }

    /** Moves to the next ledger if the current one is done; whether there is one. */
    private boolean nextLedger() {
        if (slice == null && remaining.hasNext()) {
            ledger = new LedgerId(remaining.next());
            slice = memtable.slice(ledger).orElseThrow();
            entries = slice.entries().entrySet().iterator();
            dropping = slice.isDropped();
        }
        return slice != null;
    }

    private long putSome(LedgerStore.Writer writer, long bytesMax) {
        if (dropping) {
            return dropSome(writer, bytesMax);
        }
        TreeMap<Long, Payload> some = new TreeMap<>();
        long bytes = Memtable.ENTRY_OVERHEAD_BYTES;
        while (bytes < bytesMax && entries.hasNext()) {
            Map.Entry<Long, Payload> entry = entries.next();
            some.put(entry.getKey(), entry.getValue());
            bytes += entry.getValue().length();
        }
        try {
            conflicts.addAndGet(writer.add(ledger, some, slice.marks()));
        } catch (DamagedException e) {
            throw new DamagedLedgerException(ledger, e);
        }
        if (!entries.hasNext()) {
            slice = null;
        }
        return bytes;
    }

    /** Something that is held of a ledger cannot be read, and stands in the way of what is to be added. */
    static final class DamagedLedgerException extends RuntimeException {
        private static final long serialVersionUID = 1;

        @SuppressWarnings("serial") // it never leaves the process
        private final LedgerId ledgerId;

        DamagedLedgerException(LedgerId ledgerId, DamagedException cause) {
            super(cause.getMessage(), cause);
            this.ledgerId = ledgerId;
        }

        LedgerId ledgerId() {
            return ledgerId;
        }
    }

    /** A block that goes costs about a page. */
    private long dropSome(LedgerStore.Writer writer, long bytesMax) {
        int blocksMax = (int) Math.max(1, bytesMax / DROPPED_BLOCK_BYTES);
        dropping = !writer.drop(ledger, blocksMax);
        if (!dropping && slice.isEmpty()) {
            slice = null;
        }
        return dropping ? bytesMax : DROPPED_BLOCK_BYTES;
    }
}
