package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import io.quire.protocol.wire.Envelope;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Addresses in an actor system that others can reach. */
class AddressTest {
    private final ActorTestKit kit =
            ActorTestKit.create("addresses", ConfigFactory.parseString("""
                            pekko.actor.provider = remote
                            pekko.remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                            """).withFallback(ConfigFactory.load()));

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    @Test
    @DisplayName("R7: an address stands for the actor that is there now, not for an earlier one")
    void now() {
        ActorRef<Object> first = kit.spawn(Behaviors.ignore(), "bookie");
        String withId = ActorRefResolver.get(kit.system()).toSerializationFormat(first);
        String address = withId.substring(0, withId.indexOf('#'));
        assertThat(Envelope.resolve(kit.system(), address)).isEqualTo(first);
        kit.stop(first);
        ActorRef<Object> second = kit.spawn(Behaviors.ignore(), "bookie");
        assertThat(second).isNotEqualTo(first);
        assertThat(Envelope.resolve(kit.system(), address)).isEqualTo(second);
    }

    @Test
    @DisplayName("what is no address is refused")
    void malformed() {
        assertThatThrownBy(() -> Envelope.resolve(kit.system(), "not an address"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("not an address");
    }
}
