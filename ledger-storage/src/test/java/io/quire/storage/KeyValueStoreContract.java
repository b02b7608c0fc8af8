package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every {@link KeyValueStore} does. */
public abstract class KeyValueStoreContract {
    /** Above every key. */
    private static final Payload END = filled(KeyValueStore.KEY_BYTES_MAX, 0xFF);

    private KeyValueStore store;

    /** Opens the one store of this test, with what it held before. */
    protected abstract KeyValueStore open();

    /**
     * Ends {@code store}, of which no snapshot or transaction is open, as a crash does. An implementation that cannot
     * crash closes it.
     */
    protected abstract void crash(KeyValueStore store);

    @BeforeEach
    final void openStore() {
        store = open();
    }

    @AfterEach
    final void closeStore() {
        store.close();
    }

    private void reopen() {
        store.close();
        store = open();
    }

    private void crashAndOpen() {
        crash(store);
        store = open();
    }

    @Test
    @DisplayName("a new store is empty")
    void newStoreIsEmpty() {
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(pairs(snapshot)).isEmpty();
            assertThat(snapshot.get(utf8("a"))).isEmpty();
            assertThat(snapshot.floorKey(utf8("a"))).isEmpty();
        }
    }

    @Test
    @DisplayName("a transaction sees its own changes, others see them once it is committed")
    void isolation() {
        put("a", "1");
        try (Snapshot before = store.openSnapshot();
                Transaction transaction = store.begin()) {
            transaction.put(utf8("a"), utf8("2"));
            transaction.put(utf8("b"), utf8("3"));
            assertThat(pairs(transaction)).containsExactly(pair("a", "2"), pair("b", "3"));
            assertThat(transaction.delete(utf8("a"))).isTrue();
            assertThat(transaction.delete(utf8("a"))).isFalse();
            assertThat(pairs(transaction)).containsExactly(pair("b", "3"));
            assertThat(transaction.floorKey(utf8("z"))).contains(utf8("b"));
            assertThat(transaction.floorKey(utf8("a"))).isEmpty();
            try (Snapshot during = store.openSnapshot()) {
                assertThat(pairs(during)).containsExactly(pair("a", "1"));
            }
            transaction.commit();
            assertThat(pairs(before)).containsExactly(pair("a", "1"));
            try (Snapshot after = store.openSnapshot()) {
                assertThat(pairs(after)).containsExactly(pair("b", "3"));
            }
        }
    }

    @Test
    @DisplayName("a transaction closed without commit leaves no trace")
    void abort() {
        put("a", "1");
        try (Transaction transaction = store.begin()) {
            transaction.put(utf8("a"), utf8("2"));
            transaction.put(utf8("b"), utf8("3"));
        }
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(pairs(snapshot)).containsExactly(pair("a", "1"));
        }
    }

    @Test
    @DisplayName("a commit survives a crash and a reopening, an aborted transaction does not")
    void durability() {
        put("a", "1");
        crashAndOpen();
        try (Transaction transaction = store.begin()) {
            transaction.put(utf8("b"), utf8("2"));
        }
        crashAndOpen();
        put("c", "3");
        reopen();
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(pairs(snapshot)).containsExactly(pair("a", "1"), pair("c", "3"));
        }
    }

    @Test
    @DisplayName("an empty value is a value")
    void emptyValue() {
        put("a", "");
        put("b", "1");
        put("b", "");
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(snapshot.get(utf8("a"))).contains(Payload.EMPTY);
            assertThat(snapshot.get(utf8("b"))).contains(Payload.EMPTY);
            assertThat(pairs(snapshot)).containsExactly(pair("a", ""), pair("b", ""));
            assertThat(snapshot.floorKey(utf8("a"))).contains(utf8("a"));
        }
    }

    @Test
    @DisplayName("keys have 1 to 500 bytes")
    void keySizes() {
        Payload longest = filled(KeyValueStore.KEY_BYTES_MAX, 7);
        Payload shortest = Payload.wrap(new byte[] {0});
        try (Transaction transaction = store.begin()) {
            transaction.put(longest, utf8("longest"));
            transaction.put(shortest, utf8("shortest"));
            transaction.commit();
        }
        Payload tooLong = filled(KeyValueStore.KEY_BYTES_MAX + 1, 7);
        try (Transaction transaction = store.begin()) {
            for (Payload wrong : List.of(Payload.EMPTY, tooLong)) {
                assertThatThrownBy(() -> transaction.put(wrong, utf8("x")))
                        .isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> transaction.delete(wrong)).isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> transaction.get(wrong)).isInstanceOf(IllegalArgumentException.class);
                assertThatThrownBy(() -> transaction.floorKey(wrong)).isInstanceOf(IllegalArgumentException.class);
            }
            assertThatThrownBy(() -> transaction.scan(tooLong, END, (key, value) -> true))
                    .isInstanceOf(IllegalArgumentException.class);
            transaction.commit();
        }
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(pairs(snapshot))
                    .containsExactly(new KeyValue(shortest, utf8("shortest")), new KeyValue(longest, utf8("longest")));
            assertThat(snapshot.floorKey(longest)).contains(longest);
        }
    }

    @Test
    @DisplayName("keys are compared as unsigned bytes, a prefix before what it begins")
    void keyOrder() {
        List<Payload> keys =
                Arrays.asList(bytes(0), bytes(0, 0), bytes(0, 255), bytes(1), bytes(127), bytes(128), bytes(255, 0));
        try (Transaction transaction = store.begin()) {
            for (int i = keys.size() - 1; i >= 0; i--) {
                transaction.put(keys.get(i), Payload.EMPTY);
            }
            transaction.commit();
        }
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(pairs(snapshot)).extracting(KeyValue::key).containsExactlyElementsOf(keys);
        }
    }

    @Test
    @DisplayName("floor is the key itself or the one below")
    void floor() {
        put("b", "1");
        put("d", "2");
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(snapshot.floorKey(utf8("a"))).isEmpty();
            assertThat(snapshot.floorKey(utf8("b"))).contains(utf8("b"));
            assertThat(snapshot.floorKey(utf8("c"))).contains(utf8("b"));
            assertThat(snapshot.floorKey(utf8("d"))).contains(utf8("d"));
            assertThat(snapshot.floorKey(utf8("dd"))).contains(utf8("d"));
        }
    }

    @Test
    @DisplayName("a scan shows [from, to) until the visitor has enough")
    void scan() {
        for (String key : new String[] {"a", "b", "c", "d"}) {
            put(key, key);
        }
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThat(pairs(snapshot, utf8("b"), utf8("d"))).containsExactly(pair("b", "b"), pair("c", "c"));
            assertThat(pairs(snapshot, utf8("aa"), utf8("b0"))).containsExactly(pair("b", "b"));
            assertThat(pairs(snapshot, Payload.EMPTY, utf8("b"))).containsExactly(pair("a", "a"));
            assertThat(pairs(snapshot, utf8("c"), utf8("c"))).isEmpty();
            assertThat(pairs(snapshot, utf8("d"), utf8("a"))).isEmpty();
            assertThat(pairs(snapshot, Payload.EMPTY, Payload.EMPTY)).isEmpty();
            assertThat(pairs(snapshot, utf8("e"), END)).isEmpty();
            List<Payload> seen = new ArrayList<>();
            snapshot.scan(Payload.EMPTY, END, (key, value) -> {
                seen.add(key);
                return seen.size() < 2;
            });
            assertThat(seen).containsExactly(utf8("a"), utf8("b"));
        }
    }

    @Test
    @DisplayName("a visitor may read on, but neither write the value nor change the store")
    void visitorReadsOnly() {
        put("a", "1");
        put("b", "2");
        try (Transaction transaction = store.begin()) {
            List<Optional<Payload>> seen = new ArrayList<>();
            transaction.scan(Payload.EMPTY, END, (key, value) -> {
                assertThatThrownBy(() -> value.put(0, (byte) 'x')).isInstanceOf(ReadOnlyBufferException.class);
                assertThatThrownBy(() -> transaction.put(key, Payload.EMPTY)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(() -> transaction.delete(key)).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(transaction::commit).isInstanceOf(IllegalStateException.class);
                assertThatThrownBy(transaction::close).isInstanceOf(IllegalStateException.class);
                seen.add(transaction.get(key));
                transaction.scan(utf8("b"), END, (inner, innerValue) -> {
                    seen.add(transaction.floorKey(inner).flatMap(transaction::get));
                    return true;
                });
                return true;
            });
            assertThat(seen).extracting(Optional::get).containsExactly(utf8("1"), utf8("2"), utf8("2"), utf8("2"));
            transaction.commit();
        }
    }

    @Test
    @DisplayName("values of megabytes come back whole, shrink and go")
    void largeValues() {
        Random random = new Random(5);
        byte[] large = new byte[3 << 20];
        random.nextBytes(large);
        Payload key = utf8("large");
        try (Transaction transaction = store.begin()) {
            transaction.put(key, Payload.copyOf(large));
            assertThat(transaction.get(key)).contains(Payload.wrap(large));
            transaction.commit();
        }
        reopen();
        try (Snapshot snapshot = store.openSnapshot();
                Transaction transaction = store.begin()) {
            assertThat(snapshot.get(key)).contains(Payload.wrap(large));
            snapshot.scan(key, END, (found, value) -> {
                assertThat(value).isEqualTo(ByteBuffer.wrap(large));
                return true;
            });
            transaction.put(key, Payload.wrap(large, 100, (1 << 20) + 1));
            assertThat(transaction.get(key)).contains(Payload.wrap(large, 100, (1 << 20) + 1));
            assertThat(transaction.delete(key)).isTrue();
            assertThat(transaction.get(key)).isEmpty();
            transaction.commit();
            assertThat(snapshot.get(key)).contains(Payload.wrap(large));
        }
    }

    @Test
    @DisplayName("what is read stays when the store goes on")
    void readsAreCopies() {
        put("a", "old");
        Payload value;
        Payload key;
        try (Snapshot snapshot = store.openSnapshot()) {
            value = snapshot.get(utf8("a")).orElseThrow();
            key = snapshot.floorKey(utf8("z")).orElseThrow();
        }
        put("a", "new");
        reopen();
        assertThat(value).isEqualTo(utf8("old"));
        assertThat(key).isEqualTo(utf8("a"));
    }

    @Test
    @DisplayName("a thread has one transaction at a time")
    void oneTransactionPerThread() {
        try (Transaction transaction = store.begin()) {
            assertThatThrownBy(store::begin).isInstanceOf(IllegalStateException.class);
            transaction.put(utf8("a"), utf8("1"));
            transaction.commit();
        }
        put("b", "2");
    }

    @Test
    @DisplayName("ended handles refuse to be used; closing them again is harmless")
    void endedHandlesRefuse() {
        Snapshot snapshot = store.openSnapshot();
        snapshot.close();
        snapshot.close();
        assertThatThrownBy(() -> snapshot.get(utf8("a"))).isInstanceOf(IllegalStateException.class);
        Transaction transaction = store.begin();
        transaction.commit();
        assertThatThrownBy(() -> transaction.put(utf8("a"), utf8("1"))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(transaction::commit).isInstanceOf(IllegalStateException.class);
        transaction.close();
        Transaction aborted = store.begin();
        aborted.close();
        assertThatThrownBy(aborted::commit).isInstanceOf(IllegalStateException.class);
        aborted.close();
    }

    @Test
    @DisplayName("a store is not closed under an open handle of the same thread")
    void closeWithOpenHandles() {
        put("a", "1");
        try (Snapshot snapshot = store.openSnapshot()) {
            assertThatThrownBy(store::close).isInstanceOf(IllegalStateException.class);
            assertThat(snapshot.get(utf8("a"))).contains(utf8("1"));
        }
        try (Transaction transaction = store.begin()) {
            assertThatThrownBy(store::close).isInstanceOf(IllegalStateException.class);
            transaction.put(utf8("b"), utf8("2"));
            transaction.commit();
        }
        KeyValueStore closed = store;
        closed.close();
        closed.close();
        assertThatThrownBy(closed::openSnapshot).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(closed::begin).isInstanceOf(IllegalStateException.class);
        store = open();
    }

    @Test
    @DisplayName("P11: a store is open once")
    void openOnce() {
        assertThatThrownBy(this::open).isInstanceOf(StorageException.DirectoryInUseException.class);
        put("a", "1");
    }

    @Test
    @DisplayName("the size on disk grows with what is stored")
    void sizeGrows() {
        long before = store.sizeBytes();
        try (Transaction transaction = store.begin()) {
            transaction.put(utf8("a"), filled(1 << 20, 1));
            transaction.commit();
        }
        assertThat(store.sizeBytes()).isGreaterThanOrEqualTo(before + (1 << 20));
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4})
    @DisplayName("random transactions, aborts, crashes and held snapshots behave as sorted maps do")
    void behavesAsSortedMaps(long seed) {
        Random random = new Random(seed);
        NavigableMap<Payload, Payload> model = newModel();
        Map<Snapshot, NavigableMap<Payload, Payload>> held = new LinkedHashMap<>();
        for (int step = 0; step < 80; step++) {
            if (random.nextInt(3) == 0 && held.size() < 5) {
                held.put(store.openSnapshot(), copy(model));
            }
            try (Transaction transaction = store.begin()) {
                NavigableMap<Payload, Payload> changed = copy(model);
                int changes = random.nextInt(40);
                for (int i = 0; i < changes; i++) {
                    change(transaction, changed, random);
                }
                verifySome(transaction, changed, random);
                if (random.nextInt(4) > 0) {
                    transaction.commit();
                    model = changed;
                }
            }
            for (Map.Entry<Snapshot, NavigableMap<Payload, Payload>> one : held.entrySet()) {
                verifySome(one.getKey(), one.getValue(), random);
            }
            if (random.nextInt(6) == 0) {
                held.forEach((snapshot, content) -> {
                    verifyAll(snapshot, content);
                    snapshot.close();
                });
                held.clear();
                if (random.nextBoolean()) {
                    crashAndOpen();
                } else {
                    reopen();
                }
            }
            try (Snapshot snapshot = store.openSnapshot()) {
                verifyAll(snapshot, model);
            }
        }
        held.keySet().forEach(Snapshot::close);
    }

    private static void change(Transaction transaction, NavigableMap<Payload, Payload> model, Random random) {
        Payload key = randomKey(random);
        if (random.nextInt(3) == 0) {
            assertThat(transaction.delete(key)).isEqualTo(model.remove(key) != null);
        } else {
            byte[] value = new byte[random.nextInt(20) == 0 ? random.nextInt(50_000) : random.nextInt(100)];
            random.nextBytes(value);
            transaction.put(key, Payload.wrap(value));
            model.put(key, Payload.wrap(value));
        }
    }

    private static void verifySome(Snapshot snapshot, NavigableMap<Payload, Payload> model, Random random) {
        for (int i = 0; i < 10; i++) {
            Payload key = randomKey(random);
            assertThat(snapshot.get(key)).isEqualTo(Optional.ofNullable(model.get(key)));
            assertThat(snapshot.floorKey(key)).isEqualTo(Optional.ofNullable(model.floorKey(key)));
            Payload to = randomKey(random);
            if (newModel().comparator().compare(key, to) <= 0) {
                assertThat(pairs(snapshot, key, to)).isEqualTo(pairs(model.subMap(key, to)));
            }
        }
    }

    private static void verifyAll(Snapshot snapshot, NavigableMap<Payload, Payload> model) {
        assertThat(pairs(snapshot)).isEqualTo(pairs(model));
    }

    /** From few enough that keys meet again, some of them prefixes of others. */
    private static Payload randomKey(Random random) {
        byte[] key = new byte[1 + random.nextInt(3)];
        for (int i = 0; i < key.length; i++) {
            key[i] = (byte) (random.nextInt(8) * 36);
        }
        return Payload.wrap(random.nextInt(10) == 0 ? Arrays.copyOf(key, KeyValueStore.KEY_BYTES_MAX) : key);
    }

    private static NavigableMap<Payload, Payload> newModel() {
        return new TreeMap<>((a, b) -> Arrays.compareUnsigned(a.toByteArray(), b.toByteArray()));
    }

    private static NavigableMap<Payload, Payload> copy(NavigableMap<Payload, Payload> model) {
        return new TreeMap<>(model);
    }

    private static List<KeyValue> pairs(Map<Payload, Payload> model) {
        List<KeyValue> pairs = new ArrayList<>();
        model.forEach((key, value) -> pairs.add(new KeyValue(key, value)));
        return pairs;
    }

    private static List<KeyValue> pairs(Snapshot snapshot) {
        return pairs(snapshot, Payload.EMPTY, END);
    }

    private static List<KeyValue> pairs(Snapshot snapshot, Payload from, Payload to) {
        List<KeyValue> pairs = new ArrayList<>();
        snapshot.scan(from, to, (key, value) -> pairs.add(new KeyValue(key, Payload.copyOf(value))));
        return pairs;
    }

    private void put(String key, String value) {
        try (Transaction transaction = store.begin()) {
            transaction.put(utf8(key), utf8(value));
            transaction.commit();
        }
    }

    private record KeyValue(Payload key, Payload value) {}

    private static KeyValue pair(String key, String value) {
        return new KeyValue(utf8(key), utf8(value));
    }

    private static Payload utf8(String text) {
        return Payload.ofUtf8(text);
    }

    private static Payload bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return Payload.wrap(bytes);
    }

    private static Payload filled(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return Payload.wrap(bytes);
    }
}
