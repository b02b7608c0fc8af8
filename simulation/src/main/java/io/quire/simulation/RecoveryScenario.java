package io.quire.simulation;

/** A {@link LedgerScenario} in which ledgers are recovered at any time, their writers alive or not, by several at once. */
public final class RecoveryScenario extends LedgerScenario {
    public RecoveryScenario(long seed) {
        super(seed, Workload.RECOVERY);
    }
}
