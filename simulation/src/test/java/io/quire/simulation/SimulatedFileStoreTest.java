package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.FileStoreContract;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class SimulatedFileStoreTest {
    private static final int SECTOR = 512;
    private static final int SEEDS = 400;

    @Nested
    @DisplayName("the contract of file stores")
    class Contract extends FileStoreContract {
        private final SimulatedDisk disk = new SimulatedDisk(new Random(1));

        @Override
        protected FileStore open() {
            return disk.openFileStore("journal");
        }

        @Override
        protected void crash(FileStore store) {
            disk.crash();
        }
    }

    @Test
    @DisplayName("a crash keeps, loses or tears each unsynced write at a sector boundary, in every combination")
    void fateOfUnsyncedWrites() {
        TreeSet<String> fates = new TreeSet<>();
        for (int seed = 0; seed < SEEDS; seed++) {
            SimulatedDisk disk = new SimulatedDisk(new Random(seed));
            try (FileStore store = disk.openFileStore("s")) {
                StoreFile file = store.create("a", 16 * SECTOR);
                // Each begins and ends within a sector and covers three boundaries.
                file.write(100, filled(3 * SECTOR, 1));
                file.write(8 * SECTOR + 100, filled(3 * SECTOR, 2));
            }
            disk.crash();
            byte[] content = content(disk, "a", 16 * SECTOR);
            fates.add(fate(content, 100, 1) + "+" + fate(content, 8 * SECTOR + 100, 2));
            for (int i = 0; i < content.length; i++) {
                boolean first = i >= 100 && i < 100 + 3 * SECTOR;
                boolean second = i >= 8 * SECTOR + 100 && i < 8 * SECTOR + 100 + 3 * SECTOR;
                assertThat((int) content[i]).isIn(0, first ? 1 : second ? 2 : 0);
            }
        }
        List<String> expected = new ArrayList<>();
        for (String first : List.of("kept", "lost", "torn")) {
            for (String second : List.of("kept", "lost", "torn")) {
                expected.add(first + "+" + second);
            }
        }
        assertThat(fates).containsExactlyElementsOf(expected);
    }

    private static String fate(byte[] content, int from, int value) {
        int kept = 0;
        for (int i = from; i < from + 3 * SECTOR; i++) {
            kept += content[i] == value ? 1 : 0;
            if (i > from && content[i] != content[i - 1]) {
                assertThat(i % SECTOR).as("where a write is torn").isZero();
            }
        }
        return kept == 0 ? "lost" : kept == 3 * SECTOR ? "kept" : "torn";
    }

    @Test
    @DisplayName("a write within one sector never tears")
    void sectorsAreAtomic() {
        TreeSet<Integer> kept = new TreeSet<>();
        for (int seed = 0; seed < SEEDS; seed++) {
            SimulatedDisk disk = new SimulatedDisk(new Random(seed));
            try (FileStore store = disk.openFileStore("s")) {
                store.create("a", 2 * SECTOR).write(SECTOR, filled(SECTOR, 1));
            }
            disk.crash();
            int ones = 0;
            for (byte one : content(disk, "a", 2 * SECTOR)) {
                ones += one;
            }
            kept.add(ones);
        }
        assertThat(kept).containsExactly(0, SECTOR);
    }

    @Test
    @DisplayName("an unsynced write over a synced one leaves either, never anything else")
    void overwriteOfSynced() {
        for (int seed = 0; seed < SEEDS; seed++) {
            SimulatedDisk disk = new SimulatedDisk(new Random(seed));
            try (FileStore store = disk.openFileStore("s")) {
                StoreFile file = store.create("a", 0);
                file.write(0, filled(10_000, 1));
                file.sync();
                file.write(2_000, filled(10_000, 2));
                assertThat(file.size()).isEqualTo(12_000);
            }
            disk.crash();
            int size = size(disk, "a");
            assertThat(size).isBetween(10_000, 12_000);
            byte[] content = content(disk, "a", size);
            for (int i = 0; i < size; i++) {
                assertThat((int) content[i]).isIn(i < 10_000 ? 1 : 0, i < 2_000 ? 1 : 2);
            }
        }
    }

    @Test
    @DisplayName("a file whose writes at its end are lost is as long as before, and grows over zeros again")
    void lostGrowth() {
        for (int seed = 0; seed < 50; seed++) {
            SimulatedDisk disk = new SimulatedDisk(new Random(seed));
            try (FileStore store = disk.openFileStore("s")) {
                store.create("a", 10).write(10, filled(6000, 7));
            }
            disk.crash();
            int size = size(disk, "a");
            try (FileStore store = disk.openFileStore("s")) {
                StoreFile file = store.open("a");
                file.write(9000, filled(1, 3));
                file.sync();
            }
            byte[] content = content(disk, "a", 9001);
            assertThat(Arrays.copyOfRange(content, size, 9000)).isEqualTo(new byte[9000 - size]);
        }
    }

    @Test
    @DisplayName("the same seed gives the same bytes")
    void deterministic() {
        assertThat(contentAfterRandomRun(5)).isEqualTo(contentAfterRandomRun(5));
        assertThat(contentAfterRandomRun(5)).isNotEqualTo(contentAfterRandomRun(6));
    }

    private static byte[] contentAfterRandomRun(long seed) {
        Random random = new Random(42);
        SimulatedDisk disk = new SimulatedDisk(new Random(seed));
        try (FileStore store = disk.openFileStore("s")) {
            StoreFile file = store.create("a", 100_000);
            for (int i = 0; i < 50; i++) {
                byte[] bytes = new byte[random.nextInt(3000)];
                random.nextBytes(bytes);
                file.write(random.nextInt(90_000), ByteBuffer.wrap(bytes));
            }
        }
        disk.crash();
        return content(disk, "a", 100_000);
    }

    @Test
    @DisplayName("after a crash every handle is void, and closing it is harmless")
    void handlesAreVoid() {
        SimulatedDisk disk = new SimulatedDisk(new Random(1));
        FileStore store = disk.openFileStore("s");
        StoreFile file = store.create("a", 10);
        disk.crash();
        assertThatThrownBy(() -> file.write(0, filled(1, 1))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> file.read(0, ByteBuffer.allocate(1))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(file::sync).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(file::size).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(store::list).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> store.create("b", 1)).isInstanceOf(IllegalStateException.class);
        file.close();
        store.close();
        assertThat(disk.openFileStore("s").list()).containsExactly("a");
    }

    @Test
    @DisplayName("H53: only the chosen sync fails; its file then refuses writes and syncs")
    void failedSync() {
        SimulatedDisk disk = new SimulatedDisk(new Random(1));
        try (FileStore store = disk.openFileStore("s")) {
            StoreFile first = store.create("a", 10);
            StoreFile second = store.create("b", 10);
            disk.failSync(2);
            first.sync();
            assertThatThrownBy(second::sync).isInstanceOf(StorageException.class);
            assertThatThrownBy(second::sync).isInstanceOf(StorageException.class);
            assertThatThrownBy(() -> second.write(0, filled(1, 1))).isInstanceOf(StorageException.class);
            first.write(0, filled(1, 1));
            first.sync();
        }
    }

    @Test
    @DisplayName("H53: what a failed sync left is in limbo, also after a later sync of the file succeeds")
    void limboAfterFailedSync() {
        TreeSet<Integer> found = new TreeSet<>();
        for (int seed = 0; seed < 50; seed++) {
            SimulatedDisk disk = new SimulatedDisk(new Random(seed));
            try (FileStore store = disk.openFileStore("s")) {
                StoreFile file = store.create("a", 1000);
                file.write(0, filled(1, 1));
                disk.failSync(1);
                assertThatThrownBy(file::sync).isInstanceOf(StorageException.class);
                StoreFile again = store.open("a");
                again.write(1, filled(1, 2));
                again.sync();
                byte[] seen = new byte[2];
                again.read(0, ByteBuffer.wrap(seen));
                assertThat(seen).containsExactly(1, 2);
            }
            disk.crash();
            byte[] content = content(disk, "a", 2);
            assertThat(content[1]).isEqualTo((byte) 2);
            found.add((int) content[0]);
        }
        assertThat(found).containsExactly(0, 1);
    }

    @Test
    @DisplayName("H61: a full disk takes what still fits of a write and then refuses; deleting makes room")
    void outOfSpace() {
        SimulatedDisk disk = new SimulatedDisk(new Random(1));
        try (FileStore store = disk.openFileStore("s")) {
            StoreFile file = store.create("a", 1000);
            store.create("b", 500).close();
            disk.limitFreeBytes(100);
            assertThat(store.freeBytes()).isEqualTo(100);
            file.write(0, filled(1000, 1));
            assertThatThrownBy(() -> file.write(1000, filled(101, 2))).isInstanceOf(OutOfSpaceException.class);
            assertThat(file.size()).isEqualTo(1100);
            assertThat(store.freeBytes()).isZero();
            assertThatThrownBy(() -> store.create("c", 1)).isInstanceOf(OutOfSpaceException.class);
            store.delete("b");
            assertThat(store.freeBytes()).isEqualTo(500);
            store.create("c", 500).close();
            store.rename("c", "a");
            assertThat(store.freeBytes()).isEqualTo(1100);
        }
        disk.crash();
        assertThat(disk.freeBytes()).isEqualTo(1100);
    }

    @Test
    @DisplayName("bytes are flipped, files cut off and removed on the medium")
    void damage() {
        SimulatedDisk disk = new SimulatedDisk(new Random(1));
        try (FileStore store = disk.openFileStore("s")) {
            StoreFile file = store.create("a", 5000);
            file.write(0, filled(5000, 1));
            file.sync();
            disk.flipByte("s", "a", 4500);
            store.create("b", 10).close();
        }
        disk.flipByte("s", "a", 7);
        disk.crash();
        byte[] expected = filled(5000, 1).array();
        expected[7] = ~1;
        expected[4500] = ~1;
        assertThat(content(disk, "a", 5000)).isEqualTo(expected);
        disk.truncate("s", "a", 4200);
        assertThat(size(disk, "a")).isEqualTo(4200);
        disk.truncate("s", "a", 10);
        assertThat(content(disk, "a", 10)).isEqualTo(Arrays.copyOf(expected, 10));
        disk.remove("s", "b");
        try (FileStore store = disk.openFileStore("s")) {
            assertThat(store.list()).containsExactly("a");
            StoreFile file = store.open("a");
            file.write(20, filled(1, 5));
            assertThat(content(disk, "a", 20)).isEqualTo(Arrays.copyOf(Arrays.copyOf(expected, 10), 20));
        }
        assertThatThrownBy(() -> disk.remove("s", "b")).isInstanceOf(IllegalArgumentException.class);
        assertThat(disk.totalBytes() - disk.freeBytes()).isEqualTo(21);
    }

    @Test
    @DisplayName("large zero-filled files take no memory, and stores of other names other files")
    void sparse() {
        SimulatedDisk disk = new SimulatedDisk(new Random(1));
        try (FileStore store = disk.openFileStore("s");
                FileStore other = disk.openFileStore("t")) {
            for (int i = 0; i < 100; i++) {
                StoreFile file = store.create("segment-" + i, 8L << 30);
                file.write(0, filled(10, 1));
                file.sync();
                assertThat(file.read((8L << 30) - 5, ByteBuffer.allocate(10))).isEqualTo(5);
            }
            assertThat(other.list()).isEmpty();
        }
    }

    private static int size(SimulatedDisk disk, String name) {
        try (FileStore store = disk.openFileStore("s");
                StoreFile file = store.open(name)) {
            return (int) file.size();
        }
    }

    private static byte[] content(SimulatedDisk disk, String name, int bytes) {
        try (FileStore store = disk.openFileStore("s");
                StoreFile file = store.open(name)) {
            byte[] content = new byte[bytes];
            assertThat(file.read(0, ByteBuffer.wrap(content))).isEqualTo(bytes);
            return content;
        }
    }

    private static ByteBuffer filled(int length, int value) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) value);
        return ByteBuffer.wrap(bytes);
    }
}
