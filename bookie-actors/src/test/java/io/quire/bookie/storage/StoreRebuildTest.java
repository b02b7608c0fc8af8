package io.quire.bookie.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.BootEpoch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.DirectoryLock;
import io.quire.storage.FileStore;
import io.quire.storage.Finding;
import io.quire.storage.FormatVersion;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.NewerFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A small store whose ledger store cannot be opened, or can. */
class StoreRebuildTest {
    private static final long MAP_BYTES = 1 << 20;
    private static final Payload BOOT = Payload.ofUtf8("m/boot");

    @TempDir
    private Path scratch;

    private Path directory;
    private Path data;

    @BeforeEach
    void unpack() {
        directory = GoldenStore.unpack(scratch.resolve("store"));
        data = directory.resolve("ledgers/data.mdb");
    }

    private StoreRebuild.Report rebuild() {
        return new StoreRebuild(directory, MAP_BYTES).rebuild();
    }

    /** Nothing is changed by a refusal, but for the lock's text. */
    private void assertRefused(String... words) throws IOException {
        List<String> before = content();
        assertThatThrownBy(this::rebuild)
                .isInstanceOf(StorageException.class)
                .satisfies(failure -> assertThat(failure.getMessage()).contains(words));
        assertThat(content()).isEqualTo(before);
    }

    private List<String> content() throws IOException {
        try (Stream<Path> files = Files.walk(scratch)) {
            return files.filter(file -> !file.endsWith(FileStore.LOCK_NAME))
                    .sorted()
                    .map(file -> file + " " + (Files.isRegularFile(file) ? Arrays.hashCode(bytesOf(file)) : 0))
                    .toList();
        }
    }

    private static byte[] bytesOf(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** Both heads, so that neither tree is found. */
    private void damage() throws IOException {
        byte[] bytes = Files.readAllBytes(data);
        Arrays.fill(bytes, 0, 2 * 4096, (byte) 0);
        Files.write(data, bytes);
    }

    private KeyValueStore openLedgers() {
        return LmdbKeyValueStore.open(directory.resolve("ledgers"), MAP_BYTES);
    }

    private void put(Payload key, Payload value) {
        try (KeyValueStore ledgers = openLedgers();
                Transaction transaction = ledgers.begin()) {
            transaction.put(key, value);
            transaction.commit();
        }
    }

    /** What the next boot does with the journal. */
    private <T> T booted(Function<BookieStore, T> look) {
        KeyValueStore ledgers = openLedgers();
        Optional<FileStore> segments = StoreKind.read(ledgers) == StoreKind.SEGMENTS
                ? Optional.of(NioFileStore.open(directory.resolve("segments")))
                : Optional.empty();
        BookieStore.Files files =
                new BookieStore.Files(NioFileStore.open(directory.resolve("journal")), ledgers, segments);
        BootEpoch epoch = new BootEpoch(4);
        assertThatThrownBy(() -> BookieStore.open(GoldenStore.BOOKIE, epoch, GoldenStore.SETTINGS, files))
                .isInstanceOf(DamagedJournalException.class)
                .hasMessageContaining("was rebuilt");
        BookieStore.salvage(GoldenStore.BOOKIE, epoch, GoldenStore.SETTINGS, files, "");
        try (BookieStore store = BookieStore.open(GoldenStore.BOOKIE, epoch, GoldenStore.SETTINGS, files)) {
            return look.apply(store);
        }
    }

    private static List<Long> idsOf(BookieStore store, long ledger) {
        return store.read(new LedgerId(ledger), 0, 20, 20, 1 << 20).entries().stream()
                .map(io.quire.protocol.EntryFormat::entryIdOf)
                .toList();
    }

    @Test
    @DisplayName("a store that can be opened is refused, whatever else is wrong with it: there is nothing to rebuild")
    void canBeOpened() throws IOException {
        assertRefused("can be opened", "nothing to rebuild");
        Files.write(directory.resolve("journal/segment-00000002"), new byte[8192]);
        assertRefused("nothing to rebuild");
    }

    @Test
    @DisplayName("P11: a store in use is refused with its process")
    void inUse() throws IOException {
        damage();
        try (DirectoryLock lock = DirectoryLock.acquire(directory)) {
            assertRefused(lock.directory() + " is in use by");
        }
    }

    @Test
    @DisplayName("what is no store is refused, and is not made one")
    void noStore() throws IOException {
        directory = Files.createDirectory(scratch.resolve("empty"));
        assertRefused("holds no store");
        directory = scratch.resolve("nothing");
        assertRefused("is not a directory");
        assertThat(scratch.resolve("empty")).isEmptyDirectory();
    }

    @Test
    @DisplayName("R7, H25: without a good identity nothing is rebuilt; a copy of the file is asked for")
    void identity() throws IOException {
        damage();
        Path identity = directory.resolve("IDENTITY");
        byte[] bytes = Files.readAllBytes(identity);
        Files.writeString(identity, Files.readString(identity).replace("bookie 0", "bookie 1"));
        assertRefused("IDENTITY is damaged", "restore it from a copy");
        Files.delete(identity);
        assertRefused("no identity", "put back a copy of the file IDENTITY");
        Files.write(identity, bytes);
        rebuild();
    }

    @Test
    @DisplayName("P11: a ledger store of another bookie, or of a newer version, is not damaged: it is refused")
    void foreignOrNewer() throws IOException {
        Files.writeString(data.resolveSibling("keep"), "");
        Path saved = Files.copy(data, scratch.resolve("saved"));
        put(BOOT, GuardedValue.encode(BOOT, 128, out -> {
            out.put(new byte[16]).putLong(2).put(new byte[17]).put((byte) 1).putInt(0);
        }));
        assertRefused("put together from two stores");
        Files.copy(saved, data, StandardCopyOption.REPLACE_EXISTING);
        Payload format = Payload.ofUtf8("m/format");
        put(format, GuardedValue.encode(format, 4, out -> out.putInt(99)));
        assertThatThrownBy(this::rebuild).isInstanceOf(NewerFormatException.class);
        assertThat(directory.resolve("damaged-1")).doesNotExist();
    }

    @ParameterizedTest
    @DisplayName("R7, R21: a ledger store that is cut off, overwritten, emptied or gone is set aside whole; the new one"
            + " has lost everything, knows no boot, and is of the same bookie")
    @ValueSource(strings = {"cut", "heads", "pages", "boot", "file", "directory"})
    void rebuilt(String what) throws IOException {
        byte[] bytes = Files.readAllBytes(data);
        switch (what) {
            case "cut" -> Files.write(data, Arrays.copyOf(bytes, bytes.length / 2));
            case "heads" -> damage();
            case "pages" -> {
                Arrays.fill(bytes, 2 * 4096, bytes.length, (byte) 7);
                Files.write(data, bytes);
            }
            case "boot" -> put(BOOT, Payload.ofUtf8("no boot record"));
            case "file" -> Files.delete(data);
            default -> {
                Files.delete(data);
                Files.deleteIfExists(data.resolveSibling("lock.mdb"));
                Files.delete(data.getParent());
            }
        }
        assertThat(StoreDoctor.examine(directory, 0)).anySatisfy(finding -> {
            assertThat(finding.part()).isEqualTo("ledgers");
            assertThat(finding.advice()).contains("./quire store rebuild --dir " + directory);
        });
        byte[] left = Files.exists(data) ? Files.readAllBytes(data) : null;

        StoreRebuild.Report report = rebuild();
        assertThat(report.bookie()).isEqualTo(GoldenStore.BOOKIE);
        assertThat(report.kind()).isEqualTo(StoreKind.LMDB);
        assertThat(report.aside().isEmpty()).isEqualTo(what.equals("directory"));
        if (left != null) {
            assertThat(directory.resolve("damaged-1/ledgers/data.mdb")).hasBinaryContent(left);
        }
        try (KeyValueStore ledgers = openLedgers()) {
            assertThat(BootRecord.read(ledgers)).isEqualTo(BootRecord.lost(GoldenStore.BOOKIE));
            FormatVersion.require(ledgers, "the ledger store");
            Limbo limbo = new Limbo(ledgers);
            assertThat(limbo.isEverything()).isTrue();
            assertThat(limbo.isSalvaging()).isTrue();
        }
        assertRefused("nothing to rebuild");
        assertThat(StoreDoctor.examine(directory, 0).stream().filter(Finding::isWrong))
                .isEmpty();
    }

    @Test
    @DisplayName(
            "R17, R20, R21: all that the journal still has is saved into the new store, also what was applied once;"
                    + " fences and drops count, and nothing is denied")
    void journalSaved() throws IOException {
        damage();
        assertThat(rebuild().journalSegments()).isPositive();
        booted(store -> {
            assertThat(store.limbo().isEverything()).isTrue();
            assertThat(store.limbo().contains(new LedgerId(3))).isTrue();
            assertThat(store.limbo().contains(new LedgerId(1000))).isTrue();
            assertThat(idsOf(store, 3)).contains(5L, 6L, 7L);
            assertThat(idsOf(store, 6)).contains(3L);
            assertThat(store.ledger(new LedgerId(6)).orElseThrow().fenced()).isTrue();
            assertThat(idsOf(store, 5)).isEmpty();
            return true;
        });
    }

    @Test
    @DisplayName("R21: without any journal the new store opens as well, and has lost everything")
    void noJournal() throws IOException {
        damage();
        try (Stream<Path> segments = Files.list(directory.resolve("journal"))) {
            for (Path segment : segments.toList()) {
                Files.delete(segment);
            }
        }
        assertThat(rebuild().journalSegments()).isZero();
        booted(store -> {
            assertThat(store.limbo().isEverything()).isTrue();
            assertThat(idsOf(store, 3)).isEmpty();
            return true;
        });
    }

    @Test
    @DisplayName(
            "of a store of kind segments the segments are set aside with their index, and the new one is of that kind")
    void segments() throws IOException {
        new StoreConversion(directory, StoreKind.SEGMENTS, SegmentSettings.DEFAULT, MAP_BYTES, line -> {}).convert();
        damage();
        StoreRebuild.Report report = rebuild();
        assertThat(report.kind()).isEqualTo(StoreKind.SEGMENTS);
        assertThat(directory.resolve("segments")).isEmptyDirectory();
        assertThat(directory.resolve("damaged-1/segments")).isNotEmptyDirectory();
        booted(store -> assertThat(idsOf(store, 3)).contains(7L));
    }

    @Test
    @DisplayName("a rebuild that was cut short, wherever, leaves a store that cannot be opened, and may be repeated")
    void cutShort() throws IOException {
        new StoreConversion(directory, StoreKind.SEGMENTS, SegmentSettings.DEFAULT, MAP_BYTES, line -> {}).convert();
        damage();
        Files.createDirectory(directory.resolve("ledgers.rebuilding"));
        Files.writeString(directory.resolve("ledgers.rebuilding/data.mdb"), "half made");
        Files.createDirectory(directory.resolve("segments.rebuilding"));
        Path aside = Files.createDirectory(directory.resolve("damaged-1"));
        Files.move(directory.resolve("ledgers"), aside.resolve("ledgers"));
        Files.move(directory.resolve("segments"), aside.resolve("segments"));
        StoreRebuild.Report report = rebuild();
        assertThat(report.kind()).isEqualTo(StoreKind.SEGMENTS);
        assertThat(report.aside()).isEmpty();
        assertThat(directory.resolve("ledgers.rebuilding")).doesNotExist();

        // Once more, cut off before the last rename.
        Files.move(directory.resolve("ledgers"), directory.resolve("ledgers.rebuilding"));
        assertThat(rebuild().aside()).contains(directory.resolve("damaged-2"));
        booted(store -> assertThat(idsOf(store, 3)).contains(7L));
    }
}
