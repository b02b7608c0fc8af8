package io.quire.protocol;

import java.util.Arrays;

/**
 * The password of a ledger, or none. Immutable; never printed.
 *
 * <p>A password should be long and random: the register holds what guesses can be tried against ({@link
 * LedgerMetadata#verifier()}).
 */
public final class LedgerPassword {
    /** No password: everybody may write, fence and recover the ledger. */
    public static final LedgerPassword NONE = new LedgerPassword(new byte[0]);

    private final byte[] bytes;

    private LedgerPassword(byte[] bytes) {
        this.bytes = bytes;
    }

    /** Copies {@code bytes}; no bytes are no password. */
    public static LedgerPassword of(byte[] bytes) {
        return bytes.length == 0 ? NONE : new LedgerPassword(bytes.clone());
    }

    public boolean isNone() {
        return bytes.length == 0;
    }

    /** What the password gives for one ledger. */
    public LedgerKey keyOf(LedgerId ledgerId) {
        return isNone() ? LedgerKey.NONE : LedgerKey.derive(ledgerId, bytes);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof LedgerPassword that && Arrays.equals(bytes, that.bytes);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bytes);
    }

    @Override
    public String toString() {
        return isNone() ? "LedgerPassword(none)" : "LedgerPassword(hidden)";
    }
}
