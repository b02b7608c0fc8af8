package io.quire.protocol;

/**
 * Names one ledger. Ids are handed out once by the registry and never used again, not even after the ledger is deleted.
 *
 * @param value in {@code [0, 2^63)}
 */
public record LedgerId(long value) implements Comparable<LedgerId> {
    public LedgerId {
        if (value < 0) {
            throw new IllegalArgumentException("ledger id must not be negative: " + value);
        }
    }

    /**
     * Reads a decimal ledger id.
     *
     * @throws IllegalArgumentException when {@code text} is not a decimal number in {@code [0, 2^63)}
     */
    public static LedgerId parse(String text) {
        return new LedgerId(EntryId.parseDecimal(text, "ledger id"));
    }

    @Override
    public int compareTo(LedgerId other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        return Long.toString(value);
    }
}
