package io.quire.registry;

import io.quire.protocol.RegisterValue;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * One watch of one register: reads it linearizably whenever the feed hints at news, and at a slow pace behind the feed's
 * back (R25). Stopped by its owner.
 */
final class WatchActor extends AbstractBehavior<WatchActor.Command> {
    private final Supplier<CompletionStage<RegisterValue>> read;
    private final Consumer<RegisterValue> listener;
    private long deliveredVersion = -1;
    private boolean reading;
    private boolean lookAgain;

    sealed interface Command {}

    /** There may be news. */
    enum Look implements Command {
        INSTANCE
    }

    /** The watch is over. */
    enum Stop implements Command {
        INSTANCE
    }

    private record Seen(RegisterValue value, Throwable failure) implements Command {}

    private WatchActor(
            ActorContext<Command> context,
            Supplier<CompletionStage<RegisterValue>> read,
            Consumer<RegisterValue> listener) {
        super(context);
        this.read = read;
        this.listener = listener;
    }

    static Behavior<Command> create(
            Supplier<CompletionStage<RegisterValue>> read, Consumer<RegisterValue> listener, Duration pollInterval) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Look.INSTANCE, pollInterval);
            context.getSelf().tell(Look.INSTANCE);
            return new WatchActor(context, read, listener);
        }));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Look.class, look -> onLook())
                .onMessage(Seen.class, this::onSeen)
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .build();
    }

    private Behavior<Command> onLook() {
        if (reading) {
            lookAgain = true;
        } else {
            reading = true;
            getContext().pipeToSelf(read.get(), Seen::new);
        }
        return this;
    }

    private Behavior<Command> onSeen(Seen seen) {
        reading = false;
        if (seen.failure() != null) {
            getContext()
                    .getLog()
                    .debug(
                            "A watched register could not be read: {}",
                            seen.failure().toString());
        } else if (seen.value().version() > deliveredVersion) {
            deliveredVersion = seen.value().version();
            listener.accept(seen.value());
        }
        if (lookAgain) {
            lookAgain = false;
            getContext().getSelf().tell(Look.INSTANCE);
        }
        return this;
    }
}
