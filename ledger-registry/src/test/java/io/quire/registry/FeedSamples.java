package io.quire.registry;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Deletion;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;

/** Ledgers, bookies and buckets for the tests of the feed. */
final class FeedSamples {
    /** Small limits: three closed ledgers a bucket, eight open ones. */
    static final FeedSettings SETTINGS = new FeedSettings(1, 3, 8, 4096);

    private FeedSamples() {}

    static BookieId bookieId(int number) {
        return new BookieId(new UUID(0x5157_4952_4500_4000L, number));
    }

    static Versioned<LedgerMetadata> open(long ledgerId, long version) {
        Ensemble ensemble = new Ensemble(List.of(bookieId(1), bookieId(2), bookieId(3)));
        return new Versioned<>(
                version,
                LedgerMetadata.create(
                        new LedgerId(ledgerId), Replication.DEFAULT, ensemble, Map.of("v", "" + version), 1000));
    }

    static Versioned<LedgerMetadata> closed(long ledgerId, long version) {
        return new Versioned<>(version, open(ledgerId, version).value().closed(9, 900, List.of()));
    }

    static Versioned<LedgerMetadata> purged(long ledgerId, long version) {
        return new Versioned<>(version, open(ledgerId, version).value().withDeletion(Deletion.PURGED));
    }

    static BookieStatus bookie(int number, long bootEpoch, long sequence, String node) {
        return new BookieStatus(
                bookieId(number),
                new BootEpoch(bootEpoch),
                sequence,
                "bookie-" + number,
                node,
                "pekko://quire@" + node + "/user/bookie-" + number,
                BookieStatus.State.WRITABLE,
                1L << 30,
                1L << 40,
                Map.of("rack", "r" + number % 2, "zone", "z1"),
                List.of("DISK_FULL"));
    }

    /** A register's life: open up to version 3, then closed, then purged; now and then a value that breaks it. */
    static Versioned<LedgerMetadata> randomLedger(Random random) {
        long ledgerId = random.nextInt(12);
        int version = 1 + random.nextInt(5);
        if (random.nextInt(10) == 0) {
            return random.nextBoolean() ? closed(ledgerId, version) : open(ledgerId, version);
        }
        return version <= 3 ? open(ledgerId, version) : version == 4 ? closed(ledgerId, 4) : purged(ledgerId, 5);
    }

    static BookieStatus randomBookie(Random random) {
        return bookie(random.nextInt(4), 1 + random.nextInt(2), random.nextInt(3), "node-" + random.nextInt(2));
    }

    static FeedBucket randomBucket(Random random) {
        List<Versioned<LedgerMetadata>> ledgers = new ArrayList<>();
        for (int i = random.nextInt(8); i > 0; i--) {
            ledgers.add(randomLedger(random));
        }
        List<BookieStatus> bookies = new ArrayList<>();
        for (int i = random.nextInt(3); i > 0; i--) {
            bookies.add(randomBookie(random));
        }
        return FeedBucket.of(random.nextInt(10) - 1, ledgers, bookies);
    }

    /** What a node does to a bucket when it publishes. */
    static FeedBucket published(FeedBucket bucket, Versioned<LedgerMetadata> ledger) {
        return bucket.with(ledger, SETTINGS)
                .forgettingEnded(Set.of(ledger.value().ledgerId()), SETTINGS);
    }
}
