package io.quire.client;

import com.typesafe.config.Config;
import io.quire.client.core.TombstoneKeeper;
import java.time.Duration;

/**
 * How deleted ledgers come to their end; section {@code quire.tombstones} of the configuration, whose {@code
 * reference.conf} explains each key.
 *
 * @param answerTimeout how long a bookie may take to confirm
 * @param tickInterval how often it is looked whether there is something to do
 */
public record TombstoneSettings(TombstoneKeeper.Settings keeper, Duration answerTimeout, Duration tickInterval) {
    private static final int PAGE_REGISTERS = 500;

    /** Reads the section from {@code root}. */
    public static TombstoneSettings from(Config root) {
        Config config = root.getConfig("quire.tombstones");
        Duration page = config.getDuration("page-interval");
        if (page.isZero() || page.isNegative()) {
            throw new IllegalArgumentException("quire.tombstones.page-interval must be positive");
        }
        return new TombstoneSettings(
                new TombstoneKeeper.Settings(
                        config.getDuration("undelete-window").toNanos(),
                        config.getDuration("walk-interval").toNanos(),
                        page.toNanos(),
                        PAGE_REGISTERS,
                        config.getInt("deleted-max")),
                config.getDuration("answer-timeout"),
                page);
    }
}
