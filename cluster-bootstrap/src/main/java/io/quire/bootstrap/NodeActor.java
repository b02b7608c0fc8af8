package io.quire.bootstrap;

import io.quire.bookie.BookieActor;
import io.quire.client.TombstoneKeeperActor;
import io.quire.registry.FoundingActor;
import io.quire.registry.VoterActor;
import io.quire.registry.storage.AcceptorStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The guardian of a node: parent of its voters and bookies. A voter that fails, and the last bookie that fails, end the
 * node; it tells its owner why and does nothing by itself. But a bookie that failed for want of room on its disk is
 * started again, as a new boot, less and less often until there is room (H61).
 */
final class NodeActor extends AbstractBehavior<NodeActor.Command> {
    private final TimerScheduler<Command> timers;
    private final NodeListener listener;
    private final Map<String, Hosted> bookies = new LinkedHashMap<>();
    private final List<ActorRef<Void>> voters = new ArrayList<>();
    private ActorRef<Done> stoppedTo;
    private boolean readOnly;

    sealed interface Command {}

    record StartVoter(AcceptorStore store, int index) implements Command {}

    record StartFounding(String clusterName, int voters) implements Command {}

    /**
     * Starts a bookie; {@code setup} is told where its events go.
     *
     * @param around what stands around its actor, in every boot
     */
    record StartBookie(
            String name,
            Function<ActorRef<BookieActor.Event>, BookieActor.Setup> setup,
            UnaryOperator<Behavior<Object>> around)
            implements Command {}

    /** An operator's wish for all bookies of this node, those that start later too. Who serves now has yet to be told. */
    record WishReadOnly(boolean readOnly, ActorRef<Serving> replyTo) implements Command {}

    /** The bookies that serve. */
    record Serving(List<ActorRef<Object>> bookies) {}

    /** Stops the bookies in order, then the voters. */
    record StopAll(ActorRef<Done> replyTo) implements Command {}

    /** Stops one bookie in order; answered once its store is closed. The others go on. */
    record StopBookie(String name, ActorRef<Done> replyTo) implements Command {}

    /** Starts one bookie that has ended, as a new boot; answered once it serves. */
    record StartEnded(String name, ActorRef<Done> replyTo) implements Command {}

    /** Asks for the bookies that run. */
    record ListBookies(ActorRef<RunningBookies> replyTo) implements Command {}

    /** The bookies that run, or are starting or stopping. */
    record RunningBookies(List<ActorRef<Object>> actors) {
        RunningBookies {
            actors = List.copyOf(actors);
        }
    }

    /** Starts who brings deleted ledgers to their end; it runs until the node ends. */
    record StartTombstones(TombstoneKeeperActor.Setup setup) implements Command {}

    private record BookieEvent(String name, BookieActor.Event event) implements Command {}

    private record StartAgain(String name) implements Command {}

    /** One bookie. It has ended when its actor has, and when it said so: only then is its store closed. */
    private static final class Hosted {
        private final String name;
        private final BookieActor.Setup setup;
        private final UnaryOperator<Behavior<Object>> around;
        private ActorRef<Object> actor;
        private boolean actorRuns;
        private boolean serves;
        private boolean hasFailed;
        private Optional<BookieActor.Event> outcome = Optional.empty();
        private Duration backoff;
        private final List<ActorRef<Done>> toldOfEnd = new ArrayList<>();
        private final List<ActorRef<Done>> toldOfStart = new ArrayList<>();

        Hosted(String name, BookieActor.Setup setup, UnaryOperator<Behavior<Object>> around) {
            this.name = name;
            this.setup = setup;
            this.around = around;
            resetBackoff();
        }

        boolean hasEnded() {
            return !actorRuns && outcome.isPresent();
        }

        void resetBackoff() {
            backoff = setup.settings().space().restartBackoffMin();
        }

        Duration nextBackoff() {
            Duration next = backoff;
            Duration most = setup.settings().space().restartBackoffMax();
            backoff = next.multipliedBy(2).compareTo(most) > 0 ? most : next.multipliedBy(2);
            return next;
        }
    }

    private NodeActor(ActorContext<Command> context, TimerScheduler<Command> timers, NodeListener listener) {
        super(context);
        this.timers = timers;
        this.listener = listener;
    }

    static Behavior<Command> create(NodeListener listener) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> new NodeActor(context, timers, listener)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(StartVoter.class, this::onStartVoter)
                .onMessage(StartFounding.class, this::onStartFounding)
                .onMessage(StartBookie.class, this::onStartBookie)
                .onMessage(StopBookie.class, this::onStopBookie)
                .onMessage(StartEnded.class, this::onStartEnded)
                .onMessage(ListBookies.class, this::onListBookies)
                .onMessage(StartTombstones.class, this::onStartTombstones)
                .onMessage(BookieEvent.class, this::onBookieEvent)
                .onMessage(StartAgain.class, this::onStartAgain)
                .onMessage(WishReadOnly.class, this::onWishReadOnly)
                .onMessage(StopAll.class, this::onStopAll)
                .onSignal(Terminated.class, this::onTerminated)
                .build();
    }

    private Behavior<Command> onStartVoter(StartVoter start) {
        ActorRef<Void> voter = getContext()
                .spawn(VoterActor.create(start.store()), "voter-" + start.index(), VoterActor.DISPATCHER)
                .unsafeUpcast();
        voters.add(voter);
        getContext().watch(voter);
        return this;
    }

    private Behavior<Command> onStartFounding(StartFounding start) {
        getContext().spawn(FoundingActor.create(start.clusterName(), start.voters()), "founding");
        return this;
    }

    private Behavior<Command> onStartBookie(StartBookie start) {
        ActorRef<Command> self = getContext().getSelf();
        // One for each bookie, since events do not say whose they are.
        ActorRef<BookieActor.Event> events = getContext()
                .spawn(
                        Behaviors.receiveMessage(event -> {
                            self.tell(new BookieEvent(start.name(), event));
                            return Behaviors.same();
                        }),
                        start.name() + "-events");
        Hosted bookie = new Hosted(start.name(), start.setup().apply(events), start.around());
        bookies.put(bookie.name, bookie);
        launch(bookie);
        return this;
    }

    private void launch(Hosted bookie) {
        bookie.actor = getContext().spawn(bookie.around.apply(BookieActor.create(bookie.setup)), bookie.name);
        bookie.actorRuns = true;
        bookie.outcome = Optional.empty();
        getContext().watch(bookie.actor);
    }

    private Behavior<Command> onStopBookie(StopBookie stop) {
        Hosted bookie = bookies.get(stop.name());
        timers.cancel(bookie.name);
        bookie.toldOfEnd.add(stop.replyTo());
        if (bookie.actorRuns) {
            bookie.actor.tell(BookieActor.Stop.INSTANCE);
        }
        tellOfEnd(bookie);
        return this;
    }

    private Behavior<Command> onStartEnded(StartEnded start) {
        Hosted bookie = bookies.get(start.name());
        if (bookie.hasEnded() && stoppedTo == null) {
            bookie.hasFailed = false;
            launch(bookie);
        }
        bookie.toldOfStart.add(start.replyTo());
        tellOfStart(bookie);
        return this;
    }

    private static void tellOfEnd(Hosted bookie) {
        if (bookie.hasEnded()) {
            bookie.toldOfEnd.forEach(waiting -> waiting.tell(Done.getInstance()));
            bookie.toldOfEnd.clear();
        }
    }

    private static void tellOfStart(Hosted bookie) {
        if (bookie.serves) {
            bookie.toldOfStart.forEach(waiting -> waiting.tell(Done.getInstance()));
            bookie.toldOfStart.clear();
        }
    }

    private Behavior<Command> onListBookies(ListBookies list) {
        list.replyTo()
                .tell(new RunningBookies(bookies.values().stream()
                        .filter(bookie -> bookie.actorRuns)
                        .map(bookie -> bookie.actor)
                        .toList()));
        return this;
    }

    private Behavior<Command> onStartTombstones(StartTombstones start) {
        getContext().spawn(TombstoneKeeperActor.create(start.setup()), "tombstones");
        return this;
    }

    private Behavior<Command> onBookieEvent(BookieEvent message) {
        Hosted bookie = bookies.get(message.name());
        if (message.event() instanceof BookieActor.Event.Started started) {
            bookie.serves = true;
            bookie.resetBackoff();
            if (readOnly) {
                bookie.actor.tell(new BookieActor.SetReadOnly(
                        true, getContext().getSystem().ignoreRef()));
            }
            listener.bookieStarted(bookie.name, started.bookie());
            tellOfStart(bookie);
        } else {
            bookie.serves = false;
            bookie.outcome = Optional.of(message.event());
            onEnded(bookie);
        }
        return this;
    }

    private Behavior<Command> onTerminated(Terminated terminated) {
        ActorRef<Void> ref = terminated.getRef();
        if (voters.remove(ref)) {
            if (stoppedTo == null) {
                listener.voterFailed();
            }
            goOnStopping();
        } else {
            Hosted bookie = bookies.get(ref.path().name());
            bookie.actorRuns = false;
            onEnded(bookie);
        }
        return this;
    }

    private void onEnded(Hosted bookie) {
        if (!bookie.hasEnded()) {
            return;
        }
        tellOfEnd(bookie);
        if (bookie.outcome.orElseThrow() instanceof BookieActor.Event.Failed failed) {
            if (failed.outOfSpace() && stoppedTo == null) {
                Duration backoff = bookie.nextBackoff();
                getContext()
                        .getLog()
                        .warn("{} finds no room and is started again in {}: {}", bookie.name, backoff, failed.reason());
                timers.startSingleTimer(bookie.name, new StartAgain(bookie.name), backoff);
                listener.bookieWaits(bookie.name, failed.reason());
            } else {
                bookie.hasFailed = true;
                boolean last = bookies.values().stream().allMatch(each -> each.hasFailed);
                listener.bookieFailed(failed.reason(), last);
            }
        }
        goOnStopping();
    }

    private Behavior<Command> onStartAgain(StartAgain again) {
        launch(bookies.get(again.name()));
        return this;
    }

    private Behavior<Command> onWishReadOnly(WishReadOnly wish) {
        readOnly = wish.readOnly();
        wish.replyTo()
                .tell(new Serving(bookies.values().stream()
                        .filter(bookie -> bookie.serves)
                        .map(bookie -> bookie.actor)
                        .toList()));
        return this;
    }

    private Behavior<Command> onStopAll(StopAll stop) {
        stoppedTo = stop.replyTo();
        timers.cancelAll();
        bookies.values().stream()
                .filter(bookie -> bookie.actorRuns)
                .forEach(bookie -> bookie.actor.tell(BookieActor.Stop.INSTANCE));
        goOnStopping();
        return this;
    }

    private void goOnStopping() {
        if (stoppedTo == null || !bookies.values().stream().allMatch(Hosted::hasEnded)) {
            return;
        }
        if (voters.isEmpty()) {
            stoppedTo.tell(Done.getInstance());
        } else {
            List.copyOf(voters).forEach(voter -> getContext().stop(voter));
        }
    }
}
