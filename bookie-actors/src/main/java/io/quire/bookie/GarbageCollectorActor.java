package io.quire.bookie;

import io.quire.bookie.core.GarbageCollector;
import io.quire.bookie.core.GarbageEffect;
import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Collects the garbage of one store: runs a {@link GarbageCollector} at intervals, and when it is told to. A child of
 * {@link BookieActor}, through which ledgers are dropped, and which stops it.
 */
final class GarbageCollectorActor extends AbstractBehavior<GarbageCollectorActor.Command>
        implements GarbageEffect.Handler<Void> {
    private static final Duration TICK = Duration.ofMillis(100);

    private final TimerScheduler<Command> timers;
    private final Setup setup;
    private final GarbageCollector core;
    private long nextNanos;

    sealed interface Command {}

    /** Starts a run, if none is under way. */
    record Start(boolean force) implements Command {}

    /** Asks for what {@link GarbageStatus} says. */
    record Describe(ActorRef<GarbageStatus> replyTo) implements Command {}

    private enum Interval implements Command {
        INSTANCE
    }

    private enum Tick implements Command {
        INSTANCE
    }

    private record Listed(List<LedgerId> ledgerIds, Throwable failure) implements Command {}

    private record RegisterRead(LedgerId ledgerId, RegisterValue value, Throwable failure) implements Command {}

    private record Dropped(LedgerId ledgerId) implements Command {}

    private record DropRefused(LedgerId ledgerId, String detail) implements Command {}

    /**
     * What it works with.
     *
     * @param interval between the end of a run and the start of the next
     * @param drops drops ledgers
     * @param nanoClock for intervals
     */
    record Setup(
            BookieId bookie,
            GarbageCollector.Settings settings,
            Duration interval,
            BookieStore store,
            Registry registry,
            Executor blocking,
            ActorRef<BookieActor.Command> drops,
            CollectorMetrics metrics,
            LongSupplier nanoClock) {}

    private GarbageCollectorActor(ActorContext<Command> context, TimerScheduler<Command> timers, Setup setup) {
        super(context);
        this.timers = timers;
        this.setup = setup;
        this.core = new GarbageCollector(setup.bookie(), setup.settings());
        scheduleNext();
    }

    static Behavior<Command> create(Setup setup) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new GarbageCollectorActor(context, timers, setup)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Start.class, start -> onStart(start.force()))
                .onMessage(Interval.class, interval -> onStart(false))
                .onMessage(Describe.class, this::onDescribe)
                .onMessage(Tick.class, tick -> run(core.tick(now())))
                .onMessage(Listed.class, this::onListed)
                .onMessage(RegisterRead.class, this::onRegisterRead)
                .onMessage(Dropped.class, dropped -> run(core.dropped(dropped.ledgerId(), now())))
                .onMessage(DropRefused.class, this::onDropRefused)
                .build();
    }

    private void scheduleNext() {
        nextNanos = now() + setup.interval().toNanos();
        timers.startSingleTimer(Interval.INSTANCE, Interval.INSTANCE, setup.interval());
    }

    private Behavior<Command> onStart(boolean force) {
        if (!core.isActive()) {
            timers.cancel(Interval.INSTANCE);
            timers.startTimerWithFixedDelay(Tick.INSTANCE, Tick.INSTANCE, TICK);
            setup.metrics().started();
        }
        return run(core.start(force, now()));
    }

    private Behavior<Command> onDescribe(Describe describe) {
        long now = now();
        describe.replyTo()
                .tell(new GarbageStatus(
                        setup.bookie(),
                        core.isActive(),
                        core.isForced(),
                        core.lastRun(),
                        core.lastRun().map(run -> Duration.ofNanos(now - run.endedNanos())),
                        core.isActive()
                                ? Optional.empty()
                                : Optional.of(Duration.ofNanos(Math.max(0, nextNanos - now)))));
        return this;
    }

    private Behavior<Command> onListed(Listed listed) {
        return run(
                listed.failure() == null
                        ? core.listed(listed.ledgerIds(), now())
                        : core.listFailed(String.valueOf(listed.failure().getMessage()), now()));
    }

    private Behavior<Command> onRegisterRead(RegisterRead read) {
        return run(
                read.failure() == null
                        ? core.registerRead(read.ledgerId(), read.value(), now())
                        : core.registerUnavailable(read.ledgerId(), now()));
    }

    private Behavior<Command> onDropRefused(DropRefused refused) {
        getContext().getLog().info("Ledger {} was not dropped: {}", refused.ledgerId(), refused.detail());
        return run(core.dropRefused(refused.ledgerId(), now()));
    }

    private Behavior<Command> run(List<GarbageEffect> effects) {
        effects.forEach(effect -> effect.accept(this));
        return this;
    }

    @Override
    public Void listLedgers(GarbageEffect.ListLedgers effect) {
        getContext()
                .pipeToSelf(
                        CompletableFuture.supplyAsync(
                                () -> setup.store().ledgerIds(effect.first(), effect.max()), setup.blocking()),
                        Listed::new);
        return null;
    }

    @Override
    public Void readRegister(GarbageEffect.ReadRegister effect) {
        getContext()
                .pipeToSelf(
                        setup.registry().read(RegistryKey.ofLedger(effect.ledgerId())),
                        (value, failure) -> new RegisterRead(effect.ledgerId(), value, failure));
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
        ActorRef<Command> self = getContext().getSelf();
        setup.drops().tell(new BookieActor.DropLedger(ledgerId, supersededAt, new LedgerActor.DropWaiter() {
            @Override
            public void dropped() {
                self.tell(new Dropped(ledgerId));
            }

            @Override
            public void refused(String detail) {
                self.tell(new DropRefused(ledgerId, detail));
            }
        }));
        return null;
    }

    @Override
    public Void ended(GarbageEffect.Ended effect) {
        timers.cancel(Tick.INSTANCE);
        scheduleNext();
        GarbageCollector.Run run = effect.run();
        setup.metrics().ended(run);
        if (!run.reason().isEmpty()) {
            getContext().getLog().warn("Garbage of bookie {} was not collected: {}", setup.bookie(), run.reason());
        } else if (run.dropped() > 0) {
            getContext()
                    .getLog()
                    .info("Dropped {} of {} ledgers of bookie {}", run.dropped(), run.examined(), setup.bookie());
        }
        if (run.orphans() > 0) {
            getContext()
                    .getLog()
                    .warn(
                            "{} ledgers of bookie {} were never registered; they stay. Some of them: {}",
                            run.orphans(),
                            setup.bookie(),
                            run.someOrphans());
        }
        return null;
    }

    private long now() {
        return setup.nanoClock().getAsLong();
    }
}
