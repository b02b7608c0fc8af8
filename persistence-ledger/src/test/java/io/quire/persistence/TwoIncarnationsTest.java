package io.quire.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import io.quire.client.log.LogMetadata;
import io.quire.protocol.LedgerId;
import io.quire.testkit.QuireCluster;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.query.PersistenceQuery;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.javadsl.EventHandler;
import org.apache.pekko.persistence.typed.javadsl.EventSourcedBehavior;
import org.apache.pekko.persistence.typed.javadsl.RetentionCriteria;
import org.apache.pekko.stream.javadsl.Sink;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Event-sourced actors with one persistence id in two actor systems, as in a split brain. */
class TwoIncarnationsTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static QuireCluster cluster;

    private ActorTestKit one;
    private ActorTestKit other;
    private final String id = "wallet-" + UUID.randomUUID();

    /** What a wallet is told. */
    private sealed interface Command {}

    private record Add(String what, ActorRef<List<String>> replyTo) implements Command {}

    private record Get(ActorRef<List<String>> replyTo) implements Command {}

    /** Keeps what was added to it. */
    private static final class Wallet extends EventSourcedBehavior<Command, String, List<String>> {
        private final boolean withSnapshots;

        Wallet(String id, boolean withSnapshots) {
            super(PersistenceId.ofUniqueId(id));
            this.withSnapshots = withSnapshots;
        }

        @Override
        public List<String> emptyState() {
            return List.of();
        }

        @Override
        public CommandHandler<Command, String, List<String>> commandHandler() {
            return newCommandHandlerBuilder()
                    .forAnyState()
                    .onCommand(Add.class, (state, add) -> Effect()
                            .persist(add.what())
                            .thenRun(next -> add.replyTo().tell(next)))
                    .onCommand(Get.class, (state, get) -> {
                        get.replyTo().tell(state);
                        return Effect().none();
                    })
                    .build();
        }

        @Override
        public EventHandler<List<String>, String> eventHandler() {
            return (state, event) -> {
                ArrayList<String> next = new ArrayList<>(state);
                next.add(event);
                return next;
            };
        }

        @Override
        public RetentionCriteria retentionCriteria() {
            return withSnapshots
                    ? RetentionCriteria.snapshotEvery(5, 1).withDeleteEventsOnSnapshot()
                    : RetentionCriteria.disabled();
        }
    }

    @BeforeAll
    static void startCluster() {
        cluster = QuireCluster.start();
    }

    @AfterAll
    static void stopCluster() {
        cluster.close();
    }

    @BeforeEach
    void startSystems() {
        one = system();
        other = system();
    }

    @AfterEach
    void stopSystems() {
        one.shutdownTestKit();
        other.shutdownTestKit();
    }

    private static ActorTestKit system() {
        ActorTestKit kit = ActorTestKit.create(
                ConfigFactory.parseString("""
                        pekko.actor.allow-java-serialization = on
                        pekko.actor.warn-about-java-serializer-usage = off
                        """).withFallback(Plugins.CONFIG).withFallback(ConfigFactory.load()));
        QuirePersistence.get(kit.system()).use(cluster.node());
        return kit;
    }

    private Behavior<Command> wallet(boolean withSnapshots) {
        return Behaviors.setup(context -> new Wallet(id, withSnapshots));
    }

    private static List<String> add(ActorTestKit kit, ActorRef<Command> wallet, String what) {
        TestProbe<List<String>> probe = kit.createTestProbe();
        wallet.tell(new Add(what, probe.getRef()));
        return probe.receiveMessage(PATIENCE);
    }

    @Test
    @DisplayName("R26: of two incarnations with one persistence id, only the one that recovered last can persist")
    void newestWins() {
        ActorRef<Command> old = one.spawn(wallet(false));
        assertThat(add(one, old, "a")).containsExactly("a");
        ActorRef<Command> young = other.spawn(wallet(false));
        assertThat(add(other, young, "b")).containsExactly("a", "b");

        // The old one goes on, as in a split brain: it is not told that the event is persisted, and stops.
        TestProbe<List<String>> probe = one.createTestProbe();
        old.tell(new Add("lost", probe.getRef()));
        probe.expectTerminated(old, PATIENCE);
        probe.expectNoMessage(Duration.ofMillis(50));

        assertThat(add(other, young, "c")).containsExactly("a", "b", "c");
        ActorRef<Command> next = one.spawn(wallet(false));
        assertThat(stateOf(one, next)).containsExactly("a", "b", "c");
    }

    @Test
    @DisplayName("R26: one that was displaced twice over is refused, also in the system where its successors live")
    void displacedTwice() {
        ActorRef<Command> first = one.spawn(wallet(false));
        add(one, first, "a");
        ActorRef<Command> second = one.spawn(wallet(false));
        add(one, second, "b");
        ActorRef<Command> third = one.spawn(wallet(false));
        assertThat(stateOf(one, third)).containsExactly("a", "b");
        TestProbe<List<String>> probe = one.createTestProbe();
        first.tell(new Add("lost", probe.getRef()));
        probe.expectTerminated(first, PATIENCE);
        second.tell(new Add("lost", probe.getRef()));
        probe.expectTerminated(second, PATIENCE);
        assertThat(add(one, third, "c")).containsExactly("a", "b", "c");
        probe.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    @DisplayName("the log of an actor that stopped is let go: its last ledger is sealed")
    void letGo() {
        ActorRef<Command> wallet = one.spawn(wallet(false));
        add(one, wallet, "a");
        assertThat(isSealed(QuirePersistence.get(one.system()).logOf(id))).isFalse();
        one.stop(wallet, PATIENCE);
        one.createTestProbe().awaitAssert(PATIENCE, () -> {
            assertThat(isSealed(QuirePersistence.get(one.system()).logOf(id))).isTrue();
            return null;
        });
        assertThat(add(one, one.spawn(wallet(false)), "b")).containsExactly("a", "b");
    }

    private static boolean isSealed(String log) {
        List<LogMetadata.Segment> segments =
                QuireCluster.await(cluster.logs().describe(log)).segments();
        LedgerId last = segments.get(segments.size() - 1).ledgerId();
        return QuireCluster.await(
                        cluster.client().newOpenLedgerOp().withLedgerId(last).execute())
                .isClosed();
    }

    private static List<String> stateOf(ActorTestKit kit, ActorRef<Command> wallet) {
        TestProbe<List<String>> probe = kit.createTestProbe();
        wallet.tell(new Get(probe.getRef()));
        return probe.receiveMessage(PATIENCE);
    }

    @Test
    @DisplayName("snapshots, deleted events and recovery go together; what is deleted gives its ledgers back")
    void snapshots() {
        ActorRef<Command> wallet = one.spawn(wallet(true));
        for (int i = 0; i < 23; i++) {
            add(one, wallet, "e" + i);
        }
        one.stop(wallet, PATIENCE);
        for (int round = 0; round < 3; round++) {
            ActorRef<Command> next = other.spawn(wallet(true));
            List<String> state = add(other, next, "r" + round);
            assertThat(state).hasSize(24 + round).startsWith("e0", "e1").endsWith("r" + round);
            other.stop(next, PATIENCE);
        }
    }

    @Test
    @DisplayName("a snapshot whose ledger is gone ends the recovery; nothing that is left is deleted")
    void snapshotGone() {
        ActorRef<Command> wallet = one.spawn(wallet(true));
        for (int i = 0; i < 6; i++) {
            add(one, wallet, "e" + i);
        }
        SnapshotIndex index = new SnapshotIndex(cluster.node().registry());
        one.createTestProbe().awaitAssert(PATIENCE, () -> {
            assertThat(QuireCluster.await(index.read(id))).hasSize(1);
            return null;
        });
        one.stop(wallet, PATIENCE);
        LedgerId snapshot = QuireCluster.await(index.read(id)).get(0).ledgerId();
        QuireCluster.await(
                cluster.client().newDeleteLedgerOp().withLedgerId(snapshot).execute());

        ActorRef<Command> next = other.spawn(wallet(true));
        other.createTestProbe().expectTerminated(next, PATIENCE);
        assertThat(QuireCluster.await(index.read(id))).singleElement().satisfies(item -> assertThat(item.ledgerId())
                .isEqualTo(snapshot));
        LedgerReadJournal journal = PersistenceQuery.get(other.system())
                .getReadJournalFor(LedgerReadJournal.class, LedgerReadJournal.IDENTIFIER);
        assertThat(journal.currentEventsByPersistenceId(id, 1, Long.MAX_VALUE)
                        .map(envelope -> envelope.event().toString())
                        .runWith(Sink.seq(), other.system())
                        .toCompletableFuture()
                        .join())
                .contains("e5");
    }

    @Test
    @DisplayName("a plugin writes to one cluster: another node is refused")
    void twoNodes() {
        QuirePersistence plugin = QuirePersistence.get(one.system());
        plugin.use(cluster.node());
        try (QuireCluster another = QuireCluster.start()) {
            assertThatThrownBy(() -> plugin.use(another.node()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("one cluster");
        }
    }

    @Test
    @DisplayName("queries give the events that there are, and follow; persistence ids are listed")
    void queries() {
        ActorRef<Command> wallet = one.spawn(wallet(false));
        add(one, wallet, "a");
        add(one, wallet, "b");
        LedgerReadJournal journal = PersistenceQuery.get(other.system())
                .getReadJournalFor(LedgerReadJournal.class, LedgerReadJournal.IDENTIFIER);
        // Readers learn a moment later than the writer what is confirmed.
        other.createTestProbe().awaitAssert(() -> assertThat(journal.currentEventsByPersistenceId(id, 1, Long.MAX_VALUE)
                        .map(envelope ->
                                envelope.sequenceNr() + envelope.event().toString())
                        .runWith(Sink.seq(), other.system())
                        .toCompletableFuture()
                        .join())
                .containsExactly("1a", "2b"));
        assertThat(journal.currentPersistenceIds()
                        .runWith(Sink.seq(), other.system())
                        .toCompletableFuture()
                        .join())
                .contains(id);
        var followed = journal.eventsByPersistenceId(id, 2, 4)
                .map(envelope -> envelope.event().toString())
                .runWith(Sink.seq(), other.system())
                .toCompletableFuture();
        add(one, wallet, "c");
        add(one, wallet, "d");
        assertThat(followed.join()).containsExactly("b", "c", "d");
        assertThat(journal.currentEventsByPersistenceId("nobody", 1, 10)
                        .runWith(Sink.seq(), other.system())
                        .toCompletableFuture()
                        .join())
                .isEmpty();
    }

    @Test
    @DisplayName("a plugin without a cluster says what to do")
    void withoutCluster() {
        ActorTestKit lonely = ActorTestKit.create(Plugins.CONFIG.withFallback(ConfigFactory.load()));
        try {
            assertThatThrownBy(() -> QuirePersistence.get(lonely.system()).node())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("QuirePersistence.get(system).use(node)");
            QuirePersistence.get(lonely.system()).use(cluster.node());
            assertThat(QuirePersistence.get(lonely.system()).node()).isSameAs(cluster.node());
        } finally {
            lonely.shutdownTestKit();
        }
    }
}
