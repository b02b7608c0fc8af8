package io.quire.client.log;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.quire.client.log.LogFight.Flaw;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Named logs under many schedules, with crashes and lost answers. */
class LogFightTest {
    private static final int SEEDS = 100;

    @Test
    @DisplayName("R26, H92, H95, H96: no record that was acknowledged is lost, doubled or out of order, whoever fights")
    void nothingIsLost() {
        int takeovers = 0;
        long acknowledged = 0;
        for (long seed = 0; seed < SEEDS; seed++) {
            LogFight fight = new LogFight(seed, Flaw.NONE);
            try {
                fight.run();
            } catch (AssertionError e) {
                throw new AssertionError("seed " + seed, e);
            }
            takeovers += fight.takeovers();
            acknowledged += fight.acknowledged();
        }
        // It happened at all.
        assertThat(takeovers).isGreaterThan(10 * SEEDS);
        assertThat(acknowledged).isGreaterThan(50L * SEEDS);
    }

    @ParameterizedTest
    @EnumSource(value = Flaw.class, mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    @DisplayName("what the layers below do not keep is noticed")
    void flawsAreNoticed(Flaw flaw) {
        for (long seed = 0; seed < SEEDS; seed++) {
            try {
                new LogFight(seed, flaw).run();
            } catch (AssertionError e) {
                return;
            }
        }
        fail("nobody noticed " + flaw);
    }
}
