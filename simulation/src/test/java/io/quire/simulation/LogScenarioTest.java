package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run. */
class LogScenarioTest {
    private static final int SEEDS = 30;

    private static void run(LongStream seeds) {
        long acknowledged = 0;
        long takeovers = 0;
        for (long seed : seeds.toArray()) {
            LogScenario.Result result = new LogScenario(seed).run();
            result.violation().ifPresent(violation -> fail(violation));
            acknowledged += result.acknowledged();
            takeovers += result.takeovers();
        }
        assertThat(acknowledged)
                .as("a run in which nothing is appended proves nothing")
                .isPositive();
        assertThat(takeovers).as("nobody fought").isGreaterThan(1);
    }

    @Test
    @DisplayName("R26, H44, H92, H96, I9: writers fight over a log; what is acknowledged is in it, once, in order")
    void fight() {
        Long seed = Long.getLong("seed");
        run(seed == null ? LongStream.range(0, SEEDS) : LongStream.of(seed));
    }

    @Test
    @Tag("soak")
    @DisplayName("R26, I9: the same, for thousands of seeds")
    void soak() {
        long first = Long.getLong("soak.first", 0);
        run(LongStream.range(first, first + Long.getLong("soak.seeds", 5000)));
    }
}
