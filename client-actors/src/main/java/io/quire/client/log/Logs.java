package io.quire.client.log;

import io.quire.client.LedgerClient;
import io.quire.client.ReadHandle;
import io.quire.client.log.LogMetadata.Segment;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * The named logs of a cluster. A log comes into being when it is first opened for writing; it may hold any number of
 * records and is as long as its ledgers are kept.
 *
 * <p>Every stage fails with {@link io.quire.protocol.LedgerException}. Thread-safe.
 */
public final class Logs {
    private static final int PAGE = 500;
    private static final int LIMIT_MAX = 10_000;
    private static final int ATTEMPTS_MAX = 20;
    private static final int LOOKS_MAX = 5;
    private static final int LOOK_AGAIN_MILLIS = 50;

    private final LedgerClient client;
    private final Registry registry;
    private final LogRegister register;
    private final LogSettings settings;
    private final InstantSource clock;

    private Logs(LedgerClient client, Registry registry, LogSettings settings, InstantSource clock) {
        this.client = client;
        this.registry = registry;
        this.register = new LogRegister(registry, () -> new OpId(UUID.randomUUID()));
        this.settings = settings;
        this.clock = clock;
    }

    /**
     * The logs of the cluster that {@code client} and {@code registry} belong to.
     *
     * @param clock stamps records
     */
    public static Logs create(LedgerClient client, Registry registry, LogSettings settings, InstantSource clock) {
        return new Logs(client, registry, settings, clock);
    }

    /** The same logs, written in another way from here on. */
    public Logs with(LogSettings other) {
        return new Logs(client, registry, other, clock);
    }

    /** How logs are written. */
    public LogSettings settings() {
        return settings;
    }

    /**
     * Takes a log over from whoever writes it, and creates it if there is none: seals what was written, and begins a new
     * ledger. When the stage completes no earlier writer will ever be acknowledged anything again.
     */
    public CompletionStage<LogWriter> openForWrite(String name) {
        Ports ports = new Ports(
                new ClientLogLedgers(client, settings.replication()),
                registry,
                () -> new OpId(UUID.randomUUID()),
                clock,
                client.entryBytesMax());
        return openForWrite(new LogName(name), ports, settings);
    }

    /**
     * What the writer of a log needs.
     *
     * @param operationIds gives another one each time
     * @param clock stamps records
     * @param entryBytesMax the largest payload of an entry
     */
    public record Ports(
            LogLedgers ledgers,
            Registry registry,
            Supplier<OpId> operationIds,
            InstantSource clock,
            int entryBytesMax) {}

    /** Like {@link #openForWrite(String)}, with ledgers that are reached in another way than by a {@link LedgerClient}. */
    public static CompletionStage<LogWriter> openForWrite(LogName log, Ports ports, LogSettings settings) {
        LogRegister register = new LogRegister(ports.registry(), ports.operationIds());
        LogTakeover takeover = new LogTakeover(log, ports.ledgers(), register, ports.clock(), settings.producersMax());
        return failing(takeover.run())
                .thenApply(taken ->
                        new LogWriter(log, taken, takeover, register, settings, ports.clock(), ports.entryBytesMax()));
    }

    /** Reads a log. That there is one is seen at the first read. */
    public LogReader reader(String name) {
        return new LogReader(new LogName(name), client, register);
    }

    /** Follows a log from a position on; {@link LogPosition#START} is its beginning. */
    public LogTail tail(String name, LogPosition from) {
        LogName log = new LogName(name);
        return new LogTail(log, new LogReader(log, client, register), registry, from);
    }

    /** A cursor of a log; it comes into being with its first move. */
    public LogCursor cursor(String log, String cursor) {
        return new LogCursor(new LogName(log), new LogName(cursor), registry, register);
    }

    /** What the cluster has decided about a log; fails with NoSuchLog. */
    public CompletionStage<LogMetadata> describe(String name) {
        LogName log = new LogName(name);
        return failing(existing(log)).thenApply(RegisteredLog::value);
    }

    /**
     * Deletes the ledgers that lie wholly before {@code position}; what lies before it in the same ledger stays. Fails with
     * InvalidRequest, and does nothing, beyond the log's end.
     */
    public CompletionStage<LogMetadata> truncate(String name, LogPosition position) {
        LogName log = new LogName(name);
        return failing(requireWithin(log, position, 1)
                .thenCompose(within -> change(log, metadata -> metadata.truncated(position)))
                .thenCompose(this::collect));
    }

    /**
     * Deletes a log with all its records and cursors. Its writer is never acknowledged anything again. A log of that name
     * may be created anew; its positions are behind all those of this one.
     */
    public CompletionStage<Void> delete(String name) {
        LogName log = new LogName(name);
        return failing(cursors(log)
                .thenCompose(cursors -> deleteCursors(log, cursors, 0))
                .thenCompose(done -> change(log, LogMetadata::deleted))
                .thenCompose(this::collect)
                .thenApply(done -> null));
    }

    /** The cursors of a log that stand anywhere, by name; fails with NoSuchLog. */
    public CompletionStage<List<LogName>> cursors(String name) {
        LogName log = new LogName(name);
        return failing(existing(log).thenCompose(exists -> cursors(log)));
    }

    /**
     * @param logs some of the logs that there are
     * @param next go on behind this; empty when there are no more
     */
    public record LogPage(List<LogMetadata> logs, Optional<RegistryKey> next) {
        public LogPage {
            logs = List.copyOf(logs);
        }
    }

    /**
     * Lists logs, a page at a time, in an order of its own.
     *
     * @param prefix of their names; empty for all
     * @param after where the page before ended
     * @param limit in {@code [1, 10000]}
     */
    public CompletionStage<LogPage> list(String prefix, Optional<RegistryKey> after, int limit) {
        if (limit < 1 || limit > LIMIT_MAX) {
            return CompletableFuture.failedStage(
                    LogFailures.invalid("a page has 1 to " + LIMIT_MAX + " logs: " + limit));
        }
        return failing(page(prefix, after, limit, new ArrayList<>()));
    }

    private CompletionStage<LogPage> page(
            String prefix, Optional<RegistryKey> after, int limit, List<LogMetadata> found) {
        return registry.list(LogName.LOGS, after, PAGE).thenCompose(page -> {
            for (Registry.Item item : page.entries()) {
                if (item.value().isAbsent()) {
                    continue;
                }
                LogMetadata metadata = LogMetadata.decode(item.value().value());
                if (metadata.exists() && metadata.name().value().startsWith(prefix)) {
                    found.add(metadata);
                }
                if (found.size() == limit) {
                    return CompletableFuture.completedStage(new LogPage(found, Optional.of(item.key())));
                }
            }
            return page.next().isPresent()
                    ? page(prefix, page.next(), limit, found)
                    : CompletableFuture.completedStage(new LogPage(found, Optional.empty()));
        });
    }

    private CompletionStage<RegisteredLog> existing(LogName log) {
        return register.read(log).thenApply(current -> {
            if (!current.value().exists()) {
                throw LogFailures.noSuchLog(log);
            }
            return current;
        });
    }

    /** The newest records may not be known as confirmed yet: it looks again for a while. */
    private CompletionStage<Void> requireWithin(LogName log, LogPosition position, int attempt) {
        return isWithin(log, position).thenCompose(isWithin -> {
            if (isWithin) {
                return CompletableFuture.completedStage(null);
            }
            if (attempt == LOOKS_MAX) {
                return CompletableFuture.failedStage(LogFailures.invalid("log '" + log + "' ends before " + position));
            }
            Executor later = CompletableFuture.delayedExecutor(LOOK_AGAIN_MILLIS, TimeUnit.MILLISECONDS);
            return CompletableFuture.runAsync(() -> {}, later)
                    .thenCompose(done -> requireWithin(log, position, attempt + 1));
        });
    }

    private CompletionStage<Boolean> isWithin(LogName log, LogPosition position) {
        return existing(log).thenCompose(current -> {
            Optional<Segment> segment = current.value().segmentAt(position);
            if (segment.isEmpty()) {
                return CompletableFuture.completedStage(false);
            }
            if (segment.get().epoch() > position.epoch() || position.entryId() == 0) {
                return CompletableFuture.completedStage(true);
            }
            return new LogReader(log, client, register)
                    .open(segment.get())
                    .thenCompose(ReadHandle::readLastAddConfirmedAsync)
                    .thenApply(end -> position.entryId() <= end + 1);
        });
    }

    /** Changes a log that exists, by compare-and-set, as often as it takes. */
    private CompletionStage<RegisteredLog> change(LogName log, UnaryOperator<LogMetadata> change) {
        return change(log, change, 1);
    }

    private CompletionStage<RegisteredLog> change(LogName log, UnaryOperator<LogMetadata> change, int attempt) {
        return existing(log).thenCompose(current -> {
            LogMetadata next = change.apply(current.value());
            if (next.equals(current.value())) {
                return CompletableFuture.completedStage(current);
            }
            return register.change(current.version(), next).thenCompose(changed -> {
                if (changed.isPresent()) {
                    return CompletableFuture.completedStage(changed.get());
                }
                return attempt < ATTEMPTS_MAX
                        ? change(log, change, attempt + 1)
                        : LogFailures.<RegisteredLog>failed(
                                Code.Conflict, Outcome.NOT_APPLIED, "others change log '" + log + "' all the time");
            });
        });
    }

    /**
     * Deletes the ledgers that a log has given up, after they have left its list (H94). What fails stays in the register,
     * and is tried again with the next change of this kind.
     */
    private CompletionStage<LogMetadata> collect(RegisteredLog changed) {
        List<LedgerId> garbage = changed.value().garbage();
        if (garbage.isEmpty()) {
            return CompletableFuture.completedStage(changed.value());
        }
        LogLedgers ledgers = new ClientLogLedgers(client, settings.replication());
        CompletableFuture<?>[] deletions = garbage.stream()
                .map(ledgerId -> ledgers.delete(ledgerId).toCompletableFuture())
                .toArray(CompletableFuture<?>[]::new);
        return CompletableFuture.allOf(deletions).thenCompose(gone -> {
            LogMetadata clean = changed.value().without(garbage);
            return register.change(changed.version(), clean).thenApply(done -> clean);
        });
    }

    private CompletionStage<List<LogName>> cursors(LogName log) {
        return cursors(log, Optional.empty(), new ArrayList<>());
    }

    private CompletionStage<List<LogName>> cursors(LogName log, Optional<RegistryKey> after, List<LogName> found) {
        return registry.list(log.cursorPrefix(), after, PAGE).thenCompose(page -> {
            page.entries().forEach(item -> LogCursor.nameOf(item.value()).ifPresent(found::add));
            return page.next().isPresent() ? cursors(log, page.next(), found) : CompletableFuture.completedStage(found);
        });
    }

    private CompletionStage<Void> deleteCursors(LogName log, List<LogName> cursors, int index) {
        if (index == cursors.size()) {
            return CompletableFuture.completedStage(null);
        }
        LogCursor cursor = new LogCursor(log, cursors.get(index), registry, register);
        return cursor.readAsync()
                .thenCompose(cursor::deleteAsync)
                .thenCompose(done -> deleteCursors(log, cursors, index + 1));
    }

    private static <T> CompletionStage<T> failing(CompletionStage<T> stage) {
        return stage.exceptionallyCompose(failure -> CompletableFuture.failedStage(LogFailures.of(failure)));
    }
}
