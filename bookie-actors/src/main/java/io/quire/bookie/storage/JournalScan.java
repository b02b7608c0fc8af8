package io.quire.bookie.storage;

import io.quire.bookie.storage.JournalFormat.ReadRecord;
import io.quire.bookie.storage.JournalFormat.SegmentHeader;
import io.quire.protocol.BookieId;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;

/**
 * Reads a journal after a stop and tells a torn tail, which was never acknowledged, from damage (R20): a bad record n is
 * damage if and only if something valid says that n was durable, a later record or the header of a later segment. Not
 * thread-safe.
 */
final class JournalScan {
    /** The prefix of segment file names. */
    static final String SEGMENT_PREFIX = "segment-";

    private final FileStore files;
    private final BookieId store;

    /** One segment and where it is. */
    record Segment(String fileName, SegmentHeader header) {}

    /**
     * @param segments those with a header of this store, by generation
     * @param lastSequence the last record of the journal; one less than the first sequence when it holds none
     * @param records how many were shown to the visitor
     */
    record Result(List<Segment> segments, long lastSequence, long records) {}

    JournalScan(FileStore files, BookieId store) {
        this.files = files;
        this.store = store;
    }

    /**
     * Shows {@code visitor} every record behind {@code appliedSequence}, in order, with its sequence.
     *
     * @throws DamagedJournalException when durable records are missing or bad
     */
    Result replay(long appliedSequence, BiConsumer<Long, JournalRecord> visitor) {
        List<Segment> segments = segments();
        if (segments.isEmpty()) {
            return new Result(segments, appliedSequence, 0);
        }
        long expected = segments.get(0).header().firstSequence();
        if (expected > appliedSequence + 1) {
            throw new DamagedJournalException("the journal starts at record " + expected
                    + ", but the ledger store ends at " + appliedSequence + ": a segment is missing");
        }
        long records = 0;
        for (int i = 0; i < segments.size(); i++) {
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
                }
                expected = walk.expected();
                walk.requireNothingDurableBehind();
            }
        }
        return new Result(segments, expected - 1, records);
    }

    private List<Segment> segments() {
        List<Segment> segments = new ArrayList<>();
        for (String name : files.list()) {
            if (name.startsWith(SEGMENT_PREFIX)) {
                headerOf(name).ifPresent(header -> segments.add(new Segment(name, header)));
            }
        }
        segments.sort(Comparator.comparingLong(segment -> segment.header().generation()));
        return segments;
    }

    private Optional<SegmentHeader> headerOf(String name) {
        try (StoreFile file = files.open(name)) {
            ByteBuffer page = ByteBuffer.allocate(JournalFormat.PAGE_BYTES);
            file.read(0, page);
            Optional<SegmentHeader> header = JournalFormat.decodeHeader(page.flip());
            header.filter(h -> !h.store().equals(store)).ifPresent(h -> {
                throw new DamagedJournalException(
                        "segment " + name + " belongs to store " + h.store() + ", not to " + store);
            });
            return header;
        }
    }

    private static void requireWholeFile(StoreFile file, SegmentHeader header) {
        if (file.size() < header.segmentBytes()) {
            throw new DamagedJournalException("segment " + file.name() + " is cut short: " + file.size() + " of "
                    + header.segmentBytes() + " bytes");
        }
    }

    /** One pass through one segment. */
    private static final class Walk {
        private final StoreFile file;
        private final SegmentHeader header;
        private long expected;
        private int chain;
        private long groupStart = JournalFormat.PAGE_BYTES;
        private ByteBuffer window = ByteBuffer.allocate(1 << 20).limit(0);
        private long windowStart = groupStart;

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
         * Looks at the start of every group behind the point where the walk ended. Records of one group share what they
         * say is durable, so the first of each is enough.
         */
        void requireNothingDurableBehind() {
            for (long page = pageAtOrAfter(position());
                    page < header.segmentBytes();
                    page += JournalFormat.PAGE_BYTES) {
                moveTo(page);
                Optional<ReadRecord> record = recordHere();
                if (record.isPresent() && record.get().syncedUpTo() >= expected) {
                    throw new DamagedJournalException(
                            "record " + expected + " of the journal is damaged (segment " + file.name() + "): record "
                                    + record.get().sequence() + " behind it says that it was durable");
                }
            }
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
            if (window.getLong(window.position() + 24) != header.generation()
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

    /** Durable records are bad or gone; the store must not serve as if it knew everything it acknowledged. */
    static final class DamagedJournalException extends io.quire.storage.StorageException {
        private static final long serialVersionUID = 1;

        DamagedJournalException(String message) {
            super(message);
        }
    }
}
