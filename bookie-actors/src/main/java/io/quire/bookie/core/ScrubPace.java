package io.quire.bookie.core;

/**
 * How fast a scrub goes: through the whole store once in a period, never faster than a bound, and never so slowly that a
 * small store is not done in the first hours of a period. Not thread-safe.
 */
public final class ScrubPace {
    private static final long NANOS_PER_SECOND = 1_000_000_000L;

    /** Slower than this nothing is gained. */
    static final long BYTES_PER_SECOND_MIN = 1 << 20;

    private final long periodNanos;
    private final long bytesPerSecondMax;
    private long passBeganNanos;
    private boolean hurried;

    /**
     * @param periodNanos how long a pass may take, and how often one begins
     * @param bytesPerSecondMax the fastest that it may go
     */
    public ScrubPace(long periodNanos, long bytesPerSecondMax) {
        this.periodNanos = periodNanos;
        this.bytesPerSecondMax = bytesPerSecondMax;
    }

    public void passBegins(long nowNanos) {
        passBeganNanos = nowNanos;
    }

    /** The pass goes as fast as it may from now on; if none is under way one begins. */
    public void hurry(long nowNanos) {
        hurried = true;
        passBeganNanos = nowNanos;
    }

    /**
     * A step is done.
     *
     * @param bytes that it looked at
     * @param storeBytes how large the store is
     * @return how long to wait for the next one
     */
    public long afterStep(long bytes, long storeBytes) {
        double wanted = (double) storeBytes * NANOS_PER_SECOND / periodNanos;
        double most = (double) bytesPerSecondMax;
        double rate = hurried ? most : Math.min(most, Math.max(BYTES_PER_SECOND_MIN, wanted));
        return (long) ((double) bytes * NANOS_PER_SECOND / rate);
    }

    /**
     * A pass is done, and the next one follows.
     *
     * @return how long to wait for its first step
     */
    public long passEnded(long nowNanos) {
        hurried = false;
        long rest = Math.max(0, passBeganNanos + periodNanos - nowNanos);
        passBeganNanos = nowNanos + rest;
        return rest;
    }
}
