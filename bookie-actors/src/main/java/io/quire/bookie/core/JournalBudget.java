package io.quire.bookie.core;

/**
 * Keeps the segments of a journal that are in use within a number of bytes, however small the records are (H61, H63).
 *
 * <p>Design note. A segment is free again once the memtables that it feeds are flushed, and a memtable is flushed when it
 * is full of entries. Records without entries hardly fill one, but take a page for each sync: the journal would grow
 * without end. So when half of the bytes are in use a memtable goes down early, one at a time, and at the bound nothing is
 * journaled until a segment is free.
 *
 * <p>Immutable.
 */
public final class JournalBudget {
    /** How many segments the least journal has room for. */
    private static final int SEGMENTS_MIN = 4;

    private final long segmentBytes;
    private final long bytesMax;

    /** What to do before the next group is journaled. */
    public enum Decision {
        /** Journal it. */
        GO_ON,
        /** Hand the active memtable to the flusher, then journal it. */
        ROTATE,
        /** Hand the active memtable to the flusher, if it is not empty, and wait until a segment is free. */
        HOLD_BACK
    }

    /**
     * @param segmentBytes of one segment
     * @param bytesMax of all segments in use
     * @throws IllegalArgumentException when that is less than four segments; it names the settings
     */
    public JournalBudget(long segmentBytes, long bytesMax) {
        requireEnough(segmentBytes, bytesMax);
        this.segmentBytes = segmentBytes;
        this.bytesMax = bytesMax;
    }

    /**
     * @throws IllegalArgumentException when {@code bytesMax} is less than four segments; it names the settings
     */
    public static void requireEnough(long segmentBytes, long bytesMax) {
        if (bytesMax / SEGMENTS_MIN < segmentBytes) {
            throw new IllegalArgumentException("quire.bookie.journal.bytes-max (" + bytesMax + ") must be at least "
                    + SEGMENTS_MIN + " times quire.bookie.journal.segment-bytes (" + segmentBytes + ")");
        }
    }

    /**
     * @param bytesInUse of the segments that hold what may not be flushed, and of the one that is written
     * @param needsSegment whether the next group takes another segment
     * @param flushing whether a memtable is being flushed or waits for that
     */
    public Decision decide(long bytesInUse, boolean needsSegment, boolean flushing) {
        if (needsSegment && bytesInUse > bytesMax - segmentBytes) {
            return Decision.HOLD_BACK;
        }
        return bytesInUse > bytesMax / 2 && !flushing ? Decision.ROTATE : Decision.GO_ON;
    }
}
