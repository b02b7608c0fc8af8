package io.quire.simulation;

/**
 * A {@link LedgerScenario} in which ledgers are deleted, taken back, purged, dropped and collected while others write,
 * recover and read them (I10).
 */
public final class GarbageScenario extends LedgerScenario {
    public GarbageScenario(long seed) {
        super(seed, Workload.GARBAGE);
    }
}
