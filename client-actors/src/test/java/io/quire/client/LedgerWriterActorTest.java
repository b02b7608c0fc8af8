package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.client.LedgerWriterActor.AppendFailed;
import io.quire.client.LedgerWriterActor.AppendResult;
import io.quire.client.LedgerWriterActor.SealFailed;
import io.quire.client.LedgerWriterActor.SealResult;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerWriterActorTest {
    private final ActorTestKit testKit = ActorTestKit.create();
    private final TestProbe<AppendResult> appends = testKit.createTestProbe();
    private final TestProbe<SealResult> seals = testKit.createTestProbe();

    /** A cluster that never answers. */
    private static final class SilentCluster implements Registry, ClusterFeed {
        @Override
        public CompletionStage<RegisterValue> read(RegistryKey key) {
            return new CompletableFuture<>();
        }

        @Override
        public CompletionStage<CasResult> compareAndSet(
                RegistryKey key, long expectedVersion, Payload value, OpId opId) {
            return new CompletableFuture<>();
        }

        @Override
        public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
            return new CompletableFuture<>();
        }

        @Override
        public Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
            return () -> {};
        }

        @Override
        public Collection<BookieStatus> bookies() {
            return List.of();
        }

        @Override
        public Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId) {
            return Optional.empty();
        }

        @Override
        public void publish(BookieStatus status) {}

        @Override
        public void publish(Versioned<LedgerMetadata> metadata) {}
    }

    @AfterEach
    void stop() {
        testKit.shutdownTestKit();
    }

    private ActorRef<LedgerWriterActor.Command> creatingWriter() {
        SilentCluster cluster = new SilentCluster();
        ClientContext client = new ClientContext(
                testKit.system(),
                cluster,
                CompletableFuture::new,
                cluster,
                ClientSettings.from(ConfigFactory.load()),
                new SimpleMeterRegistry());
        // On the test's thread: what was sent is stashed before the test goes on.
        return testKit.spawn(
                UnwrittenLedger.create(
                        client,
                        new LedgerCreation(
                                client, Replication.DEFAULT, LedgerCreation.Guard.DEFAULT, Map.of(), () -> 1)),
                DispatcherSelector.fromConfig("pekko.test.calling-thread-dispatcher"));
    }

    private void expectRefusals() {
        AppendFailed append = appends.expectMessageClass(AppendFailed.class);
        assertThat(append.code()).isEqualTo(Code.NoWriter);
        assertThat(append.outcome()).isEqualTo(Outcome.NOT_APPLIED);
        SealFailed seal = seals.expectMessageClass(SealFailed.class);
        assertThat(seal.code()).isEqualTo(Code.NoWriter);
        assertThat(seal.outcome()).isEqualTo(Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("H97: what waits for a ledger to be created is answered when the writer is closed")
    void closedWhileCreating() {
        ActorRef<LedgerWriterActor.Command> writer = creatingWriter();
        writer.tell(new LedgerWriterActor.Append(Payload.copyOf(new byte[] {1}), appends.getRef()));
        writer.tell(new LedgerWriterActor.Seal(seals.getRef()));
        writer.tell(LedgerWriterActor.Close.INSTANCE);
        expectRefusals();
        writer.tell(new LedgerWriterActor.Append(Payload.copyOf(new byte[] {2}), appends.getRef()));
        writer.tell(new LedgerWriterActor.Seal(seals.getRef()));
        expectRefusals();
    }

    @Test
    @DisplayName("H97: what waits for a ledger to be created is answered when the writer is stopped")
    void stoppedWhileCreating() {
        ActorRef<LedgerWriterActor.Command> writer = creatingWriter();
        writer.tell(new LedgerWriterActor.Append(Payload.copyOf(new byte[] {1}), appends.getRef()));
        writer.tell(new LedgerWriterActor.Seal(seals.getRef()));
        testKit.stop(writer);
        expectRefusals();
    }
}
