package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BookieStore.FlushOutcome;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;

/**
 * A bookie's store on a disk that others fill at any moment, to the brim or nearly so, and give room back on. Whoever
 * finds no room does what journal and flusher do: it refuses, keeps nothing, and tries again. What was appended stays,
 * nothing that was refused shows, and with room everything goes on.
 *
 * <p>One run, once.
 */
final class FullDiskScenario {
    private static final BookieId STORE = new BookieId(new UUID(7, 10));
    private static final long PLENTY = 1L << 34;

    private final long seed;
    private final Random random;
    private final SimulatedDisk disk;
    private final BookieStore.Settings settings;
    private final BookieStoreModel model = new BookieStoreModel();
    private final int ledgers;
    private BookieStore store;
    private long bootEpoch = 1;
    private long refusedGroups;
    private long waitedFlushes;
    private long failedBoots;

    FullDiskScenario(long seed) {
        this.seed = seed;
        random = new Random(seed * 7919 + 29);
        random.nextInt();
        disk = new SimulatedDisk(random);
        long segmentBytes = (8 + random.nextInt(8)) * 4096L;
        settings = new BookieStore.Settings(
                        segmentBytes,
                        20_000,
                        random.nextInt(4),
                        new long[] {20_000, 40_000, 120_000}[random.nextInt(3)],
                        2 + random.nextInt(2),
                        1 + random.nextInt(8))
                .withJournalBytesMax(segmentBytes * (4 + random.nextInt(8)));
        ledgers = 1 + random.nextInt(6);
    }

    /** Runs it all. */
    public Verdict run() {
        return Verdict.of(seed, this::play);
    }

    /** How often something found no room, of any kind: a scenario in which that never happens tells nothing. */
    long timesWithoutRoom() {
        return refusedGroups + waitedFlushes + failedBoots;
    }

    private void play() {
        for (int life = 2 + random.nextInt(4); life > 0; life--) {
            open();
            model.checkReopened(store, random);
            live(20 + random.nextInt(150));
            end();
        }
        open();
        model.checkReopened(store, random);
        disk.limitFreeBytes(PLENTY);
        for (int i = 0; i < 30; i++) {
            assertThat(append()).as("an append with room").isTrue();
        }
        store.rotate();
        while (store.needsFlush()) {
            assertThat(flush()).as("a flush with room").isNotEqualTo(FlushOutcome.NO_ROOM);
        }
        store.releaseJournal();
        model.check(store, random);
        end();
        open();
        model.checkReopened(store, random);
    }

    /** A boot may find no room, too; it is repeated until there is some. */
    private void open() {
        while (!boot()) {
            failedBoots++;
            changeRoom();
        }
    }

    private boolean boot() {
        FileStore journal = disk.openFileStore("journal");
        KeyValueStore ledgerFiles = disk.openKeyValueStore("ledgers");
        try {
            store = BookieStore.open(
                    STORE, new BootEpoch(bootEpoch), settings, BookieStore.Files.ofLmdb(journal, ledgerFiles));
            bootEpoch++;
            return true;
        } catch (OutOfSpaceException e) {
            ledgerFiles.close();
            journal.close();
            if (random.nextBoolean()) {
                disk.crash();
            }
            return false;
        }
    }

    private void end() {
        if (random.nextBoolean()) {
            store.close();
        } else {
            disk.crash();
        }
    }

    private void live(int steps) {
        for (int i = 0; i < steps; i++) {
            switch (random.nextInt(10)) {
                case 0 -> changeRoom();
                case 1 -> store.releaseJournal();
                case 2, 3 -> flush();
                case 4 -> rotateSometimes();
                default -> append();
            }
            assertThat(store.journalBytes()).isLessThanOrEqualTo(settings.journalBytesMax());
            if (random.nextInt(25) == 0) {
                model.check(store, random);
            }
        }
    }

    private void changeRoom() {
        switch (random.nextInt(4)) {
            case 0 -> disk.limitFreeBytes(0);
            case 1 -> disk.limitFreeBytes(random.nextInt(60_000));
            case 2 -> disk.limitFreeBytes(random.nextInt(1_000_000));
            default -> disk.limitFreeBytes(PLENTY);
        }
    }

    private void rotateSometimes() {
        if (random.nextBoolean() && !store.needsFlush()) {
            store.rotate();
        }
    }

    /** With the room that the disk shows, or, where the figures lie, with as much as one could wish. */
    private FlushOutcome flush() {
        FlushOutcome outcome = store.flushStep(random.nextBoolean() ? disk.freeBytes() - 8192 : Long.MAX_VALUE);
        waitedFlushes += outcome == FlushOutcome.NO_ROOM ? 1 : 0;
        return outcome;
    }

    /** Appends a group; false when it was refused. */
    private boolean append() {
        List<JournalRecord> records = new ArrayList<>();
        for (int count = 1 + random.nextInt(4); count > 0; count--) {
            records.add(record());
        }
        List<JournalRecord> group = records.subList(0, store.groupOf(records));
        while (!store.hasRoomFor(group.stream().mapToLong(JournalRecord::weight).sum())) {
            if (flush() == FlushOutcome.NO_ROOM) {
                refusedGroups++;
                return false;
            }
        }
        try {
            store.makeJournalRoom();
        } catch (OutOfSpaceException e) {
            refusedGroups++;
            return false;
        }
        store.append(group);
        model.appended(group);
        return true;
    }

    private JournalRecord record() {
        long ledgerId = random.nextInt(ledgers);
        int kind = random.nextInt(20);
        if (kind == 0) {
            return new JournalRecord.Fenced(new LedgerId(ledgerId));
        }
        EntryBatch entries = kind < 5 ? EntryBatch.EMPTY : EntryBatch.of(model.someEntries(ledgerId, random));
        if (kind == 19) {
            return new JournalRecord.Recovered(new LedgerId(ledgerId), 1 + random.nextInt(9), entries);
        }
        long confirmed = Math.max(EntryId.NONE, model.lastEntryId(ledgerId) - random.nextInt(5));
        return new JournalRecord.Added(new LedgerId(ledgerId), confirmed, entries);
    }
}
