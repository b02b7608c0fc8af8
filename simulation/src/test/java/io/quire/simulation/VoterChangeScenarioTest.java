package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dsim.seeds=N} runs N seeds instead of 600, {@code -Dseed=S} only S. */
class VoterChangeScenarioTest {
    private static final long SEEDS = Long.getLong("sim.seeds", 600);

    @Test
    @DisplayName(
            "R5, R1, R2: registers stay linearizable while voters change, and every change is completed in the end")
    void linearizable() {
        Long only = Long.getLong("seed");
        long first = only == null ? 0 : only;
        long end = only == null ? SEEDS : only + 1;
        long operations = 0;
        long changes = 0;
        for (long seed = first; seed < end; seed++) {
            VoterChangeScenario scenario = new VoterChangeScenario(seed);
            RegistryScenario.Result result = scenario.run();
            assertThat(result.violation()).isEmpty();
            operations += result.operations();
            changes += scenario.changes();
        }
        // A scenario in which hardly anything happens, or hardly any voter changes, proves nothing.
        assertThat(operations).isGreaterThan(50 * (end - first));
        assertThat(changes).as("changes").isGreaterThanOrEqualTo(end - first);
    }

    @Test
    @DisplayName("the same seed takes the same steps")
    void deterministic() {
        assertThat(new VoterChangeScenario(11).run()).isEqualTo(new VoterChangeScenario(11).run());
    }
}
