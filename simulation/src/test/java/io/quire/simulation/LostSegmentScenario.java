package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.storage.StorageException;
import java.util.List;
import java.util.Random;
import java.util.UUID;

/**
 * A bookie's store that is stopped, whose journal loses its newest segments, and that is opened again: it refuses, or
 * holds all that it had (R20).
 *
 * <p>One run, once.
 */
final class LostSegmentScenario {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final LedgerId LEDGER = new LedgerId(3);
    private static final String JOURNAL = "journal";
    private static final BookieStore.Settings SETTINGS = new BookieStore.Settings(8 * 4096, 12_000, 1, 60_000, 3, 4);

    private final long seed;
    private final Random random;
    private final SimulatedDisk disk;
    private long boots;
    private long entryId;

    LostSegmentScenario(long seed) {
        this.seed = seed;
        random = new Random(seed * 5003 + 3);
        random.nextInt();
        disk = new SimulatedDisk(random);
    }

    /** Runs it all. */
    public Verdict run() {
        return Verdict.of(seed, this::play);
    }

    private void play() {
        for (int life = 1 + random.nextInt(3); life > 0; life--) {
            live();
        }
        List<String> segments = disk.openFileStore(JOURNAL).list();
        int lost = 1 + random.nextInt(segments.size());
        // New files have higher names than all before them, and only recycled ones do not: take from the end.
        segments.subList(segments.size() - lost, segments.size()).forEach(name -> disk.remove(JOURNAL, name));
        BookieStore store;
        try {
            store = open();
        } catch (StorageException e) {
            assertThat(e.getMessage()).isNotBlank().doesNotContain("\n");
            return;
        }
        for (long id = 0; id < entryId; id++) {
            assertThat(store.read(LEDGER, id, id, 1, 1).entries())
                    .as("R20: entry %d of %d, %d segments lost", id, entryId, lost)
                    .containsExactly(BookieStoreModel.entry(LEDGER.value(), id));
        }
    }

    private void live() {
        BookieStore store = open();
        for (int group = random.nextInt(30); group > 0; group--) {
            JournalRecord record = new JournalRecord.Added(
                    LEDGER, EntryId.NONE, EntryBatch.of(List.of(BookieStoreModel.entry(LEDGER.value(), entryId++))));
            store.append(List.of(record));
            if (random.nextInt(20) == 0) {
                store.rotate();
                while (store.needsFlush()) {
                    store.flushStep();
                }
                store.releaseJournal();
            }
        }
        store.close();
    }

    private BookieStore open() {
        boots++;
        return BookieStore.open(
                STORE,
                new BootEpoch(boots),
                SETTINGS,
                BookieStore.Files.ofLmdb(disk.openFileStore(JOURNAL), disk.openKeyValueStore("ledgers")));
    }
}
