package io.quire.registry.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Ballot;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerIdRange;
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
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.LongStream;
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

    private KeyValueStore store;
    private AcceptorStore acceptors;
    private long lastId;

    @BeforeEach
    void format() {
        AcceptorStore.format(open(), VOTER);
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
        try (KeyValueStore formatted = open()) {
            assertThat(AcceptorStore.isFormatted(formatted)).isTrue();
            assertThatThrownBy(() -> AcceptorStore.format(formatted, voter(9))).isInstanceOf(StorageException.class);
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

    @Test
    @DisplayName("R5: a seal is durable, ends the epoch, and a copy sees what the same group accepted before it")
    void seals() {
        found();
        RegistryConfig next = CONFIG.changedTo(List.of(VOTER, voter(4)));
        RegisterValue value = value("v", 1);
        List<RegistryReply> replies = acceptors.answer(List.of(
                new RegistryRequest.Accept(VOTER, 1, 1, KEY, ballot(3, 1), value, ballot(4, 1)),
                new RegistryRequest.SealVoter(VOTER, 2, next),
                new RegistryRequest.ReadRegister(VOTER, 1, 3, KEY),
                new RegistryRequest.CopyRegisters(VOTER, 4, next, Optional.empty())));
        assertThat(replies.get(1)).isEqualTo(new RegistryReply.ConfigStored(VOTER, 2));
        assertThat(replies.get(2)).isInstanceOf(RegistryReply.VoterRefused.class);
        assertThat(replies.get(3))
                .isEqualTo(new RegistryReply.RegistersCopied(
                        VOTER,
                        4,
                        List.of(new RegistryReply.Copied(KEY, ballot(4, 1), ballot(3, 1), value)),
                        List.of(),
                        Optional.empty()));
        acceptors.close();
        acceptors = AcceptorStore.open(open());
        assertThat(acceptors.isServing()).isFalse();
        assertThat(answer(new RegistryRequest.DescribeVoter(++lastId)))
                .isEqualTo(
                        new RegistryReply.VoterDescribed(VOTER, lastId, Optional.of(CONFIG), false, Optional.of(next)));
        assertThat(answer(new RegistryRequest.ActivateConfig(VOTER, ++lastId, CONFIG)))
                .isInstanceOf(RegistryReply.VoterRefused.class);
        assertThat(answer(new RegistryRequest.ActivateConfig(VOTER, ++lastId, next)))
                .isInstanceOf(RegistryReply.ConfigStored.class);
        assertThat(answer(new RegistryRequest.ReadRegister(VOTER, 2, ++lastId, KEY)))
                .isInstanceOf(RegistryReply.RegisterRead.class);
    }

    @Test
    @DisplayName("R5: copies are merged by the highest ballot and promise, and refused once the voter serves")
    void copies() {
        found();
        RegistryConfig next = CONFIG.changedTo(List.of(VOTER, voter(4)));
        RegisterValue high = value("high", 2);
        accept(KEY, value("low", 1));
        RegistryRequest.StoreCopies copies = new RegistryRequest.StoreCopies(
                VOTER, 7, next, List.of(new RegistryReply.Copied(KEY, ballot(6, 1), ballot(5, 1), high)), List.of());
        assertThat(answer(copies)).isInstanceOf(RegistryReply.VoterRefused.class);
        answer(new RegistryRequest.SealVoter(VOTER, ++lastId, next));
        assertThat(answer(copies)).isEqualTo(new RegistryReply.ConfigStored(VOTER, 7));
        answer(new RegistryRequest.StoreCopies(
                VOTER,
                8,
                next,
                List.of(new RegistryReply.Copied(KEY, ballot(9, 1), ballot(2, 1), value("lower", 3))),
                List.of()));
        RegistryReply.RegistersCopied held = (RegistryReply.RegistersCopied)
                answer(new RegistryRequest.CopyRegisters(VOTER, ++lastId, next, Optional.empty()));
        assertThat(held.registers()).containsExactly(new RegistryReply.Copied(KEY, ballot(9, 1), ballot(5, 1), high));
        answer(new RegistryRequest.ActivateConfig(VOTER, ++lastId, next));
        assertThat(answer(copies)).isInstanceOf(RegistryReply.VoterRefused.class);
    }

    @Test
    @DisplayName("R5: copies come in pages that fit into a message, and all of them hold everything")
    void copyPages() {
        found();
        RegistryConfig next = CONFIG.changedTo(List.of(VOTER));
        for (int i = 0; i < 10; i++) {
            accept(new RegistryKey("/t/" + i), value("x".repeat(50_000), i));
        }
        answer(new RegistryRequest.SealVoter(VOTER, ++lastId, next));
        List<String> seen = new java.util.ArrayList<>();
        Optional<RegistryKey> after = Optional.empty();
        boolean more = true;
        while (more) {
            RegistryReply.RegistersCopied page = (RegistryReply.RegistersCopied)
                    answer(new RegistryRequest.CopyRegisters(VOTER, ++lastId, next, after));
            assertThat(page.registers()).hasSizeLessThanOrEqualTo(3);
            page.registers().forEach(register -> seen.add(register.key().path()));
            after = page.next();
            more = after.isPresent();
        }
        assertThat(seen).hasSize(10).doesNotHaveDuplicates();
    }

    @Test
    @DisplayName("R4: any request about a collected ledger is answered with that, for ever, and its register is gone")
    void collected() {
        found();
        RegistryKey ledger = RegistryKey.ofLedger(new LedgerId(7));
        RegistryKey neighbour = RegistryKey.ofLedger(new LedgerId(8));
        accept(ledger, value("v", 1));
        accept(neighbour, value("w", 1));
        List<RegistryReply> replies = acceptors.answer(List.of(
                new RegistryRequest.CollectLedger(VOTER, 1, 1, new LedgerId(7)),
                new RegistryRequest.ReadRegister(VOTER, 1, 2, ledger)));
        assertThat(replies)
                .containsExactly(
                        new RegistryReply.LedgerCollected(VOTER, 1), new RegistryReply.LedgerCollected(VOTER, 2));
        acceptors.close();
        acceptors = AcceptorStore.open(open());
        for (RegistryRequest request : List.of(
                new RegistryRequest.ReadRegister(VOTER, 1, 9, ledger),
                new RegistryRequest.Prepare(VOTER, 1, 9, ledger, ballot(90, 9)),
                new RegistryRequest.Accept(VOTER, 1, 9, ledger, ballot(90, 9), value("w", 2), ballot(91, 9)),
                new RegistryRequest.CollectLedger(VOTER, 1, 9, new LedgerId(7)))) {
            assertThat(answer(request)).as("%s", request).isEqualTo(new RegistryReply.LedgerCollected(VOTER, 9));
        }
        RegistryReply.RegistersListed listed = (RegistryReply.RegistersListed)
                answer(new RegistryRequest.ListRegisters(VOTER, 1, ++lastId, "/ledgers/", Optional.empty(), 10));
        assertThat(listed.registers()).extracting(RegistryReply.Listed::key).containsExactly(neighbour);
        assertThatThrownBy(() -> stored("r" + ledger.path())).isInstanceOf(NoSuchElementException.class);
    }

    @Test
    @DisplayName("R4, R5: copies carry what was collected, page by page, and what was collected wins over a register")
    void collectedIsCopied() {
        found();
        RegistryConfig next = new RegistryConfig(2, "c", CONFIG.clusterId(), List.of(VOTER));
        TreeSet<Long> even = new TreeSet<>();
        List<RegistryRequest> collects = new ArrayList<>();
        for (long id = 0; id < 9000; id += 2) {
            even.add(id);
            collects.add(new RegistryRequest.CollectLedger(VOTER, 1, id, new LedgerId(id)));
        }
        acceptors.answer(collects);
        accept(RegistryKey.ofLedger(new LedgerId(8191)), value("v", 1));
        accept(RegistryKey.ofLedger(new LedgerId(8193)), value("v", 1));
        answer(new RegistryRequest.SealVoter(VOTER, ++lastId, next));
        TreeSet<Long> copied = new TreeSet<>();
        List<RegistryKey> registers = new ArrayList<>();
        Optional<RegistryKey> after = Optional.empty();
        do {
            RegistryReply.RegistersCopied page = (RegistryReply.RegistersCopied)
                    answer(new RegistryRequest.CopyRegisters(VOTER, ++lastId, next, after));
            page.collected().forEach(range -> LongStream.rangeClosed(range.first(), range.last())
                    .forEach(id -> assertThat(copied.add(id)).isTrue()));
            page.registers().forEach(register -> registers.add(register.key()));
            after = page.next();
        } while (after.isPresent());
        assertThat(copied).isEqualTo(even);
        assertThat(registers)
                .containsExactly(RegistryKey.ofLedger(new LedgerId(8191)), RegistryKey.ofLedger(new LedgerId(8193)));
        answer(new RegistryRequest.StoreCopies(
                VOTER,
                ++lastId,
                next,
                List.of(new RegistryReply.Copied(registers.get(0), ballot(9, 1), ballot(9, 1), value("late", 2))),
                List.of(new LedgerIdRange(8191, 8191))));
        answer(new RegistryRequest.ActivateConfig(VOTER, ++lastId, next));
        assertThat(answer(new RegistryRequest.ReadRegister(VOTER, 2, ++lastId, registers.get(0))))
                .isInstanceOf(RegistryReply.LedgerCollected.class);
    }

    @Test
    @DisplayName("R5: a ballot of another epoch is refused")
    void foreignBallots() {
        found();
        Ballot later = ballot(Ballot.floorOf(2) + 1, 1);
        assertThat(answer(new RegistryRequest.Prepare(VOTER, 1, ++lastId, KEY, later)))
                .isInstanceOf(RegistryReply.VoterRefused.class);
        assertThat(answer(new RegistryRequest.Accept(VOTER, 1, ++lastId, KEY, ballot(1, 1), value("v", 1), later)))
                .isInstanceOf(RegistryReply.VoterRefused.class);
    }

    @Test
    @DisplayName("P10: a damaged register is an error of every request that needs it, never absent or another value")
    void damagedRegister() {
        found();
        accept(KEY, value("v", 1));
        Payload healthy = stored("r/t/a");
        for (int i = 0; i < healthy.length(); i++) {
            overwrite("r/t/a", flipped(healthy, i));
            assertDamaged(new RegistryRequest.ReadRegister(VOTER, 1, ++lastId, KEY));
            assertDamaged(new RegistryRequest.Prepare(VOTER, 1, ++lastId, KEY, ballot(9, 9)));
            assertDamaged(
                    new RegistryRequest.Accept(VOTER, 1, ++lastId, KEY, ballot(9, 9), value("w", 2), ballot(10, 9)));
            assertDamaged(new RegistryRequest.ListRegisters(VOTER, 1, ++lastId, "/t/", Optional.empty(), 10));
        }
        overwrite("r/t/a", Payload.EMPTY);
        assertDamaged(new RegistryRequest.ReadRegister(VOTER, 1, ++lastId, KEY));
        overwrite("r/t/a", healthy);
        overwrite("r/t/b", healthy);
        assertThat(answer(new RegistryRequest.ReadRegister(VOTER, 1, ++lastId, KEY)))
                .isInstanceOf(RegistryReply.RegisterRead.class);
        assertDamaged(new RegistryRequest.ReadRegister(VOTER, 1, ++lastId, new RegistryKey("/t/b")));
    }

    @Test
    @DisplayName("P10: a voter with a damaged identity or config does not start")
    void damagedVoter() {
        found();
        for (String key : List.of("m/voter", "m/config")) {
            Payload healthy = stored(key);
            for (int i = 0; i < healthy.length(); i++) {
                overwrite(key, flipped(healthy, i));
                assertThat(AcceptorStore.isFormatted(store)).isTrue();
                assertThatThrownBy(() -> AcceptorStore.open(store))
                        .isInstanceOf(StorageException.class)
                        .hasMessageContaining("damaged");
            }
            overwrite(key, healthy);
        }
    }

    private void assertDamaged(RegistryRequest request) {
        assertThatThrownBy(() -> answer(request))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("damaged");
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
        store = LmdbKeyValueStore.open(directory, 1 << 24);
        return store;
    }

    private Payload stored(String key) {
        try (KeyValueStore.Snapshot snapshot = store.openSnapshot()) {
            return snapshot.get(Payload.ofUtf8(key)).orElseThrow();
        }
    }

    private void overwrite(String key, Payload value) {
        try (KeyValueStore.Transaction transaction = store.begin()) {
            transaction.put(Payload.ofUtf8(key), value);
            transaction.commit();
        }
    }

    private static Payload flipped(Payload value, int index) {
        byte[] bytes = value.toByteArray();
        bytes[index] ^= (byte) (1 << index % 8);
        return Payload.wrap(bytes);
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
