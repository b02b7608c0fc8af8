package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.storage.StorageException;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run, {@code -Dsim.seeds=} runs so many. */
class LedgerScenarioTest {
    private static final int SEEDS = 500;
    private static final int SEEDS_TO_FIND_A_PLANTED_ERROR = 100;

    @Test
    @DisplayName("I2, I4, I5, I7, H45, H97: append, read and follow survive crashes, failing disks and a bad network")
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
    @DisplayName("the same seed takes the same steps")
    void deterministic() {
        assertThat(new LedgerScenario(17).run()).isEqualTo(new LedgerScenario(17).run());
    }

    @Test
    @DisplayName("H53: a bookie that acknowledges in spite of a failed sync is found")
    void acknowledgeInSpiteOfFailedSyncIsFound() {
        boolean found = LongStream.range(0, SEEDS_TO_FIND_A_PLANTED_ERROR)
                .anyMatch(seed -> new LedgerScenario(seed) {
                    @Override
                    protected SimulatedBookie newBookie(BookieId identity, Random random, SimulatedBookie.Plan plan) {
                        return new SimulatedBookie(identity, random, plan, durability()) {
                            @Override
                            protected void append(BookieStore store, List<JournalRecord> records) {
                                try {
                                    super.append(store, records);
                                } catch (StorageException e) {
                                    assertThat(e).isNotNull(); // and goes on as if it were durable
                                }
                            }
                        };
                    }
                }.run()
                        .violation()
                        .filter(violation -> violation.contains("I7"))
                        .isPresent());
        assertThat(found).isTrue();
    }
}
