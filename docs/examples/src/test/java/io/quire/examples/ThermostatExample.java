package io.quire.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.persistence.QuirePersistence;
import io.quire.testkit.QuireCluster;
import io.quire.testkit.QuireExtension;
import java.time.Duration;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.state.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.state.javadsl.DurableStateBehavior;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** An actor of which only the latest state is kept, in a register of the cluster. */
@ExtendWith(QuireExtension.class)
class ThermostatExample {
    /** Turns a thermostat by some degrees; answered with what it is set to. */
    private record Turn(int degrees, ActorRef<Integer> replyTo) {}

    /** Its state is what it is set to. */
    private static final class Thermostat extends DurableStateBehavior<Turn, Integer> {
        Thermostat(String room) {
            super(PersistenceId.of("Thermostat", room));
        }

        @Override
        public Integer emptyState() {
            return 20;
        }

        @Override
        public CommandHandler<Turn, Integer> commandHandler() {
            return newCommandHandlerBuilder()
                    .forAnyState()
                    .onCommand(Turn.class, (set, turn) -> Effect()
                            .persist(set + turn.degrees())
                            .thenRun(now -> turn.replyTo().tell(now)))
                    .build();
        }
    }

    @Test
    @DisplayName("a thermostat that starts again is set to what it was")
    void thermostat(QuireCluster cluster) {
        ActorTestKit kit = ActorTestKit.create(ConfigFactory.parseString("""
                        pekko.persistence.state.plugin = "quire.persistence.state"
                        """).withFallback(ConfigFactory.load()));
        try {
            QuirePersistence.get(kit.system()).use(cluster.node());
            TestProbe<Integer> probe = kit.createTestProbe();
            ActorRef<Turn> thermostat = kit.spawn(new Thermostat("kitchen"));
            thermostat.tell(new Turn(2, probe.getRef()));
            assertThat(probe.receiveMessage(Duration.ofSeconds(10))).isEqualTo(22);
            kit.stop(thermostat);

            ActorRef<Turn> again = kit.spawn(new Thermostat("kitchen"));
            again.tell(new Turn(-1, probe.getRef()));
            assertThat(probe.receiveMessage(Duration.ofSeconds(10))).isEqualTo(21);
        } finally {
            kit.shutdownTestKit();
        }
    }
}
