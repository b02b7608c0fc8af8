package io.quire.bookie.storage;

import io.quire.bookie.storage.SegmentFormat.Header;
import io.quire.protocol.BookieId;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The segment files of a ledger store: which there are, which can be written anew, and which must stay because somebody
 * may still read them.
 *
 * <p>A segment that the index leads to no more is retired. It is recycled, or deleted, only when every reader that was
 * open at that moment is closed (R19): such a reader may hold an older state of the index.
 *
 * <p>Threading: {@link #require}, {@link #readerOpens} and {@link #readerClosed} from any thread, the rest by the writer.
 */
final class SegmentFiles implements AutoCloseable {
    private static final String PREFIX = "segment-";

    private final FileStore files;
    private final BookieId store;
    private final SegmentSettings settings;
    private final Map<Long, Segment> segments = new ConcurrentHashMap<>();
    private final Deque<Spare> spares = new ArrayDeque<>();
    private final Deque<Retired> retired = new ArrayDeque<>();
    private long nextGeneration = 1;
    private long nextFileNumber;

    /** How many readers opened in which epoch; guarded by itself, as is the epoch. */
    private final TreeMap<Long, Integer> readers = new TreeMap<>();

    private long epoch;

    private record Spare(long fileNumber, StoreFile file) {}

    /**
     * @param epoch readers that opened in it or before may look at the segment
     */
    private record Retired(Segment segment, long epoch) {}

    private SegmentFiles(FileStore files, BookieId store, SegmentSettings settings) {
        this.files = files;
        this.store = store;
        this.settings = settings;
    }

    /**
     * Opens the segments that {@code index} names. Files of other segments hold nothing that was ever committed, or is
     * wanted no more: they become spares. A file that is missing, or whose header is damaged, is no reason not to
     * start: what was in it is reported when it is read.
     *
     * @throws StorageException when a segment of another store lies here
     */
    static SegmentFiles open(FileStore files, BookieId store, SegmentSettings settings, Snapshot index) {
        SegmentFiles opened = new SegmentFiles(files, store, settings);
        try {
            opened.openAll(index);
        } catch (RuntimeException e) {
            opened.letGo();
            throw e;
        }
        return opened;
    }

    private void openAll(Snapshot index) {
        Map<Long, StoreFile> found = new HashMap<>();
        Map<Long, Header> headers = new HashMap<>();
        for (String name : files.list()) {
            Optional<Long> number = numberOf(name);
            if (number.isPresent()) {
                StoreFile file = files.open(name);
                found.put(number.get(), file);
                spares.add(new Spare(number.get(), file));
                headerOf(file).ifPresent(header -> headers.put(number.get(), header));
                nextFileNumber = Math.max(nextFileNumber, number.get() + 1);
            }
        }
        headers.values().forEach(header -> nextGeneration = Math.max(nextGeneration, header.generation() + 1));
        statesOf(index).forEach((generation, state) -> {
            Segment segment = new Segment(
                    generation,
                    state.fileNumber(),
                    state.bytes(),
                    Optional.ofNullable(found.remove(state.fileNumber())));
            segment.committed(state.end(), state.liveBytes());
            Header header = headers.get(state.fileNumber());
            segment.quarantine(segment.isMissing() || header == null || header.generation() != generation);
            segments.put(generation, segment);
            nextGeneration = Math.max(nextGeneration, generation + 1);
            nextFileNumber = Math.max(nextFileNumber, state.fileNumber() + 1);
        });
        spares.removeIf(spare -> !found.containsKey(spare.fileNumber()));
        trimSpares();
    }

    private Optional<Header> headerOf(StoreFile file) {
        ByteBuffer page = ByteBuffer.allocate(SegmentFormat.PAGE_BYTES);
        file.read(0, page);
        Optional<Header> header = SegmentFormat.decodeHeader(page.flip());
        if (header.isPresent() && !header.get().store().equals(store)) {
            throw new StorageException(
                    file.name() + " is a segment of store " + header.get().store() + ", this is " + store);
        }
        return header;
    }

    static Map<Long, Segment.State> statesOf(Snapshot index) {
        Map<Long, Segment.State> states = new TreeMap<>();
        index.scan(Segment.KEYS_START, Segment.KEYS_END, (key, value) -> {
            states.put(Segment.generationOf(key), Segment.decodeState(key, value));
            return true;
        });
        return states;
    }

    /**
     * A commit failed, and its outcome shows only now: follows what {@code index} says.
     *
     * @param pending segments that the commit would have brought
     */
    void follow(Snapshot index, Collection<Segment> pending) {
        Map<Long, Segment.State> states = statesOf(index);
        for (Segment segment : pending) {
            if (!states.containsKey(segment.generation())) {
                giveBack(segment);
            }
        }
        List<Segment> gone = new ArrayList<>();
        segments.values().forEach(segment -> {
            Segment.State state = states.get(segment.generation());
            if (state != null) {
                segment.committed(state.end(), state.liveBytes());
            } else if (!isRetired(segment)) {
                gone.add(segment);
            }
        });
        gone.forEach(this::retire);
    }

    private boolean isRetired(Segment segment) {
        return retired.stream().anyMatch(old -> old.segment() == segment);
    }

    /** A new, empty segment with room for a record of {@code recordBytes}; its header is durable on return. */
    Segment acquire(long recordBytes) {
        long needed = SegmentFormat.PAGE_BYTES + SegmentFormat.pages(recordBytes);
        boolean ordinary = needed <= settings.segmentBytes();
        Spare spare = ordinary ? spares.poll() : null;
        if (spare == null) {
            long number = nextFileNumber++;
            spare = new Spare(number, files.create(nameOf(number), Math.max(needed, settings.segmentBytes())));
        }
        Segment segment =
                new Segment(nextGeneration++, spare.fileNumber(), spare.file().size(), Optional.of(spare.file()));
        try {
            spare.file().write(0, SegmentFormat.encodeHeader(new Header(store, segment.generation(), segment.bytes())));
            spare.file().sync();
        } catch (StorageException.OutOfSpaceException e) {
            spares.addFirst(spare);
            throw e;
        }
        segments.put(segment.generation(), segment);
        return segment;
    }

    /** Nothing in it was ever committed. */
    void giveBack(Segment segment) {
        segments.remove(segment.generation());
        spares.addFirst(new Spare(segment.fileNumber(), segment.file()));
        trimSpares();
    }

    /** The index, as committed, leads to nothing in it any more. */
    void retire(Segment segment) {
        synchronized (readers) {
            retired.add(new Retired(segment, epoch));
            epoch++;
        }
        reclaim();
    }

    /** Recycles what nobody can be reading. */
    void reclaim() {
        while (!retired.isEmpty() && !isRead(retired.peek().epoch())) {
            Segment segment = retired.poll().segment();
            segments.remove(segment.generation());
            if (!segment.isMissing()) {
                spares.add(new Spare(segment.fileNumber(), segment.file()));
            }
        }
        trimSpares();
    }

    private boolean isRead(long upToEpoch) {
        synchronized (readers) {
            return !readers.isEmpty() && readers.firstKey() <= upToEpoch;
        }
    }

    /** Deletes files beyond the maximum, and those of another size, from before the setting was changed. */
    private void trimSpares() {
        List<Spare> kept = new ArrayList<>();
        for (Spare spare : spares) {
            if (kept.size() < settings.sparesMax() && spare.file().size() == settings.segmentBytes()) {
                kept.add(spare);
            } else {
                spare.file().close();
                files.delete(nameOf(spare.fileNumber()));
            }
        }
        spares.clear();
        spares.addAll(kept);
    }

    /** To be called before the reader's snapshot is opened; what to hand to {@link #readerClosed}. */
    long readerOpens() {
        synchronized (readers) {
            readers.merge(epoch, 1, Integer::sum);
            return epoch;
        }
    }

    void readerClosed(long openedIn) {
        synchronized (readers) {
            readers.computeIfPresent(openedIn, (key, count) -> count == 1 ? null : count - 1);
        }
    }

    /**
     * @throws DamagedException when there is no such segment
     */
    Segment require(long generation) {
        Segment segment = segments.get(generation);
        if (segment == null) {
            throw new DamagedException("segment " + generation + " is gone");
        }
        return segment;
    }

    Optional<Segment> find(long generation) {
        return Optional.ofNullable(segments.get(generation));
    }

    /** Those that the index leads to, or that are about to be committed; in no order. */
    List<Segment> inUse() {
        List<Segment> inUse = new ArrayList<>(segments.values());
        retired.forEach(old -> inUse.remove(old.segment()));
        return inUse;
    }

    /** Bytes of the files that hold nothing: spares, and what readers keep from being one. */
    long idleBytes() {
        return (long) spares.size() * settings.segmentBytes()
                + retired.stream().mapToLong(old -> old.segment().bytes()).sum();
    }

    static String nameOf(long fileNumber) {
        return PREFIX + String.format("%08d", fileNumber);
    }

    private static Optional<Long> numberOf(String name) {
        String digits = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : "";
        boolean isNumber =
                !digits.isEmpty() && digits.length() < 18 && digits.chars().allMatch(Character::isDigit);
        return isNumber ? Optional.of(Long.parseLong(digits)) : Optional.empty();
    }

    /** Closes every segment file; what they lie in stays open. */
    void letGo() {
        spares.forEach(spare -> spare.file().close());
        segments.values().stream().filter(segment -> !segment.isMissing()).forEach(segment -> segment.file()
                .close());
    }

    @Override
    public void close() {
        letGo();
        files.close();
    }
}
