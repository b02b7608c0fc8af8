package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run, {@code -Dsim.seeds=} runs so many. */
class LedgerScenarioTest {
    private static final int SEEDS = 500;

    @Test
    @DisplayName(
            "I2, I4, I5, I7, H45, H97, P5, P13: append, read and follow survive crashes, failing disks and a bad network")
    void appendAndRead() {
        long one = Long.getLong("seed", -1);
        LongStream seeds = one >= 0 ? LongStream.of(one) : LongStream.range(0, Integer.getInteger("sim.seeds", SEEDS));
        long acknowledged = 0;
        long reads = 0;
        long follows = 0;
        for (long seed : seeds.toArray()) {
            LedgerScenario.Result result = new LedgerScenario(seed).run();
            result.violation().ifPresent(violation -> fail(violation));
            acknowledged += result.acknowledged();
            reads += result.reads();
            follows += result.follows();
        }
        assertThat(acknowledged)
                .as("a run in which nothing is appended proves nothing")
                .isPositive();
        assertThat(reads).isPositive();
        assertThat(follows).isPositive();
    }

    @Test
    @DisplayName(
            "R23, R24, H1-H3, H8, H10, H14-H17, I1, I2, I3, I8: ledgers are recovered at any time, by several at once")
    void recovery() {
        long one = Long.getLong("seed", -1);
        LongStream seeds = one >= 0 ? LongStream.of(one) : LongStream.range(0, Integer.getInteger("sim.seeds", SEEDS));
        long acknowledged = 0;
        long recoveries = 0;
        for (long seed : seeds.toArray()) {
            LedgerScenario.Result result = new LedgerScenario(seed, LedgerScenario.Workload.RECOVERY).run();
            result.violation().ifPresent(violation -> fail(violation));
            acknowledged += result.acknowledged();
            recoveries += result.recoveries();
        }
        assertThat(acknowledged).isPositive();
        assertThat(recoveries).isPositive();
    }

    @Test
    @DisplayName("the same seed takes the same steps")
    void deterministic() {
        assertThat(new LedgerScenario(17).run()).isEqualTo(new LedgerScenario(17).run());
    }
}
