package io.quire.protocol;

import java.nio.ByteBuffer;

/**
 * Ledger ids in a row. Immutable.
 *
 * @param first not negative
 * @param last at least {@code first}; it belongs to the range
 */
public record LedgerIdRange(long first, long last) {
    /** Encoded bytes of every range. */
    public static final int BYTES = 2 * Long.BYTES;

    public LedgerIdRange {
        if (first < 0 || last < first) {
            throw new IllegalArgumentException("no range of ledger ids: " + first + " to " + last);
        }
    }

    public static LedgerIdRange of(LedgerId ledgerId) {
        return new LedgerIdRange(ledgerId.value(), ledgerId.value());
    }

    public void encode(ByteBuffer out) {
        out.putLong(first).putLong(last);
    }

    public static LedgerIdRange decode(ByteBuffer in) {
        return new LedgerIdRange(in.getLong(), in.getLong());
    }
}
