package io.quire.registry;

import com.typesafe.config.Config;
import java.time.Duration;

/**
 * How a registry client behaves; section {@code quire.registry} of the configuration.
 *
 * @param operationTimeout the deadline of every operation
 * @param resendInterval how long to wait for an answer before asking again
 * @param backOff the shortest wait after losing to another proposer
 * @param waitingMax operations that may wait for one register
 * @param registersMax registers with a proposer of their own in memory
 * @param idBlock ledger ids reserved at once
 * @param watchPollInterval how often a watch reads linearizably behind the feed's back
 */
public record RegistrySettings(
        Duration operationTimeout,
        Duration resendInterval,
        Duration backOff,
        int waitingMax,
        int registersMax,
        int idBlock,
        Duration watchPollInterval) {
    public RegistrySettings {
        requirePositive(waitingMax, "waiting-max");
        requirePositive(registersMax, "registers-max");
        requirePositive(idBlock, "id-block");
        if (operationTimeout.compareTo(resendInterval) <= 0) {
            throw new IllegalArgumentException(
                    "quire.registry.operation-timeout must be longer than quire.registry.resend-interval");
        }
    }

    /** Reads section {@code quire.registry} of {@code root}. */
    public static RegistrySettings from(Config root) {
        Config config = root.getConfig("quire.registry");
        return new RegistrySettings(
                config.getDuration("operation-timeout"),
                config.getDuration("resend-interval"),
                config.getDuration("back-off"),
                config.getInt("waiting-max"),
                config.getInt("registers-max"),
                config.getInt("id-block"),
                config.getDuration("watch-poll-interval"));
    }

    private static void requirePositive(int value, String key) {
        if (value < 1) {
            throw new IllegalArgumentException("quire.registry." + key + " must be positive: " + value);
        }
    }
}
