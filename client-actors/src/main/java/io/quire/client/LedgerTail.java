package io.quire.client;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * Follows one ledger: its confirmed entries from one entry on, in order and without gaps, as bookies push them. Only as much
 * is pushed as is taken, and a little ahead ({@code quire.client.tail.credit-bytes}). To be closed unless its end was
 * reached. Thread-safe.
 */
public final class LedgerTail implements AutoCloseable {
    private final ActorRef<LedgerTailActor.Command> actor;
    private final CompletionStage<ReadHandle.LedgerEntries> over;
    private final AtomicReference<CompletableFuture<ReadHandle.LedgerEntries>> last =
            new AtomicReference<>(CompletableFuture.completedFuture(new ReadHandle.LedgerEntries(List.of())));

    LedgerTail(ActorRef<LedgerTailActor.Command> actor, CompletionStage<ReadHandle.LedgerEntries> over) {
        this.actor = actor;
        this.over = over;
        over.whenComplete((end, failure) -> complete(last.get(), end, failure));
    }

    /**
     * Waits for the next entries: at most {@code maxCount} and about {@code maxSize} payload bytes, and one in any case.
     * Without entries: the ledger is closed, and all were given. Fails when the ledger is deleted, when a confirmed entry is
     * gone, and once this is closed; time alone never ends it.
     *
     * <p>One at a time: while a stage is not complete, another call fails with InvalidRequest.
     */
    public CompletionStage<ReadHandle.LedgerEntries> nextAsync(int maxCount, long maxSize) {
        if (maxCount < 1 || maxSize < 1) {
            return refused("no valid limits: " + maxCount + " entries, " + maxSize + " bytes");
        }
        CompletableFuture<ReadHandle.LedgerEntries> result = new CompletableFuture<>();
        CompletableFuture<ReadHandle.LedgerEntries> before = last.get();
        if (!before.isDone() || !last.compareAndSet(before, result)) {
            return refused("the entries asked for before have not come yet");
        }
        actor.tell(new LedgerTailActor.Next(maxCount, maxSize, result));
        // The actor may have ended before it heard of this one.
        endIfOver(result);
        return result;
    }

    private void endIfOver(CompletableFuture<ReadHandle.LedgerEntries> result) {
        if (over.toCompletableFuture().isDone()) {
            over.whenComplete((end, failure) -> complete(result, end, failure));
        }
    }

    private static void complete(
            CompletableFuture<ReadHandle.LedgerEntries> result, ReadHandle.LedgerEntries end, Throwable failure) {
        if (failure == null) {
            result.complete(end);
        } else {
            result.completeExceptionally(failure);
        }
    }

    /** Ends it; who waits for entries is told so. */
    @Override
    public void close() {
        actor.tell(LedgerTailActor.Close.INSTANCE);
    }

    private static CompletionStage<ReadHandle.LedgerEntries> refused(String why) {
        return CompletableFuture.failedStage(new LedgerException(Code.InvalidRequest, Outcome.NOT_APPLIED, why));
    }
}
