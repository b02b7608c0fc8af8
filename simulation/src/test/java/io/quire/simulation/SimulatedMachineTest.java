package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Disks that are lost or restored, and clocks that are wrong. */
class SimulatedMachineTest {
    private static final Payload KEY = Payload.ofUtf8("key");

    private final SimulatedDisk disk = new SimulatedDisk(new Random(1));

    @Test
    @DisplayName("H24: a copy of a disk brings back what was there when it was taken, again and again")
    void copies() {
        write(1);
        SimulatedDisk.Copy copy = disk.copy();
        write(2);
        for (int i = 0; i < 2; i++) {
            assertThat(valueOf("map")).contains(Payload.ofUtf8("2"));
            disk.restore(copy);
            assertThat(valueOf("map")).contains(Payload.ofUtf8("1"));
            assertThat(firstByte()).isEqualTo((byte) 1);
            write(2);
        }
    }

    @Test
    @DisplayName("H24, H28: an erased disk is empty and free, and so is a file store that is gone alone")
    void erased() {
        long free = disk.freeBytes();
        write(1);
        disk.crash();
        disk.removeFileStore("files");
        try (FileStore files = disk.openFileStore("files")) {
            assertThat(files.list()).isEmpty();
        }
        assertThat(valueOf("map")).isPresent();
        disk.erase();
        assertThat(valueOf("map")).isEmpty();
        assertThat(disk.freeBytes()).isEqualTo(free);
    }

    @Test
    @DisplayName("H4: a read fails once, where it was told to")
    void failingReads() {
        write(1);
        try (KeyValueStore map = disk.openKeyValueStore("map");
                Snapshot snapshot = map.openSnapshot()) {
            disk.failRead(2);
            assertThat(snapshot.get(KEY)).isPresent();
            assertThatThrownBy(() -> snapshot.get(KEY)).isInstanceOf(StorageException.class);
            assertThat(snapshot.get(KEY)).isPresent();
            disk.failRead(1);
            disk.endReadFaults();
            assertThat(snapshot.floorKey(KEY)).isPresent();
        }
    }

    @Test
    @DisplayName(
            "H100: a clock on the wall may be set; the clock for intervals stands still in a freeze, and leaps alone or in a pause")
    void clocks() {
        Simulation simulation = new Simulation(1, 1000);
        List<Long> ticks = new ArrayList<>();
        SimulatedNode node =
                new SimulatedNode(simulation, new SimulatedNetwork(simulation, NetworkFaults.NONE), "node", started -> {
                    started.scheduleEvery(10, () -> ticks.add(started.nanoTime()));
                    return envelope -> {};
                });
        node.start();
        long start = node.nanoTime();
        long wall = node.wallMillis();
        node.jumpWallClock(-600_000);
        assertThat(node.wallMillis()).isEqualTo(wall - 600_000);
        assertThat(node.nanoTime()).isEqualTo(start);
        node.freeze(100);
        simulation.runFor(104);
        assertThat(node.nanoTime() - start).isEqualTo(4);
        assertThat(ticks).containsExactly(start);
        node.leapClock(1_000);
        simulation.runFor(10);
        assertThat(node.nanoTime() - start).isEqualTo(1_014);
        node.suspend(100, 5_000);
        simulation.runFor(101);
        assertThat(node.nanoTime() - start).isEqualTo(6_115);
    }

    private void write(int content) {
        disk.crash();
        try (FileStore files = disk.openFileStore("files");
                StoreFile file = files.list().isEmpty() ? files.create("file", 1) : files.open("file")) {
            file.write(0, ByteBuffer.wrap(new byte[] {(byte) content}));
            file.sync();
        }
        try (KeyValueStore map = disk.openKeyValueStore("map");
                Transaction transaction = map.begin()) {
            transaction.put(KEY, Payload.ofUtf8(String.valueOf(content)));
            transaction.commit();
        }
    }

    private Optional<Payload> valueOf(String name) {
        try (KeyValueStore map = disk.openKeyValueStore(name);
                Snapshot snapshot = map.openSnapshot()) {
            return snapshot.get(KEY);
        }
    }

    private byte firstByte() {
        try (FileStore files = disk.openFileStore("files");
                StoreFile file = files.open("file")) {
            ByteBuffer into = ByteBuffer.allocate(1);
            file.read(0, into);
            return into.get(0);
        }
    }
}
