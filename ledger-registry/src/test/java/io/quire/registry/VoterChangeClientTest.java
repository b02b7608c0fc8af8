package io.quire.registry;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryVoters.Change;
import io.quire.protocol.RegistryVoters.Status;
import io.quire.protocol.RegistryVoters.Voter;
import io.quire.protocol.RegistryVoters.VoterState;
import io.quire.protocol.VoterId;
import io.quire.registry.storage.AcceptorStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Three founding voters and one that is new, real actors and files: the new one replaces one that is gone. */
class VoterChangeClientTest {
    private static final Config CONFIG = ConfigFactory.parseString("""
                    pekko {
                      loglevel = WARNING
                      actor.provider = cluster
                      actor.allow-java-serialization = off
                      remote.artery.transport = tcp
                      remote.artery.canonical { hostname = "127.0.0.1", port = 0 }
                      cluster.jmx.multi-mbeans-in-same-jvm = on
                      cluster.gossip-interval = 100 ms
                      cluster.leader-actions-interval = 100 ms
                      cluster.periodic-tasks-initial-delay = 100 ms
                      coordinated-shutdown.exit-jvm = off
                    }
                    quire.registry.operation-timeout = 30 s
                    quire.registry.resend-interval = 50 ms
                    """).withFallback(ConfigFactory.load());

    private final ActorTestKit kit = ActorTestKit.create("voters", CONFIG);
    private final List<ActorRef<?>> voters = new ArrayList<>();

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    @Test
    @DisplayName("R5: a lost voter is replaced by a new one, registers and all; what cannot be is refused")
    void replacesLostVoter(@TempDir Path directory) throws IOException {
        Cluster cluster = Cluster.get(kit.system());
        cluster.manager().tell(Join.create(cluster.selfMember().address()));
        for (int i = 1; i <= 3; i++) {
            startVoter(directory, i);
        }
        kit.spawn(FoundingActor.create("test", 3));
        RegistryClient client =
                RegistryClient.create(kit.system(), RegistrySettings.from(CONFIG), (key, hint) -> () -> {});
        RegistryKey key = new RegistryKey("/t/a");
        await(client.compareAndSet(key, 0, Payload.ofUtf8("before"), op(1)));

        assertThat(await(client.change(ids(1, 2, 4), false))).isInstanceOf(Change.Refused.class);
        assertThat(await(client.change(List.of(), false))).isInstanceOf(Change.Refused.class);
        assertThat(await(client.change(ids(1, 1), false))).isInstanceOf(Change.Refused.class);
        assertThat(await(client.change(ids(1, 2, 3), false))).isInstanceOf(Change.Refused.class);
        assertThat(await(client.config()).orElseThrow().epoch()).isEqualTo(1);

        startVoter(directory, 4);
        kit.stop(voters.get(2));
        assertThat(eventuallyPlanned(client, ids(1, 2, 4))).isEqualTo(ids(1, 2, 4));
        assertThat(await(client.change(ids(1, 2, 4), false)))
                .isInstanceOfSatisfying(
                        Change.Changed.class,
                        changed -> assertThat(changed.config().voters()).isEqualTo(ids(1, 2, 4)));
        kit.stop(voters.get(0));
        assertThat(await(client.read(key)).value()).isEqualTo(Payload.ofUtf8("before"));
        assertThat(await(client.compareAndSet(key, 1, Payload.ofUtf8("after"), op(2))))
                .isEqualTo(new Registry.CasResult.Applied(2));
        Status status = await(client.describe());
        assertThat(status.config().epoch()).isEqualTo(2);
        assertThat(status.voters())
                .filteredOn(voter -> voter.id().equals(id(4)))
                .singleElement()
                .extracting(Voter::state)
                .isEqualTo(VoterState.SERVING);
    }

    /** The node's list of voters takes a moment to have a new one; a dry run tells. */
    private List<VoterId> eventuallyPlanned(RegistryClient client, List<VoterId> next) {
        Change change = await(client.change(next, true));
        for (int i = 0; i < 20 && !(change instanceof Change.Planned); i++) {
            change = await(client.change(next, true));
        }
        return ((Change.Planned) change).next().voters();
    }

    private void startVoter(Path directory, int number) throws IOException {
        KeyValueStore store =
                LmdbKeyValueStore.open(Files.createDirectory(directory.resolve("voter" + number)), 1 << 24);
        AcceptorStore.format(store, id(number));
        voters.add(kit.spawn(VoterActor.create(AcceptorStore.open(store)), "voter" + number, VoterActor.DISPATCHER));
    }

    private static <T> T await(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(60, TimeUnit.SECONDS).join();
    }

    private static List<VoterId> ids(long... numbers) {
        return LongStream.of(numbers).mapToObj(VoterChangeClientTest::id).toList();
    }

    private static VoterId id(long number) {
        return new VoterId(new UUID(4, number));
    }

    private static OpId op(long number) {
        return new OpId(new UUID(7, number));
    }
}
