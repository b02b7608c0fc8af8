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
import io.quire.bookie.SmallDisk;
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
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.UnaryOperator;
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
    private final LocalFeed feed = new LocalFeed();
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
        return startBookie(name, directory.resolve(name));
    }

    private BookieId startBookie(String name, Path place) {
        BookieId bookie = BookieBoot.format(place, "quire", BookieSettings.from(CONFIG));
        startFormatted(name, place, BookieBoot.journalIn(place), CONFIG);
        assertThat(told.receiveMessage(PATIENCE)).isEqualTo(new Told.Started(bookie));
        return bookie;
    }

    private void startFormatted(String name, Path place, Path journal, Config config) {
        BookieSettings settings = BookieSettings.from(config);
        node.tell(new NodeActor.StartBookie(
                name,
                events -> new BookieActor.Setup(
                        new BookieBoot.Place(place, journal, "quire", "cluster-1", "pekko://node/user/" + name, name),
                        "node-1",
                        Map.of(),
                        settings,
                        registry,
                        feed,
                        new SimpleMeterRegistry(),
                        events),
                UnaryOperator.identity()));
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

    @Test
    @DisplayName("H61: a bookie without room at its boot is started again until there is room; the others serve")
    void waitsForRoom() throws IOException {
        Config small = ConfigFactory.parseString("""
                quire.bookie {
                  free-bytes-min = 4 MiB
                  space {
                    read-only-below = 8 MiB, writable-above = 10 MiB, recovery-reserve = 4 MiB, fence-reserve = 4 MiB
                    restart-backoff-min = 10 ms, restart-backoff-max = 50 ms
                  }
                }
                """).withFallback(CONFIG);
        try (SmallDisk disk = SmallDisk.ext4(directory, 32)) {
            Path place = disk.root().resolve("full");
            BookieId waits = BookieBoot.format(place, "quire", BookieSettings.from(small));
            startBookie("other");
            disk.fillUpTo(1 << 20);
            startFormatted("full", place, BookieBoot.journalIn(place), small);
            for (int i = 0; i < 4; i++) {
                assertThat(told.receiveMessage(PATIENCE)).isInstanceOfSatisfying(Told.Waits.class, waiting -> {
                    assertThat(waiting.name()).isEqualTo("full");
                    assertThat(waiting.reason()).contains("bytes free");
                });
            }
            disk.empty();
            Told next = told.receiveMessage(PATIENCE);
            while (next instanceof Told.Waits) {
                next = told.receiveMessage(PATIENCE);
            }
            assertThat(next).isEqualTo(new Told.Started(waits));
            // It failed for another reason this time, and that is the end of it.
            supersede(waits);
            assertThat(failure().last()).isFalse();
            TestProbe<Done> stopped = kit.createTestProbe();
            node.tell(new NodeActor.StopAll(stopped.getRef()));
            stopped.expectMessage(PATIENCE, Done.getInstance());
        }
    }

    @Test
    @DisplayName("H61: a node stops in order while one of its bookies waits for room")
    void stopsWhileOneWaits() throws IOException {
        Config small = ConfigFactory.parseString("""
                quire.bookie {
                  free-bytes-min = 4 MiB
                  space {
                    read-only-below = 8 MiB, writable-above = 10 MiB, recovery-reserve = 4 MiB, fence-reserve = 4 MiB
                    restart-backoff-min = 1 h, restart-backoff-max = 1 h
                  }
                }
                """).withFallback(CONFIG);
        try (SmallDisk disk = SmallDisk.inMemory(directory, 32)) {
            Path place = disk.root().resolve("full");
            BookieBoot.format(place, "quire", BookieSettings.from(small));
            disk.fillUpTo(1 << 20);
            startBookie("other");
            startFormatted("full", place, BookieBoot.journalIn(place), small);
            assertThat(told.receiveMessage(PATIENCE)).isInstanceOf(Told.Waits.class);
            TestProbe<Done> stopped = kit.createTestProbe();
            node.tell(new NodeActor.StopAll(stopped.getRef()));
            stopped.expectMessage(PATIENCE, Done.getInstance());
            told.expectNoMessage(Duration.ZERO);
        }
    }

    @Test
    @DisplayName("P11: a store whose journal directory is gone fails alone, whether it runs or starts")
    void journalDirectoryGone() throws IOException {
        startBookie("first");
        Path place = directory.resolve("second");
        Path journal = directory.resolve("journals/second");
        BookieId second = BookieBoot.format(place, journal, "quire", BookieSettings.from(CONFIG));
        assertThat(place.resolve("journal")).doesNotExist();
        startFormatted("second", place, journal, CONFIG);
        assertThat(told.receiveMessage(PATIENCE)).isEqualTo(new Told.Started(second));
        Files.move(journal, directory.resolve("away"));
        assertThat(failure()).satisfies(failed -> {
            assertThat(failed.reason()).contains(journal.toString());
            assertThat(failed.last()).isFalse();
        });
        startFormatted("second-again", place, journal, CONFIG);
        assertThat(failure()).satisfies(failed -> {
            assertThat(failed.reason()).contains("the journal directory " + journal, "is missing");
            assertThat(failed.last()).isFalse();
        });
    }

    @Test
    @DisplayName("H62: an operator's wish reaches the bookies that serve and those that start later")
    void operatorsWish() {
        startBookie("first");
        TestProbe<NodeActor.Serving> serving = kit.createTestProbe();
        node.tell(new NodeActor.WishReadOnly(true, serving.getRef()));
        ActorRef<Object> first = serving.receiveMessage(PATIENCE).bookies().get(0);
        TestProbe<BookieActor.ReadOnlySet> set = kit.createTestProbe();
        first.tell(new BookieActor.SetReadOnly(true, set.getRef()));
        set.expectMessage(PATIENCE, new BookieActor.ReadOnlySet(true));
        awaitReadOnly(1);
        startBookie("second");
        awaitReadOnly(2);
        node.tell(new NodeActor.WishReadOnly(false, serving.getRef()));
        assertThat(serving.receiveMessage(PATIENCE).bookies()).hasSize(2).allSatisfy(bookie -> {
            bookie.tell(new BookieActor.SetReadOnly(false, set.getRef()));
            set.expectMessage(PATIENCE, new BookieActor.ReadOnlySet(false));
        });
    }

    private void awaitReadOnly(int count) {
        for (int i = 0; i < 1000; i++) {
            long readOnly = feed.bookies().stream()
                    .filter(status -> status.readOnlyReasons().equals(List.of("OPERATOR")))
                    .count();
            if (readOnly == count) {
                return;
            }
            told.expectNoMessage(Duration.ofMillis(10));
        }
        throw new AssertionError("not read-only: " + feed.bookies());
    }
}
