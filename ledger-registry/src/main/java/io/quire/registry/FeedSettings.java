package io.quire.registry;

import com.typesafe.config.Config;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;

/**
 * How large the feed may grow; section {@code quire.registry.feed} of the configuration, where each key is explained.
 *
 * @param buckets in {@code [1, 1024]}, the same on every node
 * @param closedLedgersPerBucket in {@code [1, 100000]}
 * @param openLedgersPerBucket in {@code [1, 100000]}
 * @param metadataBytesMax in {@code [256, 1 MiB]}
 */
public record FeedSettings(int buckets, int closedLedgersPerBucket, int openLedgersPerBucket, long metadataBytesMax) {
    private static final String SECTION = "quire.registry.feed.";

    public FeedSettings {
        requireWithin("buckets", buckets, 1, 1024);
        requireWithin("closed-ledgers-per-bucket", closedLedgersPerBucket, 1, 100_000);
        requireWithin("open-ledgers-per-bucket", openLedgersPerBucket, 1, 100_000);
        requireWithin("metadata-bytes-max", metadataBytesMax, 256, 1 << 20);
    }

    /**
     * Reads the settings of a whole node's configuration.
     *
     * @throws com.typesafe.config.ConfigException when a key is missing or of another type
     * @throws IllegalArgumentException when a value is out of its range; names the key
     */
    public static FeedSettings from(Config config) {
        return new FeedSettings(
                config.getInt(SECTION + "buckets"),
                config.getInt(SECTION + "closed-ledgers-per-bucket"),
                config.getInt(SECTION + "open-ledgers-per-bucket"),
                config.getBytes(SECTION + "metadata-bytes-max"));
    }

    int bucketOf(LedgerId ledgerId) {
        return (int) (ledgerId.value() % buckets);
    }

    int bucketOf(BookieId bookieId) {
        return Math.floorMod(bookieId.value().hashCode(), buckets);
    }

    /** How many closed ledgers make a bucket forget some; the slack keeps it from cleaning up at every close. */
    int closedLedgersBeforeForgetting() {
        return closedLedgersPerBucket + closedLedgersPerBucket / 4;
    }

    private static void requireWithin(String key, long value, long min, long max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(SECTION + key + " must lie in [" + min + ", " + max + "]: " + value);
        }
    }
}
