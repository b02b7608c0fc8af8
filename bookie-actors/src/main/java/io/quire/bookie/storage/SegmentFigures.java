package io.quire.bookie.storage;

/**
 * What the segment files of a store hold; zeros for a store without any.
 *
 * @param liveBytes of the blocks that can be read
 * @param fileBytes of all segment files, spares too
 * @param segments files in use
 * @param quarantined of those, files that are missing or could not be verified, and are left as they are
 * @param copiedBytes moved by compaction since the store was opened
 */
public record SegmentFigures(long liveBytes, long fileBytes, int segments, int quarantined, long copiedBytes) {
    static final SegmentFigures NONE = new SegmentFigures(0, 0, 0, 0, 0);
}
