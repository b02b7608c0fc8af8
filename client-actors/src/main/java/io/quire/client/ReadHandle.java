package io.quire.client;

import io.quire.protocol.Entry;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Props;

/**
 * Reads one ledger, without fencing it: up to its last entry when it is closed, up to the last-add-confirmed while it is
 * open. Follows the ledger's metadata by itself. Thread-safe.
 */
public class ReadHandle {
    private static final Duration READER_GRACE = Duration.ofSeconds(5);

    /** Names the actors of tails. */
    private static final AtomicLong TAILS = new AtomicLong();

    final ClientContext context;
    private final ActorRef<LedgerReaderActor.Command> reader;
    private final LedgerId ledgerId;
    final LedgerKey key;
    private final AtomicReference<Versioned<LedgerMetadata>> metadata;
    private final AtomicLong lastAddConfirmed = new AtomicLong(EntryId.NONE);

    /**
     * @param key of the ledger; it was checked against the metadata
     */
    ReadHandle(
            ClientContext context,
            ActorRef<LedgerReaderActor.Command> reader,
            Versioned<LedgerMetadata> metadata,
            LedgerKey key) {
        this.context = context;
        this.key = key;
        this.reader = reader;
        this.ledgerId = metadata.value().ledgerId();
        this.metadata = new AtomicReference<>(metadata);
    }

    public LedgerId getId() {
        return ledgerId;
    }

    /** What this handle knows of the ledger; may be older than what is registered. */
    public Versioned<LedgerMetadata> getLedgerMetadata() {
        return metadata.get();
    }

    /** Whether this handle knows that the ledger is closed. */
    public boolean isClosed() {
        return metadata.get().value().isClosed();
    }

    /** The highest last-add-confirmed that this handle knows; -1 for none. */
    public long getLastAddConfirmed() {
        LedgerMetadata known = metadata.get().value();
        return known.isClosed() ? known.lastEntryId() : lastAddConfirmed.get();
    }

    /**
     * The last entry of a closed ledger, or the highest last-add-confirmed that the bookies of an open one know: a lower
     * bound of what is confirmed.
     */
    public CompletionStage<Long> readLastAddConfirmedAsync() {
        return end(Long.MAX_VALUE);
    }

    /**
     * Reads the entries {@code [firstEntryId, lastEntryId]}, all of them. Fails with NoSuchEntry beyond the end of a
     * closed ledger, with NotConfirmed beyond the last-add-confirmed of an open one.
     */
    public CompletionStage<LedgerEntries> readAsync(long firstEntryId, long lastEntryId) {
        if (firstEntryId < 0 || lastEntryId < firstEntryId) {
            return invalidRange(firstEntryId, lastEntryId);
        }
        return end(lastEntryId).thenCompose(end -> {
            requireReadable(lastEntryId, end);
            return read(firstEntryId, lastEntryId, false, Integer.MAX_VALUE, Long.MAX_VALUE);
        });
    }

    /**
     * Reads entries from {@code startEntryId} on: as many as there are below the end, at most {@code maxCount} and about
     * {@code maxSize} payload bytes, and one in any case.
     */
    public CompletionStage<LedgerEntries> batchReadAsync(long startEntryId, int maxCount, long maxSize) {
        if (startEntryId < 0 || maxCount < 1 || maxSize < 1) {
            return invalidRange(startEntryId, startEntryId);
        }
        int count = Math.min(maxCount, context.settings.reader().batchEntriesMax());
        long size = Math.min(maxSize, context.settings.reader().batchBytesMax());
        long last = startEntryId > EntryId.MAX - count ? EntryId.MAX : startEntryId + count - 1;
        return end(last).thenCompose(end -> {
            requireReadable(startEntryId, end);
            return read(startEntryId, Math.min(last, end), false, count, size);
        });
    }

    /**
     * Reads entries that need not be confirmed: the result ends where no bookie has more. What it holds beyond the
     * last-add-confirmed may vanish again when the ledger is recovered, hence the type of its own.
     */
    public CompletionStage<UnconfirmedEntries> readUnconfirmedAsync(long firstEntryId, long lastEntryId) {
        if (firstEntryId < 0 || lastEntryId < firstEntryId) {
            return invalidRange(firstEntryId, lastEntryId);
        }
        return refresh().thenCompose(current -> {
            long last = current.value().isClosed()
                    ? Math.min(lastEntryId, current.value().lastEntryId())
                    : lastEntryId;
            if (last < firstEntryId) {
                return CompletableFuture.completedStage(new UnconfirmedEntries(List.of()));
            }
            return read(firstEntryId, last, true, Integer.MAX_VALUE, Long.MAX_VALUE)
                    .thenApply(entries -> new UnconfirmedEntries(entries.entries()));
        });
    }

    /**
     * Follows the ledger from {@code firstEntryId} on, without fencing it: bookies push what is confirmed, until the ledger
     * is closed and its last entry was given.
     */
    public LedgerTail tail(long firstEntryId) {
        if (firstEntryId < 0 || firstEntryId > EntryId.MAX) {
            throw new LedgerException(
                    Code.InvalidRequest, Outcome.NOT_APPLIED, "no valid entry to follow from: " + firstEntryId);
        }
        CompletableFuture<LedgerEntries> over = new CompletableFuture<>();
        return new LedgerTail(
                context.system.systemActorOf(
                        LedgerTailActor.create(this, reader, firstEntryId, over),
                        "quire-tail-" + ledgerId + "-" + TAILS.incrementAndGet(),
                        Props.empty()),
                over);
    }

    /** Entries of one read, ascending and without gaps. */
    public record LedgerEntries(List<Entry> entries) {
        public LedgerEntries {
            entries = List.copyOf(entries);
        }
    }

    /** Entries that may not be confirmed, ascending and without gaps. */
    public record UnconfirmedEntries(List<Entry> entries) {
        public UnconfirmedEntries {
            entries = List.copyOf(entries);
        }
    }

    /** Raises what this handle knows to be confirmed. */
    void confirmed(long entryId) {
        lastAddConfirmed.accumulateAndGet(entryId, Math::max);
    }

    void learned(Versioned<LedgerMetadata> newer) {
        metadata.accumulateAndGet(newer, (a, b) -> a.version() >= b.version() ? a : b);
    }

    /** How far the ledger can be read, at least as far as {@code wanted} if that is possible. */
    private CompletionStage<Long> end(long wanted) {
        LedgerMetadata known = metadata.get().value();
        if (known.isClosed()) {
            return CompletableFuture.completedStage(known.lastEntryId());
        }
        if (wanted <= lastAddConfirmed.get()) {
            return CompletableFuture.completedStage(lastAddConfirmed.get());
        }
        return refresh().thenCompose(current -> {
            if (current.value().isClosed()) {
                return CompletableFuture.completedStage(current.value().lastEntryId());
            }
            CompletableFuture<Long> result = new CompletableFuture<>();
            reader.tell(new LedgerReaderActor.ReadConfirmed(current.value(), lastAddConfirmed.get(), result));
            return inTime(result).thenApply(highest -> {
                confirmed(highest);
                return highest;
            });
        });
    }

    private CompletionStage<Versioned<LedgerMetadata>> refresh() {
        if (isClosed()) {
            return CompletableFuture.completedStage(metadata.get());
        }
        return context.registry
                .read(RegistryKey.ofLedger(ledgerId))
                .thenApply(value -> {
                    Versioned<LedgerMetadata> current = LedgerMetadata.registered(value)
                            .filter(found -> !found.value().isDeleted())
                            .orElseThrow(() -> LedgerClient.noSuchLedger(ledgerId));
                    learned(current);
                    return current;
                })
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(
                        LedgerCreation.failureOf(failure).toException()));
    }

    private CompletionStage<LedgerEntries> read(
            long first, long last, boolean unconfirmed, int entriesMax, long bytesMax) {
        CompletableFuture<List<Entry>> result = new CompletableFuture<>();
        reader.tell(new LedgerReaderActor.ReadRange(
                metadata.get().value(), key, first, last, unconfirmed, entriesMax, bytesMax, result));
        return inTime(result).thenApply(LedgerEntries::new);
    }

    /** The reader bounds its reads itself; this is for the case that it is gone, with the actor system perhaps (H97). */
    private <T> CompletionStage<T> inTime(CompletableFuture<T> answer) {
        long patience =
                context.settings.reader().readTimeout().plus(READER_GRACE).toMillis();
        return answer.orTimeout(patience, TimeUnit.MILLISECONDS)
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(
                        failure instanceof TimeoutException
                                ? new LedgerException(
                                        Code.TimedOut, Outcome.NOT_APPLIED, "the reader of this process did not answer")
                                : failure));
    }

    private void requireReadable(long entryId, long end) {
        if (entryId <= end) {
            return;
        }
        if (isClosed()) {
            throw new LedgerException(
                    Code.NoSuchEntry,
                    Outcome.NOT_APPLIED,
                    "ledger " + ledgerId + " has no entry " + entryId + ", it ends at " + end);
        }
        throw new LedgerException(
                Code.NotConfirmed,
                Outcome.NOT_APPLIED,
                "entry " + entryId + " is above the last confirmed " + end
                        + " of an open ledger; recover it to read on");
    }

    private static <T> CompletionStage<T> invalidRange(long first, long last) {
        return CompletableFuture.failedStage(new LedgerException(
                Code.InvalidRequest, Outcome.NOT_APPLIED, "no valid range of entries: [" + first + ", " + last + "]"));
    }
}
