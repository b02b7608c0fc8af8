package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.bookie.BookieActor;
import io.quire.bookie.BookieBoot;
import io.quire.bookie.BookieSettings;
import io.quire.bookie.InMemoryRegistry;
import io.quire.bookie.LocalFeed;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.OpId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.VoterActor;
import io.quire.registry.storage.AcceptorStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.apache.pekko.Done;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The guardian over real bookies and a real voter; what it tells its owner. */
class NodeActorTest {
    private static final Config CONFIG = ConfigFactory.parseString("""
                    pekko.loglevel = ERROR
                    pekko.actor.provider = local
                    quire.bookie {
                      journal.segment-bytes = 64 KiB
                      journal.group-bytes-max = 16 KiB
                      memtable.bytes = 64 KiB
                      ledger-file-bytes-max = 64 MiB
                      free-bytes-min = 1 MiB
                    }
                    """).withFallback(ConfigFactory.load());
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    Path directory;

    private final InMemoryRegistry registry = new InMemoryRegistry();
    private ActorTestKit kit;
    private TestProbe<Told> told;
    private ActorRef<NodeActor.Command> node;

    /** What the owner was told. */
    private sealed interface Told {
        record Started(BookieId bookie) implements Told {}

        record Waits(String name, String reason) implements Told {}

        record Failed(String reason, boolean last) implements Told {}

        enum VoterFailed implements Told {
            INSTANCE
        }
    }

    @BeforeEach
    void start() {
        kit = ActorTestKit.create("node", CONFIG);
        told = kit.createTestProbe();
        node = kit.spawn(NodeActor.create(new NodeListener() {
            @Override
            public void bookieStarted(String name, BookieId bookie) {
                told.getRef().tell(new Told.Started(bookie));
            }

            @Override
            public void bookieWaits(String name, String reason) {
                told.getRef().tell(new Told.Waits(name, reason));
            }

            @Override
            public void bookieFailed(String reason, boolean last) {
                told.getRef().tell(new Told.Failed(reason, last));
            }

            @Override
            public void voterFailed() {
                told.getRef().tell(Told.VoterFailed.INSTANCE);
            }
        }));
    }

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    private BookieId startBookie(String name) {
        BookieSettings settings = BookieSettings.from(CONFIG);
        Path place = directory.resolve(name);
        BookieId bookie = BookieBoot.format(place, "quire", settings);
        node.tell(new NodeActor.StartBookie(
                name,
                events -> new BookieActor.Setup(
                        new BookieBoot.Place(place, "quire", "cluster-1", "pekko://node/user/" + name, name),
                        "node-1",
                        Map.of(),
                        settings,
                        registry,
                        new LocalFeed(),
                        new SimpleMeterRegistry(),
                        events)));
        assertThat(told.receiveMessage(PATIENCE)).isEqualTo(new Told.Started(bookie));
        return bookie;
    }

    /** Makes a bookie stop by itself: somebody else is its next boot (R7). */
    private void supersede(BookieId bookie) {
        RegistryKey key = RegistryKey.ofBookie(bookie);
        RegisterValue current = registry.read(key).toCompletableFuture().join();
        BookieRegistration registered = BookieRegistration.decode(current.value());
        registry.compareAndSet(
                        key,
                        current.version(),
                        registered
                                .booted(registered.bootEpoch().next(), "elsewhere", registered.name())
                                .encode(),
                        new OpId(new UUID(7, 7)))
                .toCompletableFuture()
                .join();
    }

    private Told.Failed failure() {
        return (Told.Failed) told.receiveMessage(PATIENCE);
    }

    private AcceptorStore formattedVoter() throws IOException {
        KeyValueStore store = LmdbKeyValueStore.open(Files.createDirectory(directory.resolve("voter")), 1 << 20);
        AcceptorStore.format(store, new VoterId(new UUID(4, 4)));
        return AcceptorStore.open(store);
    }

    @Test
    @DisplayName("the node is to end when the last of its bookies has failed, not before")
    void lastBookieFailed() {
        BookieId first = startBookie("first");
        BookieId second = startBookie("second");
        supersede(first);
        assertThat(failure()).satisfies(failed -> {
            assertThat(failed.reason()).contains("superseded");
            assertThat(failed.last()).isFalse();
        });
        supersede(second);
        assertThat(failure().last()).isTrue();
    }

    @Test
    @DisplayName("a node that stops its parts in order hears of no failure")
    void stopsInOrder() throws IOException {
        startBookie("first");
        startBookie("second");
        node.tell(new NodeActor.StartVoter(formattedVoter(), 0));
        TestProbe<Done> stopped = kit.createTestProbe();
        node.tell(new NodeActor.StopAll(stopped.getRef()));
        stopped.expectMessage(PATIENCE, Done.getInstance());
        told.expectNoMessage(Duration.ZERO);
    }

    @Test
    @DisplayName("a node with a failed bookie still stops the others in order")
    void stopsTheRest() {
        BookieId first = startBookie("first");
        startBookie("second");
        supersede(first);
        failure();
        TestProbe<Done> stopped = kit.createTestProbe();
        node.tell(new NodeActor.StopAll(stopped.getRef()));
        stopped.expectMessage(PATIENCE, Done.getInstance());
        told.expectNoMessage(Duration.ZERO);
    }

    @Test
    @DisplayName("a voter whose store fails is told at once")
    void voterFailed() throws IOException {
        AcceptorStore store = formattedVoter();
        node.tell(new NodeActor.StartVoter(store, 0));
        TestProbe<Receptionist.Listing> listings = kit.createTestProbe();
        kit.system().receptionist().tell(Receptionist.subscribe(VoterActor.SERVICE, listings.getRef()));
        Receptionist.Listing listing = listings.receiveMessage(PATIENCE);
        while (listing.getServiceInstances(VoterActor.SERVICE).isEmpty()) {
            listing = listings.receiveMessage(PATIENCE);
        }
        store.close();
        ActorRef<RegistryRequest> voter =
                listing.getServiceInstances(VoterActor.SERVICE).iterator().next();
        voter.tell(new RegistryRequest.DescribeVoter(1));
        assertThat(told.receiveMessage(PATIENCE)).isEqualTo(Told.VoterFailed.INSTANCE);
    }
}
