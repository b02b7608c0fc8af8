package io.quire.protocol;

/**
 * The number of one attempt of a proposer to change a register. A ballot is never used for two values (R1).
 *
 * @param counter 0 only in {@link #ZERO}
 * @param proposer who made it; breaks ties
 */
public record Ballot(long counter, ProposerId proposer) implements Comparable<Ballot> {
    /** Below every proposer's ballots: nothing promised, nothing accepted. */
    public static final Ballot ZERO = new Ballot(0, new ProposerId(new java.util.UUID(0, 0)));

    public Ballot {
        if (counter < 0) {
            throw new IllegalArgumentException("ballot counter must not be negative: " + counter);
        }
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
