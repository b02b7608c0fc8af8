package io.quire.bookie.storage;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;

/**
 * Entries as blocks in an ordered map: the value of a block's key is the block, see BlockFormat. The other keys are those
 * of StoreKeys.
 */
final class LmdbLedgerStore implements LedgerStore {
    private final KeyValueStore store;
    private volatile long appliedSequence;

    /** Uses {@code store}; {@link #close} closes it. */
    LmdbLedgerStore(KeyValueStore store) {
        this.store = store;
        try (Snapshot snapshot = store.openSnapshot()) {
            appliedSequence = StoreKeys.readApplied(snapshot);
        }
    }

    @Override
    public long appliedSequence() {
        return appliedSequence;
    }

    @Override
    public long sizeBytes() {
        return store.sizeBytes();
    }

    @Override
    public Writer begin() {
        return new ValueWriter(store.begin());
    }

    @Override
    public Reader openReader() {
        return new ValueReader(store.openSnapshot());
    }

    @Override
    public long reusableBytes() {
        return store.reusableBytes();
    }

    @Override
    public void close() {
        store.close();
    }

    private static List<Payload> decode(Payload key, ByteBuffer block) {
        ByteBuffer ids = key.asByteBuffer();
        return BlockFormat.decode(block, ids.getLong(1), ids.getLong(9));
    }

    private final class ValueWriter extends BlockWriter {
        ValueWriter(Transaction transaction) {
            super(transaction, appliedSequence);
        }

        @Override
        List<Payload> entriesOf(LedgerId ledgerId, Payload key, ByteBuffer value) {
            return decode(key, value);
        }

        @Override
        NavigableMap<Long, Payload> salvaged(LedgerId ledgerId, Payload key, Payload value) {
            return BlockFormat.salvage(value.asByteBuffer(), ledgerId);
        }

        @Override
        int countOf(Payload key, ByteBuffer value) {
            return BlockFormat.countOf(value);
        }

        @Override
        void putBlock(LedgerId ledgerId, long firstEntryId, List<Payload> block) {
            transaction.put(StoreKeys.block(ledgerId, firstEntryId), BlockFormat.encode(block));
        }

        @Override
        void deleteBlock(Payload key, Payload value) {
            transaction.delete(key);
        }

        @Override
        Payload headOf(ByteBuffer value) {
            return Payload.EMPTY;
        }

        @Override
        public void commit() {
            transaction.commit();
            appliedSequence = applied();
        }
    }

    private static final class ValueReader implements Reader, BlockInspection.BlockSource {
        private final Snapshot snapshot;

        ValueReader(Snapshot snapshot) {
            this.snapshot = snapshot;
        }

        @Override
        public Optional<StoredLedger> ledger(LedgerId ledgerId) {
            return StoreKeys.readLedger(snapshot, ledgerId);
        }

        @Override
        public void read(LedgerId ledgerId, long first, long last, Visitor visitor) {
            Payload start = StoreKeys.startOf(snapshot, ledgerId, first);
            snapshot.scan(start, StoreKeys.block(ledgerId, last + 1), (key, value) -> {
                ByteBuffer ids = key.asByteBuffer();
                return BlockFormat.visit(value, ids.getLong(1), ids.getLong(9), first, last, visitor);
            });
        }

        @Override
        public long count(LedgerId ledgerId) {
            long[] count = {0};
            snapshot.scan(StoreKeys.block(ledgerId, 0), StoreKeys.blocksEnd(ledgerId), (key, value) -> {
                ByteBuffer ids = key.asByteBuffer();
                count[0] += BlockFormat.countOf(value, ids.getLong(1), ids.getLong(9));
                return true;
            });
            return count[0];
        }

        @Override
        public List<LedgerId> ledgerIds(long first, int max) {
            return StoreKeys.ledgerIds(snapshot, first, max);
        }

        @Override
        public Inspection inspect(LedgerId ledgerId, long first, long bytesMax) {
            return new BlockInspection(snapshot, this).inspect(ledgerId, first, bytesMax);
        }

        @Override
        public long bytesOf(Payload key, ByteBuffer value) {
            return value.remaining();
        }

        @Override
        public List<Payload> entriesOf(LedgerId ledgerId, Payload key, ByteBuffer value) {
            return decode(key, value);
        }

        @Override
        public void close() {
            snapshot.close();
        }
    }
}
