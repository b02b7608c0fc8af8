package io.quire.client.log;

import io.quire.client.log.LogMetadata.Segment;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import java.time.Instant;
import java.time.InstantSource;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Makes somebody the only writer of a log, in place of whoever was it before. Immutable and thread-safe.
 *
 * <p>Design note. The steps, in an order in which a crash after any of them loses nothing:
 *
 * <ol>
 *   <li>Read the register, at version v.
 *   <li>Seal the last ledgers, from the end until two that have entries are sealed (H92): from here on an earlier writer
 *       can be acknowledged nothing more. What the last one holds tells time and producers.
 *   <li>Create a ledger and make its first entry durable. It is nobody's yet.
 *   <li>Register it behind the others, from exactly v (R26). Who loses that deletes its ledger and begins anew with the
 *       read. Nothing is served before (H96).
 * </ol>
 */
final class LogTakeover {
    private static final int ATTEMPTS_MAX = 20;
    private static final int SEALED_MIN = 2;
    private static final int READ_ENTRIES = 500;

    private final LogName name;
    private final LogLedgers ledgers;
    private final LogRegister register;
    private final InstantSource clock;
    private final int producersMax;

    LogTakeover(LogName name, LogLedgers ledgers, LogRegister register, InstantSource clock, int producersMax) {
        this.name = name;
        this.ledgers = ledgers;
        this.register = register;
        this.clock = clock;
        this.producersMax = producersMax;
    }

    /**
     * A log and its newest ledger, registered.
     *
     * @param time of the last entry
     */
    record Taken(RegisteredLog registered, LogLedgers.Writing writing, Producers producers, Instant time) {}

    /** What the ledgers before end with. */
    private record Tail(Producers producers, Instant time) {}

    CompletionStage<Taken> run() {
        return attempt(1);
    }

    private CompletionStage<Taken> attempt(int attempt) {
        return register.read(name)
                .thenCompose(current -> {
                    List<Segment> segments = current.value().segments();
                    Tail none = new Tail(new Producers(producersMax), Instant.EPOCH);
                    return seal(segments, segments.size() - 1, 0, none)
                            .thenCompose(tail -> extend(current, tail.producers(), tail.time()));
                })
                .thenCompose(taken -> {
                    if (taken.isPresent()) {
                        return CompletableFuture.completedStage(taken.get());
                    }
                    return attempt < ATTEMPTS_MAX
                            ? attempt(attempt + 1)
                            : LogFailures.<Taken>failed(
                                    Code.Conflict, Outcome.NOT_APPLIED, "others open log '" + name + "' all the time");
                });
    }

    private CompletionStage<Tail> seal(List<Segment> segments, int index, int closed, Tail tail) {
        if (index < 0 || closed == SEALED_MIN) {
            return CompletableFuture.completedStage(tail);
        }
        Segment segment = segments.get(index);
        return ledgers.seal(segment.ledgerId()).thenCompose(end -> {
            if (end.isEmpty() || end.getAsLong() < 0) {
                return seal(segments, index - 1, closed, tail);
            }
            return closed == 0
                    ? tailOf(segment, end.getAsLong())
                            .thenCompose(found -> seal(segments, index - 1, closed + 1, found))
                    : seal(segments, index - 1, closed + 1, tail);
        });
    }

    private CompletionStage<Tail> tailOf(Segment segment, long lastEntryId) {
        return ledgers.read(segment.ledgerId(), lastEntryId, lastEntryId).thenCompose(entries -> {
            LogEntry last = LogEntry.decode(entries.get(0).payload());
            boolean isWorthReading = last instanceof LogEntry.Appended record && record.producersSoFar();
            Producers producers = new Producers(producersMax);
            return learn(producers, segment, 0, isWorthReading ? lastEntryId : 0)
                    .thenApply(done -> new Tail(producers, last.time()));
        });
    }

    private CompletionStage<Void> learn(Producers producers, Segment segment, long first, long last) {
        long to = Math.min(last, first + READ_ENTRIES - 1);
        return ledgers.read(segment.ledgerId(), first, to).thenCompose(entries -> {
            for (Entry entry : entries) {
                producers.learn(
                        LogEntry.decode(entry.payload()),
                        new LogPosition(segment.epoch(), segment.ledgerId(), entry.entryId()));
            }
            return to == last ? CompletableFuture.completedStage(null) : learn(producers, segment, to + 1, last);
        });
    }

    /**
     * Registers one more ledger behind those of {@code current}, which are sealed; empty when something else was
     * registered meanwhile.
     *
     * @param time of the last entry before
     */
    CompletionStage<Optional<Taken>> extend(RegisteredLog current, Producers producers, Instant time) {
        Instant now = clock.instant();
        Instant start = now.isBefore(time) ? time : now;
        return ledgers.create(name).thenCompose(writing -> {
            LogMetadata next = current.value().withSegment(writing.ledgerId(), start);
            return writing.append(new LogEntry.Start(next.epoch(), start, producers.list()).encode())
                    .handle((first, failure) -> failure)
                    .thenCompose(failure -> failure == null
                            ? register(current.version(), next, writing, producers, start)
                            : abandon(writing, LogFailures.of(failure)));
        });
    }

    private CompletionStage<Optional<Taken>> register(
            long expectedVersion, LogMetadata next, LogLedgers.Writing writing, Producers producers, Instant start) {
        return register.change(expectedVersion, next)
                .handle((changed, failure) -> {
                    if (failure != null) {
                        writing.close(); // it may be registered: whoever opens the log next finds out
                        return CompletableFuture.<Optional<Taken>>failedStage(LogFailures.of(failure));
                    }
                    if (changed.isEmpty()) {
                        return drop(writing).thenApply(done -> Optional.<Taken>empty());
                    }
                    return CompletableFuture.completedStage(
                            Optional.of(new Taken(changed.get(), writing, producers, start)));
                })
                .thenCompose(stage -> stage);
    }

    private CompletionStage<Optional<Taken>> abandon(LogLedgers.Writing writing, LedgerException failure) {
        return drop(writing).thenCompose(done -> CompletableFuture.failedStage(failure));
    }

    /** A ledger that was never registered, and never will be. Left behind, it is an orphan that holds one entry. */
    private CompletionStage<Void> drop(LogLedgers.Writing writing) {
        LedgerId ledgerId = writing.ledgerId();
        writing.close();
        return ledgers.delete(ledgerId).exceptionally(failure -> null);
    }
}
