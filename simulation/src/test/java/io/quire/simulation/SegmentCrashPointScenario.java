package io.quire.simulation;

import io.quire.bookie.storage.StoreKind;

/** {@link CrashPointScenario} with a store that keeps its entries in segments, and compacts them. */
final class SegmentCrashPointScenario {
    private final CrashPointScenario scenario;

    SegmentCrashPointScenario(long seed) {
        scenario = new CrashPointScenario(seed, StoreKind.SEGMENTS);
    }

    /** Runs it all. */
    public Verdict run() {
        return scenario.run();
    }
}
