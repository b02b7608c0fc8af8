package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.StoreKind;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code -Dseed=} replays one run. */
class BookieStoreCrashTest {
    private static final int SEEDS = 700;

    @ParameterizedTest
    @EnumSource(StoreKind.class)
    @DisplayName(
            "R17, R18, R19, R20, H53, H55, H57, H65, H72: what was appended or seen survives every crash, and nothing else is there")
    void survivesCrashes(StoreKind kind) {
        Long only = Long.getLong("seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? SEEDS : only + 1); seed++) {
            assertThat(new BookieStoreScenario(seed, kind).run().violation()).isEmpty();
        }
    }

    @Test
    @DisplayName(
            "R20: a bad byte in the journal is reported, or took nothing that was durable when the next group came")
    void damagedJournal() {
        Long only = Long.getLong("seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? SEEDS : only + 1); seed++) {
            assertThat(new DamagedJournalScenario(seed).run().violation()).isEmpty();
        }
    }
}
