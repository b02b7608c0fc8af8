package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The contract over real segment files, small ones, and what only they have to promise. */
class SegmentLedgerStoreTest extends LedgerStoreContract {
    private static final int SEGMENT_BYTES = 64 << 10;
    private static final SegmentSettings SETTINGS = new SegmentSettings(SEGMENT_BYTES, 2, 150);
    private static final LedgerStore.Marks NO_MARKS = new LedgerStore.Marks(false, -1, 0);

    @TempDir
    Path segments;

    @Override
    LedgerStore openStore(KeyValueStore keyValues) {
        return new SegmentLedgerStore(BOOKIE, SETTINGS, keyValues, NioFileStore.open(segments));
    }

    @Override
    Optional<FileStore> segmentsAt(Path storeDirectory) throws IOException {
        return Optional.of(NioFileStore.open(Files.createDirectory(storeDirectory.resolve("segments"))));
    }

    @Override
    StoreKind kind() {
        return StoreKind.SEGMENTS;
    }

    private BlockLocation locationOf(LedgerId ledgerId, long firstEntryId) {
        Payload key = StoreKeys.block(ledgerId, firstEntryId);
        try (KeyValueStore.Snapshot snapshot = files.openSnapshot()) {
            return BlockLocation.decode(key, snapshot.get(key).orElseThrow().asByteBuffer());
        }
    }

    private String fileOf(long generation) {
        try (KeyValueStore.Snapshot snapshot = files.openSnapshot()) {
            return SegmentFiles.nameOf(
                    SegmentFiles.statesOf(snapshot).get(generation).fileNumber());
        }
    }

    @Override
    void damage(LedgerId ledgerId, long firstEntryId) {
        BlockLocation location = locationOf(ledgerId, firstEntryId);
        flip(fileOf(location.generation()), location.offset() + location.bytes() / 2);
    }

    private void flip(String file, long position) {
        try (FileStore store = NioFileStore.open(segments);
                FileStore.StoreFile open = store.open(file)) {
            ByteBuffer bytes = ByteBuffer.allocate(1);
            open.read(position, bytes);
            open.write(position, ByteBuffer.wrap(new byte[] {(byte) (bytes.get(0) ^ 1)}));
        }
    }

    @Override
    void housekeeping() {
        assertThat(store.compact(30_000)).isNotNegative();
    }

    private void compactAll() {
        long bytes = 1;
        while (bytes > 0) {
            bytes = store.compact(1 << 20);
        }
    }

    private void put(long ledgerId, int count, int size) {
        NavigableMap<Long, Payload> entries = new TreeMap<>();
        for (long id = 0; id < count; id++) {
            entries.put(id, entry(ledgerId, id, size));
        }
        try (LedgerStore.Writer writer = store.begin()) {
            writer.add(new LedgerId(ledgerId), entries, NO_MARKS);
            writer.commit();
        }
    }

    private void drop(long ledgerId) {
        try (LedgerStore.Writer writer = store.begin()) {
            assertThat(writer.drop(new LedgerId(ledgerId), Integer.MAX_VALUE)).isTrue();
            writer.commit();
        }
    }

    private long fileBytes() {
        try (var paths = Files.list(segments)) {
            return paths.mapToLong(path -> path.toFile().length()).sum();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    @DisplayName(
            "H57, H59, H72: adds, drops, compaction and reopening in any order end as in a plain map, in little space")
    void churn() {
        Random random = new Random(7);
        Map<Long, NavigableMap<Long, Payload>> expected = new TreeMap<>();
        for (int round = 0; round < 400; round++) {
            long ledgerId = random.nextInt(40);
            if (random.nextInt(3) == 0 && expected.remove(ledgerId) != null) {
                drop(ledgerId);
            } else {
                NavigableMap<Long, Payload> entries = entries(random, ledgerId, 900);
                try (LedgerStore.Writer writer = store.begin()) {
                    writer.add(new LedgerId(ledgerId), entries, NO_MARKS);
                    if (random.nextInt(5) > 0) {
                        writer.commit();
                        NavigableMap<Long, Payload> held = expected.computeIfAbsent(ledgerId, id -> new TreeMap<>());
                        entries.forEach(held::putIfAbsent);
                    }
                }
            }
            for (int steps = random.nextInt(4); steps > 0; steps--) {
                store.compact(1 + random.nextInt(60_000));
            }
            if (random.nextInt(20) == 0) {
                reopen();
            }
            if (round % 10 == 0) {
                check(expected, random);
            }
        }
        compactAll();
        check(expected, random);
        SegmentFigures figures = store.segmentFigures();
        assertThat(figures.copiedBytes()).isPositive();
        assertThat(figures.quarantined()).isZero();
        assertThat(figures.fileBytes()).isEqualTo(fileBytes());
        assertThat(figures.fileBytes()).isLessThan(figures.liveBytes() * 3 / 2 + 4L * SEGMENT_BYTES);
    }

    @Test
    @DisplayName("H59: dropping every ledger gives all files back but the active one and the spares")
    void dropEverything() {
        for (long ledgerId = 0; ledgerId < 20; ledgerId++) {
            put(ledgerId, 30, 3000);
        }
        assertThat(store.segmentFigures().segments()).isGreaterThan(20);
        for (long ledgerId = 0; ledgerId < 20; ledgerId++) {
            drop(ledgerId);
        }
        compactAll();
        assertThat(store.segmentFigures().liveBytes()).isZero();
        assertThat(fileBytes()).isEqualTo(3L * SEGMENT_BYTES);
        assertThat(store.segmentFigures().copiedBytes()).isZero();
    }

    @Test
    @DisplayName("R19: no file that an open reader may look at is written anew, and it reads on as if nothing happened")
    void readerKeepsSegments() {
        put(1, 60, 3000);
        LedgerId ledgerId = new LedgerId(1);
        try (LedgerStore.Reader before = store.openReader()) {
            drop(1);
            compactAll();
            for (long other = 2; other < 10; other++) {
                put(other, 60, 3000);
                compactAll();
            }
            assertThat(read(before, ledgerId, 0, 100)).hasSize(60);
            assertThat(store.segmentFigures().fileBytes())
                    .isGreaterThan(store.segmentFigures().liveBytes() + 180_000);
        }
        long files = fileBytes();
        compactAll();
        put(10, 60, 3000);
        assertThat(fileBytes()).isLessThanOrEqualTo(files);
        try (LedgerStore.Reader after = store.openReader()) {
            assertThat(read(after, ledgerId, 0, 100)).isEmpty();
            assertThat(read(after, new LedgerId(9), 0, 100)).hasSize(60);
        }
    }

    @Test
    @DisplayName("R19: readers beside writes, drops, compaction and recycling see whole ledgers or none")
    void readersBesideRecycling() {
        AtomicBoolean end = new AtomicBoolean();
        CompletableFuture<Long> reads = CompletableFuture.supplyAsync(() -> {
            long count = 0;
            Random random = new Random(3);
            while (!end.get()) {
                try (LedgerStore.Reader reader = store.openReader()) {
                    LedgerId ledgerId = new LedgerId(random.nextInt(8));
                    int found = read(reader, ledgerId, 0, 100).size();
                    assertThat(found).isIn(0, 40);
                    count += found;
                }
            }
            return count;
        });
        Random random = new Random(4);
        for (int round = 0; round < 300; round++) {
            long ledgerId = random.nextInt(8);
            drop(ledgerId);
            put(ledgerId, 40, 2000);
            store.compact(100_000);
        }
        end.set(true);
        assertThat(reads.join()).isPositive();
        assertThat(store.segmentFigures().quarantined()).isZero();
    }

    @Test
    @DisplayName("H60: a block that cannot be verified quarantines its segment alone, until it is mended")
    void quarantine() {
        // A segment holds 18 entries, of two ledgers in turn.
        for (long ledgerId = 0; ledgerId < 12; ledgerId++) {
            put(ledgerId, 9, 3000);
        }
        for (long ledgerId = 0; ledgerId < 12; ledgerId += 2) {
            drop(ledgerId);
        }
        drop(1);
        drop(3);
        damage(new LedgerId(5), 0);
        compactAll();
        assertThat(store.segmentFigures().quarantined()).isEqualTo(1);
        assertThat(store.segmentFigures().copiedBytes()).isPositive();
        try (LedgerStore.Reader reader = store.openReader()) {
            for (long ledgerId : List.of(7L, 9L, 11L)) {
                assertThat(read(reader, new LedgerId(ledgerId), 0, 100)).hasSize(9);
            }
            assertThatThrownBy(() -> read(reader, new LedgerId(5), 0, 100)).isInstanceOf(DamagedException.class);
        }
        try (LedgerStore.Writer writer = store.begin()) {
            NavigableMap<Long, Payload> copies = new TreeMap<>();
            for (long id = 0; id < 9; id++) {
                copies.put(id, entry(5, id, 3000));
            }
            writer.mend(new LedgerId(5), 0, 8, copies);
            writer.commit();
        }
        compactAll();
        assertThat(store.segmentFigures().quarantined()).isZero();
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThat(read(reader, new LedgerId(5), 0, 100)).hasSize(9);
        }
    }

    @Test
    @DisplayName("H59: a segment whose records cannot be followed is kept, although nothing seems to live in it")
    void unreadableDeadSegment() {
        put(1, 18, 3000);
        put(2, 18, 3000);
        BlockLocation first = locationOf(new LedgerId(1), 0);
        String file = fileOf(first.generation());
        drop(1);
        flip(file, first.offset() + 5);
        compactAll();
        assertThat(store.segmentFigures().quarantined()).isEqualTo(1);
        assertThat(segments.resolve(file)).exists();
    }

    @Test
    @DisplayName("H60: a segment file that is gone is an error for those who read it, and for nobody else")
    void missingSegment() throws IOException {
        put(1, 18, 3000);
        put(2, 18, 3000);
        String file = fileOf(locationOf(new LedgerId(1), 0).generation());
        store.close();
        Files.delete(segments.resolve(file));
        open();
        assertThat(store.segmentFigures().quarantined()).isEqualTo(1);
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThatThrownBy(() -> read(reader, new LedgerId(1), 0, 100))
                    .isInstanceOf(DamagedException.class)
                    .hasMessageContaining("gone");
            assertThat(read(reader, new LedgerId(2), 10, 100)).hasSize(8);
            assertThat(reader.inspect(new LedgerId(1), 0, 1 << 20).damaged()).isNotEmpty();
        }
        put(3, 18, 3000);
        drop(1);
        compactAll();
        assertThat(store.segmentFigures().quarantined()).isZero();
    }

    @Test
    @DisplayName("H59: the segments of another store are refused and left alone")
    void foreignSegments() throws IOException {
        put(1, 18, 3000);
        store.close();
        try (KeyValueStore index = io.quire.storage.LmdbKeyValueStore.open(directory, 256 << 20);
                FileStore others = NioFileStore.open(segments)) {
            assertThatThrownBy(() -> new SegmentLedgerStore(new BookieId(new UUID(5, 5)), SETTINGS, index, others))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining(BOOKIE.toString());
        }
        open();
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThat(read(reader, new LedgerId(1), 0, 100)).hasSize(18);
        }
    }

    @Test
    @DisplayName("an entry larger than a segment gets a file of its own, which goes with it")
    void largeEntry() {
        put(1, 1, 3 * SEGMENT_BYTES);
        put(2, 1, 10);
        put(3, 1, 2 << 20);
        put(2, 2, 10);
        reopen();
        try (LedgerStore.Reader reader = store.openReader()) {
            assertThat(read(reader, new LedgerId(1), 0, 9).get(0L)).isEqualTo(entry(1, 0, 3 * SEGMENT_BYTES));
            assertThat(read(reader, new LedgerId(3), 0, 9).get(0L)).isEqualTo(entry(3, 0, 2 << 20));
            assertThat(read(reader, new LedgerId(2), 0, 9)).hasSize(2);
        }
        drop(1);
        drop(3);
        compactAll();
        assertThat(fileBytes()).isLessThanOrEqualTo(4L * SEGMENT_BYTES);
    }
}
