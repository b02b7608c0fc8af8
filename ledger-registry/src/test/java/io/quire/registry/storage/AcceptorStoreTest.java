package io.quire.registry.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Ballot;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.StorageException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AcceptorStoreTest {
    private static final VoterId VOTER = voter(1);
    private static final RegistryConfig CONFIG = RegistryConfig.founding("c", List.of(VOTER, voter(2), voter(3)));
    private static final RegistryKey KEY = new RegistryKey("/t/a");

    @TempDir
    private Path directory;

    private AcceptorStore acceptors;
    private long lastId;

    @BeforeEach
    void format() {
        KeyValueStore store = open();
        AcceptorStore.format(store, VOTER);
        acceptors = AcceptorStore.open(store);
    }

    @AfterEach
    void close() {
        acceptors.close();
    }

    @Test
    @DisplayName("a store is formatted once, and not opened before")
    void identity(@TempDir Path emptyDirectory) {
        acceptors.close();
        try (KeyValueStore store = open()) {
            assertThat(AcceptorStore.isFormatted(store)).isTrue();
            assertThatThrownBy(() -> AcceptorStore.format(store, voter(9))).isInstanceOf(StorageException.class);
        }
        try (KeyValueStore empty = LmdbKeyValueStore.open(emptyDirectory, 1 << 24)) {
            assertThatThrownBy(() -> AcceptorStore.open(empty))
                    .isInstanceOf(StorageException.class)
                    .hasMessageContaining("format it first");
        }
        acceptors = AcceptorStore.open(open());
        assertThat(acceptors.voter()).isEqualTo(VOTER);
    }

    @Test
    @DisplayName("R1: promises and accepted values outlive a restart, and so does the config")
    void restart() {
        found();
        RegisterValue value = value("v", 1);
        answer(new RegistryRequest.Accept(VOTER, 1, ++lastId, KEY, ballot(3, 1), value, ballot(4, 1)));
        acceptors.close();
        acceptors = AcceptorStore.open(open());
        assertThat(acceptors.isServing()).isTrue();
        assertThat(acceptors.config()).contains(CONFIG);
        assertThat(answer(new RegistryRequest.Prepare(VOTER, 1, ++lastId, KEY, ballot(3, 9))))
                .isEqualTo(new RegistryReply.BallotRejected(VOTER, lastId, ballot(3, 9), ballot(4, 1)));
        assertThat(answer(new RegistryRequest.Prepare(VOTER, 1, ++lastId, KEY, ballot(5, 9))))
                .isEqualTo(new RegistryReply.Promised(VOTER, lastId, ballot(5, 9), ballot(3, 1), value));
    }

    @Test
    @DisplayName("a group sees its own changes in order and is committed whole")
    void groups() {
        found();
        RegisterValue value = value("v", 1);
        List<RegistryReply> replies = acceptors.answer(List.of(
                new RegistryRequest.Prepare(VOTER, 1, 1, KEY, ballot(1, 1)),
                new RegistryRequest.Accept(VOTER, 1, 2, KEY, ballot(1, 1), value, ballot(2, 1)),
                new RegistryRequest.ReadRegister(VOTER, 1, 3, KEY),
                new RegistryRequest.Prepare(VOTER, 1, 4, KEY, ballot(1, 9))));
        assertThat(replies)
                .containsExactly(
                        new RegistryReply.Promised(VOTER, 1, ballot(1, 1), Ballot.ZERO, RegisterValue.ABSENT),
                        new RegistryReply.Accepted(VOTER, 2, ballot(1, 1)),
                        new RegistryReply.RegisterRead(VOTER, 3, ballot(1, 1), value),
                        new RegistryReply.BallotRejected(VOTER, 4, ballot(1, 9), ballot(2, 1)));
    }

    @Test
    @DisplayName("a request for another voter or another config epoch, or before the voter serves, is refused")
    void refusals() {
        assertThat(answer(new RegistryRequest.ReadRegister(VOTER, 1, ++lastId, KEY)))
                .isInstanceOf(RegistryReply.VoterRefused.class);
        found();
        assertThat(answer(new RegistryRequest.ReadRegister(voter(2), 1, ++lastId, KEY)))
                .isInstanceOf(RegistryReply.VoterRefused.class);
        assertThat(answer(new RegistryRequest.ReadRegister(VOTER, 2, ++lastId, KEY)))
                .isEqualTo(new RegistryReply.VoterRefused(
                        VOTER, lastId, "the voter is in another config epoch than 2", Optional.of(CONFIG)));
        assertThat(answer(new RegistryRequest.ReadRegister(VOTER, 1, ++lastId, KEY)))
                .isInstanceOf(RegistryReply.RegisterRead.class);
    }

    @Test
    @DisplayName("R6: a voter stores one config, refuses any other for ever, and serves only after the activation")
    void oneConfig() {
        RegistryConfig other = RegistryConfig.founding("c", List.of(VOTER, voter(8)));
        assertThat(answer(new RegistryRequest.ActivateConfig(VOTER, ++lastId, CONFIG)))
                .isInstanceOf(RegistryReply.VoterRefused.class);
        assertThat(answer(new RegistryRequest.FoundCluster(VOTER, ++lastId, CONFIG)))
                .isEqualTo(new RegistryReply.ConfigStored(VOTER, lastId));
        assertThat(acceptors.isServing()).isFalse();
        acceptors.close();
        acceptors = AcceptorStore.open(open());
        assertThat(answer(new RegistryRequest.FoundCluster(VOTER, ++lastId, other)))
                .isInstanceOf(RegistryReply.VoterRefused.class);
        assertThat(answer(new RegistryRequest.FoundCluster(
                        VOTER, ++lastId, RegistryConfig.founding("c", List.of(voter(2), voter(3))))))
                .isInstanceOf(RegistryReply.VoterRefused.class);
        assertThat(answer(new RegistryRequest.ActivateConfig(VOTER, ++lastId, CONFIG)))
                .isEqualTo(new RegistryReply.ConfigStored(VOTER, lastId));
        assertThat(acceptors.isServing()).isTrue();
    }

    @Test
    @DisplayName("a list holds the prefix only, goes on behind a key, and says whether more follow")
    void lists() {
        found();
        for (String path : List.of("/s/z", "/t/a", "/t/b", "/t/c", "/u")) {
            accept(new RegistryKey(path), value(path, 1));
        }
        answer(new RegistryRequest.Prepare(VOTER, 1, ++lastId, new RegistryKey("/t/promised"), ballot(1, 1)));
        assertThat(keys(list(Optional.empty(), 10))).containsExactly("/t/a", "/t/b", "/t/c");
        assertThat(keys(list(Optional.of(new RegistryKey("/t/a")), 1))).containsExactly("/t/b");
        assertThat(list(Optional.of(new RegistryKey("/t/a")), 1).more()).isTrue();
        assertThat(keys(list(Optional.of(new RegistryKey("/a")), 10))).containsExactly("/t/a", "/t/b", "/t/c");
        assertThat(keys(list(Optional.of(new RegistryKey("/z")), 10))).isEmpty();
    }

    @Test
    @DisplayName("a list of large values ends early, so that it fits into a frame")
    void largeLists() {
        found();
        for (int i = 0; i < 10; i++) {
            accept(new RegistryKey("/t/" + i), value("x".repeat(50_000), i));
        }
        assertThat(keys(list(Optional.empty(), 10))).containsExactly("/t/0", "/t/1", "/t/2");
        assertThat(list(Optional.empty(), 10).more()).isTrue();
        assertThat(keys(list(Optional.of(new RegistryKey("/t/7")), 10))).containsExactly("/t/8", "/t/9");
    }

    private void found() {
        answer(new RegistryRequest.FoundCluster(VOTER, ++lastId, CONFIG));
        answer(new RegistryRequest.ActivateConfig(VOTER, ++lastId, CONFIG));
    }

    private void accept(RegistryKey key, RegisterValue value) {
        answer(new RegistryRequest.Accept(VOTER, 1, ++lastId, key, ballot(1, 1), value, ballot(2, 1)));
    }

    private RegistryReply answer(RegistryRequest request) {
        return acceptors.answer(List.of(request)).get(0);
    }

    private RegistryReply.RegistersListed list(Optional<RegistryKey> after, int limit) {
        return (RegistryReply.RegistersListed)
                answer(new RegistryRequest.ListRegisters(VOTER, 1, ++lastId, "/t/", after, limit));
    }

    private static List<String> keys(RegistryReply.RegistersListed listed) {
        return listed.registers().stream()
                .map(register -> register.key().path())
                .toList();
    }

    private KeyValueStore open() {
        return LmdbKeyValueStore.open(directory, 1 << 24);
    }

    private static RegisterValue value(String text, long op) {
        return RegisterValue.ABSENT.changedTo(Payload.ofUtf8(text), new OpId(new UUID(3, op)));
    }

    private static Ballot ballot(long counter, long proposer) {
        return new Ballot(counter, new ProposerId(new UUID(0, proposer)));
    }

    private static VoterId voter(long id) {
        return new VoterId(new UUID(0, id));
    }
}
