package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException.DamagedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
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

/** What every ledger store does, over real files, against a plain map. */
abstract class LedgerStoreContract {
    static final LedgerId LEDGER = new LedgerId(3);
    static final BookieId BOOKIE = new BookieId(new UUID(1, 1));

    @TempDir
    Path directory;

    KeyValueStore files;
    LedgerStore store;

    /** Opens the store that {@code files} belong to. */
    abstract LedgerStore openStore(KeyValueStore files);

    /** The segments of a store at {@code directory} that is opened as a whole, if it has any. */
    abstract Optional<FileStore> segmentsAt(Path directory) throws IOException;

    /** What a store is that is formatted for this test. */
    abstract StoreKind kind();

    /** Inverts a byte of a block. */
    abstract void damage(LedgerId ledgerId, long firstEntryId);

    /** Work that goes on between commits. */
    void housekeeping() {}

    @BeforeEach
    void open() {
        files = LmdbKeyValueStore.open(directory, 256 << 20);
        store = openStore(files);
    }

    @AfterEach
    void close() {
        store.close();
    }

    final void reopen() {
        store.close();
        open();
    }

    static Payload entry(long ledgerId, long entryId, int payloadBytes) {
        return EntryFormat.encode(
                new LedgerId(ledgerId),
                entryId,
                -1,
                payloadBytes,
                Payload.wrap(new byte[payloadBytes]),
                DigestType.CRC32C);
    }

    /** Entries of random ids, in one of the shapes that writers, resends, repairs and stripes give them. */
    static NavigableMap<Long, Payload> entries(Random random, long ledgerId, int size) {
        NavigableMap<Long, Payload> entries = new TreeMap<>();
        long first = random.nextInt(300);
        int stride = 1 + random.nextInt(4);
        for (int i = random.nextInt(30); i >= 0; i--) {
            long id = first + (long) i * stride;
            entries.put(id, entry(ledgerId, id, random.nextInt(20) == 0 ? size + random.nextInt(9) : size));
        }
        return entries;
    }

    static NavigableMap<Long, Payload> read(LedgerStore.Reader reader, LedgerId ledgerId, long first, long last) {
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
            housekeeping();
            check(expected, random);
            if (random.nextInt(30) == 0) {
                reopen();
            }
        }
        check(expected, random);
    }

    final void check(Map<Long, NavigableMap<Long, Payload>> expected, Random random) {
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
        reopen();
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
    @DisplayName("R22: a ledger is dropped in steps, its state with the last of its blocks, and others stay")
    void dropInSteps() {
        Map<Long, NavigableMap<Long, Payload>> expected = new TreeMap<>();
        try (LedgerStore.Writer writer = store.begin()) {
            for (long ledgerId = 2; ledgerId <= 4; ledgerId++) {
                NavigableMap<Long, Payload> entries = new TreeMap<>();
                for (long id = 0; id < 100; id++) {
                    entries.put(id, entry(ledgerId, id, 2000));
                }
                writer.add(new LedgerId(ledgerId), entries, new LedgerStore.Marks(false, 3, 0));
                expected.put(ledgerId, entries);
            }
            writer.commit();
        }
        expected.remove(LEDGER.value());
        int steps = 0;
        boolean done = false;
        while (!done) {
            try (LedgerStore.Writer writer = store.begin()) {
                done = writer.drop(LEDGER, 2);
                writer.commit();
            }
            steps++;
            housekeeping();
            try (LedgerStore.Reader reader = store.openReader()) {
                assertThat(reader.ledger(LEDGER).isEmpty()).isEqualTo(done);
                assertThat(reader.count(LEDGER) == 0).isEqualTo(done);
            }
            check(expected, new Random(steps));
        }
        assertThat(steps).isEqualTo(4);
        try (LedgerStore.Writer writer = store.begin()) {
            assertThat(writer.drop(LEDGER, 2)).isTrue();
            assertThat(writer.drop(new LedgerId(99), 1)).isTrue();
            assertThatThrownBy(() -> writer.drop(LEDGER, 0)).isInstanceOf(IllegalArgumentException.class);
            writer.add(LEDGER, new TreeMap<>(Map.of(7L, entry(3, 7, 10))), new LedgerStore.Marks(false, -1, 0));
            writer.commit();
        }
        expected.put(LEDGER.value(), new TreeMap<>(Map.of(7L, entry(3, 7, 10))));
        reopen();
        check(expected, new Random(1));
    }

    @Test
    @DisplayName("R22: a dropped ledger can be written again in the same commit, and an open drop changes nothing")
    void dropAndAddInOneCommit() {
        NavigableMap<Long, Payload> before = new TreeMap<>(Map.of(0L, entry(3, 0, 40_000), 1L, entry(3, 1, 10)));
        addAll(before);
        try (LedgerStore.Writer writer = store.begin()) {
            assertThat(writer.drop(LEDGER, 100)).isTrue();
        }
        check(Map.of(LEDGER.value(), before), new Random(1));
        NavigableMap<Long, Payload> after = new TreeMap<>(Map.of(1L, entry(3, 1, 20)));
        try (LedgerStore.Writer writer = store.begin()) {
            assertThat(writer.drop(LEDGER, 100)).isTrue();
            assertThat(writer.add(LEDGER, after, new LedgerStore.Marks(false, -1, 0)))
                    .isZero();
            assertThat(writer.add(LEDGER, before, new LedgerStore.Marks(false, -1, 0)))
                    .isEqualTo(1);
            writer.commit();
        }
        after.put(0L, before.get(0L));
        check(Map.of(LEDGER.value(), after), new Random(1));
    }

    @Test
    @DisplayName("R22: the ids of ledgers come in pages, those without entries too, and dropped ones no more")
    void ledgerIdsInPages() {
        List<LedgerId> expected = new ArrayList<>();
        try (LedgerStore.Writer writer = store.begin()) {
            for (long id : List.of(0L, 3L, 4L, 255L, 256L, 1L << 40, Long.MAX_VALUE)) {
                NavigableMap<Long, Payload> entries = new TreeMap<>();
                if (id % 2 == 0) {
                    entries.put(id, entry(id, id, 10));
                }
                writer.add(new LedgerId(id), entries, new LedgerStore.Marks(true, -1, 0));
                expected.add(new LedgerId(id));
            }
            writer.commit();
        }
        try (LedgerStore.Writer writer = store.begin()) {
            writer.drop(new LedgerId(4), 10);
            writer.commit();
        }
        expected.remove(new LedgerId(4));
        try (LedgerStore.Reader reader = store.openReader()) {
            for (int max = 1; max < 9; max++) {
                List<LedgerId> found = new ArrayList<>();
                List<LedgerId> page = reader.ledgerIds(0, max);
                while (!page.isEmpty()) {
                    assertThat(page).hasSizeLessThanOrEqualTo(max);
                    found.addAll(page);
                    long last = page.get(page.size() - 1).value();
                    page = last == Long.MAX_VALUE ? List.of() : reader.ledgerIds(last + 1, max);
                }
                assertThat(found).isEqualTo(expected);
            }
            assertThat(reader.ledgerIds(0, 0)).isEmpty();
        }
    }

    private void addAll(NavigableMap<Long, Payload> entries) {
        try (LedgerStore.Writer writer = store.begin()) {
            writer.add(LEDGER, entries, new LedgerStore.Marks(false, -1, 0));
            writer.commit();
        }
    }

    /** One entry a block. */
    private NavigableMap<Long, Payload> largeEntries(long... ids) {
        NavigableMap<Long, Payload> entries = new TreeMap<>();
        for (long id : ids) {
            entries.put(id, entry(3, id, 33_000));
        }
        addAll(entries);
        return entries;
    }

    private List<LedgerStore.DamagedRange> inspectAll(long bytesMax, long entries) {
        List<LedgerStore.DamagedRange> damaged = new ArrayList<>();
        long good = 0;
        try (LedgerStore.Reader reader = store.openReader()) {
            OptionalLong next = OptionalLong.of(0);
            while (next.isPresent()) {
                LedgerStore.Inspection inspection = reader.inspect(LEDGER, next.getAsLong(), bytesMax);
                assertThat(inspection.bytes()).isPositive();
                assertThat(inspection.bytes()).isLessThan(bytesMax + 40_000);
                damaged.addAll(inspection.damaged());
                good += inspection.entries();
                next = inspection.next();
            }
        }
        assertThat(good).isEqualTo(entries);
        return damaged;
    }

    private void mend(LedgerStore.DamagedRange range, NavigableMap<Long, Payload> entries) {
        try (LedgerStore.Writer writer = store.begin()) {
            writer.mend(LEDGER, range.firstEntryId(), range.lastEntryId(), entries);
            writer.commit();
        }
    }

    @Test
    @DisplayName(
            "R18, P10: each damaged block is found, whatever the steps, named up to the next one, and mended alone")
    void inspectAndMend() {
        NavigableMap<Long, Payload> entries = largeEntries(0, 2, 5, 6, 20);
        assertThat(inspectAll(1, 5)).isEmpty();
        damage(LEDGER, 2);
        damage(LEDGER, 5);
        damage(LEDGER, 20);
        for (long bytesMax : new long[] {1, 50_000, 1 << 20}) {
            assertThat(inspectAll(bytesMax, 2))
                    .extracting(LedgerStore.DamagedRange::firstEntryId, LedgerStore.DamagedRange::lastEntryId)
                    .containsExactly(tuple(2L, 4L), tuple(5L, 5L), tuple(20L, EntryId.MAX));
        }
        List<LedgerStore.DamagedRange> damaged = inspectAll(1, 2);
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThatThrownBy(() -> read(reader, LEDGER, 0, 100)).isInstanceOf(DamagedException.class);
            assertThat(read(reader, LEDGER, 6, 19)).isEqualTo(entries.subMap(6L, 7L));
        }
        // The neighbour before it is still damaged; one entry more is held elsewhere.
        entries.put(4L, entry(3, 4, 10));
        mend(damaged.get(0), new TreeMap<>(entries.subMap(2L, 5L)));
        mend(damaged.get(1), new TreeMap<>(entries.subMap(5L, 6L)));
        // Nobody has it any more.
        mend(damaged.get(2), new TreeMap<>());
        entries.remove(20L);
        assertThat(inspectAll(1, 5)).isEmpty();
        reopen();
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThat(read(reader, LEDGER, 0, 100)).isEqualTo(entries);
            assertThat(reader.ledger(LEDGER).orElseThrow().entryCount())
                    .isEqualTo(5)
                    .isEqualTo(reader.count(LEDGER));
            assertThat(reader.ledger(LEDGER).orElseThrow().lastEntryId()).isEqualTo(20);
        }
    }

    @Test
    @DisplayName("R18: mending keeps what is good of a damaged block by its own digests")
    void mendKeepsWhatIsGood() {
        NavigableMap<Long, Payload> entries = new TreeMap<>();
        for (long id = 0; id < 9; id++) {
            entries.put(id, entry(3, id, 1000));
        }
        addAll(entries);
        damage(LEDGER, 0);
        LedgerStore.DamagedRange range = inspectAll(1, 0).get(0);
        mend(range, new TreeMap<>());
        assertThat(inspectAll(1, 8)).isEmpty();
        try (LedgerStore.Reader reader = store.openReader()) {
            NavigableMap<Long, Payload> found = read(reader, LEDGER, 0, 100);
            assertThat(found).hasSize(8);
            assertThat(entries).containsAllEntriesOf(found);
            assertThat(reader.count(LEDGER))
                    .isEqualTo(8)
                    .isEqualTo(reader.ledger(LEDGER).orElseThrow().entryCount());
        }
    }

    @Test
    @DisplayName(
            "R19, R24: a ledger's state is made to agree with its blocks; one that cannot be read fences and holds")
    void restate() {
        largeEntries(1, 2, 5);
        Payload lost = StoreKeys.block(LEDGER, 2);
        Payload state = StoreKeys.ledger(LEDGER);
        try (KeyValueStore.Transaction transaction = files.begin()) {
            transaction.delete(lost);
            transaction.commit();
        }
        restateLedger();
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThat(reader.ledger(LEDGER))
                    .contains(new LedgerStore.StoredLedger(new LedgerStore.Marks(false, -1, 0), 1, 5, 2));
        }
        try (KeyValueStore.Transaction transaction = files.begin()) {
            byte[] value = transaction.get(state).orElseThrow().toByteArray();
            value[9] ^= 1;
            transaction.put(state, Payload.wrap(value));
            transaction.commit();
        }
        damage(LEDGER, 5);
        restateLedger();
        try (LedgerStore.Reader reader = store.openReader()) {
            LedgerStore.StoredLedger stored = reader.ledger(LEDGER).orElseThrow();
            assertThat(stored.marks()).isEqualTo(new LedgerStore.Marks(true, -1, Long.MAX_VALUE));
            assertThat(stored.firstEntryId()).isEqualTo(1);
            assertThat(stored.lastEntryId()).isEqualTo(5);
            assertThat(stored.entryCount()).isEqualTo(2);
        }
    }

    private void restateLedger() {
        try (LedgerStore.Writer writer = store.begin()) {
            writer.restate(LEDGER);
            writer.commit();
        }
    }

    @Test
    @DisplayName("R18: blocks damaged in a row are mended in any order")
    void mendBackwards() {
        NavigableMap<Long, Payload> entries = largeEntries(0, 1, 2);
        damage(LEDGER, 0);
        damage(LEDGER, 1);
        List<LedgerStore.DamagedRange> damaged = inspectAll(1, 1);
        mend(damaged.get(1), new TreeMap<>(entries.subMap(1L, 2L)));
        mend(damaged.get(0), new TreeMap<>(entries.subMap(0L, 1L)));
        check(Map.of(LEDGER.value(), entries), new Random(1));
    }

    @Test
    @DisplayName("R18: what was flushed behind a damaged last block before it was mended is merged, not overlapped")
    void mendAfterFlush() {
        NavigableMap<Long, Payload> entries = largeEntries(0, 10);
        damage(LEDGER, 10);
        LedgerStore.DamagedRange range = inspectAll(1, 1).get(0);
        NavigableMap<Long, Payload> later = new TreeMap<>();
        for (long id = 12; id < 20; id += 2) {
            later.put(id, entry(3, id, 10));
        }
        addAll(later);
        entries.putAll(later);
        NavigableMap<Long, Payload> copies = new TreeMap<>(entries.tailMap(10L));
        copies.put(13L, entry(3, 13, 10));
        copies.put(17L, entry(3, 17, 10));
        entries.putAll(copies);
        mend(range, copies);
        check(Map.of(LEDGER.value(), entries), new Random(1));
        // A second mending finds nothing damaged and takes nothing away.
        mend(range, new TreeMap<>(Map.of(10L, entries.get(10L))));
        check(Map.of(LEDGER.value(), entries), new Random(1));
    }

    @Test
    @DisplayName(
            "R17, R19: only the last of many commits moves the applied position, and readers beside it miss nothing")
    void readsBesideFlushes(@TempDir Path elsewhere) throws IOException {
        Path journal = Files.createDirectory(elsewhere.resolve("journal"));
        Path ledgers = Files.createDirectory(elsewhere.resolve("ledgers"));
        BookieStore.Settings settings = new BookieStore.Settings(1 << 20, 200_000, 4, 1_000_000, 3, 16);
        LmdbKeyValueStore ledgerFiles = LmdbKeyValueStore.open(ledgers, 256 << 20);
        kind().write(ledgerFiles);
        BookieStore.Files parts = new BookieStore.Files(NioFileStore.open(journal), ledgerFiles, segmentsAt(elsewhere));
        try (BookieStore bookie = BookieStore.open(BOOKIE, new BootEpoch(1), settings, parts)) {
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
