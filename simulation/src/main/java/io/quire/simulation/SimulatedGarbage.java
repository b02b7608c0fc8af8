package io.quire.simulation;

import io.quire.bookie.core.GarbageCollector;
import io.quire.bookie.core.GarbageEffect;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.util.List;
import java.util.OptionalLong;
import java.util.Random;
import java.util.function.Consumer;

/** Collects the garbage of one incarnation of a {@link SimulatedBookie}: the production {@link GarbageCollector}. */
final class SimulatedGarbage implements GarbageEffect.Handler<Void> {
    private static final long TICK_NANOS = 5_000_000;
    private static final long INTERVAL_MAX_NANOS = 150_000_000;
    private static final long LIST_MAX_NANOS = 200_000;

    private final SimulatedNode node;
    private final Plan plan;
    private final Registry registry;
    private final Store store;
    private final GarbageCollector core;

    /** How it is done, and who watches. */
    record Plan(Random random, GarbageCollector.Settings settings, GarbageChecker checker) {}

    /** The store that it works for. */
    interface Store {
        /** As in the production store; does nothing more once the store has failed. */
        void list(long first, int max, Consumer<List<LedgerId>> found);

        /** Drops a ledger; told whether it is gone. */
        void drop(LedgerId ledgerId, OptionalLong supersededAt, Consumer<Boolean> done);

        /** Time to let go of what is idle. */
        void letGoOfIdle();
    }

    SimulatedGarbage(BookieId bookie, SimulatedNode node, Plan plan, Registry registry, Store store) {
        this.node = node;
        this.plan = plan;
        this.registry = registry;
        this.store = store;
        this.core = new GarbageCollector(bookie, plan.settings());
        startLater();
        node.scheduleEvery(TICK_NANOS, () -> run(core.tick(node.nanoTime())));
    }

    private void startLater() {
        node.schedule((long) (plan.random().nextDouble() * INTERVAL_MAX_NANOS), () -> {
            store.letGoOfIdle();
            run(core.start(plan.random().nextInt(3) == 0, node.nanoTime()));
        });
    }

    private void run(List<GarbageEffect> effects) {
        effects.forEach(effect -> effect.accept(this));
    }

    @Override
    public Void listLedgers(GarbageEffect.ListLedgers effect) {
        node.schedule(
                (long) (plan.random().nextDouble() * LIST_MAX_NANOS),
                () -> store.list(effect.first(), effect.max(), found -> run(core.listed(found, node.nanoTime()))));
        return null;
    }

    @Override
    public Void readRegister(GarbageEffect.ReadRegister effect) {
        LedgerId ledgerId = effect.ledgerId();
        Continuation.of(registry.read(RegistryKey.ofLedger(ledgerId)), node, (value, failure) -> {
            if (failure == null) {
                plan.checker().registerSeen(ledgerId, value);
                run(core.registerRead(ledgerId, value, node.nanoTime()));
            } else {
                run(core.registerUnavailable(ledgerId, node.nanoTime()));
            }
        });
        return null;
    }

    @Override
    public Void dropPurged(GarbageEffect.DropPurged effect) {
        return drop(effect.ledgerId(), OptionalLong.empty());
    }

    @Override
    public Void dropSuperseded(GarbageEffect.DropSuperseded effect) {
        return drop(effect.ledgerId(), OptionalLong.of(effect.version()));
    }

    private Void drop(LedgerId ledgerId, OptionalLong supersededAt) {
        store.drop(
                ledgerId,
                supersededAt,
                gone -> run(
                        gone ? core.dropped(ledgerId, node.nanoTime()) : core.dropRefused(ledgerId, node.nanoTime())));
        return null;
    }

    @Override
    public Void ended(GarbageEffect.Ended effect) {
        if (effect.run().orphans() > 0) {
            throw new IllegalStateException("H67: a store holds a ledger that was never registered: " + effect.run());
        }
        startLater();
        return null;
    }
}
