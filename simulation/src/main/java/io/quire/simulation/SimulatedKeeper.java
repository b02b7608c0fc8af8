package io.quire.simulation;

import io.quire.client.core.TombstoneEffect;
import io.quire.client.core.TombstoneKeeper;
import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryTombstones.Collection;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.Consumer;

/** Brings deleted ledgers to their end: the production {@link TombstoneKeeper}, in charge now and then. */
final class SimulatedKeeper implements SimulatedNode.Program {
    private static final long TICK_NANOS = 10_000_000;
    private static final long ANSWER_NANOS = 100_000_000;

    private final Random random;
    private final Plan plan;
    private final LedgerStateChecker states;
    private final GarbageChecker checker;

    /** Where everything is, and how it is done. */
    record Plan(SimulatedReader.Plan clients, TombstoneKeeper.Settings settings) {}

    SimulatedKeeper(Random random, Plan plan, LedgerStateChecker states, GarbageChecker checker) {
        this.random = random;
        this.plan = plan;
        this.states = states;
        this.checker = checker;
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        Incarnation incarnation = new Incarnation(node);
        node.scheduleEvery(TICK_NANOS, incarnation::tick);
        return incarnation::received;
    }

    private final class Incarnation implements TombstoneEffect.Handler<Void> {
        private final SimulatedNode node;
        private final SimulatedRegistryClient registry;
        private final TombstoneKeeper core = new TombstoneKeeper(plan.settings());
        private final Map<Long, BookieId> asked = new TreeMap<>();
        private long lastRequest;

        Incarnation(SimulatedNode node) {
            this.node = node;
            this.registry = new SimulatedRegistryClient(
                    node, plan.clients().voters(), plan.clients().registry(), () -> new ProposerId(randomUuid()));
        }

        private UUID randomUuid() {
            return new UUID(random.nextLong(), random.nextLong());
        }

        void tick() {
            run(core.tick(random.nextInt(3) > 0, node.nanoTime()));
            if (random.nextInt(20) == 0) {
                lookAtPurged();
            }
        }

        /** Whether a register was collected is read: the answers to a collection may be lost, and its keeper crash. */
        private void lookAtPurged() {
            checker.purged().stream()
                    .filter(ledgerId -> !checker.isCollected(ledgerId))
                    .sorted()
                    .findFirst()
                    .ifPresent(ledgerId ->
                            Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
                                if (failure == null) {
                                    seen(ledgerId, value);
                                }
                            }));
        }

        private void run(List<TombstoneEffect> effects) {
            effects.forEach(effect -> effect.accept(this));
        }

        void received(Envelope envelope) {
            if (registry.received(envelope)) {
                return;
            }
            Object message = envelope.message();
            if (message instanceof BookieReply.DropsConfirmed confirmed
                    && confirmed.bookie().equals(asked.get(confirmed.requestId()))) {
                asked.remove(confirmed.requestId());
                run(core.confirmed(confirmed.bookie(), confirmed.ledgerIds(), node.nanoTime()));
            } else if (message instanceof BookieReply.RequestRefused refused) {
                silent(refused.requestId());
            }
        }

        private void silent(long request) {
            BookieId bookie = asked.remove(request);
            if (bookie != null) {
                run(core.confirmed(bookie, List.of(), node.nanoTime()));
            }
        }

        @Override
        public Void listLedgers(TombstoneEffect.ListLedgers effect) {
            Continuation.of(
                    registry.list(RegistryKey.LEDGERS, effect.after(), effect.limit()), node, (page, failure) -> {
                        if (failure != null) {
                            run(core.listFailed(node.nanoTime()));
                            return;
                        }
                        page.entries().forEach(item -> seen(item.key().ledgerId(), item.value()));
                        run(core.ledgersListed(page, node.nanoTime()));
                    });
            return null;
        }

        private void seen(LedgerId ledgerId, RegisterValue value) {
            checker.registerSeen(ledgerId, value);
            LedgerMetadata.registered(value).ifPresent(states::observed);
        }

        @Override
        public Void listBookies(TombstoneEffect.ListBookies effect) {
            Continuation.of(
                    registry.list(RegistryKey.BOOKIES, effect.after(), effect.limit()),
                    node,
                    (page, failure) -> run(
                            failure == null
                                    ? core.bookiesListed(page, node.nanoTime())
                                    : core.listFailed(node.nanoTime())));
            return null;
        }

        @Override
        public Void purge(TombstoneEffect.Purge effect) {
            LedgerMetadata purged = effect.purged();
            Continuation.of(
                    registry.compareAndSet(
                            RegistryKey.ofLedger(purged.ledgerId()),
                            effect.version(),
                            purged.encode(),
                            new OpId(randomUuid())),
                    node,
                    (result, failure) -> {
                        boolean applied = result instanceof Registry.CasResult.Applied;
                        if (applied) {
                            checker.registered(purged);
                            states.observed(new Versioned<>(effect.version() + 1, purged));
                        }
                        run(core.purged(purged.ledgerId(), applied, node.nanoTime()));
                    });
            return null;
        }

        @Override
        public Void ask(TombstoneEffect.Ask effect) {
            BookieId bookie = effect.bookie().bookieId();
            long request = ++lastRequest;
            asked.put(request, bookie);
            node.send(
                    plan.clients().bookies().addressOf(bookie),
                    new BookieRequest.ConfirmDropped(bookie, request, effect.ledgerIds()));
            node.schedule(ANSWER_NANOS, () -> silent(request));
            return null;
        }

        @Override
        public Void collect(TombstoneEffect.Collect effect) {
            checker.collecting(effect.ledgerId());
            registry.operations().collect(effect.ledgerId(), Incarnation::isPurged, collection -> {
                boolean complete = collection instanceof Collection.Complete;
                run(core.collected(effect.ledgerId(), complete, node.nanoTime()));
            });
            return null;
        }

        private static boolean isPurged(RegisterValue value) {
            return LedgerMetadata.registered(value)
                    .filter(metadata -> metadata.value().deletion() == Deletion.PURGED)
                    .isPresent();
        }
    }
}
