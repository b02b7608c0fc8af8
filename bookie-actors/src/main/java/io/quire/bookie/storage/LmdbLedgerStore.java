package io.quire.bookie.storage;

import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.KeyValue;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/**
 * Entries as blocks in an ordered map.
 *
 * <pre>
 *   key                                   value
 *   b, int64 ledger, int64 first entry    block of up to 32 KiB, see BlockFormat
 *   l, int64 ledger                       int8 fenced, int64 last add confirmed, int64 first, int64 last entry, int64 count,
 *                                         int64 held at (absent in a value from before there were recovery adds: 0)
 *   m/applied                             int64 journal sequence
 * </pre>
 *
 * <p>Blocks have a CRC of their own, the other values are guarded by one, see GuardedValue.
 *
 * <p>Blocks of a ledger never overlap (R18): entries that fall into the range of existing blocks are merged with them,
 * and the merged blocks are written in the same transaction.
 */
final class LmdbLedgerStore implements LedgerStore {
    /** Encoded entries that share a block; a larger entry has a block of its own. Measured in docs/decisions/005. */
    static final int BLOCK_BYTES_MAX = 32 << 10;

    private static final Payload APPLIED = Payload.ofUtf8("m/applied");
    private static final byte BLOCK = 'b';
    private static final byte LEDGER = 'l';
    private static final int BLOCK_KEY_BYTES = 17;
    private static final int LEDGER_KEY_BYTES = 9;
    private static final Payload BLOCKS_END = Payload.ofUtf8("c");
    private static final Payload LEDGERS_END = Payload.ofUtf8("m");

    private final KeyValueStore store;
    private volatile long appliedSequence;

    /** Uses {@code store}, which the caller closes. */
    LmdbLedgerStore(KeyValueStore store) {
        this.store = store;
        try (Snapshot snapshot = store.openSnapshot()) {
            appliedSequence = snapshot.get(APPLIED)
                    .map(value ->
                            GuardedValue.decode(APPLIED, value, "the applied journal position", ByteBuffer::getLong))
                    .orElse(0L);
        }
    }

    @Override
    public long appliedSequence() {
        return appliedSequence;
    }

    @Override
    public Writer begin() {
        return new BlockWriter(store.begin());
    }

    @Override
    public Reader openReader() {
        return new BlockReader(store.openSnapshot());
    }

    @Override
    public void close() {
        store.close();
    }

    private static Payload blockKey(LedgerId ledgerId, long firstEntryId) {
        return Fields.encode(17, out -> out.put(BLOCK).putLong(ledgerId.value()).putLong(firstEntryId));
    }

    /** The first ledger with an id of at least {@code first} that has blocks, whether its state is there or not. */
    static Optional<LedgerId> ownerOfBlocks(Snapshot snapshot, long first) {
        List<LedgerId> found = new ArrayList<>();
        snapshot.scan(blockKey(new LedgerId(first), 0), BLOCKS_END, (key, value) -> {
            found.add(ledgerOf(key, BLOCK_KEY_BYTES));
            return false;
        });
        return found.stream().findFirst();
    }

    private static LedgerId ledgerOf(Payload key, int keyBytes) {
        long ledgerId = key.length() == keyBytes ? key.asByteBuffer().getLong(1) : -1;
        if (ledgerId < 0) {
            throw new StorageException("the key of a ledger in the ledger store is damaged");
        }
        return new LedgerId(ledgerId);
    }

    private static long firstEntryOf(Payload key) {
        if (key.length() != BLOCK_KEY_BYTES) {
            throw new StorageException("the key of a block in the ledger store is damaged");
        }
        return key.asByteBuffer().getLong(9);
    }

    private static Payload ledgerKey(LedgerId ledgerId) {
        return Fields.encode(9, out -> out.put(LEDGER).putLong(ledgerId.value()));
    }

    /** The first block that may hold {@code entryId} or something behind it. */
    private static Payload startOf(Snapshot snapshot, LedgerId ledgerId, long entryId) {
        Payload key = blockKey(ledgerId, entryId);
        Optional<KeyValue> floor = snapshot.floor(key);
        boolean sameLedger = floor.isPresent()
                && floor.get().key().length() == key.length()
                && floor.get().key().slice(0, 9).equals(key.slice(0, 9));
        return sameLedger ? floor.get().key() : key;
    }

    private static Optional<StoredLedger> readLedger(Snapshot snapshot, LedgerId ledgerId) {
        return snapshot.get(ledgerKey(ledgerId))
                .map(value -> GuardedValue.decode(
                        ledgerKey(ledgerId), value, "the state of ledger " + ledgerId, LmdbLedgerStore::getLedger));
    }

    private static long countBlocks(Snapshot snapshot, LedgerId ledgerId) {
        long[] count = {0};
        snapshot.scan(blockKey(ledgerId, 0), blockKey(ledgerId, -1), (key, value) -> {
            count[0] += BlockFormat.countOf(value);
            return true;
        });
        return count[0];
    }

    private static StoredLedger getLedger(ByteBuffer in) {
        boolean fenced = Fields.getBoolean(in);
        long lastAddConfirmed = in.getLong();
        long first = in.getLong();
        long last = in.getLong();
        long count = in.getLong();
        long heldAt = in.hasRemaining() ? in.getLong() : 0;
        return new StoredLedger(new Marks(fenced, lastAddConfirmed, heldAt), first, last, count);
    }

    private final class BlockWriter implements Writer {
        private final Transaction transaction;
        private long newApplied = -1;

        BlockWriter(Transaction transaction) {
            this.transaction = transaction;
        }

        @Override
        public long add(LedgerId ledgerId, NavigableMap<Long, Payload> entries, Marks marks) {
            StoredLedger before = readLedger(transaction, ledgerId).orElse(StoredLedger.EMPTY);
            long added = 0;
            long conflicts = 0;
            if (!entries.isEmpty()) {
                boolean behindEverything = entries.firstKey() > before.lastEntryId();
                NavigableMap<Long, Payload> merged = behindEverything
                        ? new TreeMap<>(entries)
                        : takeOverlapping(ledgerId, entries.firstKey(), entries.lastKey());
                if (!behindEverything) {
                    int old = merged.size();
                    for (Map.Entry<Long, Payload> entry : entries.entrySet()) {
                        Payload older = merged.putIfAbsent(entry.getKey(), entry.getValue());
                        conflicts += older != null && !older.equals(entry.getValue()) ? 1L : 0L;
                    }
                    added = (long) merged.size() - old;
                } else {
                    added = entries.size();
                }
                putBlocks(ledgerId, merged);
            }
            putLedger(ledgerId, before, entries, added, marks);
            return conflicts;
        }

        @Override
        public boolean drop(LedgerId ledgerId, int blocksMax) {
            List<Payload> keys = new ArrayList<>();
            transaction.scan(blockKey(ledgerId, 0), blockKey(ledgerId, -1), (key, value) -> {
                keys.add(key);
                return keys.size() < blocksMax;
            });
            keys.forEach(transaction::delete);
            if (keys.size() == blocksMax) {
                return false;
            }
            transaction.delete(ledgerKey(ledgerId));
            return true;
        }

        @Override
        public void mend(LedgerId ledgerId, DamagedRange range, NavigableMap<Long, Payload> entries) {
            transaction.delete(blockKey(ledgerId, range.firstEntryId()));
            if (!entries.isEmpty()) {
                putBlocks(ledgerId, entries);
            }
            long count = countBlocks(transaction, ledgerId);
            StoredLedger before = readLedger(transaction, ledgerId).orElse(StoredLedger.EMPTY);
            putLedger(ledgerId, before, entries, count - before.entryCount(), before.marks());
        }

        /** Removes the blocks whose range touches {@code [first, last]} and returns their entries. */
        private NavigableMap<Long, Payload> takeOverlapping(LedgerId ledgerId, long first, long last) {
            NavigableMap<Long, Payload> taken = new TreeMap<>();
            List<Payload> keys = new ArrayList<>();
            transaction.scan(startOf(transaction, ledgerId, first), blockKey(ledgerId, last + 1), (key, value) -> {
                List<Payload> block = BlockFormat.decode(value);
                if (BlockFormat.lastEntryIdOf(block) >= first) {
                    block.forEach(entry -> taken.put(EntryFormat.entryIdOf(entry), entry));
                    keys.add(key);
                }
                return true;
            });
            keys.forEach(transaction::delete);
            return taken;
        }

        private void putBlocks(LedgerId ledgerId, NavigableMap<Long, Payload> entries) {
            List<Payload> block = new ArrayList<>();
            long first = entries.firstKey();
            int bytes = 0;
            for (Map.Entry<Long, Payload> entry : entries.entrySet()) {
                int size = entry.getValue().length() + Integer.BYTES;
                if (!block.isEmpty() && bytes + size > BLOCK_BYTES_MAX) {
                    transaction.put(blockKey(ledgerId, first), BlockFormat.encode(block));
                    block.clear();
                    bytes = 0;
                    first = entry.getKey();
                }
                block.add(entry.getValue());
                bytes += size;
            }
            transaction.put(blockKey(ledgerId, first), BlockFormat.encode(block));
        }

        private void putLedger(
                LedgerId ledgerId, StoredLedger before, NavigableMap<Long, Payload> entries, long added, Marks marks) {
            long first = entries.isEmpty() ? before.firstEntryId() : entries.firstKey();
            if (before.firstEntryId() != EntryId.NONE) {
                first = Math.min(first, before.firstEntryId());
            }
            long last = entries.isEmpty() ? before.lastEntryId() : Math.max(before.lastEntryId(), entries.lastKey());
            StoredLedger after =
                    new StoredLedger(before.marks().raisedBy(marks), first, last, before.entryCount() + added);
            transaction.put(ledgerKey(ledgerId), GuardedValue.encode(ledgerKey(ledgerId), 64, out -> {
                Fields.putBoolean(out, after.marks().fenced());
                out.putLong(after.marks().lastAddConfirmed()).putLong(after.firstEntryId());
                out.putLong(after.lastEntryId()).putLong(after.entryCount());
                out.putLong(after.marks().heldAt());
            }));
        }

        @Override
        public void applied(long sequence) {
            if (sequence < appliedSequence) {
                throw new IllegalStateException(
                        "the applied position must not go back from " + appliedSequence + " to " + sequence);
            }
            newApplied = sequence;
            transaction.put(APPLIED, GuardedValue.encode(APPLIED, 8, out -> out.putLong(sequence)));
        }

        @Override
        public void commit() {
            transaction.commit();
            if (newApplied >= 0) {
                appliedSequence = newApplied;
            }
        }

        @Override
        public void close() {
            transaction.close();
        }
    }

    /** Looks at blocks in a row. */
    private static final class BlockInspection {
        private final long bytesMax;
        private final List<DamagedRange> damaged = new ArrayList<>();
        private long bytes;
        private long entries;
        private OptionalLong next = OptionalLong.empty();
        /** A damaged block reaches up to the block behind it. */
        private long damagedFrom = EntryId.NONE;

        private String damage = "";

        BlockInspection(long bytesMax) {
            this.bytesMax = bytesMax;
        }

        Inspection of(Snapshot snapshot, LedgerId ledgerId, long first) {
            snapshot.scan(startOf(snapshot, ledgerId, first), blockKey(ledgerId, -1), (key, value) -> {
                long start = firstEntryOf(key);
                endDamage(start - 1);
                if (bytes >= bytesMax) {
                    next = OptionalLong.of(start);
                    return false;
                }
                bytes += value.remaining();
                look(ledgerId, start, value);
                return true;
            });
            endDamage(EntryId.MAX);
            return new Inspection(bytes, entries, next, List.copyOf(damaged));
        }

        private void look(LedgerId ledgerId, long start, ByteBuffer value) {
            try {
                List<Payload> block = BlockFormat.decode(value);
                long expected = start;
                for (Payload entry : block) {
                    EntryFormat.verify(entry);
                    long entryId = EntryFormat.entryIdOf(entry);
                    boolean inOrder = entryId == start ? expected == start : entryId > expected;
                    if (EntryFormat.ledgerIdOf(entry) != ledgerId.value() || !inOrder) {
                        throw new StorageException("entry " + entryId + " of ledger " + EntryFormat.ledgerIdOf(entry)
                                + " in a block of others");
                    }
                    expected = entryId;
                }
                entries += block.size();
            } catch (StorageException | EntryFormat.DamagedEntryException e) {
                damagedFrom = start;
                damage = e.getMessage();
            }
        }

        private void endDamage(long last) {
            if (damagedFrom != EntryId.NONE) {
                damaged.add(new DamagedRange(damagedFrom, last, damage));
                damagedFrom = EntryId.NONE;
            }
        }
    }

    private static final class BlockReader implements Reader {
        private final Snapshot snapshot;

        BlockReader(Snapshot snapshot) {
            this.snapshot = snapshot;
        }

        @Override
        public Optional<StoredLedger> ledger(LedgerId ledgerId) {
            return readLedger(snapshot, ledgerId);
        }

        @Override
        public void read(LedgerId ledgerId, long first, long last, Visitor visitor) {
            snapshot.scan(startOf(snapshot, ledgerId, first), blockKey(ledgerId, last + 1), (key, value) -> {
                for (Payload entry : BlockFormat.decode(value)) {
                    long entryId = EntryFormat.entryIdOf(entry);
                    if (entryId >= first && (entryId > last || !visitor.visit(entryId, entry))) {
                        return false;
                    }
                }
                return true;
            });
        }

        @Override
        public long count(LedgerId ledgerId) {
            return countBlocks(snapshot, ledgerId);
        }

        @Override
        public List<LedgerId> ledgerIds(long first, int max) {
            List<LedgerId> found = new ArrayList<>();
            snapshot.scan(ledgerKey(new LedgerId(first)), LEDGERS_END, (key, value) -> {
                found.add(ledgerOf(key, LEDGER_KEY_BYTES));
                return found.size() < max;
            });
            return found;
        }

        @Override
        public Inspection inspect(LedgerId ledgerId, long first, long bytesMax) {
            return new BlockInspection(bytesMax).of(snapshot, ledgerId, first);
        }

        @Override
        public void close() {
            snapshot.close();
        }
    }
}
