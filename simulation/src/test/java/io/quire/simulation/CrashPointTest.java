package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.simulation.CrashPointStore.Doing;
import io.quire.simulation.CrashPointStore.Visit;
import io.quire.simulation.SimulatedDisk.Operation;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run. */
class CrashPointTest {
    private static final int SEEDS = 3;
    private static final int SOAK_SEEDS = 1_000;

    /** What each thing that a store does is made of. */
    private static final Map<Doing, Set<Operation>> MADE_OF = new EnumMap<>(Map.of(
            Doing.FORMAT, EnumSet.allOf(Operation.class),
            Doing.BOOT_INTENT, EnumSet.of(Operation.COMMIT),
            Doing.OPEN, EnumSet.complementOf(EnumSet.of(Operation.RENAME)),
            Doing.BOOT_CONFIRMED, EnumSet.of(Operation.COMMIT),
            Doing.APPEND, EnumSet.complementOf(EnumSet.of(Operation.RENAME, Operation.DELETE)),
            Doing.FLUSH, EnumSet.of(Operation.COMMIT),
            Doing.RELEASE, EnumSet.of(Operation.DELETE),
            Doing.SALVAGE, EnumSet.complementOf(EnumSet.of(Operation.DELETE)),
            Doing.STOP, EnumSet.of(Operation.COMMIT)));

    @Test
    @DisplayName(
            "R7, R17, R20, R21, H53, H54, H55, H56, H57, H58, H64: power may fail at any operation on the disk, and"
                    + " again while the store boots: what was acknowledged is there, what was dropped is gone, the store serves on")
    void everyPoint() {
        Map<Visit, Integer> cuts = new TreeMap<>();
        Long only = Long.getLong("seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? SEEDS : only + 1); seed++) {
            CrashPointScenario scenario = new CrashPointScenario(seed);
            assertThat(scenario.run().violation()).isEmpty();
            scenario.cuts().forEach((visit, count) -> cuts.merge(visit, count, Integer::sum));
            requireRecycled(scenario.uncut());
        }
        System.out.println("Crash points: how often power failed at each kind");
        cuts.forEach((visit, count) -> System.out.println("  " + visit + " " + count));
        Set<Visit> expected = new HashSet<>();
        MADE_OF.forEach(
                (doing, operations) -> operations.forEach(operation -> expected.add(new Visit(doing, operation))));
        assertThat(cuts.keySet()).isEqualTo(expected);
    }

    /** Of the segments that appending began, some were new and some were spares. */
    private static void requireRecycled(CrashPointStore store) {
        Map<Visit, Integer> visits = store.visits();
        long begun = visits.get(new Visit(Doing.APPEND, Operation.SYNC)) - store.groups();
        long created = visits.get(new Visit(Doing.APPEND, Operation.CREATE));
        assertThat(created).isPositive().isLessThan(begun);
    }

    @Test
    @Tag("soak")
    @DisplayName("R7, R17, R20, R21: power may fail at any operation on the disk, seed after seed")
    void soak() {
        long first = Long.getLong("soak.first", 10_000);
        for (long seed = first; seed < first + Integer.getInteger("soak.seeds", SOAK_SEEDS); seed++) {
            assertThat(new CrashPointScenario(seed).run().violation()).isEmpty();
        }
    }
}
