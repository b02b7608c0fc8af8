package io.quire.client.stream;

import io.quire.client.LedgerTail;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogWriter;
import io.quire.protocol.Entry;
import io.quire.protocol.Payload;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Flow;
import org.apache.pekko.stream.javadsl.Keep;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;

/**
 * Ledgers as sources of entries, and ledgers and logs as flows that append what passes. The handles stay the caller's: a
 * stream that ends closes none of them. Stateless.
 */
public final class LedgerStreams {
    private static final int BATCH_BYTES = 1 << 20;

    private LedgerStreams() {}

    /**
     * The entries {@code [firstEntryId, lastEntryId]}; fails where {@link ReadHandle#readAsync} would.
     *
     * @param batch how many are read at once
     */
    public static Source<Entry, NotUsed> range(ReadHandle ledger, long firstEntryId, long lastEntryId, int batch) {
        return Source.unfoldAsync(firstEntryId, next -> {
                    if (next > lastEntryId) {
                        return CompletableFuture.completedStage(
                                Optional.<org.apache.pekko.japi.Pair<Long, List<Entry>>>empty());
                    }
                    int count = (int) Math.min(batch, lastEntryId - next + 1);
                    return ledger.batchReadAsync(next, count, BATCH_BYTES)
                            .thenApply(read -> Optional.of(org.apache.pekko.japi.Pair.create(
                                    next + read.entries().size(), read.entries())));
                })
                .mapConcat(entries -> entries);
    }

    /**
     * The confirmed entries from {@code firstEntryId} on, as bookies push them; completes when the ledger is closed and all
     * were given.
     *
     * @param batch how many are asked for at once
     */
    public static Source<Entry, NotUsed> tail(ReadHandle ledger, long firstEntryId, int batch) {
        return Source.unfoldResourceAsync(
                        () -> CompletableFuture.completedStage(ledger.tail(firstEntryId)),
                        tail -> next(tail, batch),
                        tail -> {
                            tail.close();
                            return CompletableFuture.completedStage(Done.getInstance());
                        })
                .mapConcat(entries -> entries);
    }

    private static CompletionStage<Optional<List<Entry>>> next(LedgerTail tail, int batch) {
        return tail.nextAsync(batch, BATCH_BYTES)
                .thenApply(read -> read.entries().isEmpty() ? Optional.empty() : Optional.of(read.entries()));
    }

    /**
     * Appends what passes and emits the ids, in order, once each is durable.
     *
     * @param inFlight appends that are not acknowledged, at most; bounded by {@code quire.client.writer.pending-bytes-max}, too
     */
    public static Flow<Payload, Long, NotUsed> append(WriteHandle ledger, int inFlight) {
        return Flow.of(Payload.class).mapAsync(inFlight, ledger::appendAsync);
    }

    /** Appends what comes; its stage completes once all is durable. See {@link #append}. */
    public static Sink<Payload, CompletionStage<Done>> sink(WriteHandle ledger, int inFlight) {
        return append(ledger, inFlight).toMat(Sink.ignore(), Keep.right());
    }

    /** Appends what passes to a log and emits the positions, in order, once each is durable. */
    public static Flow<Payload, LogPosition, NotUsed> append(LogWriter log, int inFlight) {
        return Flow.of(Payload.class).mapAsync(inFlight, log::appendAsync);
    }

    /** Appends what comes to a log; its stage completes once all is durable. */
    public static Sink<Payload, CompletionStage<Done>> sink(LogWriter log, int inFlight) {
        return append(log, inFlight).toMat(Sink.ignore(), Keep.right());
    }
}
