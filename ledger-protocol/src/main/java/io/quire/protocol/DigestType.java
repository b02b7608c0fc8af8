package io.quire.protocol;

/** How an entry's bytes are guarded. The code of each is part of the wire and disk formats. */
public enum DigestType {
    /** CRC32C (Castagnoli) over header and payload: guards against damage, not against forgery. */
    CRC32C((byte) 1, 4);

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

    /**
     * @throws IllegalArgumentException when no digest has this code
     */
    public static DigestType ofCode(byte code) {
        if (code == CRC32C.code) {
            return CRC32C;
        }
        throw new IllegalArgumentException("unknown digest type code " + code);
    }
}
