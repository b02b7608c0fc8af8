package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.wire.BookieRequest;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@link LedgerPassword} and {@link LedgerKey}. */
class LedgerKeyTest {
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final LedgerId OTHER_LEDGER = new LedgerId(18);
    private static final String SECRET = "open sesame";

    @Test
    @DisplayName("the key of a password opens its own verifier, and no other")
    void opens() {
        LedgerKey key = password(SECRET).keyOf(LEDGER);
        assertThat(key.opens(key.verifier())).isTrue();
        assertThat(key.proof().length()).isEqualTo(LedgerKey.PROOF_BYTES);
        assertThat(key.verifier().length()).isEqualTo(LedgerKey.PROOF_BYTES);
        assertThat(key.proof()).isNotEqualTo(key.verifier());
        assertThat(password("open sesamE").keyOf(LEDGER).opens(key.verifier())).isFalse();
        assertThat(password(SECRET).keyOf(OTHER_LEDGER).opens(key.verifier())).isFalse();
        assertThat(LedgerKey.NONE.opens(key.verifier())).isFalse();
        assertThat(key.opens(Payload.EMPTY)).isFalse();
        assertThat(LedgerKey.isProof(key.proof(), key.verifier())).isTrue();
        assertThat(LedgerKey.isProof(key.verifier(), key.verifier())).isFalse();
        assertThat(LedgerKey.isProof(Payload.EMPTY, key.verifier())).isFalse();
    }

    @Test
    @DisplayName("no password has no proof, and opens ledgers without one only")
    void none() {
        assertThat(LedgerPassword.of(new byte[0])).isSameAs(LedgerPassword.NONE);
        assertThat(LedgerPassword.NONE.keyOf(LEDGER)).isSameAs(LedgerKey.NONE);
        assertThat(LedgerKey.NONE.proof().isEmpty()).isTrue();
        assertThat(LedgerKey.NONE.opens(Payload.EMPTY)).isTrue();
        assertThat(LedgerPassword.NONE.isNone()).isTrue();
        assertThat(password(SECRET).isNone()).isFalse();
    }

    @Test
    @DisplayName("a password does not change with the array that it was made of, and has value equality")
    void value() {
        byte[] bytes = SECRET.getBytes(StandardCharsets.UTF_8);
        LedgerPassword password = LedgerPassword.of(bytes);
        bytes[0] = 0;
        assertThat(password).isEqualTo(password(SECRET)).hasSameHashCodeAs(password(SECRET));
        assertThat(password.keyOf(LEDGER))
                .isEqualTo(password(SECRET).keyOf(LEDGER))
                .hasSameHashCodeAs(password(SECRET).keyOf(LEDGER))
                .isNotEqualTo(password(SECRET).keyOf(OTHER_LEDGER))
                .isNotEqualTo(password("other").keyOf(LEDGER));
    }

    @Test
    @DisplayName("nothing secret is printed, neither by passwords and keys nor by requests that carry a proof")
    void hidden() {
        LedgerKey key = password(SECRET).keyOf(LEDGER);
        BookieId bookie = new BookieId(new UUID(1, 2));
        assertThat(password(SECRET)).hasToString("LedgerPassword(hidden)");
        assertThat(key).hasToString("LedgerKey(hidden)");
        assertThat(LedgerPassword.NONE).hasToString("LedgerPassword(none)");
        assertThat(LedgerKey.NONE).hasToString("LedgerKey(none)");
        assertThat(new BookieRequest.OpenSession(bookie, 1, LEDGER, 1, key.proof()).toString())
                .contains("proof=Payload(32 bytes)");
    }

    @Test
    @DisplayName("a request carries a whole proof or none")
    void proofSize() {
        BookieId bookie = new BookieId(new UUID(1, 2));
        Payload half = Payload.wrap(new byte[16]);
        assertThatThrownBy(() -> new BookieRequest.OpenSession(bookie, 1, LEDGER, 1, half))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BookieRequest.FenceLedger(bookie, 1, LEDGER, half))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BookieRequest.ReadEntries(bookie, 1, LEDGER, 0, 1, 1, 1, true, half))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BookieRequest.RecoveryAddEntries(bookie, 1, LEDGER, 1, half, EntryBatch.EMPTY))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static LedgerPassword password(String text) {
        return LedgerPassword.of(text.getBytes(StandardCharsets.UTF_8));
    }
}
