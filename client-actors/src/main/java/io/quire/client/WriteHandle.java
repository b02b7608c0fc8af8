package io.quire.client;

import io.quire.client.core.Durability;
import io.quire.client.core.Failure;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Versioned;
import java.nio.ByteBuffer;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Props;

/**
 * The only writer of a ledger, and a reader of it. Thread-safe: appends get their ids in the order in which they are
 * called on one thread, and are acknowledged in the order of their ids.
 *
 * <p>{@link #close} lets go of the ledger; only {@link #sealAsync} closes the ledger itself.
 */
public class WriteHandle extends ReadHandle implements AutoCloseable {
    private final ActorRef<LedgerWriterActor.Command> writer;
    private final AtomicBoolean closed = new AtomicBoolean();
    private final OwedAnswers owed = new OwedAnswers();

    WriteHandle(
            ClientContext context,
            ActorRef<LedgerReaderActor.Command> reader,
            Versioned<LedgerMetadata> created,
            LedgerKey key) {
        super(context, reader, created, key);
        this.writer = context.system.systemActorOf(
                LedgerWriterActor.of(context, created, key, owed::end),
                "quire-writer-" + created.value().ledgerId(),
                Props.empty());
    }

    /** Appends a copy of {@code bytes}; see {@link #appendAsync(Payload)}. */
    public CompletionStage<Long> appendAsync(byte[] bytes) {
        return appendAsync(Payload.copyOf(bytes));
    }

    /** Appends a copy of what remains in {@code buffer}; see {@link #appendAsync(Payload)}. */
    public CompletionStage<Long> appendAsync(ByteBuffer buffer) {
        return appendAsync(Payload.copyOf(buffer));
    }

    /**
     * Appends one entry. The stage completes with its id once an ack quorum of bookies holds it durably; it fails with
     * EntryTooLarge at once, with Overloaded when too much is pending (neither is applied), and with outcome UNKNOWN
     * when it was not acknowledged in time.
     */
    public CompletionStage<Long> appendAsync(Payload payload) {
        return appendAsync(payload, Durability.SYNCED);
    }

    /** Appends one entry, acknowledged as {@code durability} says; otherwise see {@link #appendAsync(Payload)}. */
    public CompletionStage<Long> appendAsync(Payload payload, Durability durability) {
        return append(
                payload,
                durability == Durability.SYNCED,
                answer -> new LedgerWriterActor.AppendFor(payload, durability, answer));
    }

    /**
     * Completes with the last-add-confirmed once every append that was called before is durable at an ack quorum, also
     * those that were acknowledged from memory.
     */
    public CompletionStage<Long> forceAsync() {
        CompletableFuture<Long> result = new CompletableFuture<>();
        if (closed.get()) {
            result.completeExceptionally(closedException());
            return result;
        }
        FutureOfForce answer = new FutureOfForce(result);
        owed.owe(answer);
        writer.tell(new LedgerWriterActor.ForceFor(answer));
        owed.check(answer);
        return result;
    }

    /**
     * Asks the writer for an append.
     *
     * @param confirms whether its success means that the entry is confirmed
     */
    CompletionStage<Long> append(
            Payload payload,
            boolean confirms,
            Function<LedgerWriterActor.AppendListener, LedgerWriterActor.Command> command) {
        CompletableFuture<Long> result = new CompletableFuture<>();
        int limit = context.settings.writer().entryBytesMax();
        if (payload.length() > limit) {
            result.completeExceptionally(new LedgerException(
                    Code.EntryTooLarge,
                    Outcome.NOT_APPLIED,
                    "an entry of " + payload.length() + " bytes, at most " + limit + " are allowed"));
        } else if (closed.get()) {
            result.completeExceptionally(closedException());
        } else {
            FutureOfAppend answer = new FutureOfAppend(result, confirms);
            owed.owe(answer);
            writer.tell(command.apply(answer));
            owed.check(answer);
        }
        return result;
    }

    /**
     * Appends one entry and waits; for threads that may block. See {@link #appendAsync(Payload)}.
     *
     * @throws LedgerException when it was not acknowledged
     */
    public long append(Payload payload) {
        try {
            return appendAsync(payload).toCompletableFuture().join();
        } catch (CompletionException e) {
            if (e.getCause() instanceof LedgerException ledger) {
                throw ledger;
            }
            throw e;
        }
    }

    /**
     * Closes the ledger for ever, behind every append that was called before; later ones are refused. Sealing a sealed
     * ledger gives the same answer.
     */
    public CompletionStage<LedgerMetadata> sealAsync() {
        return sealAsync(OptionalLong.empty());
    }

    /**
     * Like {@link #sealAsync()}, but only if the ledger then ends with {@code expectedLastEntryId} (-1: it is empty);
     * otherwise fails with InvalidRequest and nothing is changed.
     */
    public CompletionStage<LedgerMetadata> sealAsync(long expectedLastEntryId) {
        return sealAsync(OptionalLong.of(expectedLastEntryId));
    }

    private CompletionStage<LedgerMetadata> sealAsync(OptionalLong expectedLastEntryId) {
        CompletableFuture<LedgerMetadata> result = new CompletableFuture<>();
        if (closed.get()) {
            result.completeExceptionally(closedException());
            return result;
        }
        FutureOfSeal answer = new FutureOfSeal(result);
        owed.owe(answer);
        writer.tell(new LedgerWriterActor.SealFor(expectedLastEntryId, answer));
        owed.check(answer);
        return result;
    }

    /** Lets go of the ledger without sealing it; pending appends end with outcome UNKNOWN. */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            writer.tell(LedgerWriterActor.Close.INSTANCE);
        }
    }

    private LedgerException closedException() {
        return new LedgerException(
                Code.NoWriter, Outcome.NOT_APPLIED, "this handle of ledger " + getId() + " was closed");
    }

    private final class FutureOfAppend implements LedgerWriterActor.AppendListener, OwedAnswers.Answer {
        private final CompletableFuture<Long> result;
        private final boolean confirms;

        FutureOfAppend(CompletableFuture<Long> result, boolean confirms) {
            this.result = result;
            this.confirms = confirms;
        }

        @Override
        public void appended(LedgerId ledgerId, long entryId, int acknowledgedBy) {
            owed.settled(this);
            if (confirms) {
                confirmed(entryId);
            }
            result.complete(entryId);
        }

        @Override
        public void failed(Failure failure) {
            owed.settled(this);
            result.completeExceptionally(failure.toException());
        }
    }

    private final class FutureOfForce implements LedgerWriterActor.ForceListener, OwedAnswers.Answer {
        private final CompletableFuture<Long> result;

        FutureOfForce(CompletableFuture<Long> result) {
            this.result = result;
        }

        @Override
        public void forced(long lastAddConfirmed) {
            owed.settled(this);
            confirmed(lastAddConfirmed);
            result.complete(lastAddConfirmed);
        }

        @Override
        public void failed(Failure failure) {
            owed.settled(this);
            result.completeExceptionally(failure.toException());
        }
    }

    private final class FutureOfSeal implements LedgerWriterActor.SealListener, OwedAnswers.Answer {
        private final CompletableFuture<LedgerMetadata> result;

        FutureOfSeal(CompletableFuture<LedgerMetadata> result) {
            this.result = result;
        }

        @Override
        public void sealed(Versioned<LedgerMetadata> metadata) {
            owed.settled(this);
            learned(metadata);
            result.complete(metadata.value());
        }

        @Override
        public void failed(Failure failure) {
            owed.settled(this);
            result.completeExceptionally(failure.toException());
        }
    }
}
