package io.quire.persistence;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.testkit.QuireCluster;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import org.HdrHistogram.Histogram;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** {@code -Dsoak.actors=} event-sourced actors, 10 000 unless given, and how long they take; prints figures. */
class ManyActorsTest {
    private static final Duration PATIENCE = Duration.ofMinutes(5);
    private static final int EVENTS = 5;
    private static final int IN_FLIGHT = 200;

    /** Counts; what it answers is what it counted so far, and when it was started. */
    private record Count(long sentNanos, boolean persists, ActorRef<Counted> replyTo) {}

    private record Counted(int actor, int count, long sentNanos) {}

    /** Its events are ones. */
    private static final class Counter extends EventSourcedBehavior<Count, String, Integer> {
        private final int number;

        Counter(int number) {
            super(PersistenceId.of("Counter", Integer.toString(number)));
            this.number = number;
        }

        @Override
        public Integer emptyState() {
            return 0;
        }

        @Override
        public CommandHandler<Count, String, Integer> commandHandler() {
            return newCommandHandlerBuilder()
                    .forAnyState()
                    .onCommand(Count.class, (state, count) -> {
                        if (count.persists()) {
                            return Effect().persist("1").thenRun(now -> count.replyTo()
                                    .tell(new Counted(number, now, count.sentNanos())));
                        }
                        count.replyTo().tell(new Counted(number, state, count.sentNanos()));
                        return Effect().none();
                    })
                    .build();
        }

        @Override
        public EventHandler<Integer, String> eventHandler() {
            return (state, event) -> state + 1;
        }
    }

    private static Behavior<Count> counter(int number) {
        return Behaviors.setup(context -> new Counter(number));
    }

    @Test
    @Tag("soak")
    @DisplayName("thousands of event-sourced actors persist, and recover all that they persisted")
    void many() {
        int actors = Integer.getInteger("soak.actors", 10_000);
        try (QuireCluster cluster = QuireCluster.start()) {
            List<ActorRef<Count>> running = new ArrayList<>();
            ActorTestKit kit = system(cluster);
            try {
                TestProbe<Counted> probe = kit.createTestProbe();
                print("begin", actors, run(actors, i -> spawn(kit, running, i), probe, true, 1));
                for (int round = 2; round <= EVENTS; round++) {
                    print("persist", actors, run(actors, running::get, probe, true, round));
                }
                running.forEach(actor -> kit.stop(actor, PATIENCE));
                running.clear();
                print("recover", actors, run(actors, i -> spawn(kit, running, i), probe, false, EVENTS));
            } finally {
                kit.shutdownTestKit();
            }
        }
    }

    private static ActorTestKit system(QuireCluster cluster) {
        ActorTestKit kit = ActorTestKit.create(Plugins.CONFIG.withFallback(ConfigFactory.load()));
        QuirePersistence.get(kit.system()).use(cluster.node());
        return kit;
    }

    private static ActorRef<Count> spawn(ActorTestKit kit, List<ActorRef<Count>> running, int number) {
        ActorRef<Count> actor = kit.spawn(counter(number));
        running.add(actor);
        return actor;
    }

    /** What actors were told, and how long it took. */
    private record Figures(long nanos, Histogram latency) {}

    private static Figures run(
            int actors,
            IntFunction<ActorRef<Count>> actorOf,
            TestProbe<Counted> probe,
            boolean persists,
            int expected) {
        Histogram latency = new Histogram(3);
        long start = System.nanoTime();
        int sent = 0;
        for (int heard = 0; heard < actors; heard++) {
            while (sent < actors && sent - heard < IN_FLIGHT) {
                actorOf.apply(sent).tell(new Count(System.nanoTime(), persists, probe.getRef()));
                sent++;
            }
            Counted counted = probe.receiveMessage(PATIENCE);
            assertThat(counted.count()).isEqualTo(expected);
            latency.recordValue(System.nanoTime() - counted.sentNanos());
        }
        return new Figures(System.nanoTime() - start, latency);
    }

    private static void print(String what, int actors, Figures figures) {
        System.out.printf(
                "%s: %d actors in %.1f s, %.0f a second, p50 %.1f ms, p99 %.1f ms%n",
                what,
                actors,
                figures.nanos() / 1e9,
                actors / (figures.nanos() / 1e9),
                figures.latency().getValueAtPercentile(50) / 1e6,
                figures.latency().getValueAtPercentile(99) / 1e6);
    }
}
