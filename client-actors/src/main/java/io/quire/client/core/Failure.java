package io.quire.client.core;

import io.quire.protocol.LedgerException;

/** Why something did not end well, as a value; {@link #toException()} is for the edge. */
public record Failure(LedgerException.Code code, LedgerException.Outcome outcome, String message) {
    public LedgerException toException() {
        return new LedgerException(code, outcome, message);
    }

    static Failure notApplied(LedgerException.Code code, String message) {
        return new Failure(code, LedgerException.Outcome.NOT_APPLIED, message);
    }

    static Failure unknown(LedgerException.Code code, String message) {
        return new Failure(code, LedgerException.Outcome.UNKNOWN, message);
    }
}
