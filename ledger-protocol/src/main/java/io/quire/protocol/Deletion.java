package io.quire.protocol;

/** Whether a ledger is deleted: a positive fact in its register, never an absence (R22). */
public enum Deletion {
    /** Not deleted. */
    NONE,
    /** Deleted for its users; may still be taken back. */
    DELETED,
    /** Deleted for ever; stores may drop its data once they read this linearizably. */
    PURGED
}
