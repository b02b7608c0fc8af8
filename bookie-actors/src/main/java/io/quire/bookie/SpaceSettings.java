package io.quire.bookie;

import com.typesafe.config.Config;
import io.quire.bookie.core.DiskSpace;
import java.time.Duration;

/**
 * How a bookie lives with the room of its disk; section {@code quire.bookie.space}, explained in {@code reference.conf}.
 *
 * @param marks what is taken on with how much room
 * @param flushMarginBytes that have to be free beside what a commit of a flush needs
 * @param sampleInterval how often the disk is looked at
 * @param sampleBytes after how many journaled bytes it is looked at, too
 * @param retryInterval how long what found no room waits until it tries again
 * @param restartBackoffMin how long after a failure for want of room the bookie is started again; then twice as long
 * @param restartBackoffMax at the longest
 */
public record SpaceSettings(
        DiskSpace.Limits marks,
        long flushMarginBytes,
        Duration sampleInterval,
        long sampleBytes,
        Duration retryInterval,
        Duration restartBackoffMin,
        Duration restartBackoffMax) {
    public SpaceSettings {
        if (flushMarginBytes < 0 || sampleBytes < 1) {
            throw new IllegalArgumentException(
                    "quire.bookie.space.flush-margin must not be negative, and sample-bytes must be positive");
        }
        requirePositive(sampleInterval, "sample-interval");
        requirePositive(retryInterval, "retry-interval");
        requirePositive(restartBackoffMin, "restart-backoff-min");
        if (restartBackoffMax.compareTo(restartBackoffMin) < 0) {
            throw new IllegalArgumentException(
                    "quire.bookie.space.restart-backoff-max must not be below quire.bookie.space.restart-backoff-min");
        }
    }

    private static void requirePositive(Duration duration, String key) {
        if (duration.isNegative() || duration.isZero()) {
            throw new IllegalArgumentException("quire.bookie.space." + key + " must be positive: " + duration);
        }
    }

    /** Reads the section {@code config}. */
    static SpaceSettings from(Config config) {
        return new SpaceSettings(
                new DiskSpace.Limits(
                        bytes(config, "read-only-below"),
                        bytes(config, "writable-above"),
                        bytes(config, "recovery-reserve"),
                        bytes(config, "fence-reserve")),
                bytes(config, "flush-margin"),
                config.getDuration("sample-interval"),
                bytes(config, "sample-bytes"),
                config.getDuration("retry-interval"),
                config.getDuration("restart-backoff-min"),
                config.getDuration("restart-backoff-max"));
    }

    private static long bytes(Config config, String key) {
        return config.getMemorySize(key).toBytes();
    }
}
