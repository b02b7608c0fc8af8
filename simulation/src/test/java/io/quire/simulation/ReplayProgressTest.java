package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.ReplayProgress;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ReplayProgressTest {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final int MIB = 1 << 20;
    private static final BookieStore.Settings SETTINGS = new BookieStore.Settings(2 * MIB, MIB, 2, 16 * MIB, 2, 4);

    @Test
    @DisplayName("whoever opens a store hears about every MiB of journal that is replayed")
    void progress() {
        SimulatedDisk disk = new SimulatedDisk(new Random(3));
        try (BookieStore store = open(disk, 1, ReplayProgress.UNHEARD)) {
            for (int entryId = 0; entryId < 100; entryId++) {
                EntryBatch entries = EntryBatch.of(List.of(CrashPointModel.entry(1, entryId, 50_000)));
                store.append(List.of(new JournalRecord.Added(new LedgerId(1), EntryId.NONE, entries)));
            }
        }
        List<Long> heard = new ArrayList<>();
        List<Long> most = new ArrayList<>();
        try (BookieStore store = open(disk, 2, (bytes, bytesMax) -> {
            heard.add(bytes);
            most.add(bytesMax);
        })) {
            assertThat(store.replayedRecords()).isEqualTo(100);
        }
        assertThat(heard).isSorted().doesNotHaveDuplicates().hasSizeGreaterThanOrEqualTo(4);
        assertThat(heard.get(heard.size() - 1)).isBetween(5_000_000L - MIB, most.get(0));
        assertThat(most).containsOnly(10L * MIB);
    }

    private static BookieStore open(SimulatedDisk disk, long bootEpoch, ReplayProgress progress) {
        return BookieStore.open(
                STORE,
                new BootEpoch(bootEpoch),
                SETTINGS,
                BookieStore.Files.ofLmdb(disk.openFileStore("journal"), disk.openKeyValueStore("ledgers")),
                progress);
    }
}
