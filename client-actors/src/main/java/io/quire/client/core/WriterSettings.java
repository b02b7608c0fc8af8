package io.quire.client.core;

/**
 * @param entryBytesMax the largest payload
 * @param batchEntriesMax entries in one batch
 * @param batchBytesMax encoded bytes in one batch; a single larger entry travels alone
 * @param batchesInFlightMax batches of one session that are sent and not acknowledged
 * @param pendingBytesMax encoded bytes that may wait to be acknowledged; more appends are refused as overloaded
 * @param retainedBytesMax encoded bytes kept for members that have not acknowledged yet (R12)
 * @param appendTimeoutNanos the deadline of an append
 * @param resendNanos ask a silent bookie after this long
 * @param openTimeoutNanos ask for a session again after this long
 * @param retryNanos the wait before the next attempt at a member that refused; doubles up to 16 times
 * @param sealGraceNanos how long a seal waits for members beyond the ack quorum
 * @param sealTimeoutNanos the deadline of a seal
 * @param members when a member is replaced
 */
public record WriterSettings(
        int entryBytesMax,
        int batchEntriesMax,
        int batchBytesMax,
        int batchesInFlightMax,
        long pendingBytesMax,
        long retainedBytesMax,
        long appendTimeoutNanos,
        long resendNanos,
        long openTimeoutNanos,
        long retryNanos,
        long sealGraceNanos,
        long sealTimeoutNanos,
        Members members) {
    /**
     * @param timeoutNanos a member that gets nowhere for so long has failed
     * @param changeDelayed whether a failed member is replaced only when an ack quorum cannot be reached without it
     */
    public record Members(long timeoutNanos, boolean changeDelayed) {}

    public WriterSettings {
        if (entryBytesMax < 1 || batchEntriesMax < 1 || batchBytesMax < 1 || batchesInFlightMax < 1) {
            throw new IllegalArgumentException("entry, batch and window limits of a writer must be positive");
        }
        if (retainedBytesMax < pendingBytesMax) {
            throw new IllegalArgumentException("quire.client.writer.retained-bytes-max must not be below"
                    + " quire.client.writer.pending-bytes-max");
        }
    }
}
