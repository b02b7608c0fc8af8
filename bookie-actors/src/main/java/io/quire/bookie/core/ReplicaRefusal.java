package io.quire.bookie.core;

/** Why a {@link LedgerReplica} refuses; the names are those of the wire. */
public enum ReplicaRefusal {
    UNKNOWN_SESSION,
    FENCED,
    NOT_OPEN,
    NO_SUCH_LEDGER,
    NOT_A_MEMBER,
    IN_LIMBO,
    OVERLOADED,
    UNAVAILABLE,
    DAMAGED,
    CONFLICTING_BYTES,
    NOT_RECOVERING,
    UNAUTHORIZED,
    READ_ONLY
}
