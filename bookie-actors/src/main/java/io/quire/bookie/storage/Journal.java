package io.quire.bookie.storage;

import io.quire.bookie.storage.JournalFormat.SegmentHeader;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.LongConsumer;

/**
 * Appends records to zero-filled, recycled segment files: a group of records is one write and one fdatasync. A record is
 * durable when the {@link #sync} behind its {@link #add} has returned. After any failure the journal takes nothing more:
 * what a failed sync left on disk is unknown (H53).
 *
 * <p>Not thread-safe; it blocks on the disk.
 */
final class Journal implements AutoCloseable {
    /** With less free disk a segment is not made known. */
    private static final long NOTED_FREE_BYTES_MIN = 1 << 20;

    private final FileStore files;
    private final BookieId store;
    private final BootEpoch bootEpoch;
    private final Settings settings;
    private final LongConsumer started;
    private final ByteBuffer group;
    private final Deque<Segment> full = new ArrayDeque<>();
    private final Deque<String> spares = new ArrayDeque<>();
    private StoreFile file;
    private SegmentHeader header;
    private long position;
    private int chain;
    private long nextSequence;
    private long syncedUpTo;
    private long nextFileNumber;
    private boolean failed;
    /** Read by other threads, for people. */
    private volatile long bytesInUse;

    /**
     * @param segmentBytes the size of a segment file
     * @param groupBytesMax the most bytes that are written with one sync
     * @param sparesMax recycled files kept for later segments; more are deleted
     */
    record Settings(long segmentBytes, int groupBytesMax, int sparesMax) {
        Settings {
            if (segmentBytes % JournalFormat.PAGE_BYTES != 0
                    || segmentBytes < groupBytesMax + 2L * JournalFormat.PAGE_BYTES) {
                throw new IllegalArgumentException(
                        "journal segment-bytes must be a multiple of 4096 and larger than the largest group: "
                                + segmentBytes);
            }
        }
    }

    /** A segment that is not written any more. */
    private record Segment(String fileName, long lastSequence) {}

    private Journal(FileStore files, BookieId store, BootEpoch bootEpoch, Settings settings, LongConsumer started) {
        this.files = files;
        this.store = store;
        this.bootEpoch = bootEpoch;
        this.settings = settings;
        this.started = started;
        this.group = ByteBuffer.allocateDirect(settings.groupBytesMax() + JournalFormat.PAGE_BYTES);
    }

    /**
     * Goes on behind what {@code scan} found, in a new segment, never behind a torn tail (R20).
     *
     * @param started makes the generation of a segment known, durably, before anything is written behind its header; not
     *     called on a full disk
     */
    static Journal open(
            FileStore files,
            BookieId store,
            BootEpoch bootEpoch,
            Settings settings,
            JournalScan.Result scan,
            LongConsumer started) {
        Journal journal = new Journal(files, store, bootEpoch, settings, started);
        List<JournalScan.Segment> segments = scan.segments();
        List<String> known = new ArrayList<>();
        for (int i = 0; i < segments.size(); i++) {
            boolean last = i == segments.size() - 1;
            long lastSequence =
                    last ? scan.lastSequence() : segments.get(i + 1).header().firstSequence() - 1;
            journal.full.add(new Segment(segments.get(i).fileName(), lastSequence));
            known.add(segments.get(i).fileName());
        }
        for (String name : files.list()) {
            if (name.startsWith(JournalScan.SEGMENT_PREFIX)) {
                journal.nextFileNumber = Math.max(journal.nextFileNumber, numberOf(name) + 1);
                if (!known.contains(name)) {
                    files.delete(name);
                }
            }
        }
        journal.nextSequence = scan.lastSequence() + 1;
        journal.syncedUpTo = scan.lastSequence();
        long generation = segments.isEmpty()
                ? 1
                : segments.get(segments.size() - 1).header().generation() + 1;
        journal.startSegment(journal.openNext(), generation);
        return journal;
    }

    /**
     * Puts a record into the current group; not durable before {@link #sync}.
     *
     * @return its sequence
     * @throws IllegalArgumentException when it does not fit into the group
     */
    long add(JournalRecord record) {
        requireGood();
        int bytes = JournalFormat.encodedBytes(record);
        if (bytes > settings.groupBytesMax() - group.position()) {
            throw new IllegalArgumentException("a record of " + bytes + " bytes does not fit behind " + group.position()
                    + " into a group of " + settings.groupBytesMax());
        }
        makeRoom();
        chain = JournalFormat.encode(group, record, header, nextSequence, bootEpoch.value(), syncedUpTo, chain);
        return nextSequence++;
    }

    /** Whether the next group takes another segment. */
    boolean needsSegment() {
        return group.position() == 0 && position + pages(settings.groupBytesMax()) > settings.segmentBytes();
    }

    /**
     * Opens another segment if the next group needs one; {@link #add} does the same.
     *
     * @throws OutOfSpaceException when the disk has no room for it: nothing was written, nothing is lost, and it may be
     *     tried again (H61)
     */
    void makeRoom() {
        requireGood();
        if (needsSegment()) {
            StoreFile next = openNext();
            full.add(new Segment(file.name(), nextSequence - 1));
            file.close();
            startSegment(next, header.generation() + 1);
        }
    }

    /** The bytes of the current group. */
    int groupBytes() {
        return group.position();
    }

    /** Makes the current group durable; does nothing when it is empty. */
    void sync() {
        requireGood();
        if (group.position() == 0) {
            return;
        }
        int bytes = pages(group.position());
        while (group.position() < bytes) {
            group.put((byte) 0);
        }
        group.flip();
        try {
            file.write(position, group);
            file.sync();
        } catch (StorageException e) {
            failed = true;
            throw e;
        }
        group.clear();
        position += bytes;
        syncedUpTo = nextSequence - 1;
    }

    /** The last record that is durable. */
    long syncedUpTo() {
        return syncedUpTo;
    }

    /** Everything up to {@code sequence} is in the ledger store, durably: segments below it are recycled. */
    void release(long sequence) {
        requireGood();
        while (!full.isEmpty() && full.peek().lastSequence() <= sequence) {
            String name = full.poll().fileName();
            if (spares.size() < settings.sparesMax()) {
                spares.add(name);
            } else {
                files.delete(name);
            }
        }
        countInUse();
    }

    private void countInUse() {
        bytesInUse = (full.size() + 1) * settings.segmentBytes();
    }

    /** Bytes of the segments that hold records that the ledger store may not have, and of the one that is written. Any thread. */
    long bytesInUse() {
        return bytesInUse;
    }

    /** Closes the segment that is written, and leaves the files open. */
    void closeSegment() {
        file.close();
        file = null;
    }

    /** Closes the files; what was not synced is not durable. */
    @Override
    public void close() {
        if (file != null) {
            file.close();
        }
        files.close();
    }

    /** A file for another segment. That there is no room for one is no failure of the journal. */
    private StoreFile openNext() {
        String recycled = spares.poll();
        try {
            return recycled == null ? createFile() : reopened(recycled);
        } catch (OutOfSpaceException e) {
            throw e;
        } catch (StorageException e) {
            failed = true;
            throw e;
        }
    }

    private void startSegment(StoreFile next, long generation) {
        file = next;
        try {
            header = new SegmentHeader(store, generation, nextSequence, settings.segmentBytes());
            file.write(0, JournalFormat.encodeHeader(header));
            file.sync();
            // On a full disk what needs no room goes on, fences first of all (H61).
            if (files.freeBytes() >= NOTED_FREE_BYTES_MIN) {
                started.accept(generation);
            }
        } catch (StorageException e) {
            failed = true;
            throw e;
        }
        position = JournalFormat.PAGE_BYTES;
        chain = JournalFormat.chainSeed(store, generation);
        countInUse();
    }

    private StoreFile createFile() {
        return files.create(
                JournalScan.SEGMENT_PREFIX + String.format("%08d", nextFileNumber++), settings.segmentBytes());
    }

    /** A recycled file of another size, from before the setting was changed, would look cut short. */
    private StoreFile reopened(String name) {
        StoreFile recycled = files.open(name);
        if (recycled.size() == settings.segmentBytes()) {
            return recycled;
        }
        recycled.close();
        files.delete(name);
        return createFile();
    }

    private void requireGood() {
        if (failed) {
            throw new StorageException("the journal failed before and takes nothing more");
        }
    }

    private static int pages(int bytes) {
        return (bytes + JournalFormat.PAGE_BYTES - 1) / JournalFormat.PAGE_BYTES * JournalFormat.PAGE_BYTES;
    }

    private static long numberOf(String name) {
        String digits = name.substring(JournalScan.SEGMENT_PREFIX.length());
        return digits.chars().allMatch(Character::isDigit) && digits.length() < 18 && !digits.isEmpty()
                ? Long.parseLong(digits)
                : 0;
    }
}
