package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.storage.BootRecord;
import io.quire.bookie.storage.StoreIdentity;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What a store knows of itself, on a disk that damages it. */
class StoreIdentityTest {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));

    private final SimulatedDisk disk = new SimulatedDisk(new Random(11));

    @Test
    @DisplayName("R7: an identity is read as it was written, survives a crash, and is written once")
    void identity() {
        FileStore root = disk.openFileStore("root");
        assertThat(StoreIdentity.isFormatted(root)).isFalse();
        assertThatThrownBy(() -> StoreIdentity.read(root)).isInstanceOf(StorageException.class);

        StoreIdentity identity = new StoreIdentity(STORE, "Quire of Österreich");
        identity.write(root);
        assertThatThrownBy(() -> identity.write(root)).isInstanceOf(StorageException.class);
        disk.crash();

        FileStore reopened = disk.openFileStore("root");
        assertThat(StoreIdentity.isFormatted(reopened)).isTrue();
        assertThat(StoreIdentity.read(reopened)).isEqualTo(identity);
    }

    @Test
    @DisplayName("R7: a crash while the identity is written leaves none, or a whole one, and it can be written again")
    void crashWhileWriting() {
        for (int seed = 0; seed < 50; seed++) {
            SimulatedDisk failing = new SimulatedDisk(new Random(seed));
            failing.failSync(1);
            assertThatThrownBy(() -> new StoreIdentity(STORE, "quire").write(failing.openFileStore("root")))
                    .isInstanceOf(StorageException.class);
            failing.crash();
            FileStore root = failing.openFileStore("root");
            assertThat(StoreIdentity.isFormatted(root)).isFalse();
            new StoreIdentity(STORE, "quire").write(root);
            assertThat(StoreIdentity.read(root).bookieId()).isEqualTo(STORE);
        }
    }

    @Test
    @DisplayName("R7: an identity with any bad byte, or cut off, is refused")
    void damagedIdentity() {
        FileStore root = disk.openFileStore("root");
        new StoreIdentity(STORE, "quire").write(root);
        long bytes;
        try (FileStore.StoreFile file = root.open("IDENTITY")) {
            bytes = file.size();
        }
        for (int i = 0; i < bytes; i++) {
            disk.flipByte("root", "IDENTITY", i);
            assertThatThrownBy(() -> StoreIdentity.read(root), "byte %d", i).isInstanceOf(StorageException.class);
            disk.flipByte("root", "IDENTITY", i);
        }
        for (long cut = bytes - 1; cut >= 0; cut--) {
            disk.truncate("root", "IDENTITY", cut);
            assertThatThrownBy(() -> StoreIdentity.read(root), "%d bytes", cut).isInstanceOf(StorageException.class);
        }
    }

    @Test
    @DisplayName("a cluster's name that the identity file could not hold is refused before anything is written")
    void impossibleNames() {
        for (String name : new String[] {"", "two\nlines", "x".repeat(201)}) {
            assertThatThrownBy(() -> new StoreIdentity(STORE, name)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    @DisplayName("R7: a boot record goes through intent and confirmation; a bad byte or its absence is an error")
    void bootRecord() {
        try (KeyValueStore ledgers = disk.openKeyValueStore("ledgers")) {
            assertThatThrownBy(() -> BootRecord.read(ledgers)).isInstanceOf(StorageException.class);
            BootRecord formatted = BootRecord.formatted(STORE);
            formatted.write(ledgers);
            assertThat(BootRecord.read(ledgers)).isEqualTo(formatted);

            OpId opId = new OpId(new UUID(1, 2));
            BootRecord intent = formatted.withIntent(opId);
            assertThat(intent.intended()).isEqualTo(new BootEpoch(1));
            intent.write(ledgers);
            assertThat(BootRecord.read(ledgers).intent()).contains(opId);

            BootRecord confirmed = intent.withConfirmedIntent("cluster-1");
            assertThat(confirmed.confirmed()).isEqualTo(new BootEpoch(1));
            assertThat(confirmed.intent()).isEmpty();
            assertThat(confirmed.clean()).isFalse();
            confirmed.withClean(true).write(ledgers);
            assertThat(BootRecord.read(ledgers)).isEqualTo(confirmed.withClean(true));

            Payload key = Payload.ofUtf8("m/boot");
            int bytes;
            try (KeyValueStore.Snapshot snapshot = ledgers.openSnapshot()) {
                bytes = snapshot.get(key).orElseThrow().length();
            }
            for (int i = 0; i < bytes; i++) {
                disk.flipValueByte("ledgers", key, i);
                assertThatThrownBy(() -> BootRecord.read(ledgers), "byte %d", i).isInstanceOf(StorageException.class);
                disk.flipValueByte("ledgers", key, i);
            }
        }
    }
}
