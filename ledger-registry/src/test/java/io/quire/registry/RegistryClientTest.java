package io.quire.registry;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryTombstones.Collection;
import io.quire.protocol.Replication;
import io.quire.protocol.VoterId;
import io.quire.registry.storage.AcceptorStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real client, voters and founding in a cluster of one node, on real files. */
class RegistryClientTest extends RegistryContract {
    private static final int VOTERS = 3;
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
                    """).withFallback(ConfigFactory.load());

    private static ActorTestKit kit;
    private static RegistryClient client;

    @BeforeAll
    static void start(@TempDir Path directory) throws IOException {
        kit = ActorTestKit.create("registry", CONFIG);
        Cluster cluster = Cluster.get(kit.system());
        cluster.manager().tell(Join.create(cluster.selfMember().address()));
        for (int i = 0; i < VOTERS; i++) {
            KeyValueStore store =
                    LmdbKeyValueStore.open(Files.createDirectory(directory.resolve("voter" + i)), 1 << 24);
            AcceptorStore.format(store, new VoterId(new UUID(4, i)));
            kit.spawn(VoterActor.create(AcceptorStore.open(store)), "voter" + i, VoterActor.DISPATCHER);
        }
        for (int i = 0; i < 2; i++) {
            kit.spawn(FoundingActor.create("test", VOTERS), "founding" + i);
        }
        client = RegistryClient.create(kit.system(), RegistrySettings.from(CONFIG), (key, hint) -> () -> {});
    }

    @AfterAll
    static void stop() {
        kit.shutdownTestKit();
    }

    @Test
    @DisplayName("R6: the config is the one that the voters and the cluster's name make")
    void config() {
        await(registry().read(new RegistryKey("/any")));
        assertThat(await(client.config()))
                .contains(RegistryConfig.founding(
                        "test",
                        java.util.stream.IntStream.range(0, VOTERS)
                                .mapToObj(i -> new VoterId(new UUID(4, i)))
                                .toList()));
    }

    @Test
    @DisplayName(
            "R4: a purged ledger's register is collected at all voters; nothing else is, and nobody writes it again")
    void collect() {
        LedgerId ledgerId = new LedgerId(77);
        RegistryKey key = RegistryKey.ofLedger(ledgerId);
        LedgerMetadata open = LedgerMetadata.create(
                ledgerId, new Replication(1, 1, 1), new Ensemble(List.of(new BookieId(new UUID(0, 1)))), Map.of(), 0);
        assertThat(await(client.collect(ledgerId))).isInstanceOf(Collection.NotPurged.class);
        await(client.compareAndSet(key, 0, open.encode(), op(1)));
        assertThat(await(client.collect(ledgerId))).isInstanceOf(Collection.NotPurged.class);
        await(client.compareAndSet(key, 1, open.withDeletion(Deletion.PURGED).encode(), op(2)));
        assertThat(await(client.collect(ledgerId))).isEqualTo(new Collection.Complete());
        assertThat(await(client.collect(ledgerId))).isEqualTo(new Collection.Complete());
        assertThat(await(client.read(key))).isEqualTo(RegisterValue.COLLECTED);
        assertThat(await(client.compareAndSet(key, 0, open.encode(), op(3))))
                .isEqualTo(new Registry.CasResult.Conflict(RegisterValue.COLLECTED));
        assertThat(await(client.list(RegistryKey.LEDGERS, Optional.empty(), 10)).entries())
                .isEmpty();
    }

    private static OpId op(long number) {
        return new OpId(new UUID(77, number));
    }

    @Override
    protected Registry registry() {
        return client;
    }

    @Override
    protected <T> T await(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(40, TimeUnit.SECONDS).join();
    }
}
