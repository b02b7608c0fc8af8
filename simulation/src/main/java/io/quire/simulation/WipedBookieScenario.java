package io.quire.simulation;

/** A {@link LedgerScenario} in which bookies lose their disks, and others are formatted in their places. */
public final class WipedBookieScenario extends LedgerScenario {
    public WipedBookieScenario(long seed) {
        super(seed, Workload.WIPED_BOOKIE);
    }
}
