package io.quire.simulation;

/** A {@link LedgerScenario} in which every ledger is taken over while its writer writes, on a network with slow ways. */
public final class DuelScenario extends LedgerScenario {
    public DuelScenario(long seed) {
        super(seed, Workload.DUEL);
    }
}
