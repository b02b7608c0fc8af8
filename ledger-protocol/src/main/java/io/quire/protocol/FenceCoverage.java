package io.quire.protocol;

/**
 * Decides whether enough members of a fragment are fenced that no entry can reach its ack quorum any more: in
 * <em>every</em> write set fewer than Qa members remain unfenced (B0). A member is fenced or unknown, nothing between
 * (H3). Not thread-safe.
 */
public final class FenceCoverage {
    private final Replication replication;
    private int fencedMask;

    public FenceCoverage(Replication replication) {
        this.replication = replication;
    }

    /** The member at {@code position} answered that it is fenced, durably. */
    public void fenced(int position) {
        if (position < 0 || position >= replication.ensembleSize()) {
            throw new IllegalArgumentException("no member at position " + position + " of " + replication);
        }
        fencedMask = AckSet.with(fencedMask, position);
    }

    /** Whether no ack quorum is left among the members not known to be fenced. */
    public boolean isCovered() {
        for (int start = 0; start < replication.ensembleSize(); start++) {
            int unfenced = replication.writeSetMaskFrom(start) & ~fencedMask;
            if (Integer.bitCount(unfenced) >= replication.ackQuorum()) {
                return false;
            }
        }
        return true;
    }
}
