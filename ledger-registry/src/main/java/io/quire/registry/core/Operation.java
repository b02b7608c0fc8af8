package io.quire.registry.core;

import io.quire.protocol.OpId;
import io.quire.protocol.Payload;

/**
 * What a client wants of one register.
 *
 * @param token the client's own number for it, unique per proposer
 * @param change what to change; null for a read
 * @param deadlineNanos when it has to be over, on the proposer's clock
 */
record Operation(long token, Change change, long deadlineNanos) {
    /** A compare-and-set. */
    record Change(long expectedVersion, Payload value, OpId opId) {}

    boolean isRead() {
        return change == null;
    }
}
