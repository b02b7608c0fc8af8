package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieBoot;
import io.quire.bookie.BookieSettings;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.DirectoryLock;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store on real files that is converted there and back. */
class StoreConversionTest {
    private static final long FILE_BYTES_MAX = 256L << 20;
    private static final SegmentSettings SEGMENTS = new SegmentSettings(64 << 10, 2, 150);
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(1 << 20, 200_000, 4, 400_000, 3, 4).withLedgerSegments(SEGMENTS);

    @TempDir
    Path parent;

    private Path directory;
    private BookieId bookie;
    private long boots;

    @BeforeEach
    void format() {
        directory = parent.resolve("store");
        bookie = BookieBoot.format(directory, "quire", BookieSettings.from(ConfigFactory.load()));
    }

    private BookieStore open() {
        KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), FILE_BYTES_MAX);
        Optional<FileStore> segments = StoreKind.read(ledgers) == StoreKind.SEGMENTS
                ? Optional.of(NioFileStore.open(directory.resolve("segments")))
                : Optional.empty();
        boots++;
        return BookieStore.open(
                bookie,
                new BootEpoch(boots),
                SETTINGS,
                new BookieStore.Files(NioFileStore.open(directory.resolve("journal")), ledgers, segments));
    }

    private StoreConversion.Report convert(StoreKind to) {
        return new StoreConversion(directory, to, SEGMENTS, FILE_BYTES_MAX, line -> {}).convert();
    }

    private StoreKind kind() {
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), FILE_BYTES_MAX)) {
            return StoreKind.read(ledgers);
        }
    }

    /** Some ledgers, of which the last records are only in the journal. */
    private void fill(int seed) {
        Random random = new Random(seed);
        try (BookieStore store = open()) {
            for (int i = 0; i < 200; i++) {
                LedgerId ledgerId = new LedgerId(random.nextInt(30));
                long first = seed * 1000L + i * 10L;
                List<Payload> entries = new ArrayList<>();
                for (long id = first; id < first + 5; id++) {
                    entries.add(LedgerStoreContract.entry(ledgerId.value(), id, random.nextInt(3000)));
                }
                List<JournalRecord> group = List.of(
                        switch (random.nextInt(8)) {
                            case 0 -> new JournalRecord.Fenced(ledgerId);
                            case 1 -> new JournalRecord.Recovered(ledgerId, 7, EntryBatch.of(entries));
                            case 2 -> new JournalRecord.Dropped(ledgerId);
                            default -> new JournalRecord.Added(ledgerId, first - 1, EntryBatch.of(entries));
                        });
                while (!store.hasRoomFor(group.get(0).weight())) {
                    store.flushStep();
                }
                store.append(group);
            }
        }
    }

    private Map<LedgerId, List<Object>> content() {
        Map<LedgerId, List<Object>> content = new TreeMap<>();
        try (BookieStore store = open()) {
            for (LedgerId ledgerId : store.ledgerIds(0, 1000)) {
                store.requireWhole(ledgerId);
                content.put(
                        ledgerId,
                        List.of(
                                store.ledger(ledgerId).orElseThrow(),
                                store.read(ledgerId, 0, 1_000_000, 100_000, Integer.MAX_VALUE)
                                        .entries()));
            }
        }
        return content;
    }

    /** The store as it was killed, so that its journal has to be replayed. */
    private void restore(Path copy) throws IOException {
        delete(directory);
        copy(copy, directory);
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> paths = Files.walk(from)) {
            for (Path path : paths.toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
    }

    private static void delete(Path path) throws IOException {
        try (Stream<Path> paths = Files.walk(path)) {
            for (Path file : paths.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    @Test
    @DisplayName("H57: a store is converted there and back, its journal and all that is known of ledgers with it")
    void thereAndBack() throws IOException {
        fill(1);
        Path before = parent.resolve("before");
        copy(directory, before);
        Map<LedgerId, List<Object>> expected = content();
        assertThat(expected).hasSizeGreaterThan(20);
        restore(before);

        StoreConversion.Report report = convert(StoreKind.SEGMENTS);
        assertThat(report.from()).isEqualTo(StoreKind.LMDB);
        assertThat(report.entries()).isPositive();
        assertThat(kind()).isEqualTo(StoreKind.SEGMENTS);
        assertThat(names()).containsExactly("IDENTITY", "LOCK", "journal", "ledgers", "segments");
        assertThat(content()).isEqualTo(expected);
        fill(2);
        expected = content();

        assertThat(convert(StoreKind.LMDB).bookie()).isEqualTo(bookie);
        assertThat(kind()).isEqualTo(StoreKind.LMDB);
        assertThat(names()).containsExactly("IDENTITY", "LOCK", "journal", "ledgers");
        assertThat(content()).isEqualTo(expected);
        assertThat(convert(StoreKind.LMDB))
                .isEqualTo(new StoreConversion.Report(bookie, StoreKind.LMDB, StoreKind.LMDB, 0, 0, 0));
    }

    private List<String> names() throws IOException {
        try (Stream<Path> paths = Files.list(directory)) {
            return paths.map(path -> path.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    @DisplayName("H57: wherever a conversion is cut short, the store opens as before or as after")
    void cutShort() throws IOException {
        fill(3);
        Path before = parent.resolve("before");
        copy(directory, before);
        Map<LedgerId, List<Object>> expected = content();
        restore(before);
        convert(StoreKind.SEGMENTS);
        Path after = parent.resolve("after");
        copy(directory, after);

        // Half made beside; segments in place, index not; index in place, remains beside.
        restore(before);
        copy(after.resolve("ledgers"), directory.resolve("ledgers.converting"));
        Files.createDirectory(directory.resolve("segments.converting"));
        assertThat(content()).isEqualTo(expected);
        copy(after.resolve("segments"), directory.resolve("segments"));
        delete(directory.resolve("segments.converting"));
        assertThat(content()).isEqualTo(expected);
        assertThat(kind()).isEqualTo(StoreKind.LMDB);
        convert(StoreKind.SEGMENTS);
        assertThat(content()).isEqualTo(expected);

        restore(before);
        copy(after.resolve("segments"), directory.resolve("segments"));
        Files.copy(
                after.resolve("ledgers").resolve("data.mdb"),
                directory.resolve("ledgers").resolve("data.mdb"),
                StandardCopyOption.REPLACE_EXISTING);
        Files.createDirectory(directory.resolve("ledgers.converting"));
        assertThat(kind()).isEqualTo(StoreKind.SEGMENTS);
        assertThat(content()).isEqualTo(expected);
        convert(StoreKind.LMDB);
        assertThat(names()).containsExactly("IDENTITY", "LOCK", "journal", "ledgers");
        assertThat(content()).isEqualTo(expected);

        // Back, with the segments not removed yet.
        copy(after.resolve("segments"), directory.resolve("segments"));
        assertThat(content()).isEqualTo(expected);
    }

    @Test
    @DisplayName("P7, P11: a store in use is refused, and so is what is no store")
    void refused() throws IOException {
        try (DirectoryLock lock = DirectoryLock.acquire(directory)) {
            assertThatThrownBy(() -> convert(StoreKind.SEGMENTS))
                    .isInstanceOf(StorageException.DirectoryInUseException.class);
        }
        Path empty = Files.createDirectory(parent.resolve("empty"));
        assertThatThrownBy(() ->
                        new StoreConversion(empty, StoreKind.SEGMENTS, SEGMENTS, FILE_BYTES_MAX, line -> {}).convert())
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("no store");
    }

    @Test
    @DisplayName("P10: a store that has lost a block or a ledger's state is not converted, and stays as it is")
    void damaged() throws IOException {
        fill(4);
        content();
        Payload state = StoreKeys.ledger(new LedgerId(0));
        Payload lastBlock = without(state);
        assertThatThrownBy(() -> convert(StoreKind.SEGMENTS)).isInstanceOf(DamagedException.class);
        assertThat(kind()).isEqualTo(StoreKind.LMDB);
        without(lastBlock);
        assertThatThrownBy(() -> convert(StoreKind.SEGMENTS)).isInstanceOf(DamagedException.class);
        assertThat(kind()).isEqualTo(StoreKind.LMDB);
        assertThat(names()).containsExactly("IDENTITY", "LOCK", "journal", "ledgers");
    }

    /** Removes a key; which one stood before it. */
    private Payload without(Payload key) {
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), FILE_BYTES_MAX);
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            assertThat(transaction.delete(key)).isTrue();
            Payload before = transaction.floorKey(key).orElseThrow();
            transaction.commit();
            return before;
        }
    }
}
