package io.quire.protocol;

/**
 * Why an operation on a ledger did not end well, and whether it took effect.
 *
 * <p>{@link #code()} is stable and part of the HTTP interface.
 */
public class LedgerException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final Code code;
    private final Outcome outcome;

    public LedgerException(Code code, Outcome outcome, String message) {
        super(message);
        this.code = code;
        this.outcome = outcome;
    }

    public LedgerException(Code code, Outcome outcome, String message, Throwable cause) {
        super(message, cause);
        this.code = code;
        this.outcome = outcome;
    }

    public Code code() {
        return code;
    }

    public Outcome outcome() {
        return outcome;
    }

    /** Whether an operation took effect. */
    public enum Outcome {
        /** It did not and will not. */
        NOT_APPLIED,
        /** It did. */
        APPLIED,
        /** It may have, or may still. */
        UNKNOWN
    }

    /** What went wrong; the names are those of the HTTP interface. */
    public enum Code {
        InvalidRequest,
        NoSuchLedger,
        NoSuchEntry,
        LedgerClosed,
        LedgerFenced,
        NoWriter,
        NotConfirmed,
        Conflict,
        EntryTooLarge,
        Overloaded,
        NotEnoughBookies,
        Unavailable,
        TimedOut,
        NotImplemented,
        /** The ledger's password is another one, or its digest is. */
        Unauthorized,
        /** No bookie of that id was ever registered. */
        NoSuchBookie,
        /** There is no named log of that name, or no longer. */
        NoSuchLog
    }
}
