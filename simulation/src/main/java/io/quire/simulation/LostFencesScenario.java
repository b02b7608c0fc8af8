package io.quire.simulation;

/** A {@link LedgerScenario} in which most fences are lost, and writers stand still when their entries are under way. */
public final class LostFencesScenario extends LedgerScenario {
    public LostFencesScenario(long seed) {
        super(seed, Workload.LOST_FENCES);
    }
}
