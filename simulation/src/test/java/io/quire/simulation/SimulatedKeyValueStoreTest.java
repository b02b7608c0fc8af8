package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.KeyValueStoreContract;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class SimulatedKeyValueStoreTest {
    private static final Payload A = Payload.ofUtf8("a");
    private static final Payload B = Payload.ofUtf8("b");
    private static final Payload OLD = Payload.ofUtf8("old");
    private static final Payload NEW = Payload.ofUtf8("new");

    private final SimulatedDisk disk = new SimulatedDisk(new Random(1));

    @Nested
    @DisplayName("the contract of key-value stores")
    class Contract extends KeyValueStoreContract {
        @Override
        protected KeyValueStore open() {
            return disk.openKeyValueStore("ledgers");
        }

        @Override
        protected void crash(KeyValueStore store) {
            disk.crash();
        }
    }

    @Test
    @DisplayName("a crash loses the open transaction, keeps the committed ones and voids every handle")
    void crash() {
        KeyValueStore store = disk.openKeyValueStore("s");
        put(store, A, OLD);
        Snapshot snapshot = store.openSnapshot();
        Transaction transaction = store.begin();
        transaction.put(A, NEW);
        disk.crash();
        assertThatThrownBy(() -> snapshot.get(A)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(transaction::commit).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(store::openSnapshot).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(store::begin).isInstanceOf(IllegalStateException.class);
        KeyValueStore after = disk.openKeyValueStore("s");
        assertThat(get(after, A)).contains(OLD);
        snapshot.close();
        transaction.close();
        store.close();
        put(after, A, NEW);
        assertThat(get(after, A)).contains(NEW);
    }

    @Test
    @DisplayName("H53: the chosen commit fails, durable or not by chance but whole; the store takes no other")
    void failedCommit() {
        TreeSet<Boolean> durable = new TreeSet<>();
        for (int seed = 0; seed < 40; seed++) {
            SimulatedDisk failing = new SimulatedDisk(new Random(seed));
            KeyValueStore store = failing.openKeyValueStore("s");
            failing.failCommit(2);
            put(store, A, OLD);
            Transaction transaction = store.begin();
            transaction.put(A, NEW);
            transaction.put(B, NEW);
            assertThatThrownBy(transaction::commit).isInstanceOf(StorageException.class);
            assertThatThrownBy(store::begin).isInstanceOf(StorageException.class);
            assertThat(get(store, A)).contains(OLD);
            if (seed % 2 == 0) {
                failing.crash();
            }
            store.close();
            KeyValueStore after = failing.openKeyValueStore("s");
            boolean isDurable = get(after, B).isPresent();
            assertThat(get(after, A)).contains(isDurable ? NEW : OLD);
            put(after, B, OLD);
            durable.add(isDurable);
        }
        assertThat(durable).containsExactly(false, true);
    }

    @Test
    @DisplayName("P10, H61: without room for a page neither a put nor a deletion is taken, and nothing is changed")
    void outOfSpace() {
        KeyValueStore store = disk.openKeyValueStore("s");
        put(store, A, OLD);
        disk.limitFreeBytes(4000);
        try (Transaction transaction = store.begin()) {
            assertThatThrownBy(() -> transaction.delete(A)).isInstanceOf(OutOfSpaceException.class);
            assertThatThrownBy(transaction::commit).isInstanceOf(IllegalStateException.class);
        }
        try (Transaction transaction = store.begin()) {
            assertThatThrownBy(() -> transaction.put(B, NEW)).isInstanceOf(OutOfSpaceException.class);
        }
        disk.limitFreeBytes(10_000);
        put(store, B, NEW);
        assertThat(get(store, A)).contains(OLD);
        assertThat(get(store, B)).contains(NEW);
    }

    @Test
    @DisplayName("H61: a disk that runs full before the commit fails it, and nothing of it is durable")
    void outOfSpaceAtCommit() {
        KeyValueStore store = disk.openKeyValueStore("s");
        Transaction transaction = store.begin();
        transaction.put(A, Payload.wrap(new byte[1000]));
        disk.limitFreeBytes(0);
        assertThatThrownBy(transaction::commit).isInstanceOf(OutOfSpaceException.class);
        assertThatThrownBy(store::begin).isInstanceOf(StorageException.class);
        disk.crash();
        assertThat(get(disk.openKeyValueStore("s"), A)).isEmpty();
    }

    @Test
    @DisplayName("values are flipped, stores damaged and removed on the medium")
    void damage() {
        KeyValueStore store = disk.openKeyValueStore("s");
        put(store, A, Payload.copyOf(new byte[] {1, 2, 3}));
        disk.flipValueByte("s", A, 1);
        assertThat(get(store, A)).contains(Payload.copyOf(new byte[] {1, ~2, 3}));
        assertThatThrownBy(() -> disk.damage("s")).isInstanceOf(IllegalStateException.class);
        disk.crash();
        disk.damage("s");
        assertThatThrownBy(() -> disk.openKeyValueStore("s"))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("damaged");
        disk.remove("s");
        assertThat(get(disk.openKeyValueStore("s"), A)).isEmpty();
        assertThat(disk.freeBytes()).isEqualTo(disk.totalBytes());
    }

    private static void put(KeyValueStore store, Payload key, Payload value) {
        try (Transaction transaction = store.begin()) {
            transaction.put(key, value);
            transaction.commit();
        }
    }

    private static Optional<Payload> get(KeyValueStore store, Payload key) {
        try (Snapshot snapshot = store.openSnapshot()) {
            return snapshot.get(key);
        }
    }
}
