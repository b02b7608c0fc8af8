package io.quire.protocol;

/**
 * The rules of entry ids. An entry id is a plain {@code long}, since there is one for every entry on the hot path: ids
 * of a ledger start at 0 and are dense.
 */
public final class EntryId {
    /** "No entry": the last entry of an empty ledger, or a last-add-confirmed before the first. */
    public static final long NONE = -1;

    /** The highest entry id. */
    public static final long MAX = Long.MAX_VALUE - 1;

    private EntryId() {}

    /**
     * @return {@code entryId}
     * @throws IllegalArgumentException when it is outside {@code [0, MAX]}
     */
    public static long requireValid(long entryId) {
        if (entryId < 0 || entryId > MAX) {
            throw new IllegalArgumentException("entry id must lie in [0, " + MAX + "]: " + entryId);
        }
        return entryId;
    }

    /**
     * @return {@code entryId}
     * @throws IllegalArgumentException when it is neither valid nor {@link #NONE}
     */
    public static long requireValidOrNone(long entryId) {
        if (entryId != NONE) {
            requireValid(entryId);
        }
        return entryId;
    }

    /**
     * Reads a decimal entry id.
     *
     * @throws IllegalArgumentException when {@code text} is not a decimal number in {@code [0, MAX]}
     */
    public static long parse(String text) {
        return requireValid(parseDecimal(text, "entry id"));
    }

    static long parseDecimal(String text, String what) {
        if (text.isEmpty() || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new IllegalArgumentException(what + " must be a decimal number of digits only: '" + text + "'");
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(what + " is too large (at most " + Long.MAX_VALUE + "): " + text, e);
        }
    }
}
