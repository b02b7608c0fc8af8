package io.quire.client.log;

import io.quire.client.log.LogMetadata.Segment;
import io.quire.client.log.LogRecord.Producer;
import io.quire.client.log.LogTakeover.Taken;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The only writer of a log, until somebody else opens it for writing. Records are in the log in the order of the calls
 * and are acknowledged in it, once they are durable at an ack quorum of bookies.
 *
 * <p>A ledger that is full or old is sealed and another one begun, without the caller's doing. Whoever is displaced
 * learns it at the next append, at the latest, and is never acknowledged anything again: appends under way end with
 * outcome UNKNOWN, later ones with LedgerFenced and NOT_APPLIED. The same holds after any append whose outcome is not
 * known: what follows in the log is up to who opens it next, which may be this process.
 *
 * <p>Thread-safe.
 */
public final class LogWriter implements AutoCloseable {
    /** What a record's head takes at most, beside the producer's id. */
    private static final int HEAD_BYTES = 64;

    private static final int UTF8_BYTES_MAX = 3;

    private final LogName name;
    private final LogTakeover takeover;
    private final LogRegister register;
    private final LogSettings settings;
    private final InstantSource clock;
    private final int entryBytesMax;

    private final Object lock = new Object();
    // All guarded by the lock.
    private RegisteredLog registered;
    private LogLedgers.Writing writing;
    private final Producers producers;
    private boolean producersSoFar;
    private Instant time;
    private Instant begun;
    private long bytes;
    private final Deque<Waiting> waiting = new ArrayDeque<>();
    private long waitingBytes;
    private CompletableFuture<Void> rolling;
    private LedgerException over;

    /** An append that came while a ledger was begun. */
    private record Waiting(Optional<Producer> producer, Payload payload, CompletableFuture<Appended> result) {}

    /**
     * A record is in the log.
     *
     * @param isRepeated whether it was there before this call; of a producer's older records the position of its last one
     *     is told
     */
    public record Appended(LogPosition position, boolean isRepeated) {}

    LogWriter(
            LogName name,
            Taken taken,
            LogTakeover takeover,
            LogRegister register,
            LogSettings settings,
            InstantSource clock,
            int entryBytesMax) {
        this.name = name;
        this.takeover = takeover;
        this.register = register;
        this.settings = settings;
        this.clock = clock;
        this.entryBytesMax = entryBytesMax;
        this.producers = taken.producers();
        begin(taken);
    }

    private void begin(Taken taken) {
        registered = taken.registered();
        writing = taken.writing();
        time = taken.time();
        begun = clock.instant();
        bytes = 0;
        producersSoFar = false;
    }

    public LogName name() {
        return name;
    }

    /** The epoch of the ledger that is written now; it rises with each ledger. */
    public long epoch() {
        synchronized (lock) {
            return registered.value().epoch();
        }
    }

    /** Appends a record; completes with its position. */
    public CompletionStage<LogPosition> appendAsync(Payload payload) {
        return append(Optional.empty(), payload).thenApply(Appended::position);
    }

    /** Appends a copy of {@code bytes}; see {@link #appendAsync(Payload)}. */
    public CompletionStage<LogPosition> appendAsync(byte[] bytes) {
        return appendAsync(Payload.copyOf(bytes));
    }

    /**
     * Appends a record of {@code producer}, unless it is in the log already: one with its sequence, or a higher one.
     * That is known of the producers that appended last ({@code quire.client.log.producers-max}), also by the next writer.
     */
    public CompletionStage<Appended> appendAsync(Producer producer, Payload payload) {
        return append(Optional.of(producer), payload);
    }

    private CompletionStage<Appended> append(Optional<Producer> producer, Payload payload) {
        int head =
                HEAD_BYTES + producer.map(p -> UTF8_BYTES_MAX * p.id().length()).orElse(0);
        if (payload.length() > entryBytesMax - head) {
            return LogFailures.failed(
                    Code.EntryTooLarge,
                    Outcome.NOT_APPLIED,
                    "a record of " + payload.length() + " bytes, at most " + (entryBytesMax - head) + " are allowed");
        }
        synchronized (lock) {
            if (over != null) {
                return CompletableFuture.failedStage(over);
            }
            if (rolling == null && !isFull()) {
                return appendNow(producer, payload);
            }
            if (waitingBytes > 0 && waitingBytes + bytesOf(payload) > settings.waitingBytesMax()) {
                return LogFailures.failed(
                        Code.Overloaded,
                        Outcome.NOT_APPLIED,
                        waitingBytes + " bytes wait for the log's next ledger already");
            }
            Waiting append = new Waiting(producer, payload, new CompletableFuture<>());
            waiting.add(append);
            waitingBytes += bytesOf(payload);
            rollIfNecessary();
            return append.result();
        }
    }

    /** Also a record without a byte takes room. */
    private static int bytesOf(Payload payload) {
        return HEAD_BYTES + payload.length();
    }

    private boolean isFull() {
        return bytes >= settings.rollBytes() || !clock.instant().isBefore(begun.plus(settings.rollAge()));
    }

    /** With the lock. */
    private CompletionStage<Appended> appendNow(Optional<Producer> producer, Payload payload) {
        Optional<Producers.Last> before = producer.flatMap(appending -> producers.last(appending.id()));
        if (before.isPresent()
                && before.get().producer().sequence() >= producer.get().sequence()) {
            return before.get().position().thenApply(position -> new Appended(position, true));
        }
        Instant now = clock.instant();
        time = now.isBefore(time) ? time : now;
        boolean keyed = producersSoFar || producer.isPresent();
        long epoch = registered.value().epoch();
        LedgerId ledgerId = writing.ledgerId();
        CompletableFuture<LogPosition> position = new CompletableFuture<>();
        producer.ifPresent(appending -> producers.put(appending, position));
        producersSoFar = keyed;
        bytes += payload.length();
        writing.append(new LogEntry.Appended(epoch, time, producer, keyed, payload).encode())
                .whenComplete((entryId, failure) -> {
                    if (failure == null) {
                        position.complete(new LogPosition(epoch, ledgerId, entryId));
                    } else {
                        position.completeExceptionally(ended(LogFailures.of(failure), producer, before));
                    }
                });
        return position.thenApply(at -> new Appended(at, false));
    }

    /** An append failed. Unless it was refused without a trace, the log may have ended behind it. */
    private LedgerException ended(
            LedgerException failure, Optional<Producer> producer, Optional<Producers.Last> before) {
        boolean isRefused = failure.outcome() == Outcome.NOT_APPLIED
                && (failure.code() == Code.Overloaded || failure.code() == Code.EntryTooLarge);
        synchronized (lock) {
            if (isRefused) {
                producer.ifPresent(appending -> producers.takeBack(appending, before));
            } else {
                end(failure);
            }
        }
        return failure;
    }

    /** With the lock. */
    private void end(LedgerException cause) {
        if (over == null) {
            over = new LedgerException(
                    cause.code(),
                    Outcome.NOT_APPLIED,
                    "this writer of log '" + name + "' is over: " + cause.getMessage(),
                    cause);
            writing.close();
        }
        endWaiting();
    }

    /** With the lock. */
    private void endWaiting() {
        for (Waiting append = waiting.poll(); append != null; append = waiting.poll()) {
            append.result().completeExceptionally(over);
        }
        waitingBytes = 0;
    }

    /**
     * Seals the ledger that is written, and begins another. Completes when that is registered; what is appended meanwhile
     * waits for it.
     */
    public CompletionStage<Void> rollAsync() {
        synchronized (lock) {
            if (over != null) {
                return CompletableFuture.failedStage(over);
            }
            CompletableFuture<Void> done = rolling == null ? new CompletableFuture<>() : rolling;
            if (rolling == null) {
                roll(done);
            }
            return done.copy();
        }
    }

    /** With the lock. */
    private void rollIfNecessary() {
        if (rolling == null) {
            roll(new CompletableFuture<>());
        }
    }

    /** With the lock, while none is under way. */
    private void roll(CompletableFuture<Void> done) {
        rolling = done;
        RegisteredLog current = registered;
        Instant last = time;
        writing.seal()
                .thenCompose(closed -> extend(current, last))
                .whenComplete((taken, failure) -> rolled(done, taken, failure));
    }

    private CompletionStage<Taken> extend(RegisteredLog current, Instant last) {
        return takeover.extend(current, producers, last).thenCompose(taken -> {
            if (taken.isPresent()) {
                return CompletableFuture.completedStage(taken.get());
            }
            return register.read(name)
                    .thenCompose(now -> isMine(current.value(), now.value())
                            ? extend(now, last)
                            : LogFailures.<Taken>failed(
                                    Code.LedgerFenced,
                                    Outcome.NOT_APPLIED,
                                    "the log has another writer, or was deleted: its epoch is "
                                            + now.value().epoch()));
        });
    }

    /** Whether nobody has opened the log since: it may have been truncated. */
    private static boolean isMine(LogMetadata before, LogMetadata now) {
        Optional<LedgerId> mine = before.last().map(Segment::ledgerId);
        return !now.isDeleted()
                && now.epoch() == before.epoch()
                && now.last().map(Segment::ledgerId).equals(mine);
    }

    private void rolled(CompletableFuture<Void> done, Taken taken, Throwable failure) {
        synchronized (lock) {
            rolling = null;
            if (over != null) {
                if (taken != null) {
                    CompletionStage<Void> unused = letGo(taken.writing());
                }
            } else if (failure != null) {
                end(LogFailures.of(failure));
            } else {
                begin(taken);
                drain();
            }
        }
        if (failure == null) {
            done.complete(null);
        } else {
            done.completeExceptionally(LogFailures.of(failure));
        }
    }

    /** With the lock. */
    private void drain() {
        while (!waiting.isEmpty() && !isFull()) {
            Waiting append = waiting.poll();
            waitingBytes -= bytesOf(append.payload());
            appendNow(append.producer(), append.payload()).whenComplete((appended, failure) -> {
                if (failure == null) {
                    append.result().complete(appended);
                } else {
                    append.result().completeExceptionally(LogFailures.of(failure));
                }
            });
        }
        if (!waiting.isEmpty()) {
            rollIfNecessary();
        }
    }

    /**
     * Lets go of the log: appends that were sent before are still carried out, those that wait for the next ledger end with
     * NoWriter and NOT_APPLIED, and the ledger is sealed, so that readers see all of it. Completes when that is done, well or not; whoever opens the log next finds out.
     */
    public CompletionStage<Void> closeAsync() {
        synchronized (lock) {
            if (over != null) {
                return CompletableFuture.completedStage(null);
            }
            over = new LedgerException(
                    Code.NoWriter, Outcome.NOT_APPLIED, "this writer of log '" + name + "' was closed");
            endWaiting();
            return letGo(writing);
        }
    }

    private static CompletionStage<Void> letGo(LogLedgers.Writing ledger) {
        return ledger.seal().handle((closed, failure) -> {
            ledger.close();
            return null;
        });
    }

    /** Like {@link #closeAsync()}, without waiting. */
    @Override
    public void close() {
        CompletionStage<Void> unused = closeAsync();
    }
}
