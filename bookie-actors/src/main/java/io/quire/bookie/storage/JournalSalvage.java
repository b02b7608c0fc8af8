package io.quire.bookie.storage;

import io.quire.bookie.storage.JournalFormat.ReadRecord;
import io.quire.bookie.storage.JournalFormat.SegmentHeader;
import io.quire.protocol.BookieId;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * Finds what is left of a damaged journal: every whole record of the store behind the applied position, wherever it lies
 * and whatever is bad or missing around it. Of two records with one sequence the younger segment's counts: the other one
 * was a torn tail. So was what an older segment holds at or behind the first record of a younger one; it is left out.
 * Not thread-safe.
 *
 * <p>The first record of a group lies at the start of a page, the others right behind it: what follows a bad record in its
 * group is not found.
 */
final class JournalSalvage {
    /** How segments are called that were read for the last time. */
    static final String ASIDE_PREFIX = "damaged-";

    private final FileStore files;
    private final BookieId store;
    private final long appliedSequence;
    private final TreeMap<Long, Place> places = new TreeMap<>();
    private long lastSequence;
    private long lastBootEpoch;
    /** Where segments begin: generations by first sequence. */
    private final TreeMap<Long, Long> begins = new TreeMap<>();
    /** The last walk that was made: most records lie behind one another. */
    private JournalScan.Walk walk;

    private String walkedFile = "";
    private long walkedGeneration;

    private record Place(String fileName, long generation, long position) {}

    JournalSalvage(FileStore files, BookieId store, long appliedSequence) {
        this.files = files;
        this.store = store;
        this.appliedSequence = appliedSequence;
        this.lastSequence = appliedSequence;
    }

    /**
     * Shows {@code visitor} the records, ascending, with gaps.
     *
     * @return the last sequence that was ever used, as far as anything that is left can tell
     */
    long run(BiConsumer<Long, JournalRecord> visitor) {
        for (String name : files.list()) {
            if (name.startsWith(JournalScan.SEGMENT_PREFIX)) {
                JournalScan.readHeader(files, name)
                        .filter(header -> header.store().equals(store))
                        .ifPresent(header -> begins.merge(header.firstSequence(), header.generation(), Math::max));
                try (StoreFile file = files.open(name)) {
                    look(file);
                }
                walk = null;
            }
        }
        show(visitor);
        return lastSequence;
    }

    /** The youngest boot of which {@link #run} has found a record; 0 when there is none. */
    long lastBootEpoch() {
        return lastBootEpoch;
    }

    private void show(BiConsumer<Long, JournalRecord> visitor) {
        Map<String, StoreFile> open = new HashMap<>();
        long youngest = 0;
        try {
            for (Map.Entry<Long, Place> entry : places.entrySet()) {
                Place place = entry.getValue();
                youngest = Math.max(youngest, place.generation());
                while (!begins.isEmpty() && begins.firstKey() <= entry.getKey()) {
                    youngest = Math.max(youngest, begins.pollFirstEntry().getValue());
                }
                if (place.generation() < youngest) {
                    continue;
                }
                StoreFile file = open.computeIfAbsent(place.fileName(), files::open);
                walkOf(file, place.generation())
                        .recordAt(place.position())
                        .ifPresent(found -> visitor.accept(entry.getKey(), found.record()));
            }
        } finally {
            open.values().forEach(StoreFile::close);
        }
    }

    /** Takes the segments out of the way, so that the journal can begin anew; they stay for whoever wants to look. */
    static void setAside(FileStore files) {
        for (String name : files.list()) {
            if (name.startsWith(JournalScan.SEGMENT_PREFIX)) {
                files.rename(name, ASIDE_PREFIX + name);
            }
        }
    }

    private void look(StoreFile file) {
        ByteBuffer head = ByteBuffer.allocate(JournalFormat.RECORD_HEADER_BYTES);
        long page = JournalFormat.PAGE_BYTES;
        while (page + JournalFormat.RECORD_HEADER_BYTES <= file.size()) {
            file.read(page, head.clear());
            page = head.hasRemaining()
                    ? file.size()
                    : lookAtGroup(file, page, head.getLong(JournalFormat.GENERATION_OFFSET));
        }
    }

    /** Notes the records of the group that starts at {@code page}; where the next one may start. */
    private long lookAtGroup(StoreFile file, long page, long generation) {
        long position = page;
        var found = walkOf(file, generation).recordAt(position);
        while (found.isPresent()) {
            ReadRecord record = found.get();
            note(new Place(file.name(), generation, position), record);
            position += record.totalBytes();
            found = walkOf(file, generation).recordAt(position);
        }
        long pageBytes = JournalFormat.PAGE_BYTES;
        return Math.max(page + pageBytes, (position + pageBytes - 1) / pageBytes * pageBytes);
    }

    private void note(Place place, ReadRecord record) {
        lastBootEpoch = Math.max(lastBootEpoch, record.bootEpoch());
        lastSequence = Math.max(lastSequence, Math.max(record.sequence(), record.syncedUpTo()));
        if (record.sequence() > appliedSequence) {
            places.merge(
                    record.sequence(),
                    place,
                    (older, newer) -> older.generation() > newer.generation() ? older : newer);
        }
    }

    private JournalScan.Walk walkOf(StoreFile file, long generation) {
        if (walk == null || !walkedFile.equals(file.name()) || walkedGeneration != generation) {
            walk = new JournalScan.Walk(file, new SegmentHeader(store, generation, 0, file.size()), 0);
            walkedFile = file.name();
            walkedGeneration = generation;
        }
        return walk;
    }
}
