package io.quire.persistence;

import io.quire.client.log.LogBatch;
import io.quire.client.log.LogGap;
import io.quire.client.log.LogMetadata;
import io.quire.client.log.LogMetadata.Segment;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogReader;
import io.quire.client.log.LogRecord;
import io.quire.client.log.LogWriter;
import io.quire.client.log.Logs;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Predicate;

/**
 * The events of one persistence id, as this process writes and reads them.
 *
 * <p>A recovery takes the log over: what another incarnation still has under way is in the log by then, or never will be.
 * From then on that incarnation is refused, in whatever process it runs. Within this process incarnations are told apart
 * by the id that Pekko gives each: those that were writing when the log was taken over are refused, too.
 *
 * <p>Thread-safe.
 */
final class EventLog {
    private static final int READ_BYTES = 4 << 20;
    /** Far more than can be alive at once and still have something to write. */
    private static final int FORMER_MAX = 100;

    private final Logs logs;
    private final String name;
    private final int batch;
    private CompletionStage<Opened> opened;
    /** The incarnation that writes; empty before its first write. */
    private String writerUuid = "";

    /** The incarnations that wrote before, the last ones of them. */
    private final Set<String> formerUuids = new LinkedHashSet<>();

    private boolean closed;

    EventLog(Logs logs, String name, int batch) {
        this.logs = logs;
        this.name = name;
        this.batch = batch;
    }

    /** The log while one incarnation writes it. */
    private static final class Opened {
        private final LogWriter writer;
        private long highest;
        private long deletedTo;

        Opened(LogWriter writer, EventRecord.State state) {
            this.writer = writer;
            this.highest = state.highest();
            this.deletedTo = state.deletedTo();
        }

        synchronized EventRecord.State state() {
            return new EventRecord.State(highest, deletedTo);
        }

        synchronized void written(long sequenceNr) {
            highest = Math.max(highest, sequenceNr);
        }

        synchronized void deleted(long sequenceNr) {
            deletedTo = Math.max(deletedTo, sequenceNr);
        }
    }

    /** Takes the log over for an incarnation that recovers; completes with the highest sequence number ever written. */
    synchronized CompletionStage<Long> takeOver() {
        CompletionStage<Opened> before = opened;
        if (!writerUuid.isEmpty()) {
            formerUuids.add(writerUuid);
        }
        if (formerUuids.size() > FORMER_MAX) {
            formerUuids.remove(formerUuids.iterator().next());
        }
        writerUuid = "";
        opened = before == null
                ? open()
                : before.handle((old, failure) -> old).thenCompose(old -> open().whenComplete((next, failure) -> {
                    if (old != null) {
                        old.writer.close();
                    }
                }));
        return opened.thenApply(now -> now.state().highest());
    }

    /**
     * Lets go of the log: what is under way is still written, and the ledger sealed. Nothing may be asked of it any more.
     *
     * @return completes when that is over, well or not
     */
    synchronized CompletionStage<Void> close() {
        closed = true;
        return opened == null
                ? CompletableFuture.completedStage(null)
                : opened.thenCompose(now -> now.writer.closeAsync()).exceptionally(failure -> null);
    }

    private synchronized CompletionStage<Opened> opened() {
        if (closed) {
            return CompletableFuture.failedStage(new IllegalStateException("the actor of '" + name + "' has stopped"));
        }
        if (opened == null) {
            opened = open();
        }
        return opened;
    }

    private CompletionStage<Opened> open() {
        return logs.openForWrite(name).thenCompose(writer -> logs.describe(name)
                .thenCompose(
                        metadata -> stateBefore(metadata, metadata.segments().size() - 1, new EventRecord.State(0, 0)))
                .thenCompose(
                        state -> writer.appendAsync(state.encode()).thenApply(position -> new Opened(writer, state)))
                .whenComplete((now, failure) -> {
                    if (failure != null) {
                        writer.close();
                    }
                }));
    }

    /** Looks at the ledgers from the newest on, until one begins with what was known before it. */
    private CompletionStage<EventRecord.State> stateBefore(LogMetadata metadata, int index, EventRecord.State later) {
        if (index < 0) {
            return CompletableFuture.completedStage(later);
        }
        Segment segment = metadata.segments().get(index);
        Scan scan = new Scan(segment.epoch(), later);
        return forEach(logs.reader(name), segment.start(), scan)
                .thenCompose(done -> scan.beginsWithState
                        ? CompletableFuture.completedStage(scan.state)
                        : stateBefore(metadata, index - 1, scan.state));
    }

    /** What the records of one ledger say. */
    private static final class Scan implements Predicate<LogRecord> {
        private final long epoch;
        private boolean isFirst = true;
        private boolean beginsWithState;
        private EventRecord.State state;

        Scan(long epoch, EventRecord.State later) {
            this.epoch = epoch;
            this.state = later;
        }

        @Override
        public boolean test(LogRecord found) {
            if (found.position().epoch() != epoch) {
                return false;
            }
            EventRecord decoded = EventRecord.decode(found.payload());
            beginsWithState |= isFirst && decoded instanceof EventRecord.State;
            isFirst = false;
            state = merge(state, decoded);
            return true;
        }

        private static EventRecord.State merge(EventRecord.State state, EventRecord found) {
            long highest = state.highest();
            long deletedTo = state.deletedTo();
            if (found instanceof EventRecord.State other) {
                highest = Math.max(highest, other.highest());
                deletedTo = Math.max(deletedTo, other.deletedTo());
            } else if (found instanceof EventRecord.Deletion deletion) {
                deletedTo = Math.max(deletedTo, deletion.deletedTo());
            } else if (found instanceof EventRecord.Events events) {
                for (EventRecord.Event event : events.events()) {
                    highest = Math.max(highest, event.sequenceNr());
                }
            }
            return new EventRecord.State(highest, deletedTo);
        }
    }

    /**
     * Writes events of the incarnation {@code uuid}; each element is written as a whole or not at all.
     *
     * @return completes when all are durable; fails when that is not known of one
     */
    CompletionStage<Void> write(String uuid, List<EventRecord.Events> writes) {
        return openedFor(uuid).thenCompose(log -> {
            CompletionStage<?> all = CompletableFuture.completedStage(null);
            for (EventRecord.Events write : writes) {
                CompletionStage<?> appended = log.writer
                        .appendAsync(write.encode())
                        .thenAccept(position -> write.events().forEach(event -> log.written(event.sequenceNr())));
                all = all.thenCombine(appended, (before, now) -> now);
            }
            return all.thenApply(done -> null);
        });
    }

    /** The log as the incarnation may write it: in one step, so that no take-over comes between. */
    private synchronized CompletionStage<Opened> openedFor(String uuid) {
        return isAdmitted(uuid)
                ? opened()
                : CompletableFuture.failedStage(new IllegalStateException("another incarnation has recovered '" + name
                        + "' since: this one can persist nothing any more"));
    }

    private synchronized boolean isAdmitted(String uuid) {
        if (formerUuids.contains(uuid)) {
            return false;
        }
        if (writerUuid.isEmpty()) {
            writerUuid = uuid;
        }
        return writerUuid.equals(uuid);
    }

    /** Deletes events up to {@code sequenceNr}, for ever, and gives back what room it can. */
    CompletionStage<Void> delete(long sequenceNr) {
        return opened().thenCompose(log -> {
            long to = Math.min(sequenceNr, log.state().highest());
            if (to <= log.state().deletedTo()) {
                return CompletableFuture.completedStage(null);
            }
            return log.writer.appendAsync(new EventRecord.Deletion(to).encode()).thenCompose(position -> {
                log.deleted(to);
                FirstKept first = new FirstKept(to, position);
                return forEach(logs.reader(name), LogPosition.START, first)
                        .thenCompose(done -> logs.truncate(name, first.position))
                        .thenApply(done -> null);
            });
        });
    }

    /** Where the first event stands that is not deleted; before the deletion itself, in any case. */
    private static final class FirstKept implements Predicate<LogRecord> {
        private final long deletedTo;
        private LogPosition position;

        FirstKept(long deletedTo, LogPosition deletion) {
            this.deletedTo = deletedTo;
            this.position = deletion;
        }

        @Override
        public boolean test(LogRecord found) {
            if (found.position().compareTo(position) >= 0) {
                return false;
            }
            boolean isKept = EventRecord.decode(found.payload()) instanceof EventRecord.Events events
                    && events.events().stream().anyMatch(event -> event.sequenceNr() > deletedTo);
            if (isKept) {
                position = found.position();
            }
            return !isKept;
        }
    }

    /** Hands over the events {@code [from, to]} that are not deleted, in order, at most {@code max}. */
    CompletionStage<Void> replay(
            long from, long to, long max, java.util.function.Consumer<EventRecord.Event> consumer) {
        if (max <= 0) {
            return CompletableFuture.completedStage(null);
        }
        return opened().thenCompose(log -> {
            long first = Math.max(from, log.state().deletedTo() + 1);
            return startOf(first)
                    .thenCompose(start -> forEach(logs.reader(name), start, new Replay(first, to, max, consumer)));
        });
    }

    /** Where to read from to see every event from {@code sequenceNr} on: ledgers before it need not be there any more. */
    private CompletionStage<LogPosition> startOf(long sequenceNr) {
        return sequenceNr <= 1
                ? CompletableFuture.completedStage(LogPosition.START)
                : logs.describe(name)
                        .thenCompose(
                                log -> startOf(log.segments(), log.segments().size() - 1, sequenceNr));
    }

    private CompletionStage<LogPosition> startOf(List<Segment> segments, int index, long sequenceNr) {
        if (index <= 0) {
            return CompletableFuture.completedStage(LogPosition.START);
        }
        Segment segment = segments.get(index);
        return logs.reader(name)
                .readAsync(segment.start(), 1, READ_BYTES)
                .thenCompose(read -> read.records().stream()
                                .findFirst()
                                .filter(first -> first.position().epoch() == segment.epoch())
                                .filter(first -> beginsBefore(EventRecord.decode(first.payload()), sequenceNr))
                                .isPresent()
                        ? CompletableFuture.completedStage(segment.start())
                        : startOf(segments, index - 1, sequenceNr));
    }

    /** Whether all that stands before a ledger with this first record is before {@code sequenceNr}. */
    private static boolean beginsBefore(EventRecord first, long sequenceNr) {
        if (first instanceof EventRecord.State state) {
            return state.highest() < sequenceNr;
        }
        return first instanceof EventRecord.Events events
                && events.events().get(0).sequenceNr() <= sequenceNr;
    }

    private static final class Replay implements Predicate<LogRecord> {
        private final long from;
        private final long to;
        private long left;
        private final java.util.function.Consumer<EventRecord.Event> consumer;

        Replay(long from, long to, long max, java.util.function.Consumer<EventRecord.Event> consumer) {
            this.from = from;
            this.to = to;
            this.left = max;
            this.consumer = consumer;
        }

        @Override
        public boolean test(LogRecord found) {
            if (EventRecord.decode(found.payload()) instanceof EventRecord.Events events) {
                for (EventRecord.Event event : events.events()) {
                    if (event.sequenceNr() > to || left == 0) {
                        return false;
                    }
                    if (event.sequenceNr() >= from) {
                        left--;
                        consumer.accept(event);
                    }
                }
            }
            return left > 0;
        }
    }

    /** Hands over records from {@code from} on, until one is not wanted or there are no more. */
    private CompletionStage<Void> forEach(LogReader reader, LogPosition from, Predicate<LogRecord> wanted) {
        return reader.readAsync(from, batch, READ_BYTES).thenCompose(read -> {
            requireNothingLost(read);
            for (LogRecord found : read.records()) {
                if (!wanted.test(found)) {
                    return CompletableFuture.completedStage(null);
                }
            }
            return read.isAtEnd() ? CompletableFuture.completedStage(null) : forEach(reader, read.next(), wanted);
        });
    }

    private void requireNothingLost(LogBatch read) {
        Optional<LogGap> lost = read.gap().filter(gap -> gap.kind() == LogGap.Kind.LOST);
        if (lost.isPresent()) {
            throw new IllegalStateException("events of '" + name + "' are lost: " + lost.get());
        }
    }
}
