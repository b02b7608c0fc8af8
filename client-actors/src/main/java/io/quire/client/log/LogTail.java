package io.quire.client.log;

import io.quire.client.LedgerTail;
import io.quire.client.log.LogMetadata.Segment;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Follows a log from one position on, from ledger to ledger and from writer to writer: what is there already is read, what
 * comes is pushed by the bookies. To be closed. Thread-safe; one call at a time.
 */
public final class LogTail implements AutoCloseable {
    private static final int PAUSE_MILLIS = 50;

    private final LogReader reader;
    private final LogName name;
    private final Registry registry;
    private final AtomicBoolean isBusy = new AtomicBoolean();
    private volatile boolean closed;
    private volatile LogPosition next;
    private volatile LedgerTail pushed;
    private volatile Segment pushedOf;
    private volatile Registry.Watch watch;
    private volatile CompletableFuture<Void> changed = new CompletableFuture<>();

    LogTail(LogName name, LogReader reader, Registry registry, LogPosition from) {
        this.name = name;
        this.reader = reader;
        this.registry = registry;
        this.next = from;
    }

    /** Where the next record or gap is looked for. */
    public LogPosition position() {
        return next;
    }

    /**
     * Waits for records or a gap: at most {@code maxCount} and about {@code maxBytes} of payload. Time alone never ends it;
     * it fails when the log is deleted, when it cannot be read, and once this is closed.
     */
    public CompletionStage<LogBatch> nextAsync(int maxCount, long maxBytes) {
        if (!isBusy.compareAndSet(false, true)) {
            return CompletableFuture.failedStage(LogFailures.invalid("the records asked for before have not come yet"));
        }
        return step(maxCount, maxBytes).handle((batch, failure) -> {
            isBusy.set(false);
            if (failure != null) {
                throw LogFailures.of(failure);
            }
            next = batch.next();
            return batch;
        });
    }

    private CompletionStage<LogBatch> step(int maxCount, long maxBytes) {
        if (closed) {
            release(); // what was opened while it was closed
            return CompletableFuture.failedStage(closedException());
        }
        if (pushed != null) {
            return push(maxCount, maxBytes);
        }
        return reader.readAsync(next, maxCount, maxBytes).thenCompose(batch -> {
            next = batch.next();
            return batch.isAtEnd() ? await(batch.next(), maxCount, maxBytes) : CompletableFuture.completedStage(batch);
        });
    }

    /** Nothing is there to read: lets the bookies push what comes, or waits for the next ledger. */
    private CompletionStage<LogBatch> await(LogPosition at, int maxCount, long maxBytes) {
        CompletableFuture<Void> change = changed;
        if (watch == null) {
            watch = registry.watch(name.key(), this::onChange);
        }
        return reader.refresh().thenCompose(metadata -> {
            Optional<Segment> segment = metadata.segmentAt(at);
            boolean isNewer = segment.isPresent() && segment.get().epoch() > at.epoch();
            if (isNewer) {
                return step(maxCount, maxBytes);
            }
            if (segment.isEmpty()) {
                return change.thenCompose(done -> step(maxCount, maxBytes));
            }
            return reader.open(segment.get()).thenCompose(handle -> {
                if (handle.isClosed() && handle.getLastAddConfirmed() < at.entryId()) {
                    return change.thenCompose(done -> step(maxCount, maxBytes));
                }
                pushedOf = segment.get();
                pushed = handle.tail(at.entryId());
                return step(maxCount, maxBytes);
            });
        });
    }

    private CompletionStage<LogBatch> push(int maxCount, long maxBytes) {
        Segment segment = pushedOf;
        LedgerTail tail = pushed;
        return tail.nextAsync(maxCount, maxBytes)
                .handle((entries, failure) -> {
                    if (failure != null) {
                        stopPushing();
                        // What has become of the ledger, reading tells; it may be that only pushing fails.
                        return later().thenCompose(done -> step(maxCount, maxBytes));
                    }
                    if (entries.entries().isEmpty()) {
                        stopPushing();
                        return step(maxCount, maxBytes);
                    }
                    List<LogRecord> records = LogReader.recordsOf(segment, entries.entries());
                    next = new LogPosition(
                            segment.epoch(),
                            segment.ledgerId(),
                            entries.entries().get(entries.entries().size() - 1).entryId() + 1);
                    return records.isEmpty()
                            ? step(maxCount, maxBytes)
                            : CompletableFuture.completedStage(LogBatch.of(records, next));
                })
                .thenCompose(stage -> stage);
    }

    private static CompletionStage<Void> later() {
        return CompletableFuture.runAsync(
                () -> {}, CompletableFuture.delayedExecutor(PAUSE_MILLIS, TimeUnit.MILLISECONDS));
    }

    private void onChange(RegisterValue value) {
        CompletableFuture<Void> before = changed;
        changed = new CompletableFuture<>();
        before.complete(null);
    }

    private void stopPushing() {
        LedgerTail tail = pushed;
        pushed = null;
        if (tail != null) {
            tail.close();
        }
    }

    /** Ends it; who waits for records is told so. */
    @Override
    public void close() {
        closed = true;
        release();
        changed.complete(null);
    }

    private void release() {
        stopPushing();
        Registry.Watch watching = watch;
        if (watching != null) {
            watching.cancel();
        }
    }

    private static LedgerException closedException() {
        return new LedgerException(Code.NoWriter, Outcome.NOT_APPLIED, "this tail was closed");
    }
}
