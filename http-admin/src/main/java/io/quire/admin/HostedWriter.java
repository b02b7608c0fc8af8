package io.quire.admin;

import io.quire.client.WriteHandle;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.Payload;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The writer of a ledger that was made over HTTP at this node. Thread-safe: the entries of one request get ids in a row,
 * whatever other requests append at the same time.
 */
final class HostedWriter {
    /** What an entry costs the writer beyond its payload: its header and digest, rounded up. */
    static final int ENTRY_OVERHEAD_BYTES = 64;

    private final WriteHandle handle;
    private final long pendingBytesMax;
    private long pendingBytes;

    /**
     * @param pendingBytesMax a request that would make more bytes wait is refused as a whole, so that none is cut off in
     *     the middle
     */
    HostedWriter(WriteHandle handle, long pendingBytesMax) {
        this.handle = handle;
        this.pendingBytesMax = pendingBytesMax;
    }

    WriteHandle handle() {
        return handle;
    }

    /** Entries {@code [firstEntryId, lastEntryId]} of one request. */
    record Appended(long firstEntryId, long lastEntryId) {}

    /**
     * Appends {@code payloads}, at least one, in a row. The stage completes when an ack quorum holds all of them; it fails
     * with {@link PartlyAppendedException} when that is known of some only, and with the first failure when of none.
     */
    CompletionStage<Appended> append(List<Payload> payloads) {
        long bytes = (long) payloads.size() * ENTRY_OVERHEAD_BYTES;
        for (Payload payload : payloads) {
            bytes += payload.length();
        }
        Request request = new Request(payloads.size());
        long cost = bytes;
        synchronized (this) {
            if (pendingBytes > 0 && pendingBytes + bytes > pendingBytesMax) {
                return CompletableFuture.failedStage(new LedgerException(
                        Code.Overloaded,
                        Outcome.NOT_APPLIED,
                        pendingBytes + " bytes of ledger " + handle.getId() + " wait to be acknowledged already"));
            }
            pendingBytes += bytes;
            // Under the lock, so that no other request comes in between; handing over does not wait.
            for (Payload payload : payloads) {
                handle.appendAsync(payload).whenComplete(request::ended);
            }
        }
        return request.result.whenComplete((appended, failure) -> release(cost));
    }

    /** Whether nothing waits to be acknowledged. */
    synchronized boolean isQuiet() {
        return pendingBytes == 0;
    }

    private synchronized void release(long bytes) {
        pendingBytes -= bytes;
    }

    /** Gathers how the appends of one request end. */
    private static final class Request {
        private final CompletableFuture<Appended> result = new CompletableFuture<>();
        private final int size;
        private int succeeded;
        private int failed;
        private long first = Long.MAX_VALUE;
        private long last = -1;
        private Throwable failure;
        private boolean mayHaveBeenApplied;

        Request(int size) {
            this.size = size;
        }

        void ended(Long entryId, Throwable reason) {
            boolean over;
            synchronized (this) {
                if (reason == null) {
                    succeeded++;
                    first = Math.min(first, entryId);
                    last = Math.max(last, entryId);
                } else {
                    failed++;
                    failure = failure == null ? reason : failure;
                    mayHaveBeenApplied |= !(Problem.causeOf(reason) instanceof LedgerException ledger)
                            || ledger.outcome() != Outcome.NOT_APPLIED;
                }
                over = succeeded + failed == size;
            }
            if (over) {
                complete();
            }
        }

        private synchronized void complete() {
            if (failed == 0) {
                result.complete(new Appended(first, last));
                return;
            }
            Throwable cause = Problem.causeOf(failure);
            Code code = cause instanceof LedgerException ledger ? ledger.code() : Code.Unavailable;
            if (succeeded > 0) {
                result.completeExceptionally(new PartlyAppendedException(
                        code,
                        succeeded + " of " + size + " entries were acknowledged, then: " + cause.getMessage(),
                        last));
            } else {
                result.completeExceptionally(new LedgerException(
                        code,
                        mayHaveBeenApplied ? Outcome.UNKNOWN : Outcome.NOT_APPLIED,
                        String.valueOf(cause.getMessage())));
            }
        }
    }
}
