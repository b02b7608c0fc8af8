package io.quire.simulation;

import io.quire.client.core.Failure;
import io.quire.client.core.LedgerRecovery;
import io.quire.client.core.Placement;
import io.quire.client.core.RecoveryOutbox;
import io.quire.client.core.RecoveryReport;
import io.quire.client.core.RecoverySettings;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.OpId;
import io.quire.protocol.ProposerId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * An application that recovers ledgers of others, whether their writers live or not: the production {@link
 * LedgerRecovery}, and around it what its actor does. In the end it recovers every ledger that there is; then all must be
 * closed.
 */
final class SimulatedRecoverer implements SimulatedNode.Program {
    private static final long TICK_NANOS = 10_000_000;

    private final Random random;
    private final Plan plan;
    private final LedgerContentChecker content;
    private final LedgerStateChecker states;
    private final FenceChecker fences;
    private final Deque<LedgerId> toFinish = new ArrayDeque<>();
    private boolean finishing;
    private boolean finished;
    private Runnable goOn = () -> {};
    private long recoveries;

    /**
     * @param bookies who there is to choose replacements from
     * @param password of every ledger
     * @param thinkMaxNanos the longest time between two recoveries
     * @param targets what it recovers before it finishes, oldest first
     */
    record Plan(
            List<String> voters,
            RegistrySettings registry,
            BookieDirectory bookies,
            LedgerPassword password,
            RecoverySettings settings,
            long thinkMaxNanos,
            Supplier<List<LedgerId>> targets) {}

    SimulatedRecoverer(
            Random random, Plan plan, LedgerContentChecker content, LedgerStateChecker states, FenceChecker fences) {
        this.random = random;
        this.plan = plan;
        this.content = content;
        this.states = states;
        this.fences = fences;
    }

    /** From now on: recover every ledger, once. */
    void finish() {
        finishing = true;
        toFinish.addAll(content.ledgers());
    }

    /** After it has finished: recover these, too. */
    void finishAlso(Collection<LedgerId> others) {
        finished = false;
        toFinish.addAll(others);
        goOn.run();
    }

    boolean isFinished() {
        return finished;
    }

    /** How many ledgers were found closed, or closed, by recoveries. */
    long recoveries() {
        return recoveries;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        Incarnation incarnation = new Incarnation(node);
        node.scheduleEvery(TICK_NANOS, incarnation::tick);
        goOn = incarnation::think;
        incarnation.think();
        return incarnation::received;
    }

    private final class Incarnation implements RecoveryOutbox {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;
        private LedgerId ledgerId;
        private LedgerKey key;
        private LedgerRecovery core;
        private Optional<OpId> changeOperation = Optional.empty();
        private long changeVersion;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node, plan.voters(), plan.registry(), () -> new ProposerId(randomUuid()));
        }

        private UUID randomUuid() {
            return new UUID(random.nextLong(), random.nextLong());
        }

        void think() {
            core = null;
            node.schedule((long) (random.nextDouble() * plan.thinkMaxNanos()), this::next);
        }

        private void next() {
            List<LedgerId> ledgers = plan.targets().get();
            if (finishing && toFinish.isEmpty()) {
                finished = true;
            } else if (!finishing && ledgers.isEmpty()) {
                think();
            } else {
                recover(finishing ? toFinish.peek() : anyOf(ledgers));
            }
        }

        /** Mostly one of the newest, which somebody may be writing. */
        private LedgerId anyOf(List<LedgerId> ledgers) {
            int newest = random.nextInt(4) == 0 ? ledgers.size() : Math.min(3, ledgers.size());
            return ledgers.get(ledgers.size() - 1 - random.nextInt(newest));
        }

        private void recover(LedgerId chosen) {
            ledgerId = chosen;
            key = plan.password().keyOf(chosen);
            changeOperation = Optional.empty();
            core = new LedgerRecovery(chosen, key, Set.of(), plan.settings(), this, node.nanoTime());
            core.start(node.nanoTime());
        }

        void tick() {
            if (core != null) {
                core.tick(node.nanoTime());
            }
        }

        void received(Envelope envelope) {
            if (registry.received(envelope) || core == null) {
                return;
            }
            long now = node.nanoTime();
            Object message = envelope.message();
            if (message instanceof BookieReply.LedgerFenced fenced
                    && fenced.ledgerId().equals(ledgerId)) {
                core.fenced(fenced.bookie(), fenced.bootEpoch(), fenced.lastAddConfirmed(), now);
            } else if (message instanceof BookieReply.EntriesRead read
                    && read.ledgerId().equals(ledgerId)) {
                core.entriesRead(
                        read.requestId(), read.bookie(), read.bootEpoch(), read.entries(), read.coveredTo(), now);
            } else if (message instanceof BookieReply.EntriesRecovered recovered
                    && recovered.ledgerId().equals(ledgerId)) {
                core.entriesRecovered(recovered.requestId(), recovered.bookie(), now);
            } else if (message instanceof BookieReply.RequestRefused refused) {
                if (refused.refusal() == BookieReply.Refusal.IN_LIMBO) {
                    core.readInLimbo(refused.requestId(), refused.bookie(), now);
                } else {
                    core.readRefused(refused.requestId(), refused.bookie(), now);
                }
                if (core != null) {
                    core.writeRefused(
                            refused.requestId(),
                            refused.bookie(),
                            SimulatedRefusals.writeRefusalOf(refused.refusal()),
                            now);
                }
            }
        }

        /** Runs {@code then} for the recovery that is under way now, if it still is when the answer comes. */
        private void withCore(LedgerRecovery asking, Consumer<LedgerRecovery> then) {
            if (core == asking) {
                then.accept(asking);
            }
        }

        @Override
        public void readRegister() {
            LedgerRecovery asking = core;
            Continuation.of(
                    registry.read(RegistryKey.ofLedger(ledgerId)),
                    node,
                    (value, failure) -> withCore(asking, recovery -> {
                        if (failure == null) {
                            LedgerMetadata.registered(value).ifPresent(states::observed);
                            recovery.registerRead(LedgerMetadata.registered(value), node.nanoTime());
                        } else {
                            recovery.registerUnavailable(node.nanoTime());
                        }
                    }));
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata proposed) {
            if (changeOperation.isEmpty() || changeVersion != expectedVersion) {
                changeVersion = expectedVersion;
                changeOperation = Optional.of(new OpId(randomUuid()));
            }
            LedgerRecovery asking = core;
            states.proposed(proposed);
            if (proposed.isClosed()) {
                fences.requireCovered(states.at(ledgerId, expectedVersion).orElseThrow());
            }
            Continuation.of(
                    registry.compareAndSet(
                            RegistryKey.ofLedger(ledgerId), expectedVersion, proposed.encode(), changeOperation.get()),
                    node,
                    (result, failure) -> withCore(asking, recovery -> {
                        if (result instanceof Registry.CasResult.Applied applied) {
                            states.observed(new Versioned<>(applied.version(), proposed));
                            recovery.registered(applied.version(), node.nanoTime());
                        } else if (result instanceof Registry.CasResult.Conflict conflict) {
                            LedgerMetadata.registered(conflict.current()).ifPresent(states::observed);
                            recovery.registerConflict(LedgerMetadata.registered(conflict.current()), node.nanoTime());
                        } else {
                            recovery.registerUnknown(node.nanoTime());
                        }
                    }));
        }

        @Override
        public void readRegistration(BookieId bookie) {
            LedgerRecovery asking = core;
            Continuation.of(
                    registry.read(RegistryKey.ofBookie(bookie)),
                    node,
                    (value, failure) -> withCore(asking, recovery -> {
                        if (failure == null) {
                            Optional<BootEpoch> bootEpoch = value.isAbsent()
                                    ? Optional.empty()
                                    : Optional.of(BookieRegistration.decode(value.value())
                                            .bootEpoch());
                            recovery.bookieRegistered(bookie, bootEpoch, node.nanoTime());
                        }
                    }));
        }

        @Override
        public void fence(BookieId bookie) {
            node.send(
                    plan.bookies().addressOf(bookie), new BookieRequest.FenceLedger(bookie, 0, ledgerId, key.proof()));
        }

        @Override
        public void read(long request, BookieId bookie, long firstEntryId, long lastEntryId, boolean fencing) {
            node.send(
                    plan.bookies().addressOf(bookie),
                    new BookieRequest.ReadEntries(
                            bookie,
                            request,
                            ledgerId,
                            firstEntryId,
                            lastEntryId,
                            1 + random.nextInt(20),
                            200 + random.nextInt(4000),
                            fencing,
                            key.proof()));
        }

        @Override
        public void write(long request, BookieId bookie, long version, EntryBatch entries) {
            node.send(
                    plan.bookies().addressOf(bookie),
                    new BookieRequest.RecoveryAddEntries(bookie, request, ledgerId, version, key.proof(), entries));
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return Placement.replace(
                    plan.bookies().statuses(), failed, ensemble, Set.of(), Placement.Distinct.NODE, random.nextLong());
        }

        @Override
        public void recovered(RecoveryReport report) {
            states.observed(report.ledger());
            content.closed(report.ledger().value());
            recoveries++;
            if (ledgerId.equals(toFinish.peek())) {
                toFinish.poll();
            }
            think();
        }

        @Override
        public void failed(Failure failure) {
            if (failure.code() == Code.NoSuchLedger) {
                if (!states.isDeleted(ledgerId)) {
                    throw new IllegalStateException(
                            "ledger " + ledgerId + " is there, and not for recovery: " + failure);
                }
                toFinish.remove(ledgerId);
            }
            think();
        }
    }
}
