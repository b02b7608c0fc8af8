package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LmdbKeyValueStoreTest {
    private static final Payload A = Payload.ofUtf8("a");
    private static final Payload B = Payload.ofUtf8("b");

    @TempDir
    private Path directory;

    @TempDir
    private Path temporary;

    @Nested
    @DisplayName("the contract of key-value stores")
    class Contract extends KeyValueStoreContract {
        @Override
        protected KeyValueStore open() {
            return LmdbKeyValueStore.open(directory);
        }

        @Override
        protected void crash(KeyValueStore store) {
            // LMDB may be open once in a process; a real crash is in the test that kills one.
            store.close();
        }
    }

    @Test
    @DisplayName(
            "P9: after kill -9 every transaction that was reported as durable is there whole, and at most one more")
    void killedWhileCommitting() throws Exception {
        Random random = new Random(9);
        long reported = 0;
        for (int round = 0; round < 4; round++) {
            try (ChildJvm child = ChildJvm.start(temporary, StorageChild.class, "commit", directory.toString())) {
                long killAt = reported + 20 + random.nextInt(150);
                while (reported < killAt) {
                    reported = Long.parseLong(child.readLine());
                }
                child.kill();
                for (String line = child.readLine(); line != null; line = child.readLine()) {
                    reported = Long.parseLong(line);
                }
            }
            try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
                long head = StorageChild.head(store);
                assertThat(head).isBetween(reported, reported + 1);
                verifyAllUpTo(head, store);
                reported = head;
            }
        }
    }

    private static void verifyAllUpTo(long head, KeyValueStore store) {
        int expected = 1;
        try (Snapshot snapshot = store.openSnapshot()) {
            for (long number = 1; number <= head; number++) {
                for (int part = 0; part < StorageChild.parts(number); part++) {
                    assertThat(snapshot.get(StorageChild.key(number, part))).contains(StorageChild.value(number, part));
                    expected++;
                }
            }
            List<Payload> keys = new ArrayList<>();
            snapshot.scan(Payload.EMPTY, Payload.wrap(new byte[] {-1}), (key, value) -> keys.add(key));
            assertThat(keys).hasSize(expected);
        }
    }

    @Test
    @DisplayName("P10: the file does not shrink when values go; what they took can be used again, and is told")
    void reusable() {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            Payload large = Payload.wrap(new byte[100_000]);
            for (int i = 0; i < 50; i++) {
                put(store, Payload.ofUtf8("large-" + i), large);
            }
            long size = store.sizeBytes();
            assertThat(store.reusableBytes()).isLessThan(1_000_000);
            try (Transaction transaction = store.begin()) {
                for (int i = 0; i < 50; i++) {
                    transaction.delete(Payload.ofUtf8("large-" + i));
                }
                transaction.commit();
            }
            assertThat(store.sizeBytes()).isGreaterThanOrEqualTo(size);
            assertThat(store.reusableBytes()).isBetween(5_000_000L, store.sizeBytes());
            for (int i = 0; i < 40; i++) {
                put(store, Payload.ofUtf8("larger-" + i), large);
            }
            assertThat(store.sizeBytes()).isLessThan(size + 500_000);
            assertThat(store.reusableBytes()).isLessThan(2_000_000);
        }
    }

    @Test
    @DisplayName("H61: a full map is reported as out of space; the transaction can only be dropped, the store goes on")
    void fullMap() {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory, 1 << 20)) {
            put(store, A, Payload.ofUtf8("before"));
            try (Transaction transaction = store.begin()) {
                Payload large = Payload.wrap(new byte[400_000]);
                transaction.put(B, large);
                transaction.put(Payload.ofUtf8("c"), large);
                assertThatThrownBy(() -> transaction.put(Payload.ofUtf8("d"), large))
                        .isInstanceOf(OutOfSpaceException.class);
                assertThatThrownBy(() -> transaction.put(A, A)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(transaction::commit).isInstanceOf(IllegalStateException.class);
            }
            put(store, B, Payload.ofUtf8("after"));
            try (Snapshot snapshot = store.openSnapshot()) {
                assertThat(snapshot.get(A)).contains(Payload.ofUtf8("before"));
                assertThat(snapshot.get(B)).contains(Payload.ofUtf8("after"));
            }
        }
    }

    @Test
    @DisplayName("a larger map opens a store that had run full")
    void largerMap() {
        Payload large = Payload.wrap(new byte[600_000]);
        try (KeyValueStore store = LmdbKeyValueStore.open(directory, 1 << 20)) {
            put(store, A, large);
            assertThatThrownBy(() -> put(store, B, large)).isInstanceOf(OutOfSpaceException.class);
        }
        try (KeyValueStore store = LmdbKeyValueStore.open(directory, 4 << 20)) {
            put(store, B, large);
            try (Snapshot snapshot = store.openSnapshot()) {
                assertThat(snapshot.get(A)).contains(large);
                assertThat(snapshot.get(B)).contains(large);
            }
        }
    }

    @Test
    @DisplayName("P10: 512 snapshots may be open; one more is refused, until one is closed")
    void snapshotLimit() {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            List<Snapshot> open = new ArrayList<>();
            for (int i = 0; i < 512; i++) {
                open.add(store.openSnapshot());
            }
            assertThatThrownBy(store::openSnapshot).isInstanceOf(StorageException.class);
            open.get(0).close();
            store.openSnapshot().close();
            open.forEach(Snapshot::close);
        }
    }

    @Test
    @DisplayName("transactions of several threads follow each other")
    void writersAreSerialised() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 0; thread < 4; thread++) {
                running.add(threads.submit(() -> {
                    for (int i = 0; i < 25; i++) {
                        increment(store);
                    }
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
            try (Snapshot snapshot = store.openSnapshot()) {
                assertThat(snapshot.get(A).orElseThrow().asByteBuffer().getInt())
                        .isEqualTo(100);
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static void increment(KeyValueStore store) {
        try (Transaction transaction = store.begin()) {
            int count = transaction
                    .get(A)
                    .map(value -> value.asByteBuffer().getInt())
                    .orElse(0);
            transaction.put(
                    A, Payload.wrap(ByteBuffer.allocate(4).putInt(count + 1).array()));
            transaction.commit();
        }
    }

    @Test
    @DisplayName("a handle refuses other threads instead of crashing the JVM")
    void handlesBelongToTheirThread() {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory);
                Snapshot snapshot = store.openSnapshot();
                Transaction transaction = store.begin()) {
            for (Runnable misuse : List.<Runnable>of(
                    () -> snapshot.get(A), snapshot::close, () -> transaction.put(A, A), transaction::commit)) {
                assertThatThrownBy(() -> CompletableFuture.runAsync(misuse).get())
                        .isInstanceOf(ExecutionException.class)
                        .hasCauseInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("belongs to");
            }
            transaction.put(A, A);
            transaction.commit();
        }
    }

    @Test
    @DisplayName("close waits for the snapshots of other threads and refuses new ones meanwhile")
    void closeWaits() throws Exception {
        KeyValueStore store = LmdbKeyValueStore.open(directory);
        put(store, A, B);
        CountDownLatch opened = new CountDownLatch(1);
        ExecutorService threads = Executors.newFixedThreadPool(1);
        try {
            Future<Payload> reader = threads.submit(() -> {
                try (Snapshot snapshot = store.openSnapshot()) {
                    opened.countDown();
                    while (!refusesSnapshots(store)) {
                        Thread.onSpinWait();
                    }
                    return snapshot.get(A).orElseThrow();
                }
            });
            opened.await();
            store.close();
            assertThat(reader.get()).isEqualTo(B);
        } finally {
            threads.shutdownNow();
        }
    }

    private static boolean refusesSnapshots(KeyValueStore store) {
        try (Snapshot snapshot = store.openSnapshot()) {
            return snapshot == null;
        } catch (IllegalStateException e) {
            return true;
        }
    }

    @Test
    @DisplayName("close gives up on a snapshot that nobody closes, and leaves the store as it is")
    void closeGivesUp() throws Exception {
        KeyValueStore store =
                LmdbKeyValueStore.open(directory, LmdbKeyValueStore.MAP_BYTES_DEFAULT, Duration.ofMillis(20));
        put(store, A, B);
        ExecutorService threads = Executors.newFixedThreadPool(1);
        try {
            Snapshot snapshot = threads.submit(store::openSnapshot).get();
            assertThatThrownBy(store::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("stays open");
            assertThat(threads.submit(() -> snapshot.get(A)).get()).contains(B);
            threads.submit(snapshot::close).get();
            store.close();
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    @DisplayName("H4: a data file of garbage is refused, with the directory and the reason")
    void garbage() throws IOException {
        byte[] garbage = new byte[100_000];
        new Random(4).nextBytes(garbage);
        Files.write(dataFile(), garbage);
        assertRefused("not an LMDB file");
        assertRefused("not an LMDB file");
        assertThat(Files.readAllBytes(dataFile())).isEqualTo(garbage);
    }

    @Test
    @DisplayName("H25: an empty data file is damage, not a new store")
    void emptyFile() throws IOException {
        Files.createFile(dataFile());
        assertRefused("empty");
    }

    @Test
    @DisplayName("H4: a truncated data file is refused, wherever it is cut")
    void truncated() throws IOException {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            fill(store, 1000);
        }
        long size = Files.size(dataFile());
        for (long cut : new long[] {size - 1, size - 4096, size / 2, 3 * 4096, 2 * 4096, 5000, 4096, 100}) {
            try (FileChannel channel = FileChannel.open(dataFile(), StandardOpenOption.WRITE)) {
                channel.truncate(cut);
            }
            assertRefused("cut off");
        }
    }

    @Test
    @DisplayName("an overwritten page header in a truncated file is refused")
    void overwrittenPage() throws IOException {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            fill(store, 1000);
        }
        try (FileChannel channel = FileChannel.open(dataFile(), StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(dataFile()) - 4096);
            ByteBuffer noise = ByteBuffer.allocate(4096);
            for (long page = 2; page < 6; page++) {
                channel.write(noise.clear(), page * 4096);
            }
        }
        assertRefused("damaged");
    }

    @Test
    @DisplayName("a file that ends before the last page ever taken, because that page is free, opens")
    void freePagesAtTheEnd() throws IOException {
        Random random = new Random(11);
        boolean sawShort = false;
        for (int round = 0; round < 60; round++) {
            try (KeyValueStore store = LmdbKeyValueStore.open(directory);
                    Transaction transaction = store.begin()) {
                // Taken and given back in one transaction: pages that are counted, but never written.
                for (int i = 0; i < 30; i++) {
                    transaction.put(key(random.nextInt(200)), Payload.wrap(new byte[random.nextInt(9000)]));
                }
                for (int i = 0; i < 40; i++) {
                    transaction.delete(key(random.nextInt(200)));
                }
                transaction.put(key(1000), Payload.wrap(new byte[500_000]));
                transaction.delete(key(1000));
                transaction.commit();
            }
            sawShort |= lastPage() >= Files.size(dataFile()) / 4096;
        }
        assertThat(sawShort).as("the case was met").isTrue();
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            fill(store, 100);
        }
    }

    private long lastPage() throws IOException {
        ByteBuffer pages = ByteBuffer.wrap(Files.readAllBytes(dataFile())).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        int newer = pages.getLong(144) < pages.getLong(4096 + 144) ? 4096 : 0;
        return pages.getLong(newer + 136);
    }

    @Test
    @DisplayName("what a crash left of a store being made is made anew")
    void halfMade() throws IOException {
        Files.createDirectory(directory.resolve("creating"));
        Files.createFile(directory.resolve("creating").resolve("data.mdb"));
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            put(store, A, B);
        }
        assertThat(directory.resolve("creating")).doesNotExist();
    }

    @Test
    @DisplayName("a store without its table of readers, as out of a backup, gets one and keeps its content")
    void missingReaderTable() throws IOException {
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            put(store, A, B);
        }
        Files.delete(directory.resolve("lock.mdb"));
        try (KeyValueStore store = LmdbKeyValueStore.open(directory);
                Snapshot snapshot = store.openSnapshot()) {
            assertThat(snapshot.get(A)).contains(B);
        }
        assertThat(directory.resolve("creating")).doesNotExist();
    }

    @Test
    @DisplayName("a directory that does not exist is refused, not made")
    void missingDirectory() {
        Path missing = directory.resolve("missing");
        assertThatThrownBy(() -> LmdbKeyValueStore.open(missing))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("missing");
        assertThat(missing).doesNotExist();
    }

    private void assertRefused(String reason) {
        assertThatThrownBy(() -> LmdbKeyValueStore.open(directory))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContaining(reason);
    }

    private Path dataFile() {
        return directory.resolve("data.mdb");
    }

    private static void fill(KeyValueStore store, int keys) {
        try (Transaction transaction = store.begin()) {
            for (int i = 0; i < keys; i++) {
                transaction.put(key(i), Payload.wrap(new byte[i % 50 == 0 ? 20_000 : 100]));
            }
            transaction.commit();
        }
    }

    private static Payload key(int number) {
        return Payload.wrap(ByteBuffer.allocate(4).putInt(number).array());
    }

    private static void put(KeyValueStore store, Payload key, Payload value) {
        try (Transaction transaction = store.begin()) {
            transaction.put(key, value);
            transaction.commit();
        }
    }
}
