package io.quire.protocol;

/**
 * The members of an ensemble that hold an entry durably, as one {@code int} mask per entry. Only members of the entry's
 * write set count.
 */
public final class AckSet {
    /** Nobody. */
    public static final int EMPTY = 0;

    private AckSet() {}

    /** {@code ackMask} and the member at {@code position}. */
    public static int with(int ackMask, int position) {
        return ackMask | (1 << position);
    }

    /** {@code ackMask} without the member at {@code position}: its acknowledgement is void (R8, R13). */
    public static int without(int ackMask, int position) {
        return ackMask & ~(1 << position);
    }

    /** Whether the member at {@code position} is in {@code ackMask}. */
    public static boolean contains(int ackMask, int position) {
        return (ackMask & (1 << position)) != 0;
    }
}
