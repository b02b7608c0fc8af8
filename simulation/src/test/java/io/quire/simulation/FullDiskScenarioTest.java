package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run. */
class FullDiskScenarioTest {
    private static final int SEEDS = 200;

    @Test
    @DisplayName("H61, R17: on a disk that fills at any moment nothing acknowledged is lost, and with room all goes on")
    void survivesFullDisks() {
        Long only = Long.getLong("seed");
        long withoutRoom = 0;
        for (long seed = only == null ? 0 : only; seed < (only == null ? SEEDS : only + 1); seed++) {
            FullDiskScenario scenario = new FullDiskScenario(seed);
            assertThat(scenario.run().violation()).isEmpty();
            withoutRoom += scenario.timesWithoutRoom();
        }
        assertThat(withoutRoom).isGreaterThan(only == null ? SEEDS : -1);
    }
}
