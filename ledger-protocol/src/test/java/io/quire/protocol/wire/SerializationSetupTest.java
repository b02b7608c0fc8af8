package io.quire.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.RandomValues;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.Done;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** An actor system that knows nothing but {@code reference.conf} uses {@link QuireSerializer}. */
class SerializationSetupTest {
    private final ActorSystem<Done> system = ActorSystem.create(Behaviors.empty(), "serialization");

    @AfterEach
    void terminate() throws Exception {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().get(30, TimeUnit.SECONDS);
    }

    @Test
    @DisplayName("the actor system finds the codec for each message, and each message comes back")
    void everyMessageIsBound() {
        Serialization serialization = SerializationExtension.get(system);
        RandomValues values = new RandomValues(31);
        for (WireMessage message : WireSamples.random(values)) {
            Serializer serializer = serialization.findSerializerFor(message);
            assertThat(serializer).isInstanceOf(QuireSerializer.class);

            String manifest = new QuireSerializer().manifest(message);
            byte[] bytes = serialization.serialize(message).get();
            assertThat(serialization
                            .deserialize(bytes, QuireSerializer.IDENTIFIER, manifest)
                            .get())
                    .isEqualTo(message);
        }
    }

    @Test
    @DisplayName("configuration and code name the same identifier")
    void identifier() {
        assertThat(system.settings()
                        .config()
                        .getInt("pekko.actor.serialization-identifiers.\"" + QuireSerializer.class.getName() + "\""))
                .isEqualTo(QuireSerializer.IDENTIFIER)
                .isEqualTo(new QuireSerializer().identifier());
    }
}
