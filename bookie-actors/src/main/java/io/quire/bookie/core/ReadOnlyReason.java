package io.quire.bookie.core;

/** Why a bookie takes no new entries. Each reason comes and goes on its own; operators see the names. */
public enum ReadOnlyReason {
    /** Its disk has too little room, or something found none. */
    DISK_FULL,
    /** An operator wants it so. */
    OPERATOR,
    /** It has lost something, and does not know yet of which ledgers (R21). */
    LIMBO
}
