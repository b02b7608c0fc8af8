package io.quire.client.core;

import java.util.Arrays;

/**
 * When a read that waits for one bookie may ask another one too: after nearly all answers of late would have come, and so
 * seldom that bookies which are slow because of their load do not get much more of it.
 *
 * <p>Source: hedged requests, Dean and Barroso, "The Tail at Scale" (2013).
 *
 * <p>Not thread-safe.
 */
public final class HedgeBudget {
    private static final int WINDOW = 512;
    private static final int RENEW_EVERY = 64;
    private static final double PERCENTILE = 0.99;
    private static final double HEDGES_AT_ONCE = 10;

    private final long delayMinNanos;
    private final double share;
    private final long[] latencies = new long[WINDOW];
    private long answers;
    private long delayNanos;
    private double tokens;

    /**
     * @param delayMinNanos another bookie is never asked sooner
     * @param share hedges that every answered question earns, in {@code [0, 1]}; 0 turns hedging off
     */
    public HedgeBudget(long delayMinNanos, double share) {
        this.delayMinNanos = delayMinNanos;
        this.share = share;
        this.delayNanos = Long.MAX_VALUE;
    }

    /** A bookie answered after {@code latencyNanos}. */
    public void answered(long latencyNanos) {
        latencies[(int) (answers++ % WINDOW)] = latencyNanos;
        tokens = Math.min(HEDGES_AT_ONCE, tokens + share);
        if (answers % RENEW_EVERY == 0) {
            long[] sorted = Arrays.copyOf(latencies, (int) Math.min(answers, WINDOW));
            Arrays.sort(sorted);
            delayNanos = Math.max(delayMinNanos, sorted[(int) (sorted.length * PERCENTILE)]);
        }
    }

    /** How long to wait for a bookie before another is asked too; the highest long while too little is known. */
    public long delayNanos() {
        return delayNanos;
    }

    /** Takes one hedge out of the budget, if there is one. */
    public boolean take() {
        if (tokens < 1) {
            return false;
        }
        tokens--;
        return true;
    }
}
