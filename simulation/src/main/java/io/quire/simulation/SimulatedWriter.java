package io.quire.simulation;

import io.quire.client.core.Durability;
import io.quire.client.core.ExplicitIds;
import io.quire.client.core.Failure;
import io.quire.client.core.LedgerWriter;
import io.quire.client.core.Placement;
import io.quire.client.core.WriterOutbox;
import io.quire.client.core.WriterSettings;
import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.registry.BlockLedgerIds;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.LedgerContentChecker.End;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * An application that creates a ledger, appends to it and seals it: the production {@link LedgerWriter}, {@link
 * Placement} and {@link BlockLedgerIds}, and around them what the writer's actor does. After a crash it begins a new
 * ledger; the old one stays open. So it does when another took the ledger over.
 */
final class SimulatedWriter implements SimulatedNode.Program {
    /** Instead of a time to think: it appends and seals only when it is told to, and keeps to its first ledger. */
    static final long WHEN_TOLD = -1;

    private static final long TICK_NANOS = 20_000_000;
    /** More than anybody offers. */
    private static final int HOLES_MAX = 100_000;

    private static final long HOLES_BYTES_MAX = 1 << 30;
    private static final long RETRY_NANOS = 50_000_000;
    private static final long PAUSE_MAX_NANOS = 300_000_000;

    private final Random random;
    private final Plan plan;
    private final Checkers checkers;
    private boolean finishing;
    private boolean finished;
    private Incarnation running;

    /**
     * @param bookies who there is to choose from
     * @param replication of every ledger
     * @param digest of every ledger
     * @param password of every ledger
     * @param thinkMaxNanos the longest time between two bursts of appends, or {@link #WHEN_TOLD}
     * @param inMemoryPercent of appends that are acknowledged from memory
     * @param pace how it appends
     * @param underWay told of a ledger when its last entries are sent, of pace FEW_AND_PAUSED
     */
    record Plan(
            List<String> voters,
            RegistrySettings registry,
            BookieDirectory bookies,
            Replication replication,
            DigestType digest,
            LedgerPassword password,
            WriterSettings settings,
            long thinkMaxNanos,
            int inMemoryPercent,
            Pace pace,
            Consumer<LedgerId> underWay) {}

    /** How an application appends. */
    enum Pace {
        /** On and on. */
        STEADY,
        /** A few entries to each ledger; often its machine stands still when the last ones are under way. */
        FEW_AND_PAUSED
    }

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
        running = new Incarnation(node);
        running.create();
        return running::received;
    }

    /** The ledger being written, as far as its writer knows; empty before there is one. */
    Optional<LedgerMetadata> ledger() {
        return Optional.ofNullable(running.core).map(LedgerWriter::metadata);
    }

    /** Appends {@code count} entries now, each of which is acknowledged when it is durable. */
    void append(int count) {
        running.append(count, 0);
    }

    /** Seals now. */
    void seal() {
        running.sealing = true;
        running.core.seal(running.node.nanoTime());
    }

    private final class Incarnation implements WriterOutbox {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;
        private final BlockLedgerIds ids;
        private final Set<Long> openings = new HashSet<>();
        private LedgerWriter core;
        private LedgerId ledgerId;
        private Optional<OpId> changeOperation = Optional.empty();
        private long changeVersion;
        private long lastRequest;
        /** What was appended to be acknowledged from memory. */
        private final Set<Long> inMemory = new HashSet<>();

        private final List<Payload> chosen = new ArrayList<>();
        private ExplicitIds<Long> holes;
        private long nextChosen;

        private final Map<Long, Long> forces = new HashMap<>();
        private long lastForce;
        private boolean sealing;
        private boolean ticking;
        /** Whether the writer has seen in the register that its ledger is deleted. */
        private boolean toldDeleted;

        private int bursts;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node, plan.voters(), plan.registry(), () -> new ProposerId(randomUuid()));
            this.ids = new BlockLedgerIds(registry, 3);
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
                    plan.bookies().statuses(), plan.replication().ensembleSize(), Placement.Distinct.NODE, id.value());
            if (choice.ensemble().isEmpty()) {
                node.schedule(RETRY_NANOS, this::create);
                return;
            }
            LedgerMetadata metadata = LedgerMetadata.create(
                            id, plan.replication(), choice.ensemble().get(), Map.of(), node.wallMillis())
                    .guardedBy(plan.digest(), plan.password().keyOf(id).verifier());
            checkers.states().proposed(metadata);
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
            if (core != null) {
                requireNothingPending();
            }
            toldDeleted = false;
            bursts = 0;
            ledgerId = created.value().ledgerId();
            changeOperation = Optional.empty();
            inMemory.clear();
            holes = new ExplicitIds<>(HOLES_MAX, HOLES_BYTES_MAX);
            nextChosen = 0;
            forces.clear();
            core = new LedgerWriter(created, plan.password().keyOf(ledgerId), plan.settings(), this, node.nanoTime());
            if (!ticking) {
                ticking = true;
                node.scheduleEvery(TICK_NANOS, () -> core.tick(node.nanoTime()));
            }
            think();
        }

        private void think() {
            if (plan.thinkMaxNanos() == WHEN_TOLD) {
                return;
            }
            node.schedule((long) (random.nextDouble() * plan.thinkMaxNanos()), this::burst);
        }

        private void burst() {
            if (sealing) {
                return;
            }
            if (!finishing && core.refusalOf(0).filter(this::isLost).isPresent()) {
                create(); // the ledger was taken over: go on in another one
                return;
            }
            boolean few = plan.pace() == Pace.FEW_AND_PAUSED && !finishing;
            int count = finishing ? 1 : few ? fewMore() : random.nextInt(12);
            append(count, plan.inMemoryPercent());
            if (few && count > 0 && bursts == 2) {
                plan.underWay().accept(ledgerId);
                if (random.nextInt(3) > 0) {
                    node.pause((long) (random.nextDouble() * PAUSE_MAX_NANOS));
                }
            }
            if (random.nextInt(5) == 0) {
                forces.put(++lastForce, core.lastAddPushed());
                core.force(lastForce, node.nanoTime());
            }
            if (finishing) {
                sealing = true;
                core.seal(node.nanoTime());
            } else {
                think();
            }
        }

        private void append(int count, int inMemoryPercent) {
            for (int i = 0; i < count; i++) {
                byte[] bytes = new byte[random.nextInt(200)];
                random.nextBytes(bytes);
                if (core.refusalOf(bytes.length).isEmpty()) {
                    Payload payload = Payload.wrap(bytes);
                    boolean inMemoryOnly = random.nextInt(100) < inMemoryPercent;
                    if (choosesIds()) {
                        chosen.add(payload);
                    } else {
                        append(payload, inMemoryOnly ? Durability.MEMORY_QUORUM : Durability.SYNCED);
                    }
                }
            }
            offerChosen();
            core.pump(node.nanoTime());
        }

        private long append(Payload payload, Durability durability) {
            long entryId = core.append(payload, durability, node.nanoTime());
            if (durability == Durability.MEMORY_QUORUM) {
                inMemory.add(entryId);
            }
            checkers.content().appending(ledgerId, entryId, payload);
            return entryId;
        }

        /** Whether the application gives the entries of this ledger their ids, in any order. */
        private boolean choosesIds() {
            return plan.pace() == Pace.STEADY && plan.thinkMaxNanos() != WHEN_TOLD && ledgerId.value() % 4 == 3;
        }

        /** Offers the entries of this burst under the next ids, the later ones first, so that each makes a hole. */
        private void offerChosen() {
            for (int i = chosen.size() - 1; i >= 0; i--) {
                Payload payload = chosen.get(i);
                if (holes.refusalOf(nextChosen + i, payload.length()).isEmpty()) {
                    holes.offer(nextChosen + i, payload, nextChosen + i, Long.MAX_VALUE);
                }
            }
            nextChosen += chosen.size();
            chosen.clear();
            drainHoles();
        }

        private void drainHoles() {
            holes.drain(payload -> core.refusalOf(payload.length()), ready -> {
                long entryId = append(ready.payload(), Durability.SYNCED);
                if (entryId != ready.caller()) {
                    throw new IllegalStateException(
                            "R9: entry " + ready.caller() + " of ledger " + ledgerId + " was appended as " + entryId);
                }
            });
        }

        /** One, when that is acknowledged one or two more, and then it waits for somebody to take the ledger. */
        private int fewMore() {
            if (bursts == 0) {
                bursts++;
                return 1;
            } else if (bursts == 1 && core.lastAddConfirmed() >= 0) {
                bursts++;
                return 1 + random.nextInt(2);
            }
            return 0;
        }

        private void requireNothingPending() {
            if (checkers.content().pending(ledgerId) != 0 || !forces.isEmpty()) {
                throw new IllegalStateException("H97: the writer of ledger " + ledgerId
                        + " is over and has not answered appends or forces: "
                        + checkers.content().pending(ledgerId) + ", " + forces.keySet());
            }
        }

        void received(Envelope envelope) {
            if (registry.received(envelope) || core == null || isOfAnotherLedger(envelope.message())) {
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
            } else if (message instanceof BookieReply.BatchReceived received) {
                core.batchesReceived(
                        positionOf(received.session()),
                        received.session(),
                        List.of(new long[] {received.number(), received.number()}),
                        now);
            } else if (message instanceof BookieReply.SessionOpened opened) {
                if (openings.remove(opened.requestId())) {
                    core.sessionOpened(positionOf(opened.session()), opened.session(), opened.creditLimit(), now);
                }
            } else if (message instanceof BookieReply.SessionRefused refused && openings.remove(refused.requestId())) {
                core.sessionRefused(
                        core.metadata().lastFragment().ensemble().positionOf(refused.bookie()),
                        SimulatedRefusals.rejectionOf(refused.refusal()),
                        now);
            } else if (message instanceof BookieReply.SessionEnded ended) {
                core.sessionEnded(
                        positionOf(ended.session()),
                        ended.session(),
                        SimulatedRefusals.rejectionOf(ended.refusal()),
                        now);
            } else if (message instanceof BookieReply.BatchRefused refused) {
                core.batchRefused(
                        positionOf(refused.session()),
                        refused.session(),
                        SimulatedRefusals.rejectionOf(refused.refusal()),
                        now);
            }
        }

        /** Refusals name their ledger; everything else names a session. */
        private boolean isOfAnotherLedger(Object message) {
            return (message instanceof BookieReply.SessionRefused refused
                            && !refused.ledgerId().equals(ledgerId))
                    || (message instanceof BookieReply.SessionOpened opened
                            && !opened.ledgerId().equals(ledgerId));
        }

        private int positionOf(SessionId session) {
            return core.metadata().lastFragment().ensemble().positionOf(session.bookie());
        }

        private void tell(SessionId session, BookieRequest request) {
            node.send(plan.bookies().addressOf(session.bookie()), request);
        }

        @Override
        public void openSession(int position) {
            BookieId bookie = core.metadata().lastFragment().ensemble().at(position);
            openings.add(++lastRequest);
            node.send(
                    plan.bookies().addressOf(bookie),
                    new BookieRequest.OpenSession(
                            bookie,
                            lastRequest,
                            core.metadata().ledgerId(),
                            core.metadata().lastFragment().fragmentVersion(),
                            plan.password().keyOf(ledgerId).proof()));
        }

        @Override
        public void sendBatch(
                int position,
                SessionId session,
                long number,
                long endOffset,
                long lastAddConfirmed,
                EntryBatch entries,
                boolean receipt) {
            BookieRequest.Batch batch =
                    new BookieRequest.Batch(session, number, endOffset, lastAddConfirmed, entries, receipt);
            checkers.durability().batchSent(batch);
            tell(session, new BookieRequest.AddEntries(session.bookie(), List.of(batch)));
        }

        @Override
        public void probe(int position, SessionId session) {
            tell(session, new BookieRequest.ProbeSession(session.bookie(), session));
        }

        @Override
        public void closeSession(int position, SessionId session) {
            tell(session, new BookieRequest.CloseSession(session.bookie(), session));
        }

        @Override
        public void forced(long token) {
            long last = forces.remove(token);
            for (long entryId = 0; entryId <= last; entryId++) {
                checkers.durability().requireQuorum(core.metadata(), entryId);
                checkers.content().forced(ledgerId, entryId);
            }
        }

        @Override
        public void forceFailed(long token, Failure failure) {
            forces.remove(token);
        }

        @Override
        public void appended(long entryId, int ackMask) {
            if (toldDeleted) {
                throw new IllegalStateException("R22: entry " + entryId + " of ledger " + ledgerId
                        + " was acknowledged by a writer that knows that the ledger is deleted");
            }
            if (inMemory.contains(entryId) && entryId > core.lastAddConfirmed()) {
                checkers.content().appendEnded(ledgerId, entryId, End.IN_MEMORY);
                return;
            }
            checkers.durability().requireQuorum(core.metadata(), entryId);
            Ensemble ensemble = core.metadata().lastFragment().ensemble();
            for (int position = 0; position < ensemble.size(); position++) {
                if (AckSet.contains(ackMask, position)) {
                    checkers.durability().requireAcknowledged(ensemble.at(position), ledgerId, entryId);
                }
            }
            checkers.content().appendEnded(ledgerId, entryId, End.ACKNOWLEDGED);
        }

        @Override
        public void appendFailed(long entryId, Failure failure) {
            checkers.content()
                    .appendEnded(
                            ledgerId,
                            entryId,
                            failure.outcome() == LedgerException.Outcome.NOT_APPLIED ? End.NOT_APPLIED : End.UNKNOWN);
        }

        @Override
        public void readRegister() {
            LedgerWriter asking = core;
            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                if (asking != core) {
                    return;
                }
                if (failure == null) {
                    learn(LedgerMetadata.registered(value));
                    core.registerRead(LedgerMetadata.registered(value), node.nanoTime());
                } else {
                    core.registerUnavailable();
                }
            });
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return Placement.replace(
                    plan.bookies().statuses(), failed, ensemble, Set.of(), Placement.Distinct.NODE, random.nextLong());
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata proposed) {
            if (changeOperation.isEmpty() || changeVersion != expectedVersion) {
                changeVersion = expectedVersion;
                changeOperation = Optional.of(new OpId(randomUuid()));
            }
            LedgerWriter asking = core;
            checkers.states().proposed(proposed);
            Continuation.of(
                    registry.compareAndSet(
                            RegistryKey.ofLedger(ledgerId), expectedVersion, proposed.encode(), changeOperation.get()),
                    node,
                    (result, failure) -> {
                        if (asking == core) {
                            registerEnded(result);
                        }
                    });
        }

        private void learn(Optional<Versioned<LedgerMetadata>> current) {
            current.ifPresent(checkers.states()::observed);
            toldDeleted |= current.filter(found -> found.value().isDeleted()).isPresent();
        }

        private void registerEnded(Registry.CasResult result) {
            if (result instanceof Registry.CasResult.Applied applied) {
                core.registered(applied.version(), node.nanoTime());
            } else if (result instanceof Registry.CasResult.Conflict conflict) {
                learn(LedgerMetadata.registered(conflict.current()));
                core.registerConflict(LedgerMetadata.registered(conflict.current()), node.nanoTime());
            } else {
                core.registerUnknown("no answer", node.nanoTime());
            }
        }

        @Override
        public void ensembleChanged(LedgerMetadata metadata, long version) {
            checkers.states().observed(new Versioned<>(version, metadata));
        }

        @Override
        public void sealed(LedgerMetadata metadata, long version) {
            checkers.states().observed(new Versioned<>(version, metadata));
            checkers.content().closed(metadata);
            for (long entryId = 0; entryId <= metadata.lastEntryId(); entryId++) {
                checkers.durability().requireQuorum(metadata, entryId);
            }
            checkers.content().sealedByWriter(metadata);
            requireNothingPending();
            finished = true;
        }

        @Override
        public void sealFailed(Failure failure) {
            if (isLost(failure)) {
                requireNothingPending();
                finished = true; // somebody else closes it
            } else {
                node.schedule(RETRY_NANOS, () -> core.seal(node.nanoTime()));
            }
        }

        private boolean isLost(Failure failure) {
            return failure.code() == Code.LedgerFenced || failure.code() == Code.NoSuchLedger;
        }
    }
}
