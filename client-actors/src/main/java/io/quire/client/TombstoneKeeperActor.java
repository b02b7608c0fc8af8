package io.quire.client;

import io.micrometer.core.instrument.MeterRegistry;
import io.quire.client.core.TombstoneEffect;
import io.quire.client.core.TombstoneKeeper;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryTombstones;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.pattern.Patterns;

/**
 * Brings deleted ledgers to their end: runs a {@link TombstoneKeeper}. One on each node that has a registry voter, for the
 * life of the node; only the one that is in charge does something.
 */
public final class TombstoneKeeperActor extends AbstractBehavior<TombstoneKeeperActor.Command>
        implements TombstoneEffect.Handler<Void> {
    private final Setup setup;
    private final TombstoneKeeper core;
    private final AtomicLong deleted = new AtomicLong();
    private final AtomicLong postponed = new AtomicLong();
    private final AtomicLong purges = new AtomicLong();
    private final AtomicLong collections = new AtomicLong();
    private long lastRequest;

    /** Nobody outside tells it anything. */
    public sealed interface Command {}

    private enum Tick implements Command {
        INSTANCE
    }

    private record LedgersListed(Registry.Page page, Throwable failure) implements Command {}

    private record BookiesListed(Registry.Page page, Throwable failure) implements Command {}

    private record Purged(LedgerId ledgerId, Registry.CasResult result) implements Command {}

    private record Confirmed(BookieId bookie, List<LedgerId> ledgerIds) implements Command {}

    private record Collected(LedgerId ledgerId, RegistryTombstones.Collection collection) implements Command {}

    /**
     * What it works with.
     *
     * @param inCharge whether this node should do the work; a hint, asked often, must not block
     * @param nanoClock for intervals
     */
    public record Setup(
            Registry registry,
            RegistryTombstones tombstones,
            TombstoneSettings settings,
            BooleanSupplier inCharge,
            MeterRegistry meters,
            LongSupplier nanoClock) {}

    private TombstoneKeeperActor(ActorContext<Command> context, Setup setup) {
        super(context);
        this.setup = setup;
        this.core = new TombstoneKeeper(setup.settings().keeper());
        setup.meters().gauge("tombstones.deleted.ledgers", deleted);
        setup.meters().gauge("tombstones.postponed.ledgers", postponed);
        setup.meters().gauge("tombstones.purged.ledgers", purges);
        setup.meters().gauge("tombstones.collected.ledgers", collections);
    }

    public static Behavior<Command> create(Setup setup) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Tick.INSTANCE, setup.settings().tickInterval());
            return new TombstoneKeeperActor(context, setup);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Tick.class, tick -> run(core.tick(setup.inCharge().getAsBoolean(), now())))
                .onMessage(LedgersListed.class, this::onLedgersListed)
                .onMessage(BookiesListed.class, this::onBookiesListed)
                .onMessage(Purged.class, this::onPurged)
                .onMessage(
                        Confirmed.class,
                        confirmed -> run(core.confirmed(confirmed.bookie(), confirmed.ledgerIds(), now())))
                .onMessage(Collected.class, this::onCollected)
                .build();
    }

    private Behavior<Command> onLedgersListed(LedgersListed listed) {
        return run(listed.failure() == null ? core.ledgersListed(listed.page(), now()) : core.listFailed(now()));
    }

    private Behavior<Command> onBookiesListed(BookiesListed listed) {
        return run(listed.failure() == null ? core.bookiesListed(listed.page(), now()) : core.listFailed(now()));
    }

    private Behavior<Command> onPurged(Purged purged) {
        boolean applied = purged.result() instanceof Registry.CasResult.Applied;
        if (applied) {
            getContext().getLog().info("Ledger {} is purged: it was deleted for the whole window", purged.ledgerId());
        }
        return run(core.purged(purged.ledgerId(), applied, now()));
    }

    private Behavior<Command> onCollected(Collected collected) {
        boolean complete = collected.collection() instanceof RegistryTombstones.Collection.Complete;
        if (complete) {
            getContext().getLog().info("The register of purged ledger {} is collected", collected.ledgerId());
        }
        return run(core.collected(collected.ledgerId(), complete, now()));
    }

    private Behavior<Command> run(List<TombstoneEffect> effects) {
        effects.forEach(effect -> effect.accept(this));
        deleted.set(core.deleted());
        postponed.set(core.postponed());
        purges.set(core.purges());
        collections.set(core.collections());
        return this;
    }

    @Override
    public Void listLedgers(TombstoneEffect.ListLedgers effect) {
        getContext()
                .pipeToSelf(
                        setup.registry().list(RegistryKey.LEDGERS, effect.after(), effect.limit()), LedgersListed::new);
        return null;
    }

    @Override
    public Void listBookies(TombstoneEffect.ListBookies effect) {
        getContext()
                .pipeToSelf(
                        setup.registry().list(RegistryKey.BOOKIES, effect.after(), effect.limit()), BookiesListed::new);
        return null;
    }

    @Override
    public Void purge(TombstoneEffect.Purge effect) {
        LedgerId ledgerId = effect.purged().ledgerId();
        getContext()
                .pipeToSelf(
                        setup.registry()
                                .compareAndSet(
                                        RegistryKey.ofLedger(ledgerId),
                                        effect.version(),
                                        effect.purged().encode(),
                                        new OpId(UUID.randomUUID())),
                        (result, failure) -> new Purged(ledgerId, result));
        return null;
    }

    /** The address is what the bookie registered at its last boot; one that is not there any more does not answer. */
    @Override
    public Void ask(TombstoneEffect.Ask effect) {
        BookieId bookie = effect.bookie().bookieId();
        Optional<ActorRef<BookieRequest>> target = resolve(effect.bookie().address());
        if (target.isEmpty()) {
            getContext().getSelf().tell(new Confirmed(bookie, List.of()));
            return null;
        }
        getContext()
                .pipeToSelf(
                        Patterns.ask(
                                Adapter.toClassic(target.get()),
                                new BookieRequest.ConfirmDropped(bookie, ++lastRequest, effect.ledgerIds()),
                                setup.settings().answerTimeout()),
                        (reply, failure) -> new Confirmed(bookie, confirmedBy(bookie, reply)));
        return null;
    }

    private Optional<ActorRef<BookieRequest>> resolve(String address) {
        try {
            return Optional.of(Envelope.resolve(getContext().getSystem(), address));
        } catch (IllegalArgumentException e) {
            getContext().getLog().warn("A bookie is registered at an address that is none: {}", address);
            return Optional.empty();
        }
    }

    private static List<LedgerId> confirmedBy(BookieId bookie, Object reply) {
        return reply instanceof BookieReply.DropsConfirmed confirmed
                        && confirmed.bookie().equals(bookie)
                ? confirmed.ledgerIds()
                : List.of();
    }

    @Override
    public Void collect(TombstoneEffect.Collect effect) {
        getContext()
                .pipeToSelf(
                        setup.tombstones().collect(effect.ledgerId()),
                        (collection, failure) -> new Collected(effect.ledgerId(), collection));
        return null;
    }

    private long now() {
        return setup.nanoClock().getAsLong();
    }
}
