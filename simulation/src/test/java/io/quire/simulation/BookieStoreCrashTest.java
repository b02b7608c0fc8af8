package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@code -Dseed=} replays one run. */
class BookieStoreCrashTest {
    private static final int SEEDS = 400;
    private static final int SEGMENT_SEEDS = 400;

    @Test
    @DisplayName(
            "R17, R18, R19, R20, H53, H55, H65: what was appended or seen survives every crash, and nothing else is there")
    void survivesCrashes() {
        Long only = Long.getLong("seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? SEEDS : only + 1); seed++) {
            assertThat(new BookieStoreScenario(seed).run().violation()).isEmpty();
        }
    }

    @Test
    @DisplayName(
            "R18, R19, H57, H58, H59, H65, H72: a store in segments keeps its promises, also while it drops and compacts")
    void segmentsSurviveCrashes() {
        Long only = Long.getLong("seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? SEGMENT_SEEDS : only + 1); seed++) {
            assertThat(new SegmentStoreScenario(seed).run().violation()).isEmpty();
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

    @Test
    @DisplayName("R20: newest segments that are gone are noticed, unless what they held is in the ledger store")
    void lostSegments() {
        Long only = Long.getLong("seed");
        for (long seed = only == null ? 0 : only; seed < (only == null ? SEEDS : only + 1); seed++) {
            assertThat(new LostSegmentScenario(seed).run().violation()).isEmpty();
        }
    }
}
