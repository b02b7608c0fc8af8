package io.quire.bookie.storage;

/**
 * How a store of kind SEGMENTS keeps its files.
 *
 * @param segmentBytes size of a segment file, a multiple of 4096; a larger block gets a file of its own
 * @param sparesMax recycled files kept for later segments; more are deleted
 * @param compactAbovePercent segments are compacted while those in use take more than this part of what lives in them
 */
public record SegmentSettings(long segmentBytes, int sparesMax, int compactAbovePercent) {
    /** For a bookie, as in reference.conf. */
    public static final SegmentSettings DEFAULT = new SegmentSettings(64L << 20, 4, 150);

    public SegmentSettings {
        if (segmentBytes % SegmentFormat.PAGE_BYTES != 0 || segmentBytes < 4 * SegmentFormat.PAGE_BYTES) {
            throw new IllegalArgumentException(
                    "segments segment-bytes must be a multiple of 4096, at least 16384: " + segmentBytes);
        }
        if (sparesMax < 0 || compactAbovePercent <= 100) {
            throw new IllegalArgumentException(
                    "segments spares-max must not be negative, compact-above-percent must be above 100");
        }
    }
}
