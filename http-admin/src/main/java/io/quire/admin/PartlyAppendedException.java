package io.quire.admin;

import io.quire.protocol.LedgerException;

/** Some entries of one request were acknowledged and the rest was not; the outcome is UNKNOWN. */
final class PartlyAppendedException extends LedgerException {
    private static final long serialVersionUID = 1;

    private final long acknowledgedTo;

    PartlyAppendedException(Code code, String message, long acknowledgedTo) {
        super(code, Outcome.UNKNOWN, message);
        this.acknowledgedTo = acknowledgedTo;
    }

    /** The last entry that was acknowledged. */
    long acknowledgedTo() {
        return acknowledgedTo;
    }
}
