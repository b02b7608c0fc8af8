package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.Marks;
import io.quire.bookie.storage.LedgerStore.StoredLedger;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/**
 * One commit of a ledger store: which blocks there are to be, wherever a kind of store keeps their bytes.
 *
 * <p>Blocks of a ledger never overlap (R18): entries that fall into the range of existing blocks are merged with them,
 * and the merged blocks are written in the same transaction.
 */
abstract class BlockWriter implements LedgerStore.Writer {
    final Transaction transaction;
    private final long appliedBefore;
    private long applied;

    /**
     * @param appliedBefore the applied position, which only rises (H56)
     */
    BlockWriter(Transaction transaction, long appliedBefore) {
        this.transaction = transaction;
        this.appliedBefore = appliedBefore;
        this.applied = appliedBefore;
    }

    /** The entries of a block, from the value of its key. */
    abstract List<Payload> entriesOf(LedgerId ledgerId, Payload key, ByteBuffer value);

    /** The entries of a damaged block that are good all the same. */
    abstract NavigableMap<Long, Payload> salvaged(LedgerId ledgerId, Payload key, Payload value);

    /** How many entries a block says it holds, from the value of its key; 0 when even that cannot be told. */
    abstract int countOf(Payload key, ByteBuffer value);

    abstract void putBlock(LedgerId ledgerId, long firstEntryId, List<Payload> block);

    /** Removes a block that {@code value} stands for, readable or not. */
    abstract void deleteBlock(Payload key, Payload value);

    /** The applied position that this commit leaves. */
    final long applied() {
        return applied;
    }

    @Override
    public final long add(LedgerId ledgerId, NavigableMap<Long, Payload> entries, Marks marks) {
        StoredLedger before = StoreKeys.readLedger(transaction, ledgerId).orElse(StoredLedger.EMPTY);
        Merged merged = new Merged(entries.size(), 0);
        if (!entries.isEmpty() && entries.firstKey() > before.lastEntryId()) {
            putBlocks(ledgerId, entries);
        } else if (!entries.isEmpty()) {
            merged = merge(ledgerId, StoreKeys.startOf(transaction, ledgerId, entries.firstKey()), entries);
        }
        putLedger(ledgerId, before, entries, before.entryCount() + merged.added(), marks);
        return merged.conflicts();
    }

    private record Merged(long added, long conflicts) {}

    /**
     * @param start the first block that may be in the range of the entries, or the key behind which it is
     */
    private Merged merge(LedgerId ledgerId, Payload start, NavigableMap<Long, Payload> entries) {
        NavigableMap<Long, Payload> merged = takeOverlapping(ledgerId, start, entries.firstKey(), entries.lastKey());
        int old = merged.size();
        long conflicts = 0;
        for (Map.Entry<Long, Payload> entry : entries.entrySet()) {
            Payload older = merged.putIfAbsent(entry.getKey(), entry.getValue());
            conflicts += older != null && !older.equals(entry.getValue()) ? 1L : 0L;
        }
        putBlocks(ledgerId, merged);
        return new Merged((long) merged.size() - old, conflicts);
    }

    @Override
    public final boolean drop(LedgerId ledgerId, int blocksMax) {
        if (blocksMax < 1) {
            throw new IllegalArgumentException("at least one block is dropped at a time, not " + blocksMax);
        }
        Map<Payload, Payload> blocks = new TreeMap<>(BlockWriter::compareKeys);
        transaction.scan(StoreKeys.block(ledgerId, 0), StoreKeys.blocksEnd(ledgerId), (key, value) -> {
            if (blocks.size() == blocksMax) {
                return false;
            }
            blocks.put(key, headOf(value));
            return true;
        });
        blocks.forEach(this::deleteBlock);
        if (blocks.size() == blocksMax && hasBlocks(ledgerId)) {
            return false;
        }
        transaction.delete(StoreKeys.ledger(ledgerId));
        return true;
    }

    private boolean hasBlocks(LedgerId ledgerId) {
        boolean[] found = {false};
        transaction.scan(StoreKeys.block(ledgerId, 0), StoreKeys.blocksEnd(ledgerId), (key, value) -> {
            found[0] = true;
            return false;
        });
        return found[0];
    }

    /** As much of a block's value as {@link #deleteBlock} needs. */
    Payload headOf(ByteBuffer value) {
        return Payload.copyOf(value);
    }

    @Override
    public final void mend(LedgerId ledgerId, long first, long last, NavigableMap<Long, Payload> entries) {
        Payload damaged = StoreKeys.block(ledgerId, first);
        Optional<Payload> value = transaction.get(damaged);
        if (value.isPresent() && isWhole(ledgerId, damaged, value.get())) {
            return;
        }
        NavigableMap<Long, Payload> mended = new TreeMap<>();
        if (value.isPresent()) {
            mended.putAll(salvaged(ledgerId, damaged, value.get()).subMap(first, true, last, true));
            deleteBlock(damaged, headOf(value.get().asByteBuffer()));
        }
        mended.putAll(entries);
        // What was flushed since the damage was found may lie in the range, too; nothing before it can.
        if (!mended.isEmpty()) {
            merge(ledgerId, damaged, mended);
        }
        StoredLedger before = StoreKeys.readLedger(transaction, ledgerId).orElse(StoredLedger.EMPTY);
        putLedger(ledgerId, before, mended, countBlocks(ledgerId), before.marks());
    }

    private boolean isWhole(LedgerId ledgerId, Payload key, Payload value) {
        try {
            BlockInspection.requireGood(
                    ledgerId, StoreKeys.firstEntryIdOf(key), entriesOf(ledgerId, key, value.asByteBuffer()));
            return true;
        } catch (DamagedException e) {
            return false;
        }
    }

    @Override
    public final void restate(LedgerId ledgerId) {
        long[] found = {EntryId.NONE, EntryId.NONE, 0, EntryId.NONE};
        transaction.scan(StoreKeys.block(ledgerId, 0), StoreKeys.blocksEnd(ledgerId), (key, value) -> {
            found[0] = found[0] == EntryId.NONE ? StoreKeys.firstEntryIdOf(key) : found[0];
            found[2] += countOf(key, value.duplicate());
            try {
                List<Payload> block = entriesOf(ledgerId, key, value);
                found[1] = BlockFormat.lastEntryIdOf(block);
                found[3] = Math.max(found[3], EntryFormat.lastAddConfirmedOf(block.get(block.size() - 1)));
            } catch (DamagedException e) {
                found[1] = Math.max(found[1], StoreKeys.firstEntryIdOf(key));
            }
            return true;
        });
        Marks marks = marksOf(ledgerId).orElse(new Marks(true, found[3], Long.MAX_VALUE));
        StoreKeys.putLedger(transaction, ledgerId, new StoredLedger(marks, found[0], found[1], found[2]));
    }

    private Optional<Marks> marksOf(LedgerId ledgerId) {
        try {
            return StoreKeys.readLedger(transaction, ledgerId).map(StoredLedger::marks);
        } catch (DamagedException e) {
            return Optional.empty();
        }
    }

    private long countBlocks(LedgerId ledgerId) {
        long[] count = {0};
        transaction.scan(StoreKeys.block(ledgerId, 0), StoreKeys.blocksEnd(ledgerId), (key, value) -> {
            count[0] += countOf(key, value);
            return true;
        });
        return count[0];
    }

    /** Removes the blocks whose range touches {@code [first, last]} and returns their entries. */
    private NavigableMap<Long, Payload> takeOverlapping(LedgerId ledgerId, Payload start, long first, long last) {
        NavigableMap<Long, Payload> taken = new TreeMap<>();
        Map<Payload, Payload> blocks = new TreeMap<>(BlockWriter::compareKeys);
        transaction.scan(start, StoreKeys.block(ledgerId, last + 1), (key, value) -> {
            Payload head = headOf(value.duplicate());
            List<Payload> block = entriesOf(ledgerId, key, value);
            if (BlockFormat.lastEntryIdOf(block) >= first) {
                block.forEach(entry -> taken.put(EntryFormat.entryIdOf(entry), entry));
                blocks.put(key, head);
            }
            return true;
        });
        blocks.forEach(this::deleteBlock);
        return taken;
    }

    private static int compareKeys(Payload a, Payload b) {
        return a.asByteBuffer().compareTo(b.asByteBuffer());
    }

    private void putBlocks(LedgerId ledgerId, NavigableMap<Long, Payload> entries) {
        List<Payload> block = new ArrayList<>();
        long first = entries.firstKey();
        int bytes = 0;
        for (Map.Entry<Long, Payload> entry : entries.entrySet()) {
            int size = entry.getValue().length() + Integer.BYTES;
            if (!block.isEmpty() && bytes + size > BlockFormat.BYTES_MAX) {
                putBlock(ledgerId, first, block);
                block.clear();
                bytes = 0;
                first = entry.getKey();
            }
            block.add(entry.getValue());
            bytes += size;
        }
        putBlock(ledgerId, first, block);
    }

    private void putLedger(
            LedgerId ledgerId, StoredLedger before, NavigableMap<Long, Payload> entries, long count, Marks marks) {
        long first = before.firstEntryId();
        long last = before.lastEntryId();
        if (!entries.isEmpty()) {
            first = first == EntryId.NONE ? entries.firstKey() : Math.min(first, entries.firstKey());
            last = Math.max(last, entries.lastKey());
        }
        StoreKeys.putLedger(
                transaction, ledgerId, new StoredLedger(before.marks().raisedBy(marks), first, last, count));
    }

    @Override
    public final void applied(long sequence) {
        if (sequence < appliedBefore) {
            throw new IllegalStateException(
                    "the applied position must not go back from " + appliedBefore + " to " + sequence);
        }
        applied = sequence;
        StoreKeys.putApplied(transaction, sequence);
    }

    @Override
    public void close() {
        transaction.close();
    }
}
