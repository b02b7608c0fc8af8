package io.quire.registry.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.protocol.VoterId;
import io.quire.storage.DirectoryLock;
import io.quire.storage.Finding;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.StorageException.NewerFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VoterDoctorTest {
    private static final VoterId VOTER = new VoterId(new UUID(4, 4));
    private static final int PAGE = 4096;

    @TempDir
    private Path directory;

    @BeforeEach
    void format() throws IOException {
        Files.createDirectory(directory.resolve(VoterDoctor.REGISTERS));
        try (KeyValueStore store = openStore()) {
            AcceptorStore.format(store, VOTER);
        }
    }

    private KeyValueStore openStore() {
        return LmdbKeyValueStore.open(directory.resolve(VoterDoctor.REGISTERS), 1 << 20);
    }

    private void put(String key, Payload value) {
        try (KeyValueStore store = openStore();
                Transaction transaction = store.begin()) {
            transaction.put(Payload.ofUtf8(key), value);
            transaction.commit();
        }
    }

    private List<Finding> findings() {
        return VoterDoctor.examine(directory);
    }

    private void assertWrong(String words) {
        assertThat(findings().stream().filter(Finding::isWrong)).singleElement().satisfies(finding -> {
            assertThat(finding.what()).contains(words);
            assertThat(finding.advice()).isNotEmpty();
        });
    }

    @Test
    @DisplayName("a voter's id, config and registers are told")
    void good() {
        assertThat(findings()).noneMatch(Finding::isWrong);
        assertThat(findings().stream().map(Finding::what))
                .anyMatch(what -> what.equals("voter " + VOTER + ", of no registry yet, not serving"))
                .anyMatch(what -> what.startsWith("0 registers, "));
    }

    @Test
    @DisplayName("P10: a damaged register is found, wherever it is")
    void damagedRegister() {
        put("r/ids", Payload.ofUtf8("no register"));
        assertWrong("the state of a register is damaged");
    }

    @Test
    @DisplayName("a newer version's voter is refused as such, by the doctor and at a start")
    void newerVersion() {
        Payload key = Payload.ofUtf8("m/format");
        put("m/format", GuardedValue.encode(key, 4, out -> out.putInt(2)));
        assertWrong("the registry voter's store was written by a newer version of Quire (format 2, this one reads 1)");
        try (KeyValueStore store = openStore()) {
            assertThatThrownBy(() -> AcceptorStore.open(store)).isInstanceOf(NewerFormatException.class);
        }
    }

    @Test
    @DisplayName("P11: a voter in use is not looked at; one that is emptied was never formatted")
    void inUseOrEmpty() throws IOException {
        try (DirectoryLock lock = DirectoryLock.acquire(directory)) {
            assertThat(lock.directory()).isEqualTo(directory);
            assertWrong("in use by");
        }
        Files.delete(directory.resolve("registers/data.mdb"));
        assertWrong("holds no voter");
        assertThat(directory.resolve("registers/data.mdb")).doesNotExist();
    }

    @Test
    @DisplayName("P12: flipped bits and cut ends end in a report")
    void garbage() throws IOException {
        Path data = directory.resolve("registers/data.mdb");
        byte[] whole = Files.readAllBytes(data);
        Random random = new Random(3);
        for (int round = 0; round < 300; round++) {
            byte[] bytes = whole.clone();
            for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
                int at = random.nextInt(bytes.length);
                bytes[random.nextBoolean() ? at / PAGE * PAGE + random.nextInt(160) : at] ^=
                        (byte) (1 << random.nextInt(8));
            }
            Files.write(data, bytes);
            assertThat(findings()).isNotEmpty();
        }
    }
}
