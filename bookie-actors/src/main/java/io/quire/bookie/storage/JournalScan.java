package io.quire.bookie.storage;

import io.quire.bookie.storage.JournalFormat.ReadRecord;
import io.quire.bookie.storage.JournalFormat.SegmentHeader;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;

/**
 * Reads a journal after a stop and tells a torn tail, which was never acknowledged, from damage (R20): a bad record n is
 * damage if and only if something valid says that n was durable, a later record or the header of a later segment. What
 * is replayed of the last group may be in the page cache only. Not thread-safe.
 */
final class JournalScan {
    /** The prefix of segment file names. */
    static final String SEGMENT_PREFIX = "segment-";

    private static final long PROGRESS_BYTES = 1 << 20;

    private final FileStore files;
    private final BookieId store;

    /** One segment and where it is. */
    record Segment(String fileName, SegmentHeader header) {}

    /**
     * @param segments those with a header of this store, by generation; recycled ones that wait for use are among them
     * @param lastSequence the last record of the journal, not below the applied one
     * @param records how many were shown to the visitor
     */
    record Result(List<Segment> segments, long lastSequence, long records) {
        /** The generation of the newest segment; 0 when there is none. */
        long newestGeneration() {
            return segments.isEmpty()
                    ? 0
                    : segments.get(segments.size() - 1).header().generation();
        }

        /**
         * The first boot makes a journal, and none ends without one.
         *
         * @throws DamagedJournalException when there is none at a later boot
         */
        void requireThereAt(BootEpoch bootEpoch) {
            if (segments.isEmpty() && bootEpoch.compareTo(BootEpoch.NEVER_BOOTED.next()) > 0) {
                throw DamagedJournalException.gone(
                        "the journal is gone, but this is boot " + bootEpoch + " of the store");
            }
        }
    }

    JournalScan(FileStore files, BookieId store) {
        this.files = files;
        this.store = store;
    }

    /**
     * Shows {@code visitor} every record behind {@code appliedSequence}, in order, with its sequence.
     *
     * @param progress told about once a MiB
     * @throws DamagedJournalException when durable records are missing or bad
     */
    Result replay(long appliedSequence, BiConsumer<Long, JournalRecord> visitor, ReplayProgress progress) {
        List<Segment> segments = segments();
        if (segments.isEmpty()) {
            if (appliedSequence > 0) {
                throw DamagedJournalException.gone(
                        "the journal is gone, but the ledger store holds records up to " + appliedSequence);
            }
            return new Result(segments, appliedSequence, 0);
        }
        int start = startOf(segments, appliedSequence);
        long expected = segments.get(start).header().firstSequence();
        long records = 0;
        Meter meter = new Meter(segments.subList(start, segments.size()), progress);
        for (int i = start; i < segments.size(); i++) {
            SegmentHeader header = segments.get(i).header();
            if (header.firstSequence() != expected) {
                throw new DamagedJournalException("record " + expected + " is missing: segment "
                        + segments.get(i).fileName() + " starts at " + header.firstSequence()
                        + ", and what lies before it was durable");
            }
            try (StoreFile file = files.open(segments.get(i).fileName())) {
                requireWholeFile(file, header);
                Walk walk = new Walk(file, header, expected);
                for (Optional<ReadRecord> next = walk.next(); next.isPresent(); next = walk.next()) {
                    if (next.get().sequence() > appliedSequence) {
                        visitor.accept(next.get().sequence(), next.get().record());
                        records++;
                    }
                    meter.at(walk.position());
                }
                meter.endOf(header);
                expected = walk.expected();
                walk.requireNothingDurableBehind();
            }
        }
        // A tail that only the page cache had may be gone since the ledger store took it at an earlier boot.
        return new Result(segments, Math.max(expected - 1, appliedSequence), records);
    }

    /** How much of the segments is read. */
    private static final class Meter {
        private final ReplayProgress progress;
        private final long bytes;
        private long bytesBefore;
        private long told;

        Meter(List<Segment> segments, ReplayProgress progress) {
            this.progress = progress;
            this.bytes = segments.stream()
                    .mapToLong(segment -> segment.header().segmentBytes())
                    .sum();
        }

        void at(long position) {
            if (bytesBefore + position >= told + PROGRESS_BYTES) {
                told = bytesBefore + position;
                progress.replayed(told, bytes);
            }
        }

        void endOf(SegmentHeader header) {
            bytesBefore += header.segmentBytes();
        }
    }

    /**
     * The last segment that starts at or before the first record to be replayed. Those before it hold applied records
     * only; of them some may be recycled and others deleted, so that they need not be in a row.
     */
    static int startOf(List<Segment> segments, long appliedSequence) {
        int start = -1;
        for (int i = 0; i < segments.size(); i++) {
            if (segments.get(i).header().firstSequence() <= appliedSequence + 1) {
                start = i;
            }
        }
        if (start < 0) {
            throw new DamagedJournalException("the journal starts at record "
                    + segments.get(0).header().firstSequence() + ", but the ledger store ends at " + appliedSequence
                    + ": a segment is missing");
        }
        return start;
    }

    private List<Segment> segments() {
        List<Segment> segments = new ArrayList<>();
        List<String> headless = new ArrayList<>();
        for (String name : files.list()) {
            if (name.startsWith(SEGMENT_PREFIX)) {
                headerOf(name)
                        .ifPresentOrElse(header -> segments.add(new Segment(name, header)), () -> headless.add(name));
            }
        }
        segments.sort(Comparator.comparingLong(segment -> segment.header().generation()));
        long newest = segments.isEmpty()
                ? 0
                : segments.get(segments.size() - 1).header().generation();
        headless.forEach(name -> requireNeverWritten(name, newest));
        return segments;
    }

    /**
     * A file without a header is one that a crash left half created, or a spare whose header was damaged. But a header
     * is durable before the first record behind it is written: with a record younger than every segment, it was lost.
     */
    private void requireNeverWritten(String name, long newestGeneration) {
        try (StoreFile file = files.open(name)) {
            ByteBuffer head = ByteBuffer.allocate(JournalFormat.RECORD_HEADER_BYTES);
            for (long page = JournalFormat.PAGE_BYTES; page < file.size(); page += JournalFormat.PAGE_BYTES) {
                file.read(page, head.clear());
                long generation = head.hasRemaining() ? 0 : head.getLong(JournalFormat.GENERATION_OFFSET);
                if (generation > newestGeneration
                        && new Walk(file, new SegmentHeader(store, generation, 0, file.size()), 0)
                                .recordAt(page)
                                .isPresent()) {
                    throw new DamagedJournalException(
                            "the header of segment " + name + " is damaged: it holds records of generation "
                                    + generation + ", the other segments end at " + newestGeneration);
                }
            }
        }
    }

    /** The stores that segments name as theirs. */
    static Set<BookieId> ownersOf(FileStore files) {
        return files.list().stream()
                .filter(name -> name.startsWith(SEGMENT_PREFIX))
                .flatMap(name -> readHeader(files, name).stream())
                .map(SegmentHeader::store)
                .collect(Collectors.toSet());
    }

    private Optional<SegmentHeader> headerOf(String name) {
        Optional<SegmentHeader> header = readHeader(files, name);
        header.filter(h -> !h.store().equals(store)).ifPresent(h -> {
            throw new DamagedJournalException(
                    "segment " + name + " belongs to store " + h.store() + ", not to " + store);
        });
        return header;
    }

    /** Empty when it has none, or a damaged one. */
    static Optional<SegmentHeader> readHeader(FileStore files, String name) {
        try (StoreFile file = files.open(name)) {
            ByteBuffer page = ByteBuffer.allocate(JournalFormat.PAGE_BYTES);
            file.read(0, page);
            return JournalFormat.decodeHeader(page.flip(), name);
        }
    }

    static void requireWholeFile(StoreFile file, SegmentHeader header) {
        if (file.size() < header.segmentBytes()) {
            throw new DamagedJournalException("segment " + file.name() + " is cut short: " + file.size() + " of "
                    + header.segmentBytes() + " bytes");
        }
    }

    /** One pass through one segment. */
    static final class Walk {
        private final StoreFile file;
        private final SegmentHeader header;
        private long expected;
        private int chain;
        private ByteBuffer window = ByteBuffer.allocate(1 << 20).limit(0);
        private long windowStart = JournalFormat.PAGE_BYTES;
        private long stoppedAt = JournalFormat.PAGE_BYTES;

        Walk(StoreFile file, SegmentHeader header, long expected) {
            this.file = file;
            this.header = header;
            this.expected = expected;
            this.chain = JournalFormat.chainSeed(header.store(), header.generation());
        }

        long expected() {
            return expected;
        }

        /** The next record, unless the one there is not the expected one. */
        Optional<ReadRecord> next() {
            stoppedAt = position();
            Optional<ReadRecord> record = recordHere();
            if (record.isEmpty() && position() % JournalFormat.PAGE_BYTES != 0) {
                moveTo(pageAfter(position()));
                record = recordHere();
            }
            if (record.isEmpty()
                    || record.get().sequence() != expected
                    || record.get().previousCrc() != chain) {
                return Optional.empty();
            }
            expected++;
            chain = record.get().crc();
            return record;
        }

        /**
         * Looks at the start of every group from the point on where the walk ended; a record that is there, but is not
         * the expected one, may be the only witness. Records of one group share what they say is durable, so the first
         * of each is enough.
         */
        void requireNothingDurableBehind() {
            for (long page = pageAtOrAfter(stoppedAt); page < header.segmentBytes(); page += JournalFormat.PAGE_BYTES) {
                Optional<ReadRecord> record = recordAt(page);
                if (record.isPresent() && record.get().syncedUpTo() >= expected) {
                    throw new DamagedJournalException(
                            "record " + expected + " of the journal is damaged (segment " + file.name() + "): record "
                                    + record.get().sequence() + " behind it says that it was durable");
                }
            }
        }

        /**
         * Where something of a record of this segment is behind the point on which the walk ended; empty when there are
         * only zeros there, or what an older generation left.
         */
        Optional<Long> tornAt() {
            if (isStartAt(stoppedAt)) {
                return Optional.of(stoppedAt);
            }
            for (long page = pageAtOrAfter(stoppedAt); page < header.segmentBytes(); page += JournalFormat.PAGE_BYTES) {
                if (isStartAt(page)) {
                    return Optional.of(page);
                }
            }
            return Optional.empty();
        }

        private boolean isStartAt(long position) {
            moveTo(position);
            require(JournalFormat.RECORD_HEADER_BYTES);
            return JournalFormat.isStart(window, window.position(), header);
        }

        Optional<ReadRecord> recordAt(long position) {
            moveTo(position);
            return recordHere();
        }

        private Optional<ReadRecord> recordHere() {
            if (position() + JournalFormat.RECORD_HEADER_BYTES > header.segmentBytes()) {
                return Optional.empty();
            }
            require(JournalFormat.RECORD_HEADER_BYTES);
            if (window.remaining() < JournalFormat.RECORD_HEADER_BYTES) {
                return Optional.empty();
            }
            long body = window.getInt(window.position() + 4);
            if (window.getLong(window.position() + JournalFormat.GENERATION_OFFSET) != header.generation()
                    || body < 0
                    || body > header.segmentBytes() - position() - JournalFormat.RECORD_HEADER_BYTES) {
                return Optional.empty();
            }
            require(JournalFormat.RECORD_HEADER_BYTES + (int) body);
            ByteBuffer view = window.duplicate();
            Optional<ReadRecord> record = JournalFormat.decode(view, header);
            record.ifPresent(found -> window.position(view.position()));
            return record;
        }

        private long position() {
            return windowStart + window.position();
        }

        private void moveTo(long position) {
            if (position >= windowStart && position <= windowStart + window.limit()) {
                window.position((int) (position - windowStart));
            } else {
                windowStart = position;
                window.limit(0).position(0);
            }
        }

        /** Makes {@code bytes} from the position on available, as far as the file goes. */
        private void require(int bytes) {
            if (window.remaining() >= bytes) {
                return;
            }
            long position = position();
            if (window.capacity() < bytes) {
                window = ByteBuffer.allocate(Math.max(bytes, 2 * window.capacity()));
            }
            window.clear();
            windowStart = position;
            file.read(position, window);
            window.flip();
        }

        private static long pageAfter(long position) {
            return (position / JournalFormat.PAGE_BYTES + 1) * JournalFormat.PAGE_BYTES;
        }

        private static long pageAtOrAfter(long position) {
            return pageAfter(position - 1);
        }
    }
}
