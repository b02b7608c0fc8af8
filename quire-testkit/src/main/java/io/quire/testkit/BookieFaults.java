package io.quire.testkit;

import io.quire.bookie.BookieActor;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.WireMessage;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.BehaviorInterceptor;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Signal;
import org.apache.pekko.actor.typed.TypedActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;

/** What stands between one bookie and its clients, to be broken by a test. Thread-safe. */
final class BookieFaults {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    /** The wire to the bookie. */
    enum Wire {
        WHOLE,
        /** What comes waits, in both directions. */
        PAUSED,
        /** What comes is lost, in both directions. */
        CUT
    }

    private Wire wanted = Wire.WHOLE;
    private Optional<ActorRef<Object>> bookie = Optional.empty();

    private record Turn(Wire wire, CompletableFuture<Void> done) {}

    /** The bookie with the wire before it; also that of a later boot. */
    Behavior<Object> around(Behavior<Object> behavior) {
        return Behaviors.intercept(Interceptor::new, behavior);
    }

    /** When this returns the wire is as wanted. */
    void turn(Wire wire) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        synchronized (this) {
            wanted = wire;
            bookie.ifPresentOrElse(actor -> actor.tell(new Turn(wire, done)), () -> done.complete(null));
        }
        done.orTimeout(PATIENCE.toNanos(), TimeUnit.NANOSECONDS).join();
    }

    private synchronized Wire started(ActorRef<Object> actor) {
        bookie = Optional.of(actor);
        return wanted;
    }

    private synchronized void ended(ActorRef<Object> actor) {
        bookie = bookie.filter(current -> !current.equals(actor));
    }

    private record Held(Object message, ActorRef<Object> sender) {}

    /** On the bookie's thread. */
    private final class Interceptor extends BehaviorInterceptor<Object, Object> {
        private final Deque<Held> held = new ArrayDeque<>();
        private Wire wire = Wire.WHOLE;

        Interceptor() {
            super(Object.class);
        }

        @Override
        public Behavior<Object> aroundStart(TypedActorContext<Object> context, PreStartTarget<Object> target) {
            wire = started(context.asJava().getSelf());
            return target.start(context);
        }

        @Override
        public Behavior<Object> aroundReceive(
                TypedActorContext<Object> context, Object message, ReceiveTarget<Object> target) {
            if (message instanceof Turn turn) {
                wire = turn.wire();
                ActorRef<Object> self = context.asJava().getSelf();
                while (wire != Wire.PAUSED && !held.isEmpty()) {
                    Held waiting = held.poll();
                    Envelope.send(self, waiting.message(), waiting.sender());
                }
                turn.done().complete(null);
                return Behaviors.same();
            }
            boolean isOnTheWire = message instanceof WireMessage || message instanceof BookieActor.Outgoing;
            if (isOnTheWire && wire == Wire.PAUSED) {
                held.add(new Held(message, Envelope.sender(context.asJava())));
                return Behaviors.same();
            }
            return isOnTheWire && wire == Wire.CUT ? Behaviors.same() : target.apply(context, message);
        }

        @Override
        public Behavior<Object> aroundSignal(
                TypedActorContext<Object> context, Signal signal, SignalTarget<Object> target) {
            if (signal instanceof PostStop) {
                ended(context.asJava().getSelf());
            }
            return target.apply(context, signal);
        }
    }
}
