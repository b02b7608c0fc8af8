package io.quire.protocol;

/** The life of a ledger. OPEN to IN_RECOVERY to CLOSED, or OPEN to CLOSED, nothing else (I5). */
public enum LedgerState {
    /** Its writer appends. */
    OPEN,
    /** Somebody fences it and looks for its end; its writer can complete nothing any more. */
    IN_RECOVERY,
    /** Its last entry and its length are fixed for ever. */
    CLOSED;

    /** Whether a ledger may go from this state to {@code next}; staying is no step. */
    public boolean mayBecome(LedgerState next) {
        return next.ordinal() > ordinal();
    }
}
