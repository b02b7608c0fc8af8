package io.quire.client.core;

/**
 * @param windowEntriesMax entries looked at at once
 * @param windowBytesMax encoded bytes of the entries looked at at once, about
 * @param batchEntriesMax entries in one write
 * @param batchBytesMax encoded bytes in one write; a single larger entry travels alone
 * @param requestTimeoutNanos ask again after this long
 * @param retryNanos the wait before a bookie that refused, or the register, is asked again
 * @param bookieTimeoutNanos a bookie that takes no copies for so long is replaced, if an ack quorum needs that
 * @param graceNanos how long to wait for copies beyond the ack quorum
 * @param timeoutNanos the deadline of a recovery
 */
public record RecoverySettings(
        int windowEntriesMax,
        long windowBytesMax,
        int batchEntriesMax,
        int batchBytesMax,
        long requestTimeoutNanos,
        long retryNanos,
        long bookieTimeoutNanos,
        long graceNanos,
        long timeoutNanos) {
    public RecoverySettings {
        if (windowEntriesMax < 1 || batchEntriesMax < 1 || batchBytesMax < 1) {
            throw new IllegalArgumentException("limits of a recovery must be positive");
        }
    }
}
