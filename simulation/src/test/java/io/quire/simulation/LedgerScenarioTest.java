package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run, {@code -Dsim.seeds=} runs so many. */
class LedgerScenarioTest {
    private static final int SEEDS = 90;
    private static final int FEW_SEEDS = 12;

    @Test
    @DisplayName(
            "I2, I4, I5, I7, H45, H97, P5, P13: append, read and follow survive crashes, failing disks and a bad network")
    void appendAndRead() {
        long acknowledged = 0;
        long reads = 0;
        long follows = 0;
        for (long seed : seeds(SEEDS)) {
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
        long acknowledged = 0;
        long recoveries = 0;
        for (long seed : seeds(SEEDS)) {
            LedgerScenario.Result result = new LedgerScenario(seed, LedgerScenario.Workload.RECOVERY).run();
            result.violation().ifPresent(violation -> fail(violation));
            acknowledged += result.acknowledged();
            recoveries += result.recoveries();
        }
        assertThat(acknowledged).isPositive();
        assertThat(recoveries).isPositive();
    }

    @Test
    @DisplayName(
            "R7, H4, H6, H7, H24, H25, H28, H29, I1, I2, I4, I5: fewer than Qa bookies of a ledger lose their disks, or"
                    + " get old copies of them back; none of them boots again, and nothing acknowledged is lost")
    void wipedBookies() {
        long refused = 0;
        for (long seed : seeds(FEW_SEEDS)) {
            LedgerScenario.Result result = new WipedBookieScenario(seed).run();
            result.violation().ifPresent(violation -> fail(violation));
            refused += result.refusedBoots();
        }
        assertThat(refused).as("boots of bookies without their data").isPositive();
    }

    @Test
    @DisplayName("R21: a store waits for a ledger whose writer died while it created it, until somebody recovers that")
    void abandonedCreation() {
        assertThat(new WipedBookieScenario(3_000_020).run().violation()).isEmpty();
        assertThat(new WipedBookieScenario(3_000_139).run().violation()).isEmpty();
    }

    @Test
    @DisplayName(
            "R14, R22, H9, H71, H97, I2, I5: ledgers are deleted while others write, recover, read and follow them")
    void deletedUnderWrite() {
        long deletions = 0;
        long acknowledged = 0;
        for (long seed : seeds(FEW_SEEDS)) {
            LedgerScenario.Result result = new DeleteUnderWriteScenario(seed).run();
            result.violation().ifPresent(violation -> fail(violation));
            deletions += result.deletions();
            acknowledged += result.acknowledged();
        }
        assertThat(deletions).isPositive();
        assertThat(acknowledged).isPositive();
    }

    @Test
    @DisplayName(
            "R4, R14, R22, R24, H58, H67, H68, H69, I10: ledgers are deleted, taken back, purged, dropped at all stores"
                    + " and collected while others write, recover, read and follow them")
    void garbage() {
        long drops = 0;
        long collections = 0;
        long reads = 0;
        for (long seed : seeds(FEW_SEEDS)) {
            LedgerScenario.Result result = new GarbageScenario(seed).run();
            result.violation().ifPresent(violation -> fail(violation));
            drops += result.drops();
            collections += result.collections();
            reads += result.reads();
        }
        assertThat(drops).isPositive();
        assertThat(collections).isPositive();
        assertThat(reads).isPositive();
    }

    @Test
    @DisplayName("B0, H1, H3, R16, I1: many fences are lost, and writers stand still when their entries are under way")
    void lostFences() {
        long acknowledged = 0;
        long recoveries = 0;
        for (long seed : seeds(FEW_SEEDS)) {
            LedgerScenario.Result result = new LostFencesScenario(seed).run();
            result.violation().ifPresent(violation -> fail(violation));
            acknowledged += result.acknowledged();
            recoveries += result.recoveries();
        }
        assertThat(acknowledged).isPositive();
        assertThat(recoveries).isPositive();
    }

    /** Others than those of {@link PlantedBugsTest}, which begins with 0. */
    private static long[] seeds(int count) {
        long one = Long.getLong("seed", -1);
        return (one >= 0
                        ? LongStream.of(one)
                        : LongStream.range(1_000_000, 1_000_000 + Integer.getInteger("sim.seeds", count)))
                .toArray();
    }

    @Test
    @DisplayName("the same seed takes the same steps")
    void deterministic() {
        assertThat(new LedgerScenario(17).run()).isEqualTo(new LedgerScenario(17).run());
        assertThat(new WipedBookieScenario(17).run()).isEqualTo(new WipedBookieScenario(17).run());
        assertThat(new DeleteUnderWriteScenario(17).run()).isEqualTo(new DeleteUnderWriteScenario(17).run());
        assertThat(new GarbageScenario(17).run()).isEqualTo(new GarbageScenario(17).run());
    }
}
