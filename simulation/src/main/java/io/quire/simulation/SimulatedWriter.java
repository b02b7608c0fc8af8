package io.quire.simulation;

import io.quire.client.core.Failure;
import io.quire.client.core.LedgerWriter;
import io.quire.client.core.Placement;
import io.quire.client.core.WriterOutbox;
import io.quire.client.core.WriterSettings;
import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.registry.BlockLedgerIds;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * An application that creates a ledger, appends to it and seals it: the production {@link LedgerWriter}, {@link
 * Placement} and {@link BlockLedgerIds}, and around them what the writer's actor does. After a crash it begins a new
 * ledger; the old one stays open.
 */
final class SimulatedWriter implements SimulatedNode.Program {
    private static final long TICK_NANOS = 20_000_000;
    private static final long RETRY_NANOS = 50_000_000;

    private final Random random;
    private final Plan plan;
    private final Checkers checkers;
    private boolean finishing;
    private boolean finished;

    /**
     * @param bookies who there is to choose from
     * @param replication of every ledger
     * @param thinkMaxNanos the longest time between two bursts of appends
     */
    record Plan(
            List<String> voters,
            RegistrySettings registry,
            List<BookieStatus> bookies,
            Replication replication,
            WriterSettings settings,
            long thinkMaxNanos) {}

    /** What is watched. */
    record Checkers(AckDurabilityChecker durability, LedgerContentChecker content, LedgerStateChecker states) {}

    SimulatedWriter(Random random, Plan plan, Checkers checkers) {
        this.random = random;
        this.plan = plan;
        this.checkers = checkers;
    }

    /** From now on: append a last entry, seal, and be finished. */
    void finish() {
        finishing = true;
    }

    boolean isFinished() {
        return finished;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        Incarnation incarnation = new Incarnation(node);
        incarnation.create();
        return incarnation::received;
    }

    private final class Incarnation implements WriterOutbox {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;
        private final BlockLedgerIds ids;
        private final Map<BookieId, String> addresses = new HashMap<>();
        private final Map<Long, Integer> openings = new HashMap<>();
        private LedgerWriter core;
        private LedgerId ledgerId;
        private Optional<OpId> sealOperation = Optional.empty();
        private long sealVersion;
        private long lastRequest;
        private boolean sealing;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node, plan.voters(), plan.registry(), () -> new ProposerId(randomUuid()));
            this.ids = new BlockLedgerIds(registry, 3);
            plan.bookies().forEach(bookie -> addresses.put(bookie.bookieId(), bookie.address()));
        }

        private UUID randomUuid() {
            return new UUID(random.nextLong(), random.nextLong());
        }

        void create() {
            Continuation.of(ids.next(), node, (id, failure) -> {
                if (failure != null) {
                    node.schedule(RETRY_NANOS, this::create);
                } else {
                    create(id);
                }
            });
        }

        private void create(LedgerId id) {
            Placement.Choice choice = Placement.choose(
                    plan.bookies(), plan.replication().ensembleSize(), Placement.Distinct.NODE, id.value());
            LedgerMetadata metadata = LedgerMetadata.create(
                    id, plan.replication(), choice.ensemble().orElseThrow(), Map.of(), 1);
            Continuation.of(
                    registry.compareAndSet(RegistryKey.ofLedger(id), 0, metadata.encode(), new OpId(randomUuid())),
                    node,
                    (result, failure) -> {
                        if (result instanceof Registry.CasResult.Applied applied) {
                            begin(new Versioned<>(applied.version(), metadata));
                        } else if (result instanceof Registry.CasResult.Conflict) {
                            throw new IllegalStateException("H88: ledger id " + id + " was given out twice");
                        } else {
                            node.schedule(RETRY_NANOS, this::create);
                        }
                    });
        }

        private void begin(Versioned<LedgerMetadata> created) {
            checkers.states().observed(created);
            ledgerId = created.value().ledgerId();
            core = new LedgerWriter(created, plan.settings(), this);
            core.start(node.nanoTime());
            node.scheduleEvery(TICK_NANOS, () -> core.tick(node.nanoTime()));
            think();
        }

        private void think() {
            node.schedule((long) (random.nextDouble() * plan.thinkMaxNanos()), this::burst);
        }

        private void burst() {
            if (sealing) {
                return;
            }
            int count = finishing ? 1 : random.nextInt(12);
            for (int i = 0; i < count; i++) {
                byte[] bytes = new byte[random.nextInt(200)];
                random.nextBytes(bytes);
                if (core.refusalOf(bytes.length).isEmpty()) {
                    Payload payload = Payload.wrap(bytes);
                    long entryId = core.append(payload, node.nanoTime());
                    checkers.content().appending(ledgerId, entryId, payload);
                }
            }
            core.pump(node.nanoTime());
            if (finishing) {
                sealing = true;
                core.seal(node.nanoTime());
            } else {
                think();
            }
        }

        void received(Envelope envelope) {
            if (registry.received(envelope) || core == null) {
                return;
            }
            long now = node.nanoTime();
            Object message = envelope.message();
            if (message instanceof BookieReply.EntriesAdded added) {
                added.acks()
                        .forEach(ack -> core.batchesAdded(
                                positionOf(ack.session()),
                                ack.session(),
                                ack.cumulative(),
                                ack.ranges().stream()
                                        .map(range -> new long[] {range.first(), range.last()})
                                        .toList(),
                                ack.creditLimit(),
                                now));
            } else if (message instanceof BookieReply.SessionOpened opened) {
                Integer position = openings.remove(opened.requestId());
                if (position != null) {
                    core.sessionOpened(position, opened.session(), opened.creditLimit(), now);
                }
            } else if (message instanceof BookieReply.SessionRefused refused) {
                Integer position = openings.remove(refused.requestId());
                if (position != null) {
                    core.sessionRefused(position, rejectionOf(refused.refusal()), now);
                }
            } else if (message instanceof BookieReply.SessionEnded ended) {
                core.sessionEnded(positionOf(ended.session()), ended.session(), rejectionOf(ended.refusal()), now);
            } else if (message instanceof BookieReply.BatchRefused refused) {
                core.batchRefused(positionOf(refused.session()), refused.session(), refused.number(), now);
            }
        }

        private LedgerWriter.Rejection rejectionOf(BookieReply.Refusal refusal) {
            return switch (refusal) {
                case UNKNOWN_SESSION -> LedgerWriter.Rejection.UNKNOWN_SESSION;
                case FENCED, NOT_OPEN, NO_SUCH_LEDGER, NOT_A_MEMBER -> LedgerWriter.Rejection.NOT_WRITABLE;
                default -> LedgerWriter.Rejection.BUSY;
            };
        }

        private int positionOf(SessionId session) {
            return core.metadata().lastFragment().ensemble().positionOf(session.bookie());
        }

        private BookieId bookieAt(int position) {
            return core.metadata().lastFragment().ensemble().at(position);
        }

        private void tell(int position, BookieRequest request) {
            node.send(addresses.get(bookieAt(position)), request);
        }

        @Override
        public void openSession(int position) {
            long request = ++lastRequest;
            openings.put(request, position);
            tell(
                    position,
                    new BookieRequest.OpenSession(
                            bookieAt(position),
                            request,
                            core.metadata().ledgerId(),
                            core.metadata().lastFragment().fragmentVersion()));
        }

        @Override
        public void sendBatch(
                int position,
                SessionId session,
                long number,
                long endOffset,
                long lastAddConfirmed,
                EntryBatch entries) {
            BookieRequest.Batch batch = new BookieRequest.Batch(session, number, endOffset, lastAddConfirmed, entries);
            checkers.durability().batchSent(batch);
            tell(position, new BookieRequest.AddEntries(session.bookie(), List.of(batch)));
        }

        @Override
        public void probe(int position, SessionId session) {
            tell(position, new BookieRequest.ProbeSession(session.bookie(), session));
        }

        @Override
        public void closeSession(int position, SessionId session) {
            tell(position, new BookieRequest.CloseSession(session.bookie(), session));
        }

        @Override
        public void appended(long entryId, int ackMask) {
            Replication replication = core.metadata().replication();
            if (!replication.isAckQuorum(entryId, ackMask)) {
                throw new IllegalStateException("entry " + entryId + " completed with members " + ackMask);
            }
            for (int position = 0; position < replication.ensembleSize(); position++) {
                if (AckSet.contains(ackMask, position)) {
                    checkers.durability().requireAcknowledged(bookieAt(position), ledgerId, entryId);
                }
            }
            checkers.content().appendEnded(ledgerId, entryId, true);
        }

        @Override
        public void appendFailed(long entryId, Failure failure) {
            checkers.content().appendEnded(ledgerId, entryId, false);
        }

        @Override
        public void readRegister() {
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                if (failure == null) {
                    core.registerRead(decode(value), node.nanoTime());
                } else {
                    core.registerUnavailable();
                }
            });
        }

        @Override
        public void registerSeal(long expectedVersion, LedgerMetadata sealed) {
            if (sealOperation.isEmpty() || sealVersion != expectedVersion) {
                sealVersion = expectedVersion;
                sealOperation = Optional.of(new OpId(randomUuid()));
            }
            Continuation.of(
                    registry.compareAndSet(
                            RegistryKey.ofLedger(ledgerId), expectedVersion, sealed.encode(), sealOperation.get()),
                    node,
                    (result, failure) -> sealEnded(result));
        }

        private void sealEnded(Registry.CasResult result) {
            if (result instanceof Registry.CasResult.Applied applied) {
                core.sealRegistered(applied.version(), node.nanoTime());
            } else if (result instanceof Registry.CasResult.Conflict conflict) {
                core.sealConflict(decode(conflict.current()), node.nanoTime());
            } else {
                core.sealUnknown("no answer", node.nanoTime());
            }
        }

        private Optional<Versioned<LedgerMetadata>> decode(RegisterValue value) {
            return value.isAbsent()
                    ? Optional.empty()
                    : Optional.of(new Versioned<>(value.version(), LedgerMetadata.decode(value.value())));
        }

        @Override
        public void sealed(LedgerMetadata metadata, long version) {
            checkers.states().observed(new Versioned<>(version, metadata));
            if (checkers.content().pending(ledgerId) != 0) {
                throw new IllegalStateException("H97: ledger " + ledgerId + " was sealed with pending appends");
            }
            finished = true;
        }

        @Override
        public void sealFailed(Failure failure) {
            core.seal(node.nanoTime());
        }
    }
}
