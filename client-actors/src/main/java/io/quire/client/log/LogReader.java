package io.quire.client.log;

import io.quire.client.LedgerClient;
import io.quire.client.ReadHandle;
import io.quire.client.log.LogMetadata.Segment;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;

/**
 * Reads a log from any position on, across its ledgers, without disturbing its writer. Only what is acknowledged is read;
 * the newest record of a writer that pauses shows some tens of milliseconds later, once the bookies know that it is.
 * Thread-safe; reads may overlap.
 */
public final class LogReader {
    private final LogName name;
    private final LedgerClient client;
    private final LogRegister register;
    private final AtomicReference<LogMetadata> known = new AtomicReference<>();
    private final AtomicReference<ReadHandle> last = new AtomicReference<>();

    LogReader(LogName name, LedgerClient client, LogRegister register) {
        this.name = name;
        this.client = client;
        this.register = register;
    }

    /**
     * Reads from {@code from} on: at most {@code maxCount} records and about {@code maxBytes} of payload, and at least one
     * if there is one. {@link LogPosition#START} stands for the first record that the log still has; any other position
     * that was truncated gives a gap. Fails with NoSuchLog, and with InvalidRequest beyond everything that was written.
     */
    public CompletionStage<LogBatch> readAsync(LogPosition from, int maxCount, long maxBytes) {
        LogMetadata metadata = known.get();
        return metadata == null
                ? refresh().thenCompose(found -> read(found, from, maxCount, maxBytes))
                : read(metadata, from, maxCount, maxBytes);
    }

    /**
     * The position of the first record that is not older than {@code time}, or of the log's end when all are.
     */
    public CompletionStage<LogPosition> positionAtAsync(Instant time) {
        return refresh().thenCompose(metadata -> {
            List<Segment> candidates = metadata.segments().stream()
                    .filter(segment -> segment.created().isBefore(time))
                    .toList();
            if (candidates.isEmpty()) {
                return CompletableFuture.completedStage(
                        metadata.segments().isEmpty()
                                ? LogPosition.START
                                : metadata.segments().get(0).start());
            }
            Segment segment = candidates.get(candidates.size() - 1);
            return open(segment).thenCompose(handle -> handle.readLastAddConfirmedAsync()
                    .thenCompose(end -> search(handle, segment, time, 0, end + 1)));
        });
    }

    /** The first entry in {@code [low, high]} that is not older; {@code high} itself is known to be such, or the end. */
    private CompletionStage<LogPosition> search(ReadHandle handle, Segment segment, Instant time, long low, long high) {
        if (low >= high) {
            return CompletableFuture.completedStage(new LogPosition(segment.epoch(), segment.ledgerId(), low));
        }
        long middle = low + (high - low) / 2;
        return handle.readAsync(middle, middle).thenCompose(entries -> {
            LogEntry entry = LogEntry.decode(entries.entries().get(0).payload());
            return entry.time().isBefore(time)
                    ? search(handle, segment, time, middle + 1, high)
                    : search(handle, segment, time, low, middle);
        });
    }

    /** What is decided about the log now. */
    CompletionStage<LogMetadata> refresh() {
        return register.read(name).thenApply(current -> {
            if (!current.value().exists()) {
                throw LogFailures.noSuchLog(name);
            }
            known.set(current.value());
            return current.value();
        });
    }

    /** A handle of the ledger that {@code segment} is. */
    CompletionStage<ReadHandle> open(Segment segment) {
        ReadHandle open = last.get();
        if (open != null && open.getId().equals(segment.ledgerId())) {
            return CompletableFuture.completedStage(open);
        }
        return client.newOpenLedgerOp()
                .withLedgerId(segment.ledgerId())
                .execute()
                .thenApply(handle -> {
                    last.set(handle);
                    return handle;
                });
    }

    private CompletionStage<LogBatch> read(LogMetadata metadata, LogPosition from, int maxCount, long maxBytes) {
        if (from.epoch() > 0 && from.epoch() < metadata.trimmedTo()) {
            LogPosition to = metadata.segments().isEmpty()
                    ? new LogPosition(metadata.trimmedTo(), from.ledgerId(), 0)
                    : metadata.segments().get(0).start();
            return CompletableFuture.completedStage(LogBatch.of(new LogGap(LogGap.Kind.TRIMMED, from, to)));
        }
        Optional<Segment> segment = metadata.segmentAt(from);
        if (segment.isEmpty()) {
            return behind(metadata, from, maxCount, maxBytes);
        }
        Segment at = segment.get();
        LogPosition begin = at.epoch() == from.epoch() ? from : at.start();
        return open(at).thenCompose(handle -> handle.batchReadAsync(begin.entryId(), maxCount, maxBytes))
                .thenApply(ReadHandle.LedgerEntries::entries)
                .handle((entries, failure) -> failure == null
                        ? found(at, entries, maxCount, maxBytes)
                        : missed(at, begin, LogFailures.of(failure), maxCount, maxBytes))
                .thenCompose(stage -> stage);
    }

    private CompletionStage<LogBatch> found(Segment segment, List<Entry> entries, int maxCount, long maxBytes) {
        List<LogRecord> records = recordsOf(segment, entries);
        LogPosition next = new LogPosition(
                segment.epoch(),
                segment.ledgerId(),
                entries.get(entries.size() - 1).entryId() + 1);
        return records.isEmpty()
                ? readAsync(next, maxCount, maxBytes)
                : CompletableFuture.completedStage(LogBatch.of(records, next));
    }

    /** The records among entries of {@code segment}. */
    static List<LogRecord> recordsOf(Segment segment, List<Entry> entries) {
        List<LogRecord> records = new ArrayList<>();
        for (Entry entry : entries) {
            LogEntry decoded = LogEntry.decode(entry.payload());
            if (decoded.epoch() != segment.epoch()) {
                throw new LedgerException(
                        Code.Conflict,
                        Outcome.NOT_APPLIED,
                        "entry " + entry.entryId() + " of ledger " + segment.ledgerId() + " is of epoch "
                                + decoded.epoch() + ", not " + segment.epoch());
            }
            if (decoded instanceof LogEntry.Appended record) {
                records.add(new LogRecord(
                        new LogPosition(segment.epoch(), segment.ledgerId(), entry.entryId()),
                        record.time(),
                        record.producer(),
                        record.payload()));
            }
        }
        return records;
    }

    private CompletionStage<LogBatch> missed(
            Segment segment, LogPosition from, LedgerException failure, int maxCount, long maxBytes) {
        return switch (failure.code()) {
            case NotConfirmed -> CompletableFuture.completedStage(LogBatch.end(from));
            case NoSuchEntry ->
                refresh().thenCompose(metadata -> metadata.following(segment)
                        .map(following -> read(metadata, following.start(), maxCount, maxBytes))
                        .orElseGet(() -> CompletableFuture.completedStage(LogBatch.end(from))));
            case NoSuchLedger ->
                refresh()
                        .thenCompose(metadata -> metadata.segments().contains(segment)
                                ? CompletableFuture.completedStage(LogBatch.of(new LogGap(
                                        LogGap.Kind.LOST,
                                        from,
                                        metadata.following(segment)
                                                .map(Segment::start)
                                                .orElse(new LogPosition(segment.epoch() + 1, segment.ledgerId(), 0)))))
                                : read(metadata, from, maxCount, maxBytes));
            default -> CompletableFuture.failedStage(failure);
        };
    }

    /** No ledger is known at the position, or behind it. */
    private CompletionStage<LogBatch> behind(LogMetadata old, LogPosition from, int maxCount, long maxBytes) {
        return refresh().thenCompose(metadata -> {
            if (!metadata.equals(old)) {
                return read(metadata, from, maxCount, maxBytes);
            }
            return from.epoch() > metadata.epoch() + 1
                    ? CompletableFuture.failedStage(
                            LogFailures.invalid("log '" + name + "' has nothing at " + from + " yet"))
                    : CompletableFuture.completedStage(LogBatch.end(from));
        });
    }
}
