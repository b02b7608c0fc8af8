package io.quire.protocol;

/**
 * The number of one attempt of a proposer to change a register. A ballot is never used for two values (R1).
 *
 * <p>A counter belongs to one config epoch, so that every ballot of an epoch is above all those of the epochs before it
 * (R5): epoch e has the counters from {@code (e - 1) << 40} on, without 0, to {@code e << 40}, exclusive.
 *
 * @param counter 0 only in {@link #ZERO}
 * @param proposer who made it; breaks ties
 */
public record Ballot(long counter, ProposerId proposer) implements Comparable<Ballot> {
    /** Below every proposer's ballots: nothing promised, nothing accepted. */
    public static final Ballot ZERO = new Ballot(0, new ProposerId(new java.util.UUID(0, 0)));

    private static final long COUNTERS_PER_EPOCH = 1L << 40;

    public Ballot {
        if (counter < 0) {
            throw new IllegalArgumentException("ballot counter must not be negative: " + counter);
        }
    }

    /** The counter behind which those of config epoch {@code epoch} begin. */
    public static long floorOf(long epoch) {
        return Math.multiplyExact(epoch - 1, COUNTERS_PER_EPOCH);
    }

    /** The config epoch that this ballot was made in; 1 for {@link #ZERO}. */
    public long epoch() {
        return counter / COUNTERS_PER_EPOCH + 1;
    }

    public boolean isZero() {
        return counter == 0;
    }

    public boolean isBelow(Ballot other) {
        return compareTo(other) < 0;
    }

    @Override
    public int compareTo(Ballot other) {
        int byCounter = Long.compare(counter, other.counter);
        return byCounter != 0 ? byCounter : proposer.compareTo(other.proposer);
    }

    @Override
    public String toString() {
        return counter + "@" + proposer;
    }
}
