package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BootEpoch;
import io.quire.protocol.LedgerId;
import io.quire.storage.FileStore;
import io.quire.storage.NioFileStore;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is taken from a journal of which nothing is known to be applied. */
class JournalSalvageTest {
    private static final Journal.Settings SETTINGS = new Journal.Settings(32 << 10, 16 << 10, 2);

    @TempDir
    private Path scratch;

    private void write(long epoch, JournalScan.Result before, JournalRecord... records) {
        FileStore files = NioFileStore.open(scratch);
        try (Journal journal =
                Journal.open(files, GoldenStore.BOOKIE, new BootEpoch(epoch), SETTINGS, before, generation -> {})) {
            for (JournalRecord record : records) {
                journal.add(record);
                journal.sync();
            }
            journal.closeSegment();
        }
    }

    private static JournalRecord fenced(long ledger) {
        return new JournalRecord.Fenced(new LedgerId(ledger));
    }

    @Test
    @DisplayName(
            "R20, R21: what lies behind the point where a younger segment begins was a torn tail and is left out, also"
                    + " where the younger one has no record of that number; the youngest boot is known")
    void tornTail() {
        try (FileStore files = NioFileStore.open(scratch)) {
            write(
                    1,
                    new JournalScan.Result(List.of(), 0, 0),
                    fenced(1),
                    fenced(2),
                    fenced(3),
                    fenced(4),
                    new JournalRecord.Dropped(new LedgerId(5)));
            JournalScan.Result all = new JournalScan(files, GoldenStore.BOOKIE)
                    .replay(0, (sequence, record) -> {}, ReplayProgress.UNHEARD);
            assertThat(all.lastSequence()).isEqualTo(5);
            // A boot that found a tail torn behind record 3 began a new segment there.
            write(7, new JournalScan.Result(all.segments(), 3, 0), fenced(40));

            Map<Long, JournalRecord> found = new TreeMap<>();
            JournalSalvage salvage = new JournalSalvage(files, GoldenStore.BOOKIE, 0);
            assertThat(salvage.run(found::put)).isEqualTo(5);
            assertThat(found).isEqualTo(Map.of(1L, fenced(1), 2L, fenced(2), 3L, fenced(3), 4L, fenced(40)));
            assertThat(salvage.lastBootEpoch()).isEqualTo(7);
            assertThat(BookieStore.journalBoot(files, GoldenStore.BOOKIE)).isEqualTo(new BootEpoch(7));
        }
    }
}
