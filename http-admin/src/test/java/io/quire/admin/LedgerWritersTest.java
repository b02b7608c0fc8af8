package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import io.quire.client.ClientSettings;
import io.quire.client.LedgerClient;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Replication;
import java.io.NotSerializableException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.receptionist.Receptionist;
import org.apache.pekko.serialization.SerializationExtension;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerWritersTest {
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final HttpSettings.Writers SETTINGS =
            new HttpSettings.Writers(10, Duration.ofMinutes(10), Duration.ofSeconds(1), 1000);

    private final AtomicLong nanos = new AtomicLong();
    private ActorTestKit kit;
    private ManualTime time;
    private ActorRef<LedgerWriters.Command> writers;

    @BeforeEach
    void start() {
        kit = ActorTestKit.create("writers", ManualTime.config().withFallback(ConfigFactory.load()));
        time = ManualTime.get(kit.system());
        MemoryFeed feed = new MemoryFeed();
        feed.publish(new BookieStatus(
                TestNode.bookieId(1),
                new BootEpoch(1),
                1,
                "one",
                ":0",
                "pekko://writers/user/nobody",
                BookieStatus.State.WRITABLE,
                1,
                1,
                Map.of()));
        LedgerClient client = LedgerClient.create(
                kit.system(),
                new MemoryRegistry(),
                () -> CompletableFuture.completedStage(LEDGER),
                feed,
                ClientSettings.from(ConfigFactory.load()),
                new io.micrometer.core.instrument.simple.SimpleMeterRegistry(),
                () -> 0);
        writers = kit.spawn(LedgerWriters.create(client, SETTINGS, nanos::get));
        writers.tell(new LedgerWriters.Serve("http://here"));
    }

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    @Test
    @DisplayName("a node says of a writer that lives in it where that is, and of others that it has none")
    void find() {
        TestProbe<LedgerWriters.Command> other = kit.createTestProbe();
        writers.tell(new WriterMessage.FindWriter(LEDGER, other.getRef()));
        assertThat(other.receiveMessage()).isEqualTo(new WriterMessage.WriterFound(LEDGER, ""));
        create();
        writers.tell(new WriterMessage.FindWriter(LEDGER, other.getRef()));
        assertThat(other.receiveMessage()).isEqualTo(new WriterMessage.WriterFound(LEDGER, "http://here"));
    }

    @Test
    @DisplayName("a writer that is idle for too long is dropped, one that was looked for lately is not")
    void idle() {
        create();
        advance(Duration.ofMinutes(9));
        assertThat(locate(LEDGER)).isInstanceOf(LedgerWriters.Here.class);
        advance(Duration.ofMinutes(9));
        assertThat(locate(LEDGER)).isInstanceOf(LedgerWriters.Here.class);
        advance(Duration.ofMinutes(10));
        assertThat(locate(LEDGER)).isEqualTo(LedgerWriters.Nowhere.INSTANCE);
    }

    @Test
    @DisplayName("a writer of a deleted ledger is forgotten when another node says so")
    void forget() {
        create();
        writers.tell(new WriterMessage.ForgetWriter(LEDGER));
        assertThat(locate(LEDGER)).isEqualTo(LedgerWriters.Nowhere.INSTANCE);
    }

    @Test
    @DisplayName("a writer is found at the node that has it; nodes that do not answer do not block the answer for ever")
    void search() {
        TestProbe<LedgerWriters.Command> other = joined();
        CompletableFuture<LedgerWriters.Location> first = new CompletableFuture<>();
        writers.tell(new LedgerWriters.Locate(LEDGER, true, first));
        other.expectMessageClass(WriterMessage.FindWriter.class);
        writers.tell(new WriterMessage.WriterFound(LEDGER, "http://there"));
        assertThat(first.join()).isEqualTo(new LedgerWriters.Elsewhere("http://there"));

        CompletableFuture<LedgerWriters.Location> second = new CompletableFuture<>();
        writers.tell(new LedgerWriters.Locate(LEDGER, true, second));
        other.expectMessageClass(WriterMessage.FindWriter.class);
        time.timePasses(Duration.ofSeconds(1));
        assertThat(second.join()).isEqualTo(LedgerWriters.Nowhere.INSTANCE);
    }

    @Test
    @DisplayName("the messages between nodes survive their codec, and damaged ones are refused")
    void codec() throws NotSerializableException {
        TestProbe<LedgerWriters.Command> other = kit.createTestProbe();
        WriterMessageSerializer serializer = (WriterMessageSerializer)
                SerializationExtension.get(kit.system()).serializerFor(WriterMessage.ForgetWriter.class);
        assertThat(serializer.identifier()).isEqualTo(WriterMessageSerializer.IDENTIFIER);
        for (WriterMessage message : List.of(
                new WriterMessage.FindWriter(LEDGER, other.getRef()),
                new WriterMessage.WriterFound(LEDGER, "http://there"),
                new WriterMessage.WriterFound(LEDGER, ""),
                new WriterMessage.ForgetWriter(LEDGER))) {
            byte[] bytes = serializer.toBinary(message);
            String manifest = serializer.manifest(message);
            assertThat(serializer.fromBinary(bytes, manifest)).isEqualTo(message);
            byte[] cut = java.util.Arrays.copyOf(bytes, bytes.length - 1);
            assertThatThrownBy(() -> serializer.fromBinary(cut, manifest))
                    .isInstanceOf(Fields.MalformedException.class);
        }
        assertThatThrownBy(() -> serializer.fromBinary(new byte[0], "X9")).isInstanceOf(NotSerializableException.class);
    }

    private void create() {
        CompletableFuture<HostedWriter> created = new CompletableFuture<>();
        writers.tell(new LedgerWriters.Create(new CreateLedgerRequest(new Replication(1, 1, 1), Map.of()), created));
        assertThat(created.join().handle().getId()).isEqualTo(LEDGER);
    }

    private LedgerWriters.Location locate(LedgerId ledgerId) {
        CompletableFuture<LedgerWriters.Location> found = new CompletableFuture<>();
        writers.tell(new LedgerWriters.Locate(ledgerId, false, found));
        return found.join();
    }

    private void advance(Duration duration) {
        nanos.addAndGet(duration.toNanos());
        time.timePasses(duration);
    }

    /** Another node's writers, of which {@link #writers} has heard. */
    private TestProbe<LedgerWriters.Command> joined() {
        TestProbe<LedgerWriters.Command> other = kit.createTestProbe();
        kit.system().receptionist().tell(Receptionist.register(LedgerWriters.KEY, other.getRef()));
        LedgerId nobodys = new LedgerId(1);
        TestProbe<LedgerWriters.Command> answers = kit.createTestProbe();
        CompletableFuture<LedgerWriters.Location> heard;
        do {
            heard = new CompletableFuture<>();
            writers.tell(new LedgerWriters.Locate(nobodys, true, heard));
            writers.tell(new WriterMessage.FindWriter(nobodys, answers.getRef()));
            answers.receiveMessage();
            // A search that is over at once had nobody to ask: the receptionist's news is still on its way.
        } while (heard.isDone());
        other.expectMessageClass(WriterMessage.FindWriter.class);
        writers.tell(new WriterMessage.WriterFound(nobodys, ""));
        assertThat(heard.join()).isEqualTo(LedgerWriters.Nowhere.INSTANCE);
        return other;
    }
}
