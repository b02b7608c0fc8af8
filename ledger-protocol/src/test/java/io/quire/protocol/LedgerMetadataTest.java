package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@link LedgerMetadata} and what it is made of. */
class LedgerMetadataTest {
    private final RandomValues values = new RandomValues(71);
    private final Ensemble ensemble = values.ensemble(3);
    private final LedgerMetadata open =
            LedgerMetadata.create(new LedgerId(17), Replication.DEFAULT, ensemble, Map.of("team", "orders"), 1000);

    @Test
    @DisplayName("metadata, registrations and statuses come back equal")
    void roundTrips() {
        for (int i = 0; i < 500; i++) {
            LedgerMetadata metadata = values.metadata();
            assertThat(LedgerMetadata.decode(metadata.encode())).isEqualTo(metadata);
            BookieRegistration registration = values.registration();
            assertThat(BookieRegistration.decode(registration.encode())).isEqualTo(registration);
            BookieStatus status = values.status();
            assertThat(Fields.decodeAll(Fields.encode(1, status::encode).asByteBuffer(), BookieStatus::decode))
                    .isEqualTo(status);
        }
    }

    @Test
    @DisplayName("damaged metadata and registrations are read as nothing, or as a value that has exactly these bytes")
    void hostileBytes() {
        for (int i = 0; i < 3000; i++) {
            Payload metadata = damage(values.metadata().encode().toByteArray());
            readOrRefuse(metadata, () -> LedgerMetadata.decode(metadata).encode());
            Payload registration = damage(values.registration().encode().toByteArray());
            readOrRefuse(
                    registration, () -> BookieRegistration.decode(registration).encode());
        }
    }

    @Test
    @DisplayName("an unknown format is named in the exception")
    void unknownFormat() {
        byte[] metadata = open.encode().toByteArray();
        metadata[0] = 9;
        assertThatThrownBy(() -> LedgerMetadata.decode(Payload.wrap(metadata)))
                .isInstanceOf(Fields.MalformedException.class)
                .hasMessage("ledger metadata of unknown format 9");
        byte[] registration = values.registration().encode().toByteArray();
        registration[0] = 9;
        assertThatThrownBy(() -> BookieRegistration.decode(Payload.wrap(registration)))
                .isInstanceOf(Fields.MalformedException.class)
                .hasMessage("bookie registration of unknown format 9");
    }

    @Test
    @DisplayName("a new ledger is open, empty and has one fragment, made by version 1 of its register")
    void created() {
        assertThat(open.state()).isEqualTo(LedgerState.OPEN);
        assertThat(open.fragments()).containsExactly(new Fragment(0, 1, ensemble));
        assertThat(open.lastEntryId()).isEqualTo(EntryId.NONE);
        assertThat(open.length()).isZero();
        assertThat(open.isDeleted()).isFalse();
        assertThat(open.isClosed()).isFalse();
    }

    @Test
    @DisplayName("I5: a ledger is closed once")
    void closed() {
        IncompleteRange incomplete = new IncompleteRange(ensemble.at(1), 3, 4);
        LedgerMetadata closed = open.closed(9, 100, List.of(incomplete));
        assertThat(closed.isClosed()).isTrue();
        assertThat(closed.lastEntryId()).isEqualTo(9);
        assertThat(closed.length()).isEqualTo(100);
        assertThat(closed.incomplete()).containsExactly(incomplete);
        assertThatThrownBy(() -> closed.closed(9, 100, List.of())).isInstanceOf(IllegalStateException.class);
        assertThat(open.closed(EntryId.NONE, 0, List.of()).lastEntryId()).isEqualTo(EntryId.NONE);
        assertThatThrownBy(() -> open.closed(EntryId.NONE, 1, List.of())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> open.closed(-2, 0, List.of())).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> open.closed(9, -1, List.of())).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("I5: states go forward only")
    void states() {
        for (LedgerState from : LedgerState.values()) {
            for (LedgerState to : LedgerState.values()) {
                boolean allowed = (from == LedgerState.OPEN && to != LedgerState.OPEN)
                        || (from == LedgerState.IN_RECOVERY && to == LedgerState.CLOSED);
                assertThat(from.mayBecome(to)).isEqualTo(allowed);
            }
        }
    }

    @Test
    @DisplayName("only a closed ledger has a last entry and a length")
    void onlyClosedLedgersEnd() {
        for (LedgerState state : List.of(LedgerState.OPEN, LedgerState.IN_RECOVERY)) {
            assertThat(with(state, EntryId.NONE, 0).isClosed()).isFalse();
            assertThatThrownBy(() -> with(state, 0, 0)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> with(state, EntryId.NONE, 1)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    @DisplayName("R22: deletion is a fact beside the state")
    void deletion() {
        assertThat(open.withDeletion(Deletion.DELETED).isDeleted()).isTrue();
        assertThat(open.withDeletion(Deletion.PURGED).isDeleted()).isTrue();
        assertThat(open.withDeletion(Deletion.DELETED).withDeletion(Deletion.NONE))
                .isEqualTo(open);
    }

    @Test
    @DisplayName("fragments start at 0, rise, and are as large as the replication says")
    void fragmentInvariants() {
        List<List<Fragment>> impossible = List.of(
                List.of(),
                List.of(new Fragment(1, 1, ensemble)),
                List.of(new Fragment(0, 1, ensemble), new Fragment(0, 2, ensemble)),
                List.of(new Fragment(0, 1, ensemble), new Fragment(5, 2, ensemble), new Fragment(4, 3, ensemble)),
                List.of(new Fragment(0, 1, values.ensemble(2))),
                List.of(new Fragment(0, 1, ensemble), new Fragment(5, 2, values.ensemble(4))));
        for (List<Fragment> fragments : impossible) {
            assertThatThrownBy(() -> with(fragments)).isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> new Fragment(-1, 1, ensemble)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Fragment(0, 0, ensemble)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("each entry is in the last fragment that starts at or before it")
    void fragmentOf() {
        List<Fragment> fragments = List.of(
                new Fragment(0, 1, ensemble), new Fragment(5, 2, values.ensemble(3)), new Fragment(6, 4, ensemble));
        LedgerMetadata metadata = with(fragments);
        assertThat(metadata.fragmentOf(0)).isEqualTo(fragments.get(0));
        assertThat(metadata.fragmentOf(4)).isEqualTo(fragments.get(0));
        assertThat(metadata.fragmentOf(5)).isEqualTo(fragments.get(1));
        assertThat(metadata.fragmentOf(6)).isEqualTo(fragments.get(2));
        assertThat(metadata.fragmentOf(EntryId.MAX)).isEqualTo(metadata.lastFragment());
        assertThatThrownBy(() -> metadata.fragmentOf(EntryId.NONE)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("labels are few and short")
    void labelInvariants() {
        String longest = "x".repeat(LedgerMetadata.LABEL_CHARACTERS_MAX);
        assertThat(withLabels(Map.of(longest, longest)).labels()).hasSize(1);
        assertThat(withLabels(Map.of("k", "")).labels()).containsEntry("k", "");
        assertThatThrownBy(() -> withLabels(Map.of("", "v"))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> withLabels(Map.of(longest + "x", "v"))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> withLabels(Map.of("k", longest + "x"))).isInstanceOf(IllegalArgumentException.class);
        Map<String, String> many = new HashMap<>();
        for (int i = 0; i < LedgerMetadata.LABELS_MAX; i++) {
            many.put("k" + i, "v");
        }
        LedgerMetadata full = withLabels(many);
        many.put("one more", "v");
        assertThatThrownBy(() -> withLabels(many)).isInstanceOf(IllegalArgumentException.class);
        assertThat(full.labels()).hasSize(LedgerMetadata.LABELS_MAX);
        assertThatThrownBy(() -> full.labels().clear()).isInstanceOf(UnsupportedOperationException.class);
    }

    @Test
    @DisplayName("a ledger keeps its digest and verifier through its life, and an HMAC needs a password")
    void guard() {
        Payload verifier =
                LedgerPassword.of(new byte[] {1, 2}).keyOf(open.ledgerId()).verifier();
        LedgerMetadata guarded = open.guardedBy(DigestType.HMAC_SHA256, verifier);
        assertThat(guarded.hasPassword()).isTrue();
        assertThat(open.hasPassword()).isFalse();
        for (LedgerMetadata later : List.of(
                guarded.inRecovery(),
                guarded.closed(EntryId.NONE, 0, List.of()),
                guarded.withDeletion(Deletion.DELETED),
                guarded.withFragment(new Fragment(5, 2, ensemble), List.of()))) {
            assertThat(later.digest()).isEqualTo(DigestType.HMAC_SHA256);
            assertThat(later.verifier()).isEqualTo(verifier);
            assertThat(LedgerMetadata.decode(later.encode())).isEqualTo(later);
        }
        assertThatThrownBy(() -> open.guardedBy(DigestType.HMAC_SHA256, Payload.EMPTY))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("has a password");
        assertThatThrownBy(() -> open.guardedBy(DigestType.CRC32, verifier.slice(1, 31)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("an ensemble has 1 to 31 bookies, each once")
    void ensembleInvariants() {
        assertThat(ensemble.positionOf(ensemble.at(2))).isEqualTo(2);
        assertThat(ensemble.positionOf(values.bookie())).isEqualTo(-1);
        assertThat(ensemble.contains(ensemble.at(0))).isTrue();
        assertThat(values.ensemble(Replication.ENSEMBLE_SIZE_MAX).size()).isEqualTo(31);
        assertThatThrownBy(() -> values.ensemble(0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> values.ensemble(32)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Ensemble(List.of(ensemble.at(0), ensemble.at(1), ensemble.at(0))))
                .isInstanceOf(IllegalArgumentException.class);
        List<BookieId> bookies = new ArrayList<>(ensemble.bookies());
        Ensemble copy = new Ensemble(bookies);
        bookies.clear();
        assertThat(copy).isEqualTo(ensemble);
    }

    @Test
    @DisplayName("an incomplete range is not empty")
    void incompleteInvariants() {
        BookieId bookie = values.bookie();
        assertThat(new IncompleteRange(bookie, 3, 3).lastEntryId()).isEqualTo(3);
        assertThatThrownBy(() -> new IncompleteRange(bookie, 3, 2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new IncompleteRange(bookie, -1, 2)).isInstanceOf(IllegalArgumentException.class);
    }

    private LedgerMetadata with(LedgerState state, long lastEntryId, long length) {
        return new LedgerMetadata(
                open.ledgerId(),
                open.namespace(),
                open.replication(),
                open.digest(),
                open.verifier(),
                state,
                open.deletion(),
                open.fragments(),
                lastEntryId,
                length,
                open.createdMillis(),
                open.labels(),
                open.incomplete(),
                open.acceptedLosses());
    }

    private LedgerMetadata with(List<Fragment> fragments) {
        return new LedgerMetadata(
                open.ledgerId(),
                open.namespace(),
                open.replication(),
                open.digest(),
                open.verifier(),
                open.state(),
                open.deletion(),
                fragments,
                open.lastEntryId(),
                open.length(),
                open.createdMillis(),
                open.labels(),
                open.incomplete(),
                open.acceptedLosses());
    }

    private LedgerMetadata withLabels(Map<String, String> labels) {
        return LedgerMetadata.create(open.ledgerId(), open.replication(), ensemble, labels, 1000);
    }

    private Payload damage(byte[] bytes) {
        if (values.coin()) {
            return Payload.wrap(Arrays.copyOf(bytes, values.below(bytes.length + 10)));
        }
        int at = values.below(bytes.length);
        bytes[at] = (byte) (bytes[at] ^ (1 << values.below(Byte.SIZE)));
        return Payload.wrap(bytes);
    }

    private static void readOrRefuse(Payload bytes, Supplier<Payload> decodeAndEncode) {
        Payload encodedAgain;
        try {
            encodedAgain = decodeAndEncode.get();
        } catch (Fields.MalformedException e) {
            assertThat(e).hasMessageNotContaining("null");
            return;
        }
        assertThat(encodedAgain).isEqualTo(bytes);
    }
}
