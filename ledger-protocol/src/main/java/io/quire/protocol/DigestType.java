package io.quire.protocol;

/**
 * How an entry's bytes are guarded. The code of each is part of the wire and disk formats; the layouts stand with {@link
 * EntryFormat}.
 */
public enum DigestType {
    /** CRC32C (Castagnoli) over header and payload: guards against damage, not against forgery. */
    CRC32C((byte) 1, 4),

    /** CRC32 (IEEE 802.3) over header and payload, as CRC32C; for those who compare. */
    CRC32((byte) 2, 4),

    /**
     * HMAC-SHA-256 over header and payload with a key made from the ledger's password, and a CRC32C over all of it, so
     * that who has no key still finds damage (H66). Guards against forgery by everybody who does not have the password.
     */
    HMAC_SHA256((byte) 3, 32 + 4),

    /** Nothing: damage stays unnoticed. For tests and measurements only. */
    DUMMY((byte) 4, 0);

    private final byte code;
    private final int digestBytes;

    DigestType(byte code, int digestBytes) {
        this.code = code;
        this.digestBytes = digestBytes;
    }

    public byte code() {
        return code;
    }

    /** How many bytes the digest takes at the end of an encoded entry. */
    public int digestBytes() {
        return digestBytes;
    }

    /** Whether entries can only be made and wholly verified with the ledger's password. */
    public boolean needsPassword() {
        return this == HMAC_SHA256;
    }

    /**
     * @throws IllegalArgumentException when no digest has this code
     */
    public static DigestType ofCode(byte code) {
        return switch (code) {
            case 1 -> CRC32C;
            case 2 -> CRC32;
            case 3 -> HMAC_SHA256;
            case 4 -> DUMMY;
            default -> throw new IllegalArgumentException("unknown digest type code " + code);
        };
    }
}
