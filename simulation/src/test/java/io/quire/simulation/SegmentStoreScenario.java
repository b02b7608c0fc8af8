package io.quire.simulation;

import io.quire.bookie.storage.StoreKind;

/** {@link BookieStoreScenario} with a store that keeps its entries in segments, drops ledgers and compacts. */
final class SegmentStoreScenario {
    private final BookieStoreScenario scenario;

    SegmentStoreScenario(long seed) {
        scenario = new BookieStoreScenario(seed, StoreKind.SEGMENTS);
    }

    /** Runs it all. */
    public Verdict run() {
        return scenario.run();
    }
}
