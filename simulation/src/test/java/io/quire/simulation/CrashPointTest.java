package io.quire.simulation;

import static java.util.stream.Collectors.groupingBy;
import static java.util.stream.Collectors.joining;
import static java.util.stream.Collectors.mapping;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.StoreKind;
import io.quire.simulation.CrashPointStore.Visit;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run. */
class CrashPointTest {
    private static final int SEEDS = 3;
    private static final int SEGMENTS_SEEDS = 1;
    private static final int SOAK_SEEDS = 1_000;
    private static final int SEGMENTS_SOAK_SEEDS = 300;

    /** What each thing that a store does is made of, by place. */
    private static final String MADE_OF = """
            FORMAT ledgers: COMMIT
            FORMAT root: CREATE ZERO_FILL WRITE SYNC RENAME DELETE
            BOOT_INTENT ledgers: COMMIT
            OPEN journal: CREATE ZERO_FILL HEADER SYNC DELETE
            OPEN ledgers: COMMIT
            BOOT_CONFIRMED ledgers: COMMIT
            APPEND journal: CREATE ZERO_FILL HEADER RECYCLE WRITE SYNC
            APPEND ledgers: COMMIT
            FLUSH ledgers: COMMIT
            RELEASE journal: DELETE
            SALVAGE journal: CREATE ZERO_FILL HEADER SYNC RENAME
            SALVAGE ledgers: COMMIT
            STOP ledgers: COMMIT
            """;

    private static final String SEGMENTS_MADE_OF = """
            FORMAT ledgers: COMMIT
            FORMAT root: CREATE ZERO_FILL WRITE SYNC RENAME DELETE
            BOOT_INTENT ledgers: COMMIT
            OPEN journal: CREATE ZERO_FILL HEADER SYNC DELETE
            OPEN ledgers: COMMIT
            OPEN segments: CREATE ZERO_FILL HEADER RECYCLE WRITE SYNC DELETE
            BOOT_CONFIRMED ledgers: COMMIT
            APPEND journal: CREATE ZERO_FILL HEADER RECYCLE WRITE SYNC
            APPEND ledgers: COMMIT
            FLUSH ledgers: COMMIT
            FLUSH segments: CREATE ZERO_FILL HEADER RECYCLE WRITE SYNC
            RELEASE journal: DELETE
            COMPACT ledgers: COMMIT
            COMPACT segments: CREATE ZERO_FILL HEADER RECYCLE WRITE SYNC DELETE
            SALVAGE journal: CREATE ZERO_FILL HEADER SYNC RENAME
            SALVAGE ledgers: COMMIT
            SALVAGE segments: RECYCLE WRITE SYNC
            STOP ledgers: COMMIT
            """;

    @Test
    @DisplayName(
            "R7, R17, R20, R21, H53, H54, H55, H56, H57, H58, H64: power may fail at any operation on the disk, and"
                    + " again while the store boots: what was acknowledged is there, what was dropped is gone, the store serves on")
    void everyPoint() {
        assertThat(kindsOf(cutEverywhere(StoreKind.LMDB, SEEDS))).isEqualTo(MADE_OF);
    }

    @Test
    @DisplayName(
            "R17, R22, H57, H58, H59, H72: power may fail at any operation on segments, those of compaction too, and"
                    + " again while the store boots: what was acknowledged is there, what was dropped is gone, space is given back")
    void everyPointOfSegments() {
        assertThat(kindsOf(cutEverywhere(StoreKind.SEGMENTS, SEGMENTS_SEEDS))).isEqualTo(SEGMENTS_MADE_OF);
    }

    /** How often power failed at each kind of operation. */
    private static Map<Visit, Integer> cutEverywhere(StoreKind kind, int seeds) {
        Map<Visit, Integer> cuts = new TreeMap<>();
        Long only = Long.getLong("seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? seeds : only + 1); seed++) {
            CrashPointScenario scenario = new CrashPointScenario(seed, kind);
            assertThat(scenario.run().violation()).isEmpty();
            scenario.cuts().forEach((visit, count) -> cuts.merge(visit, count, Integer::sum));
        }
        System.out.println(
                "Crash points of a store of kind " + kind.text() + ": how often power failed at each kind, of "
                        + cuts.values().stream().mapToInt(Integer::intValue).sum());
        cuts.forEach((visit, count) -> System.out.println("  " + visit + " " + count));
        return cuts;
    }

    /** One line for all that is done for one purpose in one place. */
    private static String kindsOf(Map<Visit, Integer> cuts) {
        Map<String, String> kinds = cuts.keySet().stream()
                .collect(groupingBy(
                        visit -> visit.doing() + " " + visit.where(),
                        LinkedHashMap::new,
                        mapping(visit -> visit.step().name(), joining(" "))));
        StringBuilder lines = new StringBuilder();
        kinds.forEach(
                (kind, steps) -> lines.append(kind).append(": ").append(steps).append('\n'));
        return lines.toString();
    }

    @Test
    @Tag("soak")
    @DisplayName("R7, R17, R20, R21: power may fail at any operation on the disk, seed after seed")
    void soak() {
        soak(StoreKind.LMDB, SOAK_SEEDS);
    }

    @Test
    @Tag("soak")
    @DisplayName("R17, R22, H57, H58, H59, H72: power may fail at any operation on segments, seed after seed")
    void soakOfSegments() {
        soak(StoreKind.SEGMENTS, SEGMENTS_SOAK_SEEDS);
    }

    private static void soak(StoreKind kind, int seeds) {
        long first = Long.getLong("soak.first", 10_000);
        for (long seed = first; seed < first + Integer.getInteger("soak.seeds", seeds); seed++) {
            assertThat(new CrashPointScenario(seed, kind).run().violation()).isEmpty();
        }
    }
}
