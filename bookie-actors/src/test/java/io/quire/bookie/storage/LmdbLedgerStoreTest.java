package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The ledger store over real LMDB, against a plain map. */
class LmdbLedgerStoreTest {
    private static final LedgerId LEDGER = new LedgerId(3);

    @TempDir
    Path directory;

    private KeyValueStore files;
    private LmdbLedgerStore store;

    @BeforeEach
    void open() {
        files = LmdbKeyValueStore.open(directory, 256 << 20);
        store = new LmdbLedgerStore(files);
    }

    @AfterEach
    void close() {
        store.close();
    }

    private static Payload entry(long ledgerId, long entryId, int payloadBytes) {
        return EntryFormat.encode(
                new LedgerId(ledgerId),
                entryId,
                -1,
                payloadBytes,
                Payload.wrap(new byte[payloadBytes]),
                DigestType.CRC32C);
    }

    /** Entries of random ids, in one of the shapes that writers, resends, repairs and stripes give them. */
    private static NavigableMap<Long, Payload> entries(Random random, long ledgerId, int size) {
        NavigableMap<Long, Payload> entries = new TreeMap<>();
        long first = random.nextInt(300);
        int stride = 1 + random.nextInt(4);
        for (int i = random.nextInt(30); i >= 0; i--) {
            long id = first + (long) i * stride;
            entries.put(id, entry(ledgerId, id, random.nextInt(20) == 0 ? size + random.nextInt(9) : size));
        }
        return entries;
    }

    private static NavigableMap<Long, Payload> read(
            LedgerStore.Reader reader, LedgerId ledgerId, long first, long last) {
        TreeMap<Long, Payload> found = new TreeMap<>();
        List<Long> order = new ArrayList<>();
        reader.read(ledgerId, first, last, (id, encoded) -> {
            found.put(id, encoded);
            order.add(id);
            return true;
        });
        assertThat(order).isSorted().hasSize(found.size());
        return found;
    }

    @Test
    @DisplayName("R18: random gaps, resends, replays and other bytes end as in a plain map, and the counts agree")
    void againstAPlainMap() {
        Random random = new Random(42);
        Map<Long, NavigableMap<Long, Payload>> expected = new TreeMap<>();
        for (int commit = 0; commit < 150; commit++) {
            try (LedgerStore.Writer writer = store.begin()) {
                for (int i = random.nextInt(4); i >= 0; i--) {
                    long ledgerId = random.nextInt(3);
                    NavigableMap<Long, Payload> entries = entries(random, ledgerId, (int) ledgerId * 700 + 10);
                    NavigableMap<Long, Payload> held = expected.computeIfAbsent(ledgerId, id -> new TreeMap<>());
                    long conflicts =
                            writer.add(new LedgerId(ledgerId), entries, new LedgerStore.Marks(false, commit, 0));
                    long expectedConflicts = 0;
                    for (var entry : entries.entrySet()) {
                        Payload older = held.putIfAbsent(entry.getKey(), entry.getValue());
                        expectedConflicts += older != null && !older.equals(entry.getValue()) ? 1L : 0L;
                    }
                    assertThat(conflicts).isEqualTo(expectedConflicts);
                }
                writer.commit();
            }
            check(expected, random);
        }
    }

    private void check(Map<Long, NavigableMap<Long, Payload>> expected, Random random) {
        try (LedgerStore.Reader reader = store.openReader()) {
            expected.forEach((id, held) -> {
                LedgerId ledgerId = new LedgerId(id);
                LedgerStore.StoredLedger stored = reader.ledger(ledgerId).orElseThrow();
                assertThat(stored.entryCount()).isEqualTo(held.size()).isEqualTo(reader.count(ledgerId));
                assertThat(stored.firstEntryId()).isEqualTo(held.firstKey());
                assertThat(stored.lastEntryId()).isEqualTo(held.lastKey());
                long first = random.nextInt(400);
                long last = first + random.nextInt(100);
                assertThat(read(reader, ledgerId, first, last)).isEqualTo(held.subMap(first, true, last, true));
                assertThat(read(reader, ledgerId, 0, Long.MAX_VALUE - 1)).isEqualTo(held);
            });
        }
    }

    @Test
    @DisplayName("R17, H56: an open commit changes nothing, and the applied position never goes back")
    void appliedPosition() {
        try (LedgerStore.Writer writer = store.begin()) {
            writer.add(LEDGER, new TreeMap<>(), new LedgerStore.Marks(true, 4, 0));
            writer.applied(9);
        }
        assertThat(store.appliedSequence()).isZero();
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThat(reader.ledger(LEDGER)).isEmpty();
        }
        try (LedgerStore.Writer writer = store.begin()) {
            writer.add(LEDGER, new TreeMap<>(), new LedgerStore.Marks(true, 4, 0));
            writer.applied(9);
            writer.commit();
        }
        try (LedgerStore.Writer writer = store.begin()) {
            writer.add(LEDGER, new TreeMap<>(), new LedgerStore.Marks(false, 2, 7));
            assertThatThrownBy(() -> writer.applied(8)).isInstanceOf(IllegalStateException.class);
        }
        store.close();
        open();
        assertThat(store.appliedSequence()).isEqualTo(9);
        try (LedgerStore.Reader reader = store.openReader()) {
            LedgerStore.StoredLedger stored = reader.ledger(LEDGER).orElseThrow();
            assertThat(stored.marks()).isEqualTo(new LedgerStore.Marks(true, 4, 0));
        }
    }

    @Test
    @DisplayName("R24: the version at which a copy is held only rises; a value from before there were any means none")
    void heldAt() {
        for (long heldAt : List.of(7L, 3L, 0L)) {
            try (LedgerStore.Writer writer = store.begin()) {
                writer.add(LEDGER, new TreeMap<>(), new LedgerStore.Marks(false, -1, heldAt));
                writer.commit();
            }
            try (LedgerStore.Reader reader = store.openReader()) {
                assertThat(reader.ledger(LEDGER).orElseThrow().marks().heldAt()).isEqualTo(7);
            }
        }
        Payload key = Fields.encode(9, out -> out.put((byte) 'l').putLong(LEDGER.value()));
        try (KeyValueStore.Transaction transaction = files.begin()) {
            transaction.put(key, GuardedValue.encode(key, 64, out -> {
                Fields.putBoolean(out, true);
                out.putLong(5).putLong(0).putLong(9).putLong(10);
            }));
            transaction.commit();
        }
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThat(reader.ledger(LEDGER))
                    .contains(new LedgerStore.StoredLedger(new LedgerStore.Marks(true, 5, 0), 0, 9, 10));
        }
    }

    @Test
    @DisplayName(
            "R17, R19: only the last of many commits moves the applied position, and readers beside it miss nothing")
    void readsBesideFlushes(@TempDir Path elsewhere) throws IOException {
        Path journal = Files.createDirectory(elsewhere.resolve("journal"));
        Path ledgers = Files.createDirectory(elsewhere.resolve("ledgers"));
        BookieStore.Settings settings = new BookieStore.Settings(1 << 20, 200_000, 4, 1_000_000, 3, 16);
        LmdbKeyValueStore ledgerFiles = LmdbKeyValueStore.open(ledgers, 256 << 20);
        try (BookieStore bookie = BookieStore.open(
                new BookieId(new UUID(1, 1)), new BootEpoch(1), settings, NioFileStore.open(journal), ledgerFiles)) {
            AtomicLong appended = new AtomicLong();
            CompletableFuture<Long> reads = CompletableFuture.supplyAsync(() -> readWhile(bookie, appended));
            Payload applied = Payload.ofUtf8("m/applied");
            int commits = 0;
            for (long id = 0; id < 4000; id += 50) {
                List<Payload> batch = new ArrayList<>();
                for (long i = id; i < id + 50; i++) {
                    batch.add(entry(LEDGER.value(), i, 1000));
                }
                JournalRecord record = new JournalRecord.Added(LEDGER, id - 1, EntryBatch.of(batch));
                while (!bookie.hasRoomFor(record.weight())) {
                    var before = positionOf(ledgerFiles, applied);
                    boolean flushed = bookie.flushStep();
                    assertThat(positionOf(ledgerFiles, applied).equals(before)).isEqualTo(!flushed);
                    commits++;
                }
                bookie.append(List.of(record));
                appended.set(id + 50);
                bookie.releaseJournal();
            }
            appended.set(Long.MAX_VALUE);
            assertThat(commits).isGreaterThan(16);
            assertThat(reads.join()).isPositive();
            bookie.requireWhole(LEDGER);
        }
    }

    private static List<Payload> positionOf(LmdbKeyValueStore store, Payload key) {
        try (var snapshot = store.openSnapshot()) {
            return snapshot.get(key).stream().toList();
        }
    }

    /** Reads what was appended until everything is; how often. */
    private static long readWhile(BookieStore bookie, AtomicLong appended) {
        Random random = new Random(1);
        long reads = 0;
        for (long end = appended.get(); end != Long.MAX_VALUE; end = appended.get()) {
            if (end > 0) {
                long first = (long) (random.nextDouble() * end);
                long last = Math.min(end - 1, first + random.nextInt(40));
                BookieStore.EntryRange range = bookie.read(LEDGER, first, last, 1000, 1 << 20);
                assertThat(range.coveredTo()).isEqualTo(last + 1);
                assertThat(range.entries()).hasSize((int) (last - first + 1));
                reads++;
            }
        }
        return reads;
    }
}
