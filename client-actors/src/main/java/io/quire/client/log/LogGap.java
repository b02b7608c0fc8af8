package io.quire.client.log;

/**
 * Records that a reader asked for and does not get.
 *
 * @param from the first place of it
 * @param to the first place behind it
 */
public record LogGap(Kind kind, LogPosition from, LogPosition to) {
    /** Why they are not there. */
    public enum Kind {
        /** The log was truncated: they were given up on purpose. */
        TRIMMED,
        /** Their ledger is gone although the log has it: somebody deleted it, or its metadata was lost. */
        LOST
    }
}
