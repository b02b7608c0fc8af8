package io.quire.protocol;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Arrays;

/**
 * What the password of one ledger is good for: a key for the HMAC of its entries, which never leaves the client, and a
 * proof that a bookie is shown when the ledger is to be changed.
 *
 * <pre>
 *   mac key    SHA-256("quire entry hmac 1" 0 | password)
 *   proof      SHA-256("quire ledger proof 1" 0 | int64 ledger id | password)
 *   verifier   SHA-256(proof), which the ledger's register holds
 * </pre>
 *
 * <p>From the proof nobody gets the password, the key, or the proof of another ledger; from the verifier nobody gets the
 * proof, short of guessing the password. Decision 011 says what that protects and what not.
 *
 * <p>Immutable and thread-safe; never printed.
 */
public final class LedgerKey {
    /** The size of a proof, and of a verifier. */
    public static final int PROOF_BYTES = Secrets.HASH_BYTES;

    /** Of a ledger without a password. */
    public static final LedgerKey NONE = new LedgerKey(new byte[0], Payload.EMPTY);

    private final byte[] macKey;
    private final Payload proof;

    private LedgerKey(byte[] macKey, Payload proof) {
        this.macKey = macKey;
        this.proof = proof;
    }

    static LedgerKey derive(LedgerId ledgerId, byte[] password) {
        byte[] id = ByteBuffer.allocate(Long.BYTES).putLong(ledgerId.value()).array();
        return new LedgerKey(
                Secrets.hash("quire entry hmac 1", password),
                Payload.wrap(Secrets.hash("quire ledger proof 1", id, password)));
    }

    /** What a bookie is shown: {@value Secrets#HASH_BYTES} bytes, or none for a ledger without a password. */
    public Payload proof() {
        return proof;
    }

    /** What the register of a ledger with this password holds. */
    public Payload verifier() {
        return verifierOf(proof);
    }

    /** Whether this is the key of a ledger with {@code verifier}; a ledger without a password has none. */
    public boolean opens(Payload verifier) {
        return isProof(proof, verifier);
    }

    /** Whether {@code proof} is the one that {@code verifier} asks for: none for none. */
    public static boolean isProof(Payload proof, Payload verifier) {
        return verifierOf(proof).equals(verifier);
    }

    /**
     * @throws IllegalArgumentException when {@code value} is neither empty nor {@value Secrets#HASH_BYTES} bytes long
     */
    public static void requireProofSize(Payload value) {
        if (!value.isEmpty() && value.length() != PROOF_BYTES) {
            throw new IllegalArgumentException(
                    "a proof or verifier has 0 or " + PROOF_BYTES + " bytes, not " + value.length());
        }
    }

    private static Payload verifierOf(Payload proof) {
        return proof.isEmpty() ? Payload.EMPTY : Secrets.hash(proof);
    }

    /**
     * The HMAC of {@code bytes}.
     *
     * @throws IllegalStateException when there is no password
     */
    byte[] hmac(ByteBuffer bytes) {
        if (proof.isEmpty()) {
            throw new IllegalStateException("an HMAC needs the ledger's password");
        }
        return Secrets.hmac(macKey, bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LedgerKey that
                && MessageDigest.isEqual(macKey, that.macKey)
                && proof.equals(that.proof);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(macKey);
    }

    @Override
    public String toString() {
        return proof.isEmpty() ? "LedgerKey(none)" : "LedgerKey(hidden)";
    }
}
