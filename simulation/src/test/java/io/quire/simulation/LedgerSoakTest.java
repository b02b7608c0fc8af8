package io.quire.simulation;

import static org.assertj.core.api.Assertions.fail;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Many seeds of every workload: {@code -Dsoak.seeds=} says how many, {@code -Dsoak.first=} where they begin. */
@Tag("soak")
class LedgerSoakTest {
    private static final int SEEDS = 5_000;

    @ParameterizedTest(name = "{0}")
    @EnumSource(LedgerScenario.Workload.class)
    @DisplayName("I1-I8: ledgers survive everything, seed after seed")
    void workload(LedgerScenario.Workload workload) {
        long first = Long.getLong("soak.first", 10_000_000);
        for (long seed = first; seed < first + Integer.getInteger("soak.seeds", SEEDS); seed++) {
            new LedgerScenario(seed, workload).run().violation().ifPresent(violation -> fail(violation));
        }
    }
}
