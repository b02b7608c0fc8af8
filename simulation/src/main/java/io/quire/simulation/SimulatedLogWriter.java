package io.quire.simulation;

import io.quire.client.log.LogName;
import io.quire.client.log.LogRecord.Producer;
import io.quire.client.log.LogSettings;
import io.quire.client.log.LogWriter;
import io.quire.client.log.Logs;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * An application that writes a log, takes it over from others and is displaced by them, again and again: the production
 * {@link Logs} and {@link LogWriter}. Some records carry a producer and are appended again when it is not known whether they
 * are in the log.
 */
final class SimulatedLogWriter implements SimulatedNode.Program {
    private static final int ENTRY_BYTES_MAX = 10_000;

    private final String address;
    private final Random random;
    private final Plan plan;
    private final LogHistory history;
    private long takeovers;
    private long lastRecord;
    /** Survives crashes, as what an application has yet to hand over does: of those it is not known if they are there. */
    private final Map<Long, String> ambiguous = new TreeMap<>();

    private boolean finishing;
    private boolean idle;

    /**
     * @param thinkMaxNanos the longest time between two bursts of appends
     */
    record Plan(
            LogName log,
            List<String> voters,
            RegistrySettings registry,
            SimulatedLedgers.Plan ledgers,
            SimulatedBookie.Checkers checkers,
            long thinkMaxNanos) {}

    SimulatedLogWriter(String address, Random random, Plan plan, LogHistory history) {
        this.address = address;
        this.random = random;
        this.plan = plan;
        this.history = history;
    }

    /** From now on nothing more is appended. */
    void finish() {
        finishing = true;
    }

    /** Whether nothing of it is under way, after {@link #finish}. */
    boolean isIdle() {
        return idle;
    }

    /** How often it became the log's writer. */
    long takeovers() {
        return takeovers;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        idle = false;
        Incarnation incarnation = new Incarnation(node);
        incarnation.openLater();
        return incarnation::received;
    }

    private final class Incarnation {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;
        private final SimulatedLedgers ledgers;
        private boolean over;
        private int underWay;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node, plan.voters(), plan.registry(), () -> new ProposerId(randomUuid()));
            this.ledgers = new SimulatedLedgers(node, registry, random, plan.ledgers(), plan.checkers());
        }

        private UUID randomUuid() {
            return new UUID(random.nextLong(), random.nextLong());
        }

        void received(Envelope envelope) {
            if (!registry.received(envelope)) {
                ledgers.received(envelope);
            }
        }

        void openLater() {
            node.schedule((long) (random.nextDouble() * plan.thinkMaxNanos()), this::open);
        }

        private void open() {
            if (finishing) {
                idle = true;
                return;
            }
            LogSettings settings = new LogSettings(
                    plan.ledgers().replication(), 100 + random.nextInt(2000), Duration.ofDays(1), 1 << 20, 16);
            Logs.Ports ports = new Logs.Ports(
                    ledgers,
                    registry,
                    () -> new OpId(randomUuid()),
                    () -> Instant.ofEpochMilli(node.wallMillis()),
                    ENTRY_BYTES_MAX);
            Continuation.of(Logs.openForWrite(plan.log(), ports, settings), node, (writer, failure) -> {
                if (failure == null) {
                    takeovers++;
                    over = false;
                    write(writer);
                } else {
                    openLater();
                }
            });
        }

        private void write(LogWriter writer) {
            if (over || finishing || random.nextInt(20) == 0) {
                writer.close();
                awaitAnswers();
                return;
            }
            if (random.nextInt(25) == 0) {
                CompletionStage<Void> unused = writer.rollAsync();
            }
            // A producer's records have to be repeated in their order, before new ones.
            Map.copyOf(ambiguous).keySet().stream().sorted().forEach(record -> {
                String text = ambiguous.remove(record);
                append(writer, record, text, true);
            });
            for (int i = random.nextInt(5); i >= 0; i--) {
                long record = ++lastRecord;
                append(writer, record, address + "." + record, random.nextInt(3) == 0);
            }
            node.schedule((long) (random.nextDouble() * plan.thinkMaxNanos()), () -> write(writer));
        }

        /** What is not answered yet would be lost sight of. */
        private void awaitAnswers() {
            if (underWay == 0) {
                openLater();
            } else {
                node.schedule(plan.thinkMaxNanos(), this::awaitAnswers);
            }
        }

        private void append(LogWriter writer, long record, String text, boolean withProducer) {
            history.appending(text);
            Payload payload = Payload.ofUtf8(text);
            CompletionStage<LogWriter.Appended> appended = withProducer
                    ? writer.appendAsync(new Producer(address, record), payload)
                    : writer.appendAsync(payload).thenApply(position -> new LogWriter.Appended(position, false));
            underWay++;
            Continuation.of(appended, node, (result, failure) -> {
                underWay--;
                if (failure == null && result.isRepeated()) {
                    history.alreadyThere(text);
                } else if (failure == null) {
                    history.acknowledged(text, result.position());
                } else {
                    over = true;
                    if (withProducer) {
                        ambiguous.put(record, text);
                    }
                }
            });
        }
    }
}
