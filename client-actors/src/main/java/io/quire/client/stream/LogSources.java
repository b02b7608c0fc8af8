package io.quire.client.stream;

import io.quire.client.log.LogBatch;
import io.quire.client.log.LogGap;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogReader;
import io.quire.client.log.LogRecord;
import io.quire.client.log.LogTail;
import io.quire.client.log.Logs;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.Done;
import org.apache.pekko.NotUsed;
import org.apache.pekko.stream.javadsl.Source;

/**
 * Named logs as sources of their records with positions. What was trimmed is skipped; what is lost fails the stream, since a
 * reader that goes on without knowing would take the log for whole. Cancelling releases everything. Stateless.
 */
public final class LogSources {
    private static final int BATCH_BYTES = 1 << 20;
    private static final int SHOWS_AFTER_MILLIS = 60;

    private LogSources() {}

    /**
     * The records from {@code from} on that there are now; completes at the log's end, without any when there is no such log.
     *
     * @param batch how many are read at once
     */
    public static Source<LogRecord, NotUsed> current(Logs logs, String name, LogPosition from, int batch) {
        return Source.unfoldResourceAsync(
                        () -> CompletableFuture.completedStage(new Reading(logs.reader(name), from)),
                        reading -> reading.next(batch),
                        reading -> CompletableFuture.completedStage(Done.getInstance()))
                .mapConcat(records -> records);
    }

    /** Where a reading stands. Used by one stream. */
    private static final class Reading {
        private final LogReader reader;
        private LogPosition at;
        private boolean hasLookedAgain;

        Reading(LogReader reader, LogPosition at) {
            this.reader = reader;
            this.at = at;
        }

        CompletionStage<Optional<List<LogRecord>>> next(int batch) {
            return reader.readAsync(at, batch, BATCH_BYTES)
                    .thenCompose(read -> {
                        requireNothingLost(read);
                        at = read.next();
                        if (!read.isAtEnd()) {
                            return CompletableFuture.completedStage(Optional.of(read.records()));
                        }
                        return hasLookedAgain
                                ? CompletableFuture.completedStage(Optional.<List<LogRecord>>empty())
                                : lookAgain(batch);
                    })
                    .exceptionally(LogSources::endIfNoLog);
        }

        /** What is acknowledged by now may show only once the bookies know that it is. */
        private CompletionStage<Optional<List<LogRecord>>> lookAgain(int batch) {
            hasLookedAgain = true;
            return CompletableFuture.runAsync(
                            () -> {}, CompletableFuture.delayedExecutor(SHOWS_AFTER_MILLIS, TimeUnit.MILLISECONDS))
                    .thenCompose(done -> next(batch));
        }
    }

    private static Optional<List<LogRecord>> endIfNoLog(Throwable failure) {
        if (codeOf(failure).filter(code -> code == Code.NoSuchLog).isPresent()) {
            return Optional.empty();
        }
        throw failure instanceof CompletionException completion ? completion : new CompletionException(failure);
    }

    private static Optional<Code> codeOf(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof LedgerException ledger ? Optional.of(ledger.code()) : Optional.empty();
    }

    /**
     * The records from {@code from} on, and those that come, across ledgers and writers. Ends with a failure when the log is
     * deleted, and when there is none.
     *
     * @param batch how many are asked for at once
     */
    public static Source<LogRecord, NotUsed> tail(Logs logs, String name, LogPosition from, int batch) {
        return Source.unfoldResourceAsync(
                        () -> CompletableFuture.completedStage(logs.tail(name, from)),
                        tail -> next(tail, batch),
                        tail -> {
                            tail.close();
                            return CompletableFuture.completedStage(Done.getInstance());
                        })
                .mapConcat(records -> records);
    }

    private static CompletionStage<Optional<List<LogRecord>>> next(LogTail tail, int batch) {
        return tail.nextAsync(batch, BATCH_BYTES).thenApply(read -> {
            requireNothingLost(read);
            return Optional.of(read.records());
        });
    }

    /** One element, once there is a log of that name; looks at this interval. */
    public static Source<String, NotUsed> whenThere(Logs logs, String name, Duration interval) {
        return Source.tick(Duration.ZERO, interval, name)
                .mapMaterializedValue(cancellable -> NotUsed.getInstance())
                .mapAsync(1, tick -> logs.describe(name)
                        .thenApply(metadata -> true)
                        .exceptionally(failure -> endIfNoLog(failure).isPresent()))
                .filter(isThere -> isThere)
                .take(1)
                .map(isThere -> name);
    }

    private static void requireNothingLost(LogBatch read) {
        Optional<LogGap> lost = read.gap().filter(gap -> gap.kind() == LogGap.Kind.LOST);
        if (lost.isPresent()) {
            throw new LedgerException(
                    Code.NoSuchEntry, Outcome.NOT_APPLIED, "records of the log are lost: " + lost.get());
        }
    }
}
