package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dsim.seeds=N} runs N seeds instead of 200, {@code -Dseed=S} only S. */
class CollectionScenarioTest {
    private static final long SEEDS = Long.getLong("sim.seeds", 200);

    @Test
    @DisplayName("R4, R5: what was collected stays deleted, whatever else happens, and registers stay linearizable")
    void collected() {
        Long only = Long.getLong("seed");
        long first = only == null ? 0 : only;
        long end = only == null ? SEEDS : only + 1;
        long collections = 0;
        for (long seed = first; seed < end; seed++) {
            CollectionScenario scenario = new CollectionScenario(seed);
            assertThat(scenario.run().violation()).isEmpty();
            collections += scenario.collections();
        }
        assertThat(collections).as("collections").isGreaterThanOrEqualTo(5 * (end - first));
    }
}
