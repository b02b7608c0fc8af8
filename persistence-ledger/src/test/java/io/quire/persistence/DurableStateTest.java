package io.quire.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.testkit.QuireCluster;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.persistence.state.DurableStateStoreRegistry;
import org.apache.pekko.persistence.state.javadsl.GetObjectResult;
import org.apache.pekko.persistence.typed.PersistenceId;
import org.apache.pekko.persistence.typed.state.javadsl.CommandHandler;
import org.apache.pekko.persistence.typed.state.javadsl.DurableStateBehavior;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Durable states of actors with one persistence id in two actor systems. */
class DurableStateTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static QuireCluster cluster;

    private ActorTestKit one;
    private ActorTestKit other;
    private final String id = "note-" + UUID.randomUUID();

    /** What a note is told. */
    private sealed interface Command {}

    private record Write(String text, ActorRef<String> replyTo) implements Command {}

    private record Get(ActorRef<String> replyTo) implements Command {}

    /** Holds the text that was written last. */
    private static final class Note extends DurableStateBehavior<Command, String> {
        Note(String id) {
            super(PersistenceId.ofUniqueId(id));
        }

        @Override
        public String emptyState() {
            return "";
        }

        @Override
        public CommandHandler<Command, String> commandHandler() {
            return newCommandHandlerBuilder()
                    .forAnyState()
                    .onCommand(Write.class, (state, write) -> Effect()
                            .persist(write.text())
                            .thenRun(next -> write.replyTo().tell(next)))
                    .onCommand(Get.class, (state, get) -> {
                        get.replyTo().tell(state);
                        return Effect().none();
                    })
                    .build();
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
                ConfigFactory.parseString("pekko.persistence.state.plugin = quire.persistence.state")
                        .withFallback(ConfigFactory.load()));
        QuirePersistence.get(kit.system()).use(cluster.node());
        return kit;
    }

    private Behavior<Command> note() {
        return Behaviors.setup(context -> new Note(id));
    }

    private static String write(ActorTestKit kit, ActorRef<Command> note, String text) {
        TestProbe<String> probe = kit.createTestProbe();
        note.tell(new Write(text, probe.getRef()));
        return probe.receiveMessage(PATIENCE);
    }

    private static String textOf(ActorTestKit kit, ActorRef<Command> note) {
        TestProbe<String> probe = kit.createTestProbe();
        note.tell(new Get(probe.getRef()));
        return probe.receiveMessage(PATIENCE);
    }

    @SuppressWarnings("unchecked")
    private LedgerStateStore<Object> store(ActorTestKit kit) {
        return DurableStateStoreRegistry.get(kit.system())
                .getDurableStateStoreFor(LedgerStateStore.class, LedgerStateStore.IDENTIFIER);
    }

    @Test
    @DisplayName("a state is there at the next recovery, in whatever system; the older of two incarnations is refused")
    void newestWins() {
        ActorRef<Command> old = one.spawn(note());
        assertThat(write(one, old, "a")).isEqualTo("a");
        ActorRef<Command> young = other.spawn(note());
        assertThat(textOf(other, young)).isEqualTo("a");
        assertThat(write(other, young, "b")).isEqualTo("b");

        TestProbe<String> probe = one.createTestProbe();
        old.tell(new Write("lost", probe.getRef()));
        probe.expectTerminated(old, PATIENCE);
        probe.expectNoMessage(Duration.ofMillis(50));
        assertThat(write(other, young, "c")).isEqualTo("c");
        assertThat(textOf(one, one.spawn(note()))).isEqualTo("c");
    }

    @Test
    @DisplayName(
            "a large state is a ledger of its own, which is gone with the state; an erased one is gone, and counts on")
    void largeAndErased() {
        ActorRef<Command> note = one.spawn(note());
        String large = "x".repeat(300_000);
        write(one, note, large);
        LedgerId blob = blobOf();
        assertThat(textOf(other, other.spawn(note()))).isEqualTo(large);
        write(one, note, "small");
        assertThatThrownBy(() -> QuireCluster.await(
                        cluster.client().newOpenLedgerOp().withLedgerId(blob).execute()))
                .hasCauseInstanceOf(LedgerException.class)
                .hasMessageContaining("there is no ledger " + blob);

        QuireCluster.await(store(one).deleteObject(id, 3));
        GetObjectResult<Object> none = QuireCluster.await(store(one).getObject(id));
        assertThat(none.value()).isEmpty();
        assertThat(none.revision()).isEqualTo(3);
        assertThat(write(one, one.spawn(note()), "again")).isEqualTo("again");
        assertThat(textOf(other, other.spawn(note()))).isEqualTo("again");
    }

    private LedgerId blobOf() {
        return StateRegister.of(id, QuireCluster.await(cluster.node().registry().read(StateRegister.keyOf(id))))
                .blob()
                .orElseThrow();
    }

    @Test
    @DisplayName("a revision that is not the next one is refused, and leaves no ledger behind")
    void wrongRevision() {
        LedgerStateStore<Object> store = store(one);
        QuireCluster.await(store.upsertObject(id, 1, "a", "tag"));
        for (long revision : new long[] {0, 1, 3}) {
            assertThatThrownBy(() -> QuireCluster.await(store.upsertObject(id, revision, "b".repeat(10_000), "")))
                    .hasMessageContaining("revision " + revision)
                    .hasMessageContaining(id);
        }
        assertThatThrownBy(() -> QuireCluster.await(store.deleteObject(id, 3))).hasMessageContaining("revision 3");
        assertThat(QuireCluster.await(store.getObject(id)).value()).isEqualTo(Optional.of("a"));
        assertThat(QuireCluster.await(store.getObject("nobody")).revision()).isZero();
    }
}
