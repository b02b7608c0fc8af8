package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.SegmentSettings;
import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;

/**
 * A bookie's store on a disk that loses power and fails, checked against what it has promised.
 *
 * <p>One run, once.
 */
final class BookieStoreScenario {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final int NEVER = 1 << 30;

    private final long seed;
    private final StoreKind kind;
    /** What only a store in segments does is chosen apart, so that both kinds live through the same otherwise. */
    private final Random segmentChoices;

    private final Random random;
    private final SimulatedDisk disk;
    private final BookieStore.Settings settings;
    private final BookieStoreModel model = new BookieStoreModel();
    private final int ledgers;
    private final boolean rotatesOften;
    private BookieStore store;
    private long bootEpoch = 1;

    BookieStoreScenario(long seed) {
        this(seed, StoreKind.LMDB);
    }

    BookieStoreScenario(long seed, StoreKind kind) {
        this.seed = seed;
        this.kind = kind;
        segmentChoices = new Random(seed * 104_729 + 5);
        random = new Random(seed * 7919 + 17);
        random.nextInt();
        disk = new SimulatedDisk(random);
        int groupBytesMax = 20_000;
        long[] memtables = {20_000, 40_000, 120_000};
        settings = new BookieStore.Settings(
                        (8 + random.nextInt(8)) * 4096L,
                        groupBytesMax,
                        random.nextInt(4),
                        memtables[random.nextInt(memtables.length)],
                        2 + random.nextInt(2),
                        1 + random.nextInt(8))
                .withLedgerSegments(new SegmentSettings(
                        (4 + segmentChoices.nextInt(20)) * 4096L,
                        segmentChoices.nextInt(3),
                        110 + segmentChoices.nextInt(60)));
        ledgers = 1 + random.nextInt(6);
        rotatesOften = random.nextInt(3) > 0;
    }

    /** Runs it all. */
    public Verdict run() {
        return Verdict.of(seed, this::play);
    }

    private void play() {
        try (KeyValueStore formatted = disk.openKeyValueStore("ledgers")) {
            kind.write(formatted);
        }
        int lives = 2 + random.nextInt(4);
        for (int life = 0; life < lives; life++) {
            open();
            try {
                live(5 + random.nextInt(120));
            } catch (StorageException e) {
                assertThat(e).hasMessageContaining("simulated failure");
            }
            end();
        }
        open();
    }

    /** Opening may fail too, as often as it likes: nothing may get lost by that. */
    private void open() {
        for (int failures = random.nextInt(3); failures > 0; failures--) {
            faults(4);
            try {
                boot();
                end();
            } catch (StorageException e) {
                assertThat(e).hasMessageContaining("simulated failure");
                noFaults();
                disk.crash();
            }
        }
        noFaults();
        boot();
        model.checkReopened(store, random);
    }

    private void boot() {
        store = BookieStore.open(
                STORE,
                new BootEpoch(bootEpoch),
                settings,
                new BookieStore.Files(
                        disk.openFileStore("journal"),
                        disk.openKeyValueStore("ledgers"),
                        kind == StoreKind.SEGMENTS ? Optional.of(disk.openFileStore("segments")) : Optional.empty()));
        bootEpoch++;
    }

    /** The process ends, with or without the power of the machine. */
    private void end() {
        noFaults();
        if (random.nextBoolean()) {
            store.close();
        } else {
            disk.crash();
        }
    }

    private void live(int steps) {
        if (random.nextInt(3) == 0) {
            faults(steps);
        }
        for (int i = 0; i < steps; i++) {
            switch (random.nextInt(8)) {
                case 0 -> rotateIfOften();
                case 1 -> store.releaseJournal();
                case 2, 3 -> store.flushStep();
                default -> append();
            }
            if (kind == StoreKind.SEGMENTS) {
                dropOrCompact();
            }
            if (random.nextInt(25) == 0) {
                model.check(store, random);
            }
        }
    }

    /** Mostly early, when a memtable goes down in one commit; in some runs when it is full and takes many. */
    private void rotateIfOften() {
        if (rotatesOften) {
            store.rotate();
        }
    }

    private void dropOrCompact() {
        if (segmentChoices.nextInt(12) == 0) {
            append(List.of(new JournalRecord.Dropped(new LedgerId(segmentChoices.nextInt(ledgers)))));
        }
        if (segmentChoices.nextInt(3) == 0) {
            store.compactStep(1 + segmentChoices.nextInt(40_000));
            assertThat(store.segmentFigures().quarantined()).isZero();
        }
    }

    private void append() {
        List<JournalRecord> records = new ArrayList<>();
        for (int count = 1 + random.nextInt(4); count > 0; count--) {
            records.add(record());
        }
        append(records.subList(0, store.groupOf(records)));
    }

    private void append(List<JournalRecord> group) {
        while (!store.hasRoomFor(group.stream().mapToLong(JournalRecord::weight).sum())) {
            store.flushStep();
        }
        try {
            store.append(group);
            model.appended(group);
        } catch (StorageException e) {
            model.appendFailed(group);
            throw e;
        }
    }

    private JournalRecord record() {
        long ledgerId = random.nextInt(ledgers);
        int kind = random.nextInt(20);
        if (kind == 0) {
            return new JournalRecord.Fenced(new LedgerId(ledgerId));
        }
        EntryBatch entries = kind < 3 ? EntryBatch.EMPTY : EntryBatch.of(model.someEntries(ledgerId, random));
        if (kind == 19) {
            return new JournalRecord.Recovered(new LedgerId(ledgerId), 1 + random.nextInt(9), entries);
        }
        long confirmed = Math.max(EntryId.NONE, model.lastEntryId(ledgerId) - random.nextInt(5));
        return new JournalRecord.Added(new LedgerId(ledgerId), confirmed, entries);
    }

    private void faults(int within) {
        if (random.nextBoolean()) {
            disk.failSync(1 + random.nextInt(within));
        } else {
            disk.failCommit(1 + random.nextInt(1 + within / 8));
        }
    }

    private void noFaults() {
        disk.failSync(NEVER);
        disk.failCommit(NEVER);
    }
}
