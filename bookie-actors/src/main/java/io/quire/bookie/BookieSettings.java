package io.quire.bookie;

import com.typesafe.config.Config;
import io.quire.bookie.core.GarbageCollector;
import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.SegmentSettings;
import io.quire.bookie.storage.StoreKind;
import java.time.Duration;

/**
 * How a bookie behaves; section {@code quire.bookie} of the configuration, whose {@code reference.conf} explains each
 * key.
 *
 * @param kind where a store keeps its entries that is formatted now
 * @param store journal, memtables and flushing
 * @param compactionBytesPerSecond the most that compaction of segments reads and writes
 * @param replica sessions and credits
 * @param ledgerFileBytesMax the most bytes that the ledger store may grow to
 * @param journalQueueBytesMax bytes that may wait for the journal
 * @param readsMax reads under way at once
 * @param readEntriesMax entries in one answer
 * @param readBytesMax bytes in one answer
 * @param tail how readers that follow are served
 * @param tailsMax how many may follow, over all ledgers
 * @param repair how a store in limbo is repaired
 * @param scrub how what is stored is verified
 * @param freeBytesMin below this the store does not start
 * @param space what it takes on with how much room
 * @param statusInterval how often the bookie's status is published
 * @param ledgerIdleTimeout how long a ledger without sessions stays in memory
 * @param garbage how ledgers that are gone are dropped
 */
public record BookieSettings(
        StoreKind kind,
        BookieStore.Settings store,
        long compactionBytesPerSecond,
        LedgerReplica.Limits replica,
        long ledgerFileBytesMax,
        long journalQueueBytesMax,
        int readsMax,
        int readEntriesMax,
        int readBytesMax,
        TailFeed.Limits tail,
        int tailsMax,
        Repair repair,
        Scrub scrub,
        long freeBytesMin,
        SpaceSettings space,
        Duration statusInterval,
        Duration ledgerIdleTimeout,
        Garbage garbage) {
    /**
     * @throws IllegalArgumentException when they contradict each other; it names the settings
     */
    public BookieSettings {
        if (compactionBytesPerSecond < 1) {
            throw new IllegalArgumentException("segments compaction-bytes-per-second must be positive");
        }
        if (freeBytesMin > space.marks().readOnlyBelow()) {
            throw new IllegalArgumentException("quire.bookie.free-bytes-min (" + freeBytesMin
                    + ") must not be above quire.bookie.space.read-only-below ("
                    + space.marks().readOnlyBelow() + ")");
        }
        if (space.marks().fenceReserve() < store.segmentBytes()) {
            throw new IllegalArgumentException("quire.bookie.space.fence-reserve ("
                    + space.marks().fenceReserve()
                    + ") must hold a journal segment, quire.bookie.journal.segment-bytes ("
                    + store.segmentBytes() + ")");
        }
    }

    /**
     * @param interval between two rounds when the last one left something in limbo
     * @param timeout of a question to another bookie
     * @param bytesPerSecond that are copied from others
     * @param idsMax entries that are looked for at once
     * @param bytesMax encoded bytes that are asked for and journaled at once
     */
    public record Repair(Duration interval, Duration timeout, long bytesPerSecond, int idsMax, long bytesMax) {}

    /**
     * @param period in which everything is verified once
     * @param startDelay between the boot and the first step
     * @param bytesPerSecondMax that are read, also when somebody asks for haste
     * @param stepBytes that are read at once
     */
    public record Scrub(Duration period, Duration startDelay, long bytesPerSecondMax, long stepBytes) {}

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
                config.getInt("memtable.flush-commits"),
                new SegmentSettings(
                        config.getMemorySize("segments.segment-bytes").toBytes(),
                        config.getInt("segments.spares-max"),
                        config.getInt("segments.compact-above-percent")),
                config.getMemorySize("journal.bytes-max").toBytes());
        LedgerReplica.Limits replica = new LedgerReplica.Limits(
                config.getMemorySize("session.credit-bytes").toBytes(),
                config.getInt("session.per-ledger-max"),
                config.getInt("session.openings-max"));
        return new BookieSettings(
                StoreKind.ofText(config.getString("store")),
                store,
                config.getMemorySize("segments.compaction-bytes-per-second").toBytes(),
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
                new Repair(
                        config.getDuration("repair.interval"),
                        config.getDuration("repair.timeout"),
                        config.getMemorySize("repair.bytes-per-second").toBytes(),
                        config.getInt("repair.entries-max"),
                        config.getMemorySize("read.bytes-max").toBytes()),
                new Scrub(
                        config.getDuration("scrub.period"),
                        config.getDuration("scrub.start-delay"),
                        config.getMemorySize("scrub.bytes-per-second-max").toBytes(),
                        config.getMemorySize("scrub.step-bytes").toBytes()),
                config.getMemorySize("free-bytes-min").toBytes(),
                SpaceSettings.from(config.getConfig("space")),
                config.getDuration("status-interval"),
                config.getDuration("ledger-idle-timeout"),
                Garbage.from(config.getConfig("gc")));
    }
}
