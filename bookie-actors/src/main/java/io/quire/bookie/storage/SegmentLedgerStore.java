package io.quire.bookie.storage;

import io.quire.bookie.storage.SegmentFormat.RecordHeader;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Entries as blocks in segment files; an ordered map holds only where each block is. For data larger than memory: blocks
 * that lie behind one another are read at once, and dropping a ledger touches none of them.
 *
 * <p>A commit writes its blocks behind the last ones of the active segment, syncs it, and then commits the index (H57).
 * A crash in between leaves bytes that nothing leads to; the next commit overwrites them. The index also holds, in the
 * same commit, how many bytes of each segment live (Segment). That count only says where compaction is worth while: a
 * segment is given up when a walk through all its records found nothing that the index leads to, and the count agrees
 * (H59, H72; SegmentCompaction).
 *
 * <p>A reader holds one state of the index, and no segment that this state may lead to is recycled before it is closed
 * (R19). As a second line each record names its segment's generation, its ledger and its first entry.
 *
 * <p>Keys and values: StoreKeys; {@code b}: BlockLocation; {@code s}: Segment. Files: SegmentFormat.
 */
final class SegmentLedgerStore implements LedgerStore {
    /** What one read fetches at first, and at most: most ranges end soon, long ones deserve large reads. */
    private static final int RUN_BYTES_FIRST = 64 << 10;

    private static final int RUN_BYTES_MAX = 1 << 20;

    private final KeyValueStore index;
    private final SegmentFiles files;
    private final SegmentAppender appender;
    private final SegmentCompaction compaction;
    /** Held as long as a writer is open, beyond the index's own lock: what is in memory changes after the commit. */
    private final ReentrantLock writing = new ReentrantLock();

    private volatile long appliedSequence;
    private volatile SegmentFigures figures = SegmentFigures.NONE;
    /** The last commit failed; whether it is durable has to be looked up. */
    private boolean uncertain;

    /**
     * Uses both; {@link #close} closes them. When this throws the caller does.
     *
     * @throws StorageException when the index is damaged, or the segments are those of another store
     */
    SegmentLedgerStore(BookieId store, SegmentSettings settings, KeyValueStore index, FileStore segments) {
        this.index = index;
        try (Snapshot snapshot = index.openSnapshot()) {
            appliedSequence = StoreKeys.readApplied(snapshot);
            files = SegmentFiles.open(segments, store, settings, snapshot);
        }
        appender = new SegmentAppender(files);
        compaction = new SegmentCompaction(files, appender, settings);
        showFigures();
    }

    @Override
    public long appliedSequence() {
        return appliedSequence;
    }

    /** Of the index and of all segment files, spares too. */
    @Override
    public long sizeBytes() {
        return index.sizeBytes() + figures.fileBytes();
    }

    @Override
    public Writer begin() {
        return beginSegmentWriter();
    }

    private SegmentWriter beginSegmentWriter() {
        writing.lock();
        try {
            Transaction transaction = index.begin();
            try {
                if (uncertain) {
                    appender.follow(transaction);
                    appliedSequence = StoreKeys.readApplied(transaction);
                    uncertain = false;
                }
                files.reclaim();
                return new SegmentWriter(transaction);
            } catch (RuntimeException e) {
                transaction.close();
                throw e;
            }
        } catch (RuntimeException e) {
            writing.unlock();
            throw e;
        }
    }

    @Override
    public Reader openReader() {
        long epoch = files.readerOpens();
        try {
            return new SegmentReader(index.openSnapshot(), epoch);
        } catch (RuntimeException e) {
            files.readerClosed(epoch);
            throw e;
        }
    }

    @Override
    public long compact(int bytesMax) {
        try (SegmentWriter writer = beginSegmentWriter()) {
            return compaction.step(writer, bytesMax);
        }
    }

    @Override
    public SegmentFigures segmentFigures() {
        return figures;
    }

    private void showFigures() {
        long live = 0;
        long bytes = files.idleBytes();
        int quarantined = 0;
        List<Segment> inUse = files.inUse();
        for (Segment segment : inUse) {
            live += segment.liveBytes();
            bytes += segment.isMissing() ? 0 : segment.bytes();
            quarantined += segment.isQuarantined() ? 1 : 0;
        }
        figures = new SegmentFigures(live, bytes, inUse.size(), quarantined, compaction.copiedBytes());
    }

    @Override
    public void letGo() {
        files.letGo();
    }

    @Override
    public void close() {
        try {
            index.close();
        } finally {
            files.close();
        }
    }

    /** The block that {@code record} holds; not verified itself. */
    private static ByteBuffer blockOf(BlockLocation location, LedgerId ledgerId, long firstEntryId, ByteBuffer record) {
        RecordHeader header = SegmentFormat.decodeRecordHeader(record, record.position());
        if (header.generation() != location.generation()
                || header.recordBytes() != location.bytes()
                || !header.ledgerId().equals(ledgerId)
                || header.firstEntryId() != firstEntryId) {
            throw new DamagedException("a block of ledger " + header.ledgerId() + " from entry " + header.firstEntryId()
                    + " on stands in place of ledger " + ledgerId + " from entry " + firstEntryId + " on");
        }
        return record.slice(record.position() + SegmentFormat.RECORD_HEADER_BYTES, header.blockBytes());
    }

    private ByteBuffer readRecord(BlockLocation location) {
        return files.require(location.generation()).read(location.offset(), location.bytes());
    }

    private List<Payload> readBlock(LedgerId ledgerId, Payload key, BlockLocation location) {
        return BlockFormat.decode(blockOf(location, ledgerId, StoreKeys.firstEntryIdOf(key), readRecord(location)));
    }

    /** One commit; also what compaction moves blocks with. */
    final class SegmentWriter extends BlockWriter {
        private final Map<Segment, Long> liveDeltas = new HashMap<>();
        private final List<Segment> removed = new ArrayList<>();
        private boolean committed;
        private boolean closed;

        private SegmentWriter(Transaction transaction) {
            super(transaction, appliedSequence);
        }

        @Override
        List<Payload> entriesOf(LedgerId ledgerId, Payload key, ByteBuffer value) {
            appender.flush();
            return readBlock(ledgerId, key, BlockLocation.decode(key, value));
        }

        @Override
        NavigableMap<Long, Payload> salvaged(LedgerId ledgerId, Payload key, Payload value) {
            try {
                BlockLocation location = BlockLocation.decode(key, value.asByteBuffer());
                appender.flush();
                ByteBuffer record = readRecord(location);
                return BlockFormat.salvage(
                        record.position(SegmentFormat.RECORD_HEADER_BYTES).slice(), ledgerId);
            } catch (DamagedException e) {
                return new TreeMap<>();
            }
        }

        @Override
        int countOf(Payload key, ByteBuffer value) {
            return locationOf(key, Payload.copyOf(value))
                    .map(BlockLocation::entryCount)
                    .orElse(0);
        }

        @Override
        void putBlock(LedgerId ledgerId, long firstEntryId, List<Payload> block) {
            putBlock(ledgerId, firstEntryId, BlockFormat.encode(block), block.size(), BlockFormat.lastEntryIdOf(block));
        }

        private void putBlock(LedgerId ledgerId, long first, Payload block, int entryCount, long last) {
            BlockLocation location = appender.append(ledgerId, first, block, entryCount, last);
            Payload key = StoreKeys.block(ledgerId, first);
            transaction.put(key, location.encode(key));
            count(location, location.bytes());
        }

        @Override
        void deleteBlock(Payload key, Payload value) {
            transaction.delete(key);
            locationOf(key, value).ifPresent(location -> count(location, -location.bytes()));
        }

        /** Empty when it is damaged: its segment then seems to hold more than it does, and compaction leaves it. */
        private static Optional<BlockLocation> locationOf(Payload key, Payload value) {
            try {
                return Optional.of(BlockLocation.decode(key, value.asByteBuffer()));
            } catch (DamagedException e) {
                return Optional.empty();
            }
        }

        private void count(BlockLocation location, long bytes) {
            files.find(location.generation()).ifPresent(segment -> liveDeltas.merge(segment, bytes, Long::sum));
        }

        /** Where the index says that a block is; empty when it knows none that starts there. */
        Optional<BlockLocation> find(LedgerId ledgerId, long firstEntryId) {
            Payload key = StoreKeys.block(ledgerId, firstEntryId);
            return transaction.get(key).map(value -> BlockLocation.decode(key, value.asByteBuffer()));
        }

        /** Moves a block, whose bytes are good, from {@code old} to the active segment. */
        void move(LedgerId ledgerId, long firstEntryId, BlockLocation old, Payload block) {
            count(old, -old.bytes());
            putBlock(ledgerId, firstEntryId, block, old.entryCount(), old.lastEntryId());
        }

        /** The bytes of a segment that live after this commit. */
        long liveBytesOf(Segment segment) {
            return segment.liveBytes() + liveDeltas.getOrDefault(segment, 0L);
        }

        /** The index leads to nothing in a segment any more: with this commit it forgets it. */
        void remove(Segment segment) {
            removed.add(segment);
        }

        @Override
        public void commit() {
            appender.sync();
            Map<Segment, Long> ends = appender.ends();
            ends.keySet().forEach(segment -> liveDeltas.merge(segment, 0L, Long::sum));
            removed.forEach(segment -> {
                liveDeltas.remove(segment);
                transaction.delete(segment.key());
            });
            liveDeltas
                    .keySet()
                    .forEach(segment ->
                            transaction.put(segment.key(), segment.encodeState(endOf(segment), liveBytesOf(segment))));
            try {
                transaction.commit();
            } catch (RuntimeException e) {
                uncertain = true;
                throw e;
            }
            committed = true;
            liveDeltas.forEach((segment, delta) -> {
                // What could not be verified may just have gone.
                segment.quarantine(segment.isQuarantined() && (delta >= 0 || segment.isMissing()));
                segment.committed(endOf(segment), segment.liveBytes() + delta);
            });
            appliedSequence = applied();
            appender.committed();
            removed.forEach(files::retire);
        }

        private long endOf(Segment segment) {
            return appender.ends().getOrDefault(segment, segment.end());
        }

        @Override
        public void close() {
            if (closed) {
                return;
            }
            closed = true;
            try {
                if (!committed && !uncertain) {
                    appender.rollBack();
                }
                showFigures();
            } finally {
                try {
                    super.close();
                } finally {
                    writing.unlock();
                }
            }
        }
    }

    private final class SegmentReader implements Reader, BlockInspection.BlockSource {
        private final Snapshot snapshot;
        private final long epoch;
        private boolean closed;

        SegmentReader(Snapshot snapshot, long epoch) {
            this.snapshot = snapshot;
            this.epoch = epoch;
        }

        @Override
        public Optional<StoredLedger> ledger(LedgerId ledgerId) {
            return StoreKeys.readLedger(snapshot, ledgerId);
        }

        @Override
        public void read(LedgerId ledgerId, long first, long last, Visitor visitor) {
            Optional<Payload> start = Optional.of(StoreKeys.startOf(snapshot, ledgerId, first));
            Payload end = StoreKeys.block(ledgerId, last + 1);
            int bytesMax = RUN_BYTES_FIRST;
            while (start.isPresent()) {
                Run run = new Run(first, bytesMax);
                snapshot.scan(start.get(), end, run::take);
                if (!run.show(ledgerId, first, last, visitor)) {
                    return;
                }
                start = run.next;
                bytesMax = Math.min(4 * bytesMax, RUN_BYTES_MAX);
            }
        }

        @Override
        public long count(LedgerId ledgerId) {
            long[] count = {0};
            snapshot.scan(StoreKeys.block(ledgerId, 0), StoreKeys.blocksEnd(ledgerId), (key, value) -> {
                count[0] += BlockLocation.decode(key, value).entryCount();
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
            try {
                return BlockLocation.decode(key, value).bytes();
            } catch (DamagedException e) {
                return value.remaining();
            }
        }

        @Override
        public List<Payload> entriesOf(LedgerId ledgerId, Payload key, ByteBuffer value) {
            BlockLocation location = BlockLocation.decode(key, value);
            List<Payload> block = readBlock(ledgerId, key, location);
            if (block.size() != location.entryCount() || BlockFormat.lastEntryIdOf(block) != location.lastEntryId()) {
                throw new StorageException(
                        "a block of " + block.size() + " entries stands in place of one of " + location.entryCount());
            }
            return block;
        }

        @Override
        public void close() {
            if (!closed) {
                closed = true;
                try {
                    snapshot.close();
                } finally {
                    files.readerClosed(epoch);
                }
            }
        }
    }

    /** Blocks that lie behind one another in a segment, fetched by one read. */
    private final class Run {
        private final long firstEntryId;
        private final int bytesMax;
        private final List<Payload> keys = new ArrayList<>();
        private final List<BlockLocation> locations = new ArrayList<>();
        private long bytes;
        private Optional<Payload> next = Optional.empty();

        /**
         * @param firstEntryId blocks that end before it are left out
         */
        Run(long firstEntryId, int bytesMax) {
            this.firstEntryId = firstEntryId;
            this.bytesMax = bytesMax;
        }

        boolean take(Payload key, ByteBuffer value) {
            BlockLocation location = BlockLocation.decode(key, value);
            if (location.lastEntryId() < firstEntryId) {
                return true;
            }
            boolean fits = locations.isEmpty()
                    || (locations.get(locations.size() - 1).isFollowedBy(location)
                            && bytes + location.bytes() <= bytesMax);
            if (!fits) {
                next = Optional.of(key);
                return false;
            }
            keys.add(key);
            locations.add(location);
            bytes += location.bytes();
            return true;
        }

        /** Shows the entries in {@code [first, last]}; whether the visitor wants more. */
        boolean show(LedgerId ledgerId, long first, long last, Visitor visitor) {
            if (locations.isEmpty()) {
                return false;
            }
            BlockLocation start = locations.get(0);
            ByteBuffer records = files.require(start.generation()).read(start.offset(), Math.toIntExact(bytes));
            for (int i = 0; i < locations.size(); i++) {
                BlockLocation location = locations.get(i);
                long firstOfBlock = StoreKeys.firstEntryIdOf(keys.get(i));
                records.position((int) (location.offset() - start.offset()));
                ByteBuffer block = blockOf(location, ledgerId, firstOfBlock, records);
                if (!BlockFormat.visit(block, ledgerId.value(), firstOfBlock, first, last, visitor)) {
                    return false;
                }
            }
            return true;
        }
    }
}
