package io.quire.bookie;

import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.storage.StorageException;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The reads of one bookie, on threads that may block, from the store to the client. A read that fails is
 * "unknown" to the client, never a negative (H4). Thread-safe.
 */
final class BookieReads {
    private final BookieId bookie;
    private final BootEpoch bootEpoch;
    private final BookieStore store;
    private final BookieSettings settings;
    private final BookieMetrics metrics;
    private final Executor blocking;
    private final ActorRef<Object> self;
    private final AtomicInteger inProgress = new AtomicInteger();

    /**
     * @param self gathers the answers
     */
    BookieReads(
            BookieBoot.Booted booted,
            BookieSettings settings,
            BookieMetrics metrics,
            Executor blocking,
            ActorRef<Object> self) {
        this.bookie = booted.bookie();
        this.bootEpoch = booted.bootEpoch();
        this.store = booted.store();
        this.settings = settings;
        this.metrics = metrics;
        this.blocking = blocking;
        this.self = self;
    }

    /** How many reads are under way. */
    int inProgress() {
        return inProgress.get();
    }

    /** Answers {@code client}; the fence that a fencing read needs is durable already. */
    void readEntries(BookieRequest.ReadEntries request, ActorRef<BookieReply> client) {
        answerLater(client, request.requestId(), () -> entriesOf(request));
    }

    void readLastAddConfirmed(BookieRequest.ReadLastAddConfirmed request, ActorRef<BookieReply> client) {
        answerLater(
                client,
                request.requestId(),
                () -> new BookieReply.LastAddConfirmedRead(
                        bookie,
                        bootEpoch,
                        request.requestId(),
                        request.ledgerId(),
                        lastAddConfirmedOf(request.ledgerId())));
    }

    private void answerLater(ActorRef<BookieReply> client, long requestId, Supplier<BookieReply> read) {
        if (inProgress.incrementAndGet() > settings.readsMax()) {
            inProgress.decrementAndGet();
            reply(client, refused(requestId, Refusal.OVERLOADED, "too many reads at once"));
            return;
        }
        try {
            blocking.execute(() -> answer(client, requestId, read));
        } catch (RejectedExecutionException e) {
            inProgress.decrementAndGet();
            reply(client, refused(requestId, Refusal.UNAVAILABLE, "the bookie is stopping"));
        }
    }

    private void answer(ActorRef<BookieReply> client, long requestId, Supplier<BookieReply> read) {
        long start = System.nanoTime();
        BookieReply reply;
        try {
            reply = read.get();
        } catch (StorageException.DamagedException e) {
            reply = refused(requestId, Refusal.IN_LIMBO, String.valueOf(e.getMessage()));
        } catch (StorageException | IllegalStateException e) {
            // IllegalStateException: the store was closed in the meantime.
            reply = refused(requestId, Refusal.UNAVAILABLE, String.valueOf(e.getMessage()));
        } finally {
            inProgress.decrementAndGet();
        }
        metrics.readTime.record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
        reply(client, reply);
    }

    private void reply(ActorRef<BookieReply> client, BookieReply reply) {
        self.tell(new BookieActor.ReplyReady(client, reply));
    }

    private BookieReply entriesOf(BookieRequest.ReadEntries request) {
        boolean inLimbo = store.limbo().contains(request.ledgerId());
        if (request.fencing() && !inLimbo) {
            store.requireWhole(request.ledgerId());
        }
        BookieStore.EntryRange range = store.read(
                request.ledgerId(),
                request.firstEntryId(),
                request.lastEntryId(),
                Math.min(request.entriesMax(), settings.readEntriesMax()),
                Math.min(request.bytesMax(), settings.readBytesMax()));
        if (inLimbo) {
            range = range.heldInARowFrom(request.firstEntryId());
            if (range.entries().isEmpty()) {
                return refused(
                        request.requestId(),
                        Refusal.IN_LIMBO,
                        "entry " + request.firstEntryId() + " is not here, and the store has lost something");
            }
        }
        EntryBatch entries = EntryBatch.of(range.entries());
        metrics.readEntries.increment(entries.count());
        metrics.readBytes.increment(entries.byteSize());
        return new BookieReply.EntriesRead(
                bookie,
                bootEpoch,
                request.requestId(),
                request.ledgerId(),
                entries,
                range.coveredTo(),
                lastAddConfirmedOf(request.ledgerId()));
    }

    private long lastAddConfirmedOf(LedgerId ledgerId) {
        return store.ledger(ledgerId)
                .map(BookieStore.LedgerView::lastAddConfirmed)
                .orElse(-1L);
    }

    private BookieReply refused(long requestId, Refusal refusal, String detail) {
        return new BookieReply.RequestRefused(bookie, requestId, refusal, detail);
    }
}
