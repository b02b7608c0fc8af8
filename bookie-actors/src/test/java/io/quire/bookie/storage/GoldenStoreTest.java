package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.StoreInspection.HeldLedger;
import io.quire.bookie.storage.StoreInspection.JournalEntry;
import io.quire.bookie.storage.StoreInspection.JournalSegment;
import io.quire.bookie.storage.StoreInspection.SegmentEnd;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.Finding;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A directory that version 1 of the layout made is read and gone on with; {@code -Dgolden.rewrite=true} makes it anew. */
class GoldenStoreTest {
    @TempDir
    private Path scratch;

    @BeforeAll
    static void rewrite(@TempDir Path directory) throws IOException {
        if (Boolean.getBoolean("golden.rewrite")) {
            GoldenStore.make(directory);
            GoldenStore.pack(directory);
        }
    }

    private static List<Payload> read(BookieStore store, long ledgerId) {
        return store.read(new LedgerId(ledgerId), 0, EntryId.MAX, 100, 1 << 20).entries();
    }

    private static List<Payload> entries(long ledgerId, int payloadBytes, DigestType digest, long... ids) {
        return LongStream.of(ids)
                .mapToObj(id -> GoldenStore.entry(ledgerId, id, payloadBytes, digest))
                .toList();
    }

    @Test
    @DisplayName("R20: its journal is replayed, and every ledger holds exactly what it did")
    void opened() {
        Path directory = GoldenStore.unpack(scratch.resolve("store"));
        KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 1 << 20);
        assertThat(BootRecord.read(ledgers))
                .extracting(BootRecord::bookieId, BootRecord::confirmed, BootRecord::clean, BootRecord::clusterId)
                .containsExactly(GoldenStore.BOOKIE, new BootEpoch(2), false, "cluster-1");
        assertThat(StoreIdentity.read(NioFileStore.open(directory)))
                .isEqualTo(new StoreIdentity(GoldenStore.BOOKIE, "quire"));
        try (BookieStore store = BookieStore.open(
                GoldenStore.BOOKIE,
                new BootEpoch(3),
                GoldenStore.SETTINGS,
                BookieStore.Files.ofLmdb(NioFileStore.open(directory.resolve("journal")), ledgers))) {
            assertThat(store.replayedRecords()).isEqualTo(5);
            assertThat(store.conflicts()).isZero();
            assertThat(read(store, 3)).isEqualTo(entries(3, 50, DigestType.CRC32C, 0, 1, 2, 3, 4, 5, 6, 7));
            assertThat(read(store, 4)).isEqualTo(entries(4, 5000, DigestType.CRC32, 0, 1));
            assertThat(read(store, 6)).isEqualTo(entries(6, 60, DigestType.CRC32C, 0, 1, 3));
            assertThat(store.ledger(new LedgerId(3))).contains(new BookieStore.LedgerView(false, 7, 7, 0));
            assertThat(store.ledger(new LedgerId(4))).contains(new BookieStore.LedgerView(true, 0, 1, 0));
            assertThat(store.ledger(new LedgerId(5))).isEmpty();
            assertThat(store.ledger(new LedgerId(6))).contains(new BookieStore.LedgerView(true, -1, 3, 10));
            assertThat(store.ledger(new LedgerId(7))).isEmpty();
        }
    }

    @Test
    @DisplayName("looked into without a start it shows what is in the ledger store, and the records behind it")
    void lookedInto() {
        Path directory = GoldenStore.unpack(scratch.resolve("store"));
        try (StoreInspection store = StoreInspection.open(directory)) {
            List<HeldLedger> ledgers = new ArrayList<>();
            store.ledgers(ledgers::add);
            assertThat(ledgers)
                    .extracting(HeldLedger::ledgerId, HeldLedger::entries, HeldLedger::lastAddConfirmed)
                    .containsExactly(tuple(3L, 5L, 3L), tuple(4L, 2L, 0L), tuple(5L, 10L, -1L), tuple(6L, 2L, -1L));
            assertThat(store.unapplied()).isEqualTo(5);
            List<JournalSegment> segments = store.segments();
            assertThat(segments)
                    .extracting(JournalSegment::generation, JournalSegment::lastSequence, JournalSegment::end)
                    .containsExactly(
                            tuple(1L, 4L, SegmentEnd.WHOLE),
                            tuple(2L, 7L, SegmentEnd.WHOLE),
                            tuple(3L, 12L, SegmentEnd.WHOLE));
            List<JournalEntry> records = new ArrayList<>();
            segments.forEach(segment -> store.records(segment, records::add));
            assertThat(records)
                    .extracting(record -> record.kind() + " " + record.ledgerId() + " " + record.entries())
                    .containsExactly(
                            "added 3 5",
                            "added 4 2",
                            "fenced 4 0",
                            "added 5 10",
                            "recovered 6 2",
                            "added 7 1",
                            "dropped 7 0",
                            "added 3 3",
                            "recovered 6 1",
                            "fenced 6 0",
                            "dropped 5 0",
                            "added 3 0");
            List<Finding> findings = new ArrayList<>();
            assertThat(StoreVerification.run(store, findings::add))
                    .as("%s", findings)
                    .isTrue();
        }
        assertThat(StoreDoctor.examine(directory, 0)).noneMatch(Finding::isWrong);
    }

    private static org.assertj.core.groups.Tuple tuple(Object... values) {
        return org.assertj.core.groups.Tuple.tuple(values);
    }

    @Test
    @DisplayName("it is small")
    void small() throws IOException {
        assertThat(Files.size(GoldenStore.FILE)).isLessThan(32 << 10);
    }
}
