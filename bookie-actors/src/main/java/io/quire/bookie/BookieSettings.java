package io.quire.bookie;

import com.typesafe.config.Config;
import io.quire.bookie.core.GarbageCollector;
import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import java.time.Duration;

/**
 * How a bookie behaves; section {@code quire.bookie} of the configuration, whose {@code reference.conf} explains each
 * key.
 *
 * @param store journal, memtables and flushing
 * @param replica sessions and credits
 * @param ledgerFileBytesMax the most bytes that the ledger store may grow to
 * @param journalQueueBytesMax bytes that may wait for the journal
 * @param readsMax reads under way at once
 * @param readEntriesMax entries in one answer
 * @param readBytesMax bytes in one answer
 * @param tail how readers that follow are served
 * @param tailsMax how many may follow, over all ledgers
 * @param freeBytesMin below this the store does not start, and turns read-only
 * @param statusInterval how often the bookie's status is published
 * @param ledgerIdleTimeout how long a ledger without sessions stays in memory
 * @param garbage how ledgers that are gone are dropped
 */
public record BookieSettings(
        BookieStore.Settings store,
        LedgerReplica.Limits replica,
        long ledgerFileBytesMax,
        long journalQueueBytesMax,
        int readsMax,
        int readEntriesMax,
        int readBytesMax,
        TailFeed.Limits tail,
        int tailsMax,
        long freeBytesMin,
        Duration statusInterval,
        Duration ledgerIdleTimeout,
        Garbage garbage) {
    /**
     * Section {@code quire.bookie.gc}.
     *
     * @param interval from the end of one run to the next
     */
    public record Garbage(Duration interval, GarbageCollector.Settings collector) {
        private static final int PAGE_LEDGERS = 500;
        private static final int IN_PROGRESS_MAX = 64;
        private static final int CANDIDATES_MAX = 100_000;
        private static final Duration DROP_TIMEOUT = Duration.ofSeconds(30);

        private static Garbage from(Config config) {
            if (config.getDuration("interval").isZero()) {
                throw new IllegalArgumentException("quire.bookie.gc.interval must be positive");
            }
            return new Garbage(
                    config.getDuration("interval"),
                    new GarbageCollector.Settings(
                            PAGE_LEDGERS,
                            IN_PROGRESS_MAX,
                            config.getInt("register-reads-per-second"),
                            config.getInt("drops-per-second"),
                            config.getDouble("share-max"),
                            config.getInt("ledgers-min"),
                            CANDIDATES_MAX,
                            DROP_TIMEOUT.toNanos()));
        }
    }

    /** Reads section {@code quire.bookie} of {@code root}. */
    public static BookieSettings from(Config root) {
        Config config = root.getConfig("quire.bookie");
        BookieStore.Settings store = new BookieStore.Settings(
                config.getMemorySize("journal.segment-bytes").toBytes(),
                Math.toIntExact(config.getMemorySize("journal.group-bytes-max").toBytes()),
                config.getInt("journal.spares-max"),
                config.getMemorySize("memtable.bytes").toBytes(),
                config.getInt("memtable.count-max"),
                config.getInt("memtable.flush-commits"));
        LedgerReplica.Limits replica = new LedgerReplica.Limits(
                config.getMemorySize("session.credit-bytes").toBytes(),
                config.getInt("session.per-ledger-max"),
                config.getInt("session.openings-max"));
        return new BookieSettings(
                store,
                replica,
                config.getMemorySize("ledger-file-bytes-max").toBytes(),
                config.getMemorySize("journal.queue-bytes-max").toBytes(),
                config.getInt("read.in-progress-max"),
                config.getInt("read.entries-max"),
                Math.toIntExact(config.getMemorySize("read.bytes-max").toBytes()),
                new TailFeed.Limits(
                        config.getInt("tail.per-ledger-max"),
                        Math.toIntExact(
                                config.getMemorySize("tail.push-bytes-max").toBytes()),
                        config.getMemorySize("tail.credit-bytes-max").toBytes(),
                        config.getDuration("tail.heartbeat-interval").toNanos(),
                        config.getDuration("tail.silence-timeout").toNanos()),
                config.getInt("tail.subscriptions-max"),
                config.getMemorySize("free-bytes-min").toBytes(),
                config.getDuration("status-interval"),
                config.getDuration("ledger-idle-timeout"),
                Garbage.from(config.getConfig("gc")));
    }
}
