package io.quire.bookie;

import io.quire.bookie.core.ScrubPace;
import io.quire.bookie.storage.StoreScrub;
import java.time.Duration;
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
 * Runs the {@link StoreScrub} of one store, a step at a time, at a pace that gets through the store once in a period. A step
 * that fails is tried again later: the disk may be at fault, and then whoever writes notices.
 *
 * <p>A child of {@link BookieActor}, and stopped by it.
 */
final class ScrubActor extends AbstractBehavior<ScrubActor.Command> {
    private static final Duration RETRY = Duration.ofSeconds(30);

    private final TimerScheduler<Command> timers;
    private final StoreScrub scrub;
    private final BookieSettings.Scrub settings;
    private final BookieMetrics metrics;
    private final LongSupplier storeBytes;
    private final Executor blocking;
    private final ScrubPace pace;
    private boolean stepping;
    private long bytesThisPass;
    private long entriesThisPass;
    private long damagedThisPass;
    private Progress lastPass;

    sealed interface Command {}

    /** Begins a pass now, and makes it as fast as the settings allow. */
    enum Hurry implements Command {
        INSTANCE
    }

    /** Asks how far the scrub is. */
    record GetProgress(ActorRef<Progress> replyTo) implements Command {}

    /**
     * How far a scrub is.
     *
     * @param active whether a pass is under way
     * @param passes completed since the store was formatted
     * @param ledgerId the pass stands at this ledger
     * @param bytes verified in this pass since the last start of the bookie
     * @param entries found good in it
     * @param damaged findings in it: a ledger may count more than once
     */
    record Progress(boolean active, long passes, long ledgerId, long bytes, long entries, long damaged) {}

    private record Stepped(StoreScrub.Step step, Throwable failure) implements Command {}

    private enum Step implements Command {
        INSTANCE
    }

    private ScrubActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            StoreScrub scrub,
            BookieSettings.Scrub settings,
            BookieMetrics metrics,
            LongSupplier storeBytes,
            Executor blocking) {
        super(context);
        this.timers = timers;
        this.scrub = scrub;
        this.settings = settings;
        this.metrics = metrics;
        this.storeBytes = storeBytes;
        this.blocking = blocking;
        this.pace = new ScrubPace(settings.period().toNanos(), settings.bytesPerSecondMax());
        pace.passBegins(System.nanoTime());
        timers.startSingleTimer(Step.INSTANCE, settings.startDelay());
    }

    /**
     * @param storeBytes how large the store is on disk, about
     */
    static Behavior<Command> create(
            StoreScrub scrub,
            BookieSettings.Scrub settings,
            BookieMetrics metrics,
            LongSupplier storeBytes,
            Executor blocking) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new ScrubActor(context, timers, scrub, settings, metrics, storeBytes, blocking)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Step.class, step -> onStep())
                .onMessage(Stepped.class, this::onStepped)
                .onMessage(Hurry.class, hurry -> onHurry())
                .onMessage(GetProgress.class, this::onGetProgress)
                .build();
    }

    private Behavior<Command> onStep() {
        if (!stepping) {
            stepping = true;
            getContext()
                    .pipeToSelf(
                            CompletableFuture.supplyAsync(() -> scrub.step(settings.stepBytes()), blocking),
                            Stepped::new);
        }
        return this;
    }

    private Behavior<Command> onStepped(Stepped stepped) {
        stepping = false;
        if (stepped.failure() != null) {
            getContext().getLog().warn("A step of the scrub failed: {}", String.valueOf(stepped.failure()));
            timers.startSingleTimer(Step.INSTANCE, RETRY);
            return this;
        }
        StoreScrub.Step step = stepped.step();
        bytesThisPass += step.bytes();
        entriesThisPass += step.entries();
        damagedThisPass += step.damaged().size();
        metrics.scrubbedBytes.increment((double) step.bytes());
        metrics.scrubDamage.increment(step.damaged().size());
        long now = System.nanoTime();
        if (step.passEnded()) {
            metrics.scrubPasses.increment();
            endPass();
            timers.startSingleTimer(Step.INSTANCE, Duration.ofNanos(pace.passEnded(now)));
        } else {
            timers.startSingleTimer(
                    Step.INSTANCE, Duration.ofNanos(pace.afterStep(step.bytes(), storeBytes.getAsLong())));
        }
        return this;
    }

    private void endPass() {
        lastPass = progress(false);
        if (damagedThisPass > 0) {
            getContext().getLog().warn("The scrub found {} damaged places in this pass", damagedThisPass);
        }
        bytesThisPass = 0;
        entriesThisPass = 0;
        damagedThisPass = 0;
    }

    private Behavior<Command> onHurry() {
        pace.hurry(System.nanoTime());
        lastPass = null;
        timers.cancel(Step.INSTANCE);
        return onStep();
    }

    private Behavior<Command> onGetProgress(GetProgress get) {
        boolean resting = lastPass != null && bytesThisPass == 0;
        get.replyTo().tell(resting ? lastPass : progress(true));
        return this;
    }

    private Progress progress(boolean active) {
        StoreScrub.Position position = scrub.position();
        return new Progress(
                active, position.passes(), position.ledgerId(), bytesThisPass, entriesThisPass, damagedThisPass);
    }
}
