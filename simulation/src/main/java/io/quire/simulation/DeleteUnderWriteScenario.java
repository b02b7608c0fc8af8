package io.quire.simulation;

/** A {@link LedgerScenario} in which ledgers are deleted while others write, recover and read them. */
public final class DeleteUnderWriteScenario extends LedgerScenario {
    public DeleteUnderWriteScenario(long seed) {
        super(seed, Workload.DELETE_UNDER_WRITE);
    }
}
