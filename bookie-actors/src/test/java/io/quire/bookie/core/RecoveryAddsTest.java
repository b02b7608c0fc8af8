package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.ReplicaEffect.EntriesRecovered;
import io.quire.bookie.core.ReplicaEffect.JournalRecovered;
import io.quire.bookie.core.ReplicaEffect.LookUp;
import io.quire.bookie.core.ReplicaEffect.ReadVersion;
import io.quire.bookie.core.ReplicaEffect.RecoveryRefused;
import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RecoveryAddsTest {
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final LedgerMetadata OPEN = LedgerMetadata.create(
            LEDGER, new Replication(1, 1, 1), new Ensemble(List.of(new BookieId(new UUID(9, 9)))), Map.of(), 5);
    private static final LedgerMetadata CLOSED = OPEN.closed(20, 100, List.of());
    private static final LedgerMetadata IN_RECOVERY = new LedgerMetadata(
            LEDGER,
            OPEN.namespace(),
            OPEN.replication(),
            OPEN.digest(),
            OPEN.verifier(),
            LedgerState.IN_RECOVERY,
            OPEN.deletion(),
            OPEN.fragments(),
            -1,
            0,
            5,
            Map.of(),
            List.of(),
            List.of());
    private static final long BYTES_MAX = 2000;

    private final RecoveryAdds adds =
            new RecoveryAdds(LEDGER, new HeldEntries(LEDGER, 9), new LedgerTerms(), 0, BYTES_MAX);

    private static EntryBatch batch(String content, long... entryIds) {
        return EntryBatch.of(Arrays.stream(entryIds)
                .mapToObj(
                        id -> EntryFormat.encode(LEDGER, id, -1, 1000, Payload.ofUtf8(content + id), DigestType.CRC32C))
                .toList());
    }

    private static Map<Long, Payload> held(EntryBatch batch) {
        return batch.entries().stream()
                .collect(java.util.stream.Collectors.toMap(EntryFormat::entryIdOf, entry -> entry));
    }

    private static Optional<Versioned<LedgerMetadata>> at(long version, LedgerMetadata metadata) {
        return Optional.of(new Versioned<>(version, metadata));
    }

    private static ReplicaRefusal refusalOf(List<ReplicaEffect> effects) {
        assertThat(effects).hasSize(1);
        return ((RecoveryRefused) effects.get(0)).refusal();
    }

    @Test
    @DisplayName("R24: an add is journaled once the register was seen at its version, and answered once durable")
    void journaledAtVersion() {
        assertThat(adds.add(1, 4, Payload.EMPTY, batch("e", 10, 11))).containsExactly(new ReadVersion(1));
        assertThat(adds.add(2, 4, Payload.EMPTY, batch("e", 13))).isEmpty();
        assertThat(adds.isIdle()).isFalse();
        assertThat(adds.versionRead(1, at(4, IN_RECOVERY)))
                .containsExactly(
                        new JournalRecovered(1, 4, batch("e", 10, 11)), new JournalRecovered(2, 4, batch("e", 13)));
        assertThat(adds.journaled(2)).containsExactly(new EntriesRecovered(2));
        assertThat(adds.journaled(1)).containsExactly(new EntriesRecovered(1));
        assertThat(adds.isIdle()).isTrue();

        // Confirmed once is enough.
        assertThat(adds.add(3, 4, Payload.EMPTY, batch("e", 14)))
                .containsExactly(new JournalRecovered(3, 4, batch("e", 14)));
        assertThat(adds.add(4, 5, Payload.EMPTY, batch("e", 15))).containsExactly(new ReadVersion(2));
    }

    @Test
    @DisplayName("R24: no add for a ledger that is gone, deleted, open, or at another version")
    void refusedByRegister() {
        assertThat(refused(Optional.empty())).isEqualTo(ReplicaRefusal.NO_SUCH_LEDGER);
        assertThat(refused(at(4, CLOSED.withDeletion(Deletion.DELETED)))).isEqualTo(ReplicaRefusal.NOT_OPEN);
        assertThat(refused(at(4, OPEN))).isEqualTo(ReplicaRefusal.NOT_RECOVERING);
        assertThat(refused(at(3, CLOSED))).isEqualTo(ReplicaRefusal.NOT_RECOVERING);
        assertThat(refused(at(5, CLOSED))).isEqualTo(ReplicaRefusal.NOT_RECOVERING);
        adds.add(1, 4, Payload.EMPTY, batch("e", 10));
        assertThat(refusalOf(adds.versionUnavailable("no majority"))).isEqualTo(ReplicaRefusal.UNAVAILABLE);
        assertThat(adds.isIdle()).isTrue();
    }

    private ReplicaRefusal refused(Optional<Versioned<LedgerMetadata>> register) {
        ReadVersion read =
                (ReadVersion) adds.add(1, 4, Payload.EMPTY, batch("e", 10)).get(0);
        return refusalOf(adds.versionRead(read.number(), register));
    }

    @Test
    @DisplayName("R24: a register read before an add came does not refuse it; another read decides")
    void readBeforeTheAdd() {
        adds.add(1, 4, Payload.EMPTY, batch("e", 10));
        adds.add(2, 5, Payload.EMPTY, batch("e", 11));
        List<ReplicaEffect> effects = adds.versionRead(1, at(4, CLOSED));
        assertThat(effects).containsExactly(new JournalRecovered(1, 4, batch("e", 10)), new ReadVersion(2));
        assertThat(adds.versionRead(2, at(5, CLOSED))).containsExactly(new JournalRecovered(2, 5, batch("e", 11)));
    }

    @Test
    @DisplayName(
            "R24, H13: the same bytes are held already, other bytes are refused, and only what is missing is journaled")
    void comparedWithWhatIsHeld() {
        confirm(4);
        assertThat(adds.add(1, 4, Payload.EMPTY, batch("e", 8, 9, 10)))
                .containsExactly(new LookUp(1, batch("e", 8, 9, 10)));
        assertThat(adds.lookedUp(1, held(batch("e", 8))))
                .contains(List.of(new JournalRecovered(1, 4, batch("e", 9, 10))));
        adds.journaled(1);

        adds.add(2, 4, Payload.EMPTY, batch("x", 10));
        assertThat(refusalOf(adds.lookedUp(2, held(batch("e", 10))).orElseThrow()))
                .isEqualTo(ReplicaRefusal.CONFLICTING_BYTES);
        adds.add(3, 4, Payload.EMPTY, batch("e", 10));
        assertThat(adds.lookedUp(3, held(batch("e", 10)))).contains(List.of(new EntriesRecovered(3)));
        adds.add(4, 4, Payload.EMPTY, batch("e", 10));
        assertThat(refusalOf(adds.lookUpFailed(4, "the disk failed").orElseThrow()))
                .isEqualTo(ReplicaRefusal.UNAVAILABLE);
        assertThat(adds.isIdle()).isTrue();
        assertThat(adds.lookedUp(99, Map.of())).isEmpty();
        assertThat(adds.lookUpFailed(99, "")).isEmpty();
    }

    @Test
    @DisplayName("R24: a copy that is held already is held at the add's version only once that is durable")
    void heldAtTheVersion() {
        confirm(6);
        adds.add(1, 6, Payload.EMPTY, batch("e", 9));
        assertThat(adds.lookedUp(1, held(batch("e", 9))))
                .contains(List.of(new JournalRecovered(1, 6, EntryBatch.EMPTY)));
        adds.journaled(1);
        adds.add(2, 6, Payload.EMPTY, batch("e", 9));
        assertThat(adds.lookedUp(2, held(batch("e", 9)))).contains(List.of(new EntriesRecovered(2)));
    }

    private void confirm(long version) {
        ReadVersion read = (ReadVersion)
                adds.add(100, version, Payload.EMPTY, EntryBatch.EMPTY).get(0);
        adds.versionRead(read.number(), at(version, CLOSED));
        if (version == 4) {
            adds.journaled(100);
        } else {
            // Not durable yet: nothing is held at the version.
            assertThat(adds.isIdle()).isFalse();
        }
    }

    @Test
    @DisplayName("H66: damaged entries are refused, and what is under way is bounded")
    void damageAndBounds() {
        byte[] flipped = batch("e", 10).entries().get(0).toByteArray();
        flipped[41] ^= 1;
        assertThat(refusalOf(adds.add(1, 4, Payload.EMPTY, EntryBatch.of(List.of(Payload.wrap(flipped))))))
                .isEqualTo(ReplicaRefusal.DAMAGED);
        EntryBatch large = EntryBatch.of(
                List.of(EntryFormat.encode(LEDGER, 10, -1, 3000, Payload.wrap(new byte[3000]), DigestType.CRC32C)));
        assertThat(adds.add(1, 4, Payload.EMPTY, large)).hasOnlyElementsOfType(ReadVersion.class);
        assertThat(refusalOf(adds.add(2, 4, Payload.EMPTY, batch("e", 11)))).isEqualTo(ReplicaRefusal.OVERLOADED);
        adds.versionUnavailable("no majority");
        assertThat(adds.add(3, 4, Payload.EMPTY, batch("e", 11))).hasOnlyElementsOfType(ReadVersion.class);
    }

    @Test
    @DisplayName("H61: an add that found no room is refused, nothing of it counts as held, and it may come again")
    void withoutRoom() {
        adds.add(1, 4, Payload.EMPTY, batch("e", 10));
        assertThat(adds.versionRead(1, at(4, CLOSED))).hasSize(1);
        assertThat(refusalOf(adds.notJournaled(1, "full"))).isEqualTo(ReplicaRefusal.READ_ONLY);
        assertThat(adds.isIdle()).isTrue();
        List<ReplicaEffect> again = adds.add(2, 4, Payload.EMPTY, batch("e", 10));
        assertThat(again).singleElement().isInstanceOf(LookUp.class);
        assertThat(adds.lookedUp(((LookUp) again.get(0)).number(), Map.of()))
                .hasValue(List.of(new JournalRecovered(2, 4, batch("e", 10))));
    }
}
