package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.NavigableMap;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LmdbReaderTest {
    @TempDir
    private Path directory;

    private final Random random = new Random(12);
    private final NavigableMap<String, Payload> expected = new TreeMap<>();

    /** Enough for a tree of three levels, with values on pages of their own, and free pages. */
    @BeforeEach
    void fill() {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory, 64 << 20)) {
            for (int commit = 0; commit < 20; commit++) {
                try (Transaction transaction = store.begin()) {
                    for (int i = 0; i < 300; i++) {
                        change(transaction);
                    }
                    transaction.commit();
                }
            }
        }
    }

    private void change(Transaction transaction) {
        String key = "key-" + random.nextInt(5000) + "x".repeat(random.nextInt(60));
        if (random.nextInt(4) == 0 && !expected.isEmpty()) {
            String gone = expected.ceilingKey(key) == null ? expected.lastKey() : expected.ceilingKey(key);
            transaction.delete(Payload.ofUtf8(gone));
            expected.remove(gone);
        } else {
            byte[] value = new byte[random.nextInt(30) == 0 ? random.nextInt(20_000) : random.nextInt(100)];
            random.nextBytes(value);
            transaction.put(Payload.ofUtf8(key), Payload.copyOf(value));
            expected.put(key, Payload.copyOf(value));
        }
    }

    private static NavigableMap<String, Payload> scan(KeyValueStore store, String from, String to) {
        NavigableMap<String, Payload> found = new TreeMap<>();
        try (Snapshot snapshot = store.openSnapshot()) {
            snapshot.scan(Payload.ofUtf8(from), Payload.ofUtf8(to), (key, value) -> {
                found.put(key.toUtf8(), Payload.copyOf(value));
                return true;
            });
        }
        return found;
    }

    @Test
    @DisplayName("what LMDB wrote is read as it is, whole, by ranges, by keys and by floors")
    void readsWhatWasWritten() {
        try (LmdbReader reader = LmdbReader.open(directory);
                Snapshot snapshot = reader.openSnapshot()) {
            assertThat(scan(reader, "", "l")).isEqualTo(expected);
            assertThat(reader.requireWholeTrees()).isEqualTo(expected.size());
            for (int i = 0; i < 300; i++) {
                String key = "key-" + random.nextInt(5000);
                String end = "key-" + random.nextInt(5000);
                assertThat(scan(reader, key, end))
                        .isEqualTo(key.compareTo(end) < 0 ? expected.subMap(key, end) : new TreeMap<>());
                String floor = expected.floorKey(key);
                assertThat(snapshot.floorKey(Payload.ofUtf8(key)).map(Payload::toUtf8))
                        .isEqualTo(java.util.Optional.ofNullable(floor));
                assertThat(snapshot.get(Payload.ofUtf8(floor == null ? key : floor)))
                        .isEqualTo(java.util.Optional.ofNullable(floor).map(expected::get));
                assertThat(snapshot.get(Payload.ofUtf8(key + "-none"))).isEmpty();
            }
        }
    }

    @Test
    @DisplayName("reading changes no file, needs no table of readers, and a write is refused")
    void changesNothing() throws IOException {
        Files.delete(directory.resolve("lock.mdb"));
        byte[] before = Files.readAllBytes(directory.resolve("data.mdb"));
        try (LmdbReader reader = LmdbReader.open(directory)) {
            assertThat(scan(reader, "", "l")).hasSameSizeAs(expected);
            assertThatThrownBy(reader::begin).isInstanceOf(UnsupportedOperationException.class);
        }
        assertThat(Files.readAllBytes(directory.resolve("data.mdb"))).isEqualTo(before);
        try (var files = Files.list(directory)) {
            assertThat(files.map(file -> file.getFileName().toString())).containsExactly("data.mdb");
        }
    }

    @Test
    @DisplayName("P12: flipped bits and cut ends are reported as damage, whatever they hit, and every walk ends")
    void damage() throws IOException {
        Path data = directory.resolve("data.mdb");
        byte[] whole = Files.readAllBytes(data);
        int refused = 0;
        for (int round = 0; round < 400; round++) {
            byte[] bytes = whole.clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                // Half of them in the headers of pages, where they lead astray.
                int at = random.nextInt(bytes.length);
                at = random.nextBoolean() ? at / 4096 * 4096 + random.nextInt(64) : at;
                bytes[at] ^= (byte) (1 << random.nextInt(8));
            }
            int length = random.nextInt(5) == 0 ? random.nextInt(bytes.length) : bytes.length;
            Files.write(data, java.util.Arrays.copyOf(bytes, length));
            try (LmdbReader reader = LmdbReader.open(directory)) {
                reader.requireWholeTrees();
                scan(reader, "", "l");
                scan(reader, "key-3", "key-4");
            } catch (StorageException e) {
                assertThat(e.getMessage()).contains("data.mdb");
                refused++;
            }
        }
        assertThat(refused).isBetween(150, 400);
    }

    @Test
    @DisplayName("a directory without a store is refused with the file that is missing")
    void nothingThere() throws IOException {
        Path empty = Files.createDirectory(directory.resolve("empty"));
        assertThat(LmdbReader.isThere(empty)).isFalse();
        assertThatThrownBy(() -> LmdbReader.open(empty))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("data.mdb");
    }
}
