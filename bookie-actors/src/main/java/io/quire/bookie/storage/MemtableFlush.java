package io.quire.bookie.storage;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.DamagedException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Brings one full memtable into the ledger store, a commit at a time, so that no commit holds up the journal's syncs for
 * long. Only the last commit moves the applied position (R17). Not thread-safe.
 */
final class MemtableFlush {
    private static final int DROPPED_BLOCK_BYTES = 4096;
    /** What a ledger in a commit may take beside its entries: a page each of its blocks and of its state. */
    private static final int LEDGER_BYTES = 8192;

    private final Memtable memtable;
    private final LedgerStore ledgers;
    private final long commitBytes;
    private final AtomicLong conflicts;
    private final List<Long> ledgerIds;
    private Position position = Position.START;

    /**
     * Where the next commit starts.
     *
     * @param ledger index of a ledger
     * @param dropped whether what came before its slice is dropped already
     * @param nextEntryId of that ledger
     */
    private record Position(int ledger, boolean dropped, long nextEntryId) {
        static final Position START = new Position(0, false, 0);

        Position nextLedger() {
            return new Position(ledger + 1, false, 0);
        }
    }

    /**
     * @param conflicts raised by the entries that the ledger store has already, with other bytes
     */
    MemtableFlush(Memtable memtable, LedgerStore ledgers, BookieStore.Settings settings, AtomicLong conflicts) {
        this.memtable = memtable;
        this.ledgers = ledgers;
        this.conflicts = conflicts;
        this.commitBytes = Math.max(BlockFormat.BYTES_MAX, settings.memtableBytes() / settings.flushCommits());
        this.ledgerIds = memtable.ledgerIds();
    }

    Memtable memtable() {
        return memtable;
    }

    /**
     * Makes the next commit, if it needs no more than about {@code roomBytes}. Without room nothing was changed, and the
     * next step is the same one.
     *
     * @throws OutOfSpaceException when the commit itself found none: the ledger store takes nothing more
     */
    BookieStore.FlushOutcome step(long roomBytes) {
        Position start = position;
        Commit commit = new Commit();
        try (LedgerStore.Writer writer = ledgers.begin()) {
            boolean last;
            try {
                last = commit.put(writer);
                commit.requireRoom(roomBytes);
            } catch (OutOfSpaceException e) {
                position = start;
                return BookieStore.FlushOutcome.NO_ROOM;
            }
            writer.commit();
            conflicts.addAndGet(commit.conflicts);
            return last ? BookieStore.FlushOutcome.FLUSHED : BookieStore.FlushOutcome.COMMITTED;
        }
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

    /** What goes down with one commit. */
    private final class Commit {
        private long conflicts;
        private long neededBytes;

        /** Puts the next entries; whether they are the last. */
        boolean put(LedgerStore.Writer writer) {
            long bytes = 0;
            while (bytes < commitBytes && position.ledger() < ledgerIds.size()) {
                bytes += putSome(writer, commitBytes - bytes);
                neededBytes += LEDGER_BYTES;
            }
            neededBytes += bytes;
            boolean last = position.ledger() == ledgerIds.size();
            if (last) {
                writer.applied(memtable.lastSequence());
            }
            return last;
        }

        void requireRoom(long roomBytes) {
            if (neededBytes > roomBytes) {
                throw new OutOfSpaceException("a commit of " + neededBytes + " bytes, and room for " + roomBytes, null);
            }
        }

        private long putSome(LedgerStore.Writer writer, long bytesMax) {
            LedgerId ledger = new LedgerId(ledgerIds.get(position.ledger()));
            Memtable.Slice slice = memtable.slice(ledger).orElseThrow();
            if (slice.isDropped() && !position.dropped()) {
                return dropSome(writer, ledger, slice, bytesMax);
            }
            TreeMap<Long, Payload> some = new TreeMap<>();
            long bytes = Memtable.ENTRY_OVERHEAD_BYTES;
            Iterator<Map.Entry<Long, Payload>> entries = slice.entries()
                    .tailMap(position.nextEntryId(), true)
                    .entrySet()
                    .iterator();
            while (bytes < bytesMax && entries.hasNext()) {
                Map.Entry<Long, Payload> entry = entries.next();
                some.put(entry.getKey(), entry.getValue());
                bytes += entry.getValue().length();
            }
            try {
                conflicts += writer.add(ledger, some, slice.marks());
            } catch (DamagedException e) {
                throw new DamagedLedgerException(ledger, e);
            }
            if (!entries.hasNext()) {
                position = position.nextLedger();
            } else if (!some.isEmpty()) {
                position = new Position(position.ledger(), position.dropped(), some.lastKey() + 1);
            }
            return bytes;
        }

        /** A block that goes costs about a page. */
        private long dropSome(LedgerStore.Writer writer, LedgerId ledger, Memtable.Slice slice, long bytesMax) {
            int blocksMax = (int) Math.max(1, bytesMax / DROPPED_BLOCK_BYTES);
            if (!writer.drop(ledger, blocksMax)) {
                return bytesMax;
            }
            position = slice.isEmpty() ? position.nextLedger() : new Position(position.ledger(), true, 0);
            return DROPPED_BLOCK_BYTES;
        }
    }
}
