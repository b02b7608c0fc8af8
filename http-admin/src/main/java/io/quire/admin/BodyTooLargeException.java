package io.quire.admin;

import io.quire.protocol.LedgerException;

/** The body of a request is larger than what this node takes. Nothing was applied. */
final class BodyTooLargeException extends LedgerException {
    private static final long serialVersionUID = 1;

    private final boolean unread;

    BodyTooLargeException(String message, boolean unread) {
        super(Code.EntryTooLarge, Outcome.NOT_APPLIED, message);
        this.unread = unread;
    }

    /** Whether some of the body was left unread, so that the connection cannot be used any more. */
    boolean isUnread() {
        return unread;
    }
}
