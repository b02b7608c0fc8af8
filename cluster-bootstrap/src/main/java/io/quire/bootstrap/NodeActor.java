package io.quire.bootstrap;

import io.quire.bookie.BookieActor;
import io.quire.client.TombstoneKeeperActor;
import io.quire.registry.FoundingActor;
import io.quire.registry.VoterActor;
import io.quire.registry.storage.AcceptorStore;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * The guardian of a node: parent of its voters and bookies. A voter that fails, and the last bookie that fails, end the
 * node; it tells its owner why and does nothing by itself.
 */
final class NodeActor extends AbstractBehavior<NodeActor.Command> {
    private final NodeListener listener;
    private final Map<ActorRef<Void>, String> bookies = new HashMap<>();
    private final List<ActorRef<Object>> running = new ArrayList<>();
    private final List<ActorRef<Void>> voters = new ArrayList<>();
    private final ActorRef<BookieActor.Event> events;
    private ActorRef<Done> stoppedTo;
    private int started;
    private int failures;
    private int ended;

    sealed interface Command {}

    record StartVoter(AcceptorStore store, int index) implements Command {}

    record StartFounding(String clusterName, int voters) implements Command {}

    /** Starts a bookie; {@code setup} is told where its events go. */
    record StartBookie(String name, Function<ActorRef<BookieActor.Event>, BookieActor.Setup> setup)
            implements Command {}

    /** Stops the bookies in order, then the voters. */
    record StopAll(ActorRef<Done> replyTo) implements Command {}

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

    private record BookieEvent(BookieActor.Event event) implements Command {}

    private NodeActor(ActorContext<Command> context, NodeListener listener) {
        super(context);
        this.listener = listener;
        this.events = context.messageAdapter(BookieActor.Event.class, BookieEvent::new);
    }

    static Behavior<Command> create(NodeListener listener) {
        return Behaviors.setup(context -> new NodeActor(context, listener));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(StartVoter.class, this::onStartVoter)
                .onMessage(StartFounding.class, this::onStartFounding)
                .onMessage(StartBookie.class, this::onStartBookie)
                .onMessage(ListBookies.class, this::onListBookies)
                .onMessage(StartTombstones.class, this::onStartTombstones)
                .onMessage(BookieEvent.class, this::onBookieEvent)
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
        ActorRef<Object> bookie =
                getContext().spawn(BookieActor.create(start.setup().apply(events)), start.name());
        running.add(bookie);
        started++;
        bookies.put(bookie.unsafeUpcast(), start.name());
        getContext().watch(bookie);
        return this;
    }

    private Behavior<Command> onListBookies(ListBookies list) {
        list.replyTo().tell(new RunningBookies(running));
        return this;
    }

    private Behavior<Command> onStartTombstones(StartTombstones start) {
        getContext().spawn(TombstoneKeeperActor.create(start.setup()), "tombstones");
        return this;
    }

    private Behavior<Command> onBookieEvent(BookieEvent message) {
        BookieActor.Event event = message.event();
        if (event instanceof BookieActor.Event.Started started) {
            listener.bookieStarted(started.bookie());
        } else if (event instanceof BookieActor.Event.Failed failed) {
            failures++;
            ended++;
            listener.bookieFailed(failed.reason(), failures >= started);
        } else {
            ended++;
        }
        goOnStopping();
        return this;
    }

    private Behavior<Command> onTerminated(Terminated terminated) {
        ActorRef<Void> ref = terminated.getRef();
        if (bookies.remove(ref) != null) {
            running.removeIf(bookie -> bookie.path().equals(ref.path()));
        } else if (voters.remove(ref) && stoppedTo == null) {
            listener.voterFailed();
        }
        goOnStopping();
        return this;
    }

    private Behavior<Command> onStopAll(StopAll stop) {
        stoppedTo = stop.replyTo();
        running.forEach(bookie -> bookie.tell(BookieActor.Stop.INSTANCE));
        goOnStopping();
        return this;
    }

    /** A bookie has ended when it says so: only then is its store closed. */
    private void goOnStopping() {
        if (stoppedTo == null || !bookies.isEmpty() || ended < started) {
            return;
        }
        if (voters.isEmpty()) {
            stoppedTo.tell(Done.getInstance());
        } else {
            List.copyOf(voters).forEach(voter -> getContext().stop(voter));
        }
    }
}
