package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dsim.seeds=N} runs N seeds instead of 1 000, {@code -Dseed=S} only S. */
class RegistryScenarioTest {
    private static final long SEEDS = Long.getLong("sim.seeds", 700);

    @Test
    @DisplayName("R1, R2, R3, R6, H84-H87: registers stay linearizable under all faults and serve when these end")
    void linearizable() {
        Long only = Long.getLong("seed");
        long first = only == null ? 0 : only;
        long end = only == null ? SEEDS : only + 1;
        long steps = 0;
        long operations = 0;
        for (long seed = first; seed < end; seed++) {
            RegistryScenario.Result result = new RegistryScenario(seed).run();
            assertThat(result.violation()).isEmpty();
            steps += result.steps();
            operations += result.operations();
        }
        // A scenario in which hardly anything happens proves nothing.
        assertThat(operations).as("operations in %d steps", steps).isGreaterThan(50 * (end - first));
    }

    @Test
    @DisplayName("the same seed takes the same steps")
    void deterministic() {
        assertThat(new RegistryScenario(11).run()).isEqualTo(new RegistryScenario(11).run());
    }
}
