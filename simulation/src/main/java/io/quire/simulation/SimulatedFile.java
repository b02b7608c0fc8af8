package io.quire.simulation;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * The content of one file, as a process sees it and as the medium has it. Pages that were never written are zeros and
 * take no memory, so that a file may be as long as a real segment.
 *
 * <p>A write is pending until a sync. A crash goes back to the pages as they were before the oldest pending write and
 * then repeats each pending write, drops it, or repeats the part before or behind a sector boundary. A write in limbo
 * was pending when a sync failed: no later sync makes it durable (the kernel takes its pages for clean), so that it
 * stays at the mercy of the next crash, also beside later writes that were synced.
 */
final class SimulatedFile {
    private static final int PAGE_BYTES = 4096;
    private static final int SECTOR_BYTES = 512;
    private static final byte[] ZEROS = new byte[PAGE_BYTES];

    private enum Fate {
        PENDING,
        LIMBO,
        DURABLE
    }

    private static final class Write {
        private final long position;
        private final byte[] bytes;
        private Fate fate = Fate.PENDING;

        private Write(long position, byte[] bytes) {
            this.position = position;
            this.bytes = bytes;
        }
    }

    private byte[][] pages = new byte[0][];
    private long bytes;

    /** Since the last sync after which nothing was in limbo, in order; with the pages and the size from before. */
    private final List<Write> writes = new ArrayList<>();

    private final Map<Integer, byte[]> pagesBefore = new HashMap<>();
    private long bytesBefore;

    /** A file of {@code bytes} durable zeros. */
    SimulatedFile(long bytes) {
        this.bytes = bytes;
        this.bytesBefore = bytes;
    }

    /** Another file with the content of now, all of it durable. */
    SimulatedFile copy() {
        SimulatedFile copy = new SimulatedFile(bytes);
        copy.pages = pages.clone();
        for (int page = 0; page < pages.length; page++) {
            copy.pages[page] = pages[page] == null ? null : pages[page].clone();
        }
        return copy;
    }

    long size() {
        return bytes;
    }

    /** @param content given away */
    void write(long position, byte[] content) {
        if (content.length > 0) {
            writes.add(new Write(position, content));
            put(position, content, 0, content.length);
        }
    }

    private void put(long position, byte[] content, int from, int to) {
        int done = from;
        while (done < to) {
            long at = position + done;
            int page = Math.toIntExact(at / PAGE_BYTES);
            int offset = (int) (at % PAGE_BYTES);
            int count = Math.min(PAGE_BYTES - offset, to - done);
            System.arraycopy(content, done, writablePage(page), offset, count);
            done += count;
        }
        bytes = Math.max(bytes, position + to);
    }

    private byte[] writablePage(int page) {
        if (page >= pages.length) {
            pages = Arrays.copyOf(pages, Math.max(page + 1, 2 * pages.length));
        }
        if (!pagesBefore.containsKey(page)) {
            pagesBefore.put(page, pages[page] == null ? null : pages[page].clone());
        }
        if (pages[page] == null) {
            pages[page] = new byte[PAGE_BYTES];
        }
        return pages[page];
    }

    /** Copies up to {@code count} bytes from {@code position} on to {@code into}; how many there were. */
    int read(long position, byte[] into, int count) {
        int available = (int) Math.max(0, Math.min(count, bytes - position));
        int done = 0;
        while (done < available) {
            long at = position + done;
            int offset = (int) (at % PAGE_BYTES);
            int part = Math.min(PAGE_BYTES - offset, available - done);
            System.arraycopy(page(at / PAGE_BYTES), offset, into, done, part);
            done += part;
        }
        return available;
    }

    private byte[] page(long page) {
        return page < pages.length && pages[(int) page] != null ? pages[(int) page] : ZEROS;
    }

    void sync() {
        boolean limbo = false;
        for (Write write : writes) {
            if (write.fate == Fate.PENDING) {
                write.fate = Fate.DURABLE;
            }
            limbo |= write.fate == Fate.LIMBO;
        }
        if (!limbo) {
            settle();
        }
    }

    void failSync() {
        for (Write write : writes) {
            if (write.fate == Fate.PENDING) {
                write.fate = Fate.LIMBO;
            }
        }
    }

    void crash(RandomGenerator random) {
        if (writes.isEmpty()) {
            return;
        }
        pagesBefore.forEach((page, content) -> pages[page] = content);
        bytes = bytesBefore;
        // Nothing is noted while repeating: what is there afterwards is the medium.
        for (Write write : writes) {
            if (write.fate == Fate.DURABLE) {
                put(write.position, write.bytes, 0, write.bytes.length);
            } else {
                putByChance(write, random);
            }
        }
        settle();
    }

    private void putByChance(Write write, RandomGenerator random) {
        int length = write.bytes.length;
        switch (random.nextInt(3)) {
            case 0 -> put(write.position, write.bytes, 0, length);
            case 1 -> putTorn(write, random);
            default -> {}
        }
    }

    private void putTorn(Write write, RandomGenerator random) {
        int length = write.bytes.length;
        int toFirstBoundary = SECTOR_BYTES - (int) (write.position % SECTOR_BYTES);
        int boundaries = length <= toFirstBoundary ? 0 : (length - toFirstBoundary - 1) / SECTOR_BYTES + 1;
        // A sector is written whole or not at all: a write within one cannot tear.
        int cut = boundaries == 0 ? length : toFirstBoundary + SECTOR_BYTES * random.nextInt(boundaries);
        if (random.nextBoolean()) {
            put(write.position, write.bytes, 0, cut);
        } else if (cut < length) {
            put(write.position, write.bytes, cut, length);
        }
    }

    /** What is there now is what the medium has. */
    private void settle() {
        writes.clear();
        pagesBefore.clear();
        bytesBefore = bytes;
    }

    /** Inverts a byte, for the process and on the medium; a write that is pending over it may undo that. */
    void flip(long position) {
        if (position < 0 || position >= bytes) {
            throw new IllegalArgumentException("no byte " + position + " in a file of " + bytes);
        }
        int page = Math.toIntExact(position / PAGE_BYTES);
        int offset = (int) (position % PAGE_BYTES);
        boolean pending = pagesBefore.containsKey(page);
        writablePage(page)[offset] ^= (byte) 0xFF;
        if (!pending) {
            pagesBefore.remove(page);
        } else if (position < bytesBefore) {
            byte[] before = pagesBefore.get(page);
            byte[] flipped = before == null ? new byte[PAGE_BYTES] : before;
            flipped[offset] ^= (byte) 0xFF;
            pagesBefore.put(page, flipped);
        }
    }

    /** Cuts the file off, for the process and on the medium; pending writes count as durable up to there. */
    void truncate(long size) {
        if (size < 0 || size > bytes) {
            throw new IllegalArgumentException("cannot cut a file of " + bytes + " bytes to " + size);
        }
        bytes = size;
        int kept = Math.toIntExact((size + PAGE_BYTES - 1) / PAGE_BYTES);
        if (kept < pages.length) {
            pages = Arrays.copyOf(pages, kept);
        }
        int within = (int) (size % PAGE_BYTES);
        if (within > 0 && kept <= pages.length && pages[kept - 1] != null) {
            Arrays.fill(pages[kept - 1], within, PAGE_BYTES, (byte) 0);
        }
        settle();
    }
}
