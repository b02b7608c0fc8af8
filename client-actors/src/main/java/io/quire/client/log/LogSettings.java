package io.quire.client.log;

import com.typesafe.config.Config;
import io.quire.protocol.Replication;
import java.time.Duration;

/**
 * How a log is written; section {@code quire.client.log} of the configuration, whose {@code reference.conf} explains each
 * key. A log remembers none of it: each writer brings its own.
 *
 * @param replication of its ledgers
 * @param rollBytes payload bytes after which a new ledger is begun, at least 1
 * @param rollAge age after which the next append begins a new ledger
 * @param waitingBytesMax payload bytes that may wait while a ledger is begun
 * @param producersMax producers whose last append is remembered, at least 1
 */
public record LogSettings(
        Replication replication, long rollBytes, Duration rollAge, long waitingBytesMax, int producersMax) {
    private static final int PRODUCERS_LIMIT = 1000;

    public LogSettings {
        if (rollBytes < 1 || rollAge.isNegative() || rollAge.isZero()) {
            throw new IllegalArgumentException(
                    "a ledger is closed after some bytes and some time, not " + rollBytes + " bytes and " + rollAge);
        }
        if (producersMax < 1 || producersMax > PRODUCERS_LIMIT) {
            throw new IllegalArgumentException(
                    "quire.client.log.producers-max must lie in [1, " + PRODUCERS_LIMIT + "]: " + producersMax);
        }
    }

    /** Reads the section from {@code root}. */
    public static LogSettings from(Config root) {
        Config log = root.getConfig("quire.client.log");
        return new LogSettings(
                new Replication(log.getInt("ensemble-size"), log.getInt("write-quorum"), log.getInt("ack-quorum")),
                log.getMemorySize("roll-bytes").toBytes(),
                log.getDuration("roll-age"),
                log.getMemorySize("waiting-bytes-max").toBytes(),
                log.getInt("producers-max"));
    }

    public LogSettings withReplication(Replication other) {
        return new LogSettings(other, rollBytes, rollAge, waitingBytesMax, producersMax);
    }

    public LogSettings withRollBytes(long bytes) {
        return new LogSettings(replication, bytes, rollAge, waitingBytesMax, producersMax);
    }

    public LogSettings withRollAge(Duration age) {
        return new LogSettings(replication, rollBytes, age, waitingBytesMax, producersMax);
    }
}
