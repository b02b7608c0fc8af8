package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;

/**
 * A bookie's store that is closed, of whose journal one byte goes bad, and that is opened again. It may refuse; if it
 * opens, only the last group may have suffered: every group before it was durable when a later one was written, and says
 * so (R20). What it holds then survives a crash.
 *
 * <p>One run, once.
 */
final class DamagedJournalScenario {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final LedgerId LEDGER = new LedgerId(3);
    private static final int PAGE_BYTES = 4096;
    private static final int SEGMENT_BYTES = 12 * PAGE_BYTES;
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(SEGMENT_BYTES, 12_000, 2, 200_000, 3, 16);

    private final long seed;
    private final Random random;
    private final SimulatedDisk disk;
    private long boots;

    DamagedJournalScenario(long seed) {
        this.seed = seed;
        random = new Random(seed * 6007 + 5);
        random.nextInt();
        disk = new SimulatedDisk(random);
    }

    /** Runs it all. */
    public Verdict run() {
        return Verdict.of(seed, this::play);
    }

    private void play() {
        BookieStore store = open();
        int groups = 2 + random.nextInt(12);
        long entryId = 0;
        long lastGroup = 0;
        for (int i = 0; i < groups; i++) {
            List<JournalRecord> group = new ArrayList<>();
            lastGroup = entryId;
            for (int count = 1 + random.nextInt(3); count > 0; count--) {
                group.add(added(entryId++));
            }
            store.append(group);
        }
        store.close();
        damage(groups);
        List<Payload> found;
        try {
            found = read(open(), entryId);
        } catch (StorageException e) {
            return; // it says so
        }
        List<Payload> expected = new ArrayList<>();
        for (long id = 0; id < entryId; id++) {
            expected.add(BookieStoreModel.entry(LEDGER.value(), id));
        }
        assertThat(found).as("R20: entries in front of group %d", groups).hasSizeGreaterThanOrEqualTo((int) lastGroup);
        assertThat(found).as("R20: entries").isEqualTo(expected.subList(0, found.size()));
        disk.crash();
        assertThat(read(open(), entryId)).as("H65: entries after another crash").isEqualTo(found);
    }

    /** Near the start of a page, where the headers of segments and records are, and small records whole. */
    private void damage(int groups) {
        List<String> segments = disk.openFileStore("journal").list();
        String segment = segments.get(random.nextInt(segments.size()));
        int page = random.nextInt(Math.min(groups + 2, SEGMENT_BYTES / PAGE_BYTES));
        disk.flipByte("journal", segment, (long) page * PAGE_BYTES + random.nextInt(400));
    }

    private BookieStore open() {
        boots++;
        return BookieStore.open(
                STORE,
                new BootEpoch(boots),
                SETTINGS,
                BookieStore.Files.ofLmdb(disk.openFileStore("journal"), disk.openKeyValueStore("ledgers")));
    }

    private static JournalRecord added(long entryId) {
        return new JournalRecord.Added(
                LEDGER, EntryId.NONE, EntryBatch.of(List.of(BookieStoreModel.entry(LEDGER.value(), entryId))));
    }

    private static List<Payload> read(BookieStore store, long end) {
        List<Payload> found = new ArrayList<>();
        for (long id = 0; id < end; id++) {
            found.addAll(store.read(LEDGER, id, id, 1, 1).entries());
        }
        return found;
    }
}
