package io.quire.client.log;

import io.quire.client.log.LogRecord.Producer;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Several writers fight over one log, in a schedule that a seed decides: each operation on a ledger or a register takes
 * effect at some later moment, or never, and its answer comes at a later one, or never. Ledgers and registers are what the
 * layers below promise; whether they keep it is tested there.
 *
 * <p>In the end the log has to hold every record that was acknowledged, once, at its position, and in an order that agrees
 * with what was acknowledged before what (I9).
 */
final class LogFight {
    private static final LogName NAME = new LogName("fought over");
    private static final int STEPS = 4000;
    private static final int WRITERS = 3;

    private final Random random;
    private final Flaw flaw;
    private final List<Runnable> pending = new ArrayList<>();
    private final Map<Long, Ledger> ledgers = new TreeMap<>();
    private final Map<RegistryKey, RegisterValue> registers = new HashMap<>();
    private final List<Ack> acks = new ArrayList<>();
    /** Records that were said to be in the log already. */
    private final Set<String> repeated = new HashSet<>();

    private long lastLedger;
    private long lastOperation;
    private long now;
    private int takeovers;

    /** What the layers below do not keep, to see that it is noticed. */
    enum Flaw {
        NONE,
        /** A seal leaves the ledger open. */
        SEALS_NOTHING,
        /** A compare-and-set does not compare. */
        COMPARES_NOTHING,
        /** An append is acknowledged that found the ledger closed. */
        ACKNOWLEDGES_ANYTHING
    }

    private static final class Ledger {
        private final List<Payload> entries = new ArrayList<>();
        private boolean closed;
        private boolean deleted;
    }

    /** A record that was acknowledged: when it was appended, when its writer heard of it, and where it is. */
    private record Ack(String text, long called, long heard, LogPosition position) {}

    LogFight(long seed, Flaw flaw) {
        this.random = new Random(seed);
        this.flaw = flaw;
    }

    /** How many times somebody became the writer. */
    int takeovers() {
        return takeovers;
    }

    /** How many records were acknowledged. */
    int acknowledged() {
        return acks.size();
    }

    /** Runs it, and checks the log in the end. */
    void run() {
        for (int writer = 0; writer < WRITERS; writer++) {
            new Contender(writer).open();
        }
        for (int step = 0; step < STEPS && !pending.isEmpty(); step++) {
            step();
        }
        check();
    }

    private void step() {
        now++;
        Runnable task = pending.remove(random.nextInt(pending.size()));
        task.run();
    }

    /** An operation: its effect later, its answer later still; neither has to be. */
    private <T> CompletionStage<T> operation(boolean[] dead, Supplier<T> effect, Supplier<RuntimeException> unknown) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        boolean isLost = random.nextInt(60) == 0;
        pending.add(() -> {
            Consumer<CompletableFuture<T>> outcome;
            try {
                T result = isLost && random.nextBoolean() ? null : effect.get();
                outcome = isLost
                        ? future -> future.completeExceptionally(unknown.get())
                        : future -> future.complete(result);
            } catch (LedgerException e) {
                outcome = future -> future.completeExceptionally(e);
            }
            Consumer<CompletableFuture<T>> told = outcome;
            pending.add(() -> {
                if (!dead[0]) {
                    told.accept(answer);
                }
            });
        });
        return answer;
    }

    private static RuntimeException timedOut() {
        return new LedgerException(Code.TimedOut, Outcome.UNKNOWN, "no answer");
    }

    /** One process after another under one number: each crashes or is displaced in the end. */
    private final class Contender {
        private final int number;
        private final boolean[] dead = {false};
        private long lastRecord;
        /** A record of which it is not known whether it is in the log: it is appended again, and has to be there once. */
        private Optional<Producer> ambiguous = Optional.empty();

        Contender(int number) {
            this.number = number;
        }

        void open() {
            LogLedgers model = new ModelLedgers(dead);
            LogRegister register =
                    new LogRegister(new ModelRegistry(dead), () -> new OpId(new UUID(7, ++lastOperation)));
            LogSettings settings =
                    new LogSettings(Replication.DEFAULT, 200 + random.nextInt(2000), Duration.ofDays(1), 1 << 20, 64);
            LogTakeover takeover =
                    new LogTakeover(NAME, model, register, () -> Instant.ofEpochMilli(now), settings.producersMax());
            takeover.run().whenComplete((taken, failure) -> {
                if (failure == null) {
                    takeovers++;
                    LogWriter writer = new LogWriter(
                            NAME, taken, takeover, register, settings, () -> Instant.ofEpochMilli(now), 10_000);
                    pending.add(() -> write(writer));
                } else {
                    pending.add(this::open);
                }
            });
        }

        private void write(LogWriter writer) {
            int turn = random.nextInt(100);
            if (turn < 3) {
                dead[0] = true;
                pending.add(() -> new Contender(number + WRITERS).open());
                return;
            }
            if (turn < 6) {
                writer.rollAsync();
            }
            boolean[] over = {false};
            ambiguous.ifPresent(producer -> append(writer, over, Optional.of(producer), textOf(producer.sequence())));
            ambiguous = Optional.empty();
            for (int i = random.nextInt(4); i >= 0; i--) {
                append(writer, over);
            }
            pending.add(() -> goOn(writer, over));
        }

        private void goOn(LogWriter writer, boolean[] over) {
            if (over[0]) {
                writer.close();
                open();
            } else {
                write(writer);
            }
        }

        private void append(LogWriter writer, boolean[] over) {
            lastRecord++;
            Optional<Producer> producer =
                    random.nextInt(4) == 0 ? Optional.of(new Producer("p" + number, lastRecord)) : Optional.empty();
            append(writer, over, producer, textOf(lastRecord));
        }

        private String textOf(long record) {
            return number + "." + record;
        }

        private void append(LogWriter writer, boolean[] over, Optional<Producer> producer, String text) {
            long called = now;
            Payload payload = Payload.ofUtf8(text);
            CompletionStage<LogWriter.Appended> appended = producer.isPresent()
                    ? writer.appendAsync(producer.get(), payload)
                    : writer.appendAsync(payload).thenApply(position -> new LogWriter.Appended(position, false));
            appended.whenComplete((result, failure) -> {
                if (failure == null && result.isRepeated()) {
                    repeated.add(text);
                } else if (failure == null) {
                    acks.add(new Ack(text, called, now, result.position()));
                } else {
                    over[0] = true;
                    // A producer's records have to be repeated in their order: the first of them is.
                    ambiguous = ambiguous.or(() -> producer);
                }
            });
        }
    }

    private final class ModelLedgers implements LogLedgers {
        private final boolean[] dead;

        ModelLedgers(boolean[] dead) {
            this.dead = dead;
        }

        @Override
        public CompletionStage<Writing> create(LogName name) {
            return operation(
                    dead,
                    () -> {
                        long id = ++lastLedger;
                        ledgers.put(id, new Ledger());
                        return new ModelWriting(dead, new LedgerId(id));
                    },
                    LogFight::timedOut);
        }

        @Override
        public CompletionStage<OptionalLong> seal(LedgerId ledgerId) {
            return operation(
                    dead,
                    () -> {
                        Ledger ledger = ledgers.get(ledgerId.value());
                        if (ledger.deleted) {
                            return OptionalLong.empty();
                        }
                        ledger.closed |= flaw != Flaw.SEALS_NOTHING;
                        return OptionalLong.of(ledger.entries.size() - 1);
                    },
                    LogFight::timedOut);
        }

        @Override
        public CompletionStage<List<Entry>> read(LedgerId ledgerId, long first, long last) {
            return operation(
                    dead,
                    () -> {
                        List<Entry> entries = new ArrayList<>();
                        for (long id = first; id <= last; id++) {
                            Payload payload =
                                    ledgers.get(ledgerId.value()).entries.get((int) id);
                            entries.add(new Entry(ledgerId, id, id - 1, payload.length(), payload));
                        }
                        return entries;
                    },
                    LogFight::timedOut);
        }

        @Override
        public CompletionStage<Void> delete(LedgerId ledgerId) {
            return operation(
                    dead,
                    () -> {
                        ledgers.get(ledgerId.value()).deleted = true;
                        ledgers.get(ledgerId.value()).closed = true;
                        return null;
                    },
                    LogFight::timedOut);
        }
    }

    /** Appends take effect in the order of the calls, and are answered so. */
    private final class ModelWriting implements LogLedgers.Writing {
        private final boolean[] dead;
        private final LedgerId ledgerId;
        private CompletionStage<?> before = CompletableFuture.completedStage(null);

        ModelWriting(boolean[] dead, LedgerId ledgerId) {
            this.dead = dead;
            this.ledgerId = ledgerId;
        }

        @Override
        public LedgerId ledgerId() {
            return ledgerId;
        }

        @Override
        public CompletionStage<Long> append(Payload entry) {
            return inTurn(() -> operation(dead, () -> appended(entry), LogFight::timedOut));
        }

        private Long appended(Payload entry) {
            Ledger ledger = ledgers.get(ledgerId.value());
            if (ledger.closed && flaw != Flaw.ACKNOWLEDGES_ANYTHING) {
                throw new LedgerException(Code.LedgerFenced, Outcome.UNKNOWN, "it is closed");
            }
            ledger.entries.add(entry);
            return ledger.entries.size() - 1L;
        }

        @Override
        public CompletionStage<?> seal() {
            return inTurn(() -> operation(
                    dead,
                    () -> {
                        ledgers.get(ledgerId.value()).closed |= flaw != Flaw.SEALS_NOTHING;
                        return true;
                    },
                    LogFight::timedOut));
        }

        private <T> CompletionStage<T> inTurn(Supplier<CompletionStage<T>> operation) {
            CompletableFuture<T> answer = new CompletableFuture<>();
            before.whenComplete((done, failure) -> {
                if (failure != null) {
                    answer.completeExceptionally(LogFailures.of(failure));
                } else {
                    operation.get().whenComplete((result, failed) -> {
                        if (failed == null) {
                            answer.complete(result);
                        } else {
                            answer.completeExceptionally(failed);
                        }
                    });
                }
            });
            before = answer;
            return answer;
        }

        @Override
        public void close() {
            // Nobody hears of what is under way.
        }
    }

    private final class ModelRegistry implements Registry {
        private final boolean[] dead;

        ModelRegistry(boolean[] dead) {
            this.dead = dead;
        }

        @Override
        public CompletionStage<RegisterValue> read(RegistryKey key) {
            return operation(
                    dead,
                    () -> registers.getOrDefault(key, RegisterValue.ABSENT),
                    () -> new UnavailableException("no voters"));
        }

        @Override
        public CompletionStage<CasResult> compareAndSet(
                RegistryKey key, long expectedVersion, Payload value, OpId opId) {
            return operation(
                            dead,
                            () -> change(key, expectedVersion, value, opId),
                            () -> new UnavailableException("no voters"))
                    .thenApply(result -> result);
        }

        private CasResult change(RegistryKey key, long expectedVersion, Payload value, OpId opId) {
            RegisterValue current = registers.getOrDefault(key, RegisterValue.ABSENT);
            Optional<Long> mine = current.versionWrittenBy(opId);
            if (mine.isPresent()) {
                return new CasResult.Applied(mine.get());
            }
            if (current.version() != expectedVersion && flaw != Flaw.COMPARES_NOTHING) {
                return new CasResult.Conflict(current);
            }
            RegisterValue changed = current.changedTo(value, opId);
            registers.put(key, changed);
            return new CasResult.Applied(changed.version());
        }

        @Override
        public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
            throw new UnsupportedOperationException("nobody lists logs here");
        }

        @Override
        public Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
            throw new UnsupportedOperationException("nobody follows logs here");
        }
    }

    private void check() {
        RegisterValue value = registers.getOrDefault(NAME.key(), RegisterValue.ABSENT);
        LogMetadata log = LogMetadata.registered(NAME, value).value();
        Map<String, LogPosition> found = new HashMap<>();
        Set<String> twice = new HashSet<>();
        for (LogMetadata.Segment segment : log.segments()) {
            Ledger ledger = ledgers.get(segment.ledgerId().value());
            require(!ledger.deleted, "ledger " + segment.ledgerId() + " of the log is deleted");
            for (int id = 0; id < ledger.entries.size(); id++) {
                LogEntry entry = LogEntry.decode(ledger.entries.get(id));
                require(entry.epoch() == segment.epoch(), "an entry of epoch " + entry.epoch() + " in " + segment);
                if (entry instanceof LogEntry.Appended record) {
                    LogPosition position = new LogPosition(segment.epoch(), segment.ledgerId(), id);
                    if (found.put(record.payload().toUtf8(), position) != null) {
                        twice.add(record.payload().toUtf8());
                    }
                }
            }
        }
        require(twice.isEmpty(), "twice in the log: " + twice);
        require(found.keySet().containsAll(repeated), "said to be in the log, and is not: one of " + repeated);
        for (Ack ack : acks) {
            require(
                    ack.position().equals(found.get(ack.text())),
                    ack + " was acknowledged, and the log has it at " + found.get(ack.text()));
        }
        List<Ack> inOrder = new ArrayList<>(acks);
        inOrder.sort(Comparator.comparing(Ack::position));
        Optional<Ack> firstHeard = Optional.empty(); // of those that stand behind
        for (int i = inOrder.size() - 1; i >= 0; i--) {
            Ack ack = inOrder.get(i);
            require(
                    firstHeard.filter(behind -> behind.heard() < ack.called()).isEmpty(),
                    firstHeard + " was acknowledged before " + ack + " was appended, and stands behind it");
            firstHeard =
                    firstHeard.filter(behind -> behind.heard() <= ack.heard()).or(() -> Optional.of(ack));
        }
    }

    private static void require(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError("I9: " + what);
        }
    }
}
