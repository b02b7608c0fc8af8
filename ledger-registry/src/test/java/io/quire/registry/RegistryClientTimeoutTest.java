package io.quire.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * The client's actor does not answer in time: there are no voters, and the deadline that it measures itself is an hour
 * away when the test lets the ask's time pass.
 */
class RegistryClientTimeoutTest {
    private static final Config CONFIG =
            ManualTime.config().withFallback(ConfigFactory.parseString("""
                    pekko.loglevel = WARNING
                    quire.registry.operation-timeout = 1 h
                    """)).withFallback(ConfigFactory.load());
    private static final Duration PAST_EVERY_ASK = Duration.ofHours(2);
    private static final RegistryKey KEY = new RegistryKey("/any");
    private static ActorTestKit kit;
    private static RegistryClient client;

    @BeforeAll
    static void start() {
        kit = ActorTestKit.create("silent", CONFIG);
        client = RegistryClient.create(kit.system(), RegistrySettings.from(CONFIG), (key, hint) -> () -> {});
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    private static <T> T afterTheTimeout(CompletionStage<T> stage) {
        assertThat(stage.toCompletableFuture()).isNotDone();
        ManualTime.get(kit.system()).timePasses(PAST_EVERY_ASK);
        return stage.toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
    }

    @Test
    @DisplayName("R2, H85: a change that the client's own actor did not answer may be registered: UNKNOWN")
    void changeIsUnknown() {
        Registry.CasResult result =
                afterTheTimeout(client.compareAndSet(KEY, 0, Payload.ofUtf8("value"), new OpId(new UUID(1, 1))));
        assertThat(result)
                .isInstanceOfSatisfying(Registry.CasResult.Unknown.class, unknown -> assertThat(unknown.reason())
                        .contains("did not answer"));
    }

    @Test
    @DisplayName("a read that the client's own actor did not answer is unavailable")
    void readIsUnavailable() {
        assertThatThrownBy(() -> afterTheTimeout(client.read(KEY)))
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(Registry.UnavailableException.class);
    }

    @Test
    @DisplayName("a page that the client's own actor did not answer is unavailable")
    void listIsUnavailable() {
        assertThatThrownBy(() -> afterTheTimeout(client.list("/", Optional.empty(), 10)))
                .isInstanceOf(CompletionException.class)
                .hasCauseInstanceOf(Registry.UnavailableException.class);
    }
}
