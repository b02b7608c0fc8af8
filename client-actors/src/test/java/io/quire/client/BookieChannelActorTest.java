package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.AbstractActor;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Props;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class BookieChannelActorTest {
    private static final int BYTES_MAX = 100_000;
    private static final BookieId BOOKIE = new BookieId(new UUID(1, 1));
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final SessionId SESSION = new SessionId(BOOKIE, new BootEpoch(1), 5);

    private final ActorTestKit testKit = ActorTestKit.create();
    private final BlockingQueue<Asked> asked = new LinkedBlockingQueue<>();
    private final TestProbe<BookieReply> told = testKit.createTestProbe();
    private ActorRef<Object> writer;
    private ActorRef<BookieReply> replies;
    private ActorRef<BookieChannelActor.Command> channel;

    private record Asked(BookieRequest request, ActorRef<BookieReply> client) {}

    /** A bookie that notes what it is asked, and by whom. */
    private static final class Bookie extends AbstractActor {
        private final BlockingQueue<Asked> asked;

        Bookie(BlockingQueue<Asked> asked) {
            this.asked = asked;
        }

        @Override
        public Receive createReceive() {
            return receiveBuilder()
                    .match(BookieRequest.class, request -> asked.add(new Asked(request, Adapter.toTyped(getSender()))))
                    .build();
        }
    }

    private record Feed(BookieStatus status) implements ClusterFeed {
        @Override
        public Collection<BookieStatus> bookies() {
            return List.of(status);
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

    @BeforeEach
    void start() {
        ExtendedActorSystem system = (ExtendedActorSystem) Adapter.toClassic(testKit.system());
        ActorRef<BookieRequest> bookie =
                Adapter.toTyped(system.systemActorOf(Props.create(Bookie.class, () -> new Bookie(asked)), "bookie"));
        String address = ActorRefResolver.get(testKit.system()).toSerializationFormat(bookie);
        Feed feed = new Feed(new BookieStatus(
                BOOKIE, new BootEpoch(1), 1, "bookie", "node", address, BookieStatus.State.WRITABLE, 1, 1, Map.of()));
        CompletableFuture<ActorRef<BookieReply>> adapter = new CompletableFuture<>();
        writer = testKit.spawn(Behaviors.setup(context -> {
            adapter.complete(context.messageAdapter(BookieReply.class, reply -> reply));
            return Behaviors.receive(Object.class)
                    .onMessage(BookieReply.class, reply -> {
                        told.getRef().tell(reply);
                        return Behaviors.same();
                    })
                    .build();
        }));
        replies = adapter.join();
        channel = testKit.spawn(BookieChannelActor.create(
                BOOKIE,
                feed,
                ClientSettings.from(ConfigFactory.parseString("quire.client.channel.bytes-max = " + BYTES_MAX)
                                .withFallback(ConfigFactory.load()))
                        .channel(),
                System::nanoTime));
    }

    @AfterEach
    void stop() {
        testKit.shutdownTestKit();
    }

    private Asked nextAsked() throws InterruptedException {
        Asked next = asked.poll(3, TimeUnit.SECONDS);
        assertThat(next).isNotNull();
        return next;
    }

    private void answer(Asked question, BookieReply reply) {
        Envelope.send(question.client(), reply, testKit.system().deadLetters());
    }

    private Asked open() throws InterruptedException {
        channel.tell(new BookieChannelActor.Open(LEDGER, 1, Payload.EMPTY, replies));
        Asked opening = nextAsked();
        assertThat(opening.request()).isInstanceOf(BookieRequest.OpenSession.class);
        return opening;
    }

    private static BookieReply opened(Asked opening) {
        long request = ((BookieRequest.OpenSession) opening.request()).requestId();
        return new BookieReply.SessionOpened(request, LEDGER, SESSION, 1000);
    }

    @Test
    @DisplayName("the session of a writer that is gone without a word is closed at the bookie")
    void writerGone() throws InterruptedException {
        Asked opening = open();
        answer(opening, opened(opening));
        told.expectMessageClass(BookieReply.SessionOpened.class);
        testKit.stop(writer);
        assertThat(nextAsked().request()).isEqualTo(new BookieRequest.CloseSession(BOOKIE, SESSION));
    }

    @Test
    @DisplayName("a session that opens after its writer is gone is closed at the bookie")
    void writerGoneBeforeItOpened() throws InterruptedException {
        Asked opening = open();
        testKit.stop(writer);
        answer(opening, opened(opening));
        assertThat(nextAsked().request()).isEqualTo(new BookieRequest.CloseSession(BOOKIE, SESSION));
    }

    private static BookieRequest.Batch batch(long number, int entries) {
        List<Payload> encoded = new ArrayList<>();
        for (int i = 0; i < entries; i++) {
            encoded.add(EntryFormat.encode(
                    LEDGER, number * 100 + i, -1, 1, Payload.wrap(new byte[1000]), DigestType.CRC32C));
        }
        EntryBatch batch = EntryBatch.of(encoded);
        return new BookieRequest.Batch(SESSION, number, number * batch.byteSize(), -1, batch);
    }

    @Test
    @DisplayName(
            "P6: what one process has waiting for a bookie is bounded, over all writers: more is refused until answers come")
    void bounded() throws InterruptedException {
        Asked opening = open();
        answer(opening, opened(opening));
        told.expectMessageClass(BookieReply.SessionOpened.class);
        int size = batch(1, 10).entries().byteSize();
        int fit = BYTES_MAX / size;
        for (int number = 1; number <= fit + 2; number++) {
            channel.tell(new BookieChannelActor.Send(batch(number, 10)));
        }
        for (int number = fit + 1; number <= fit + 2; number++) {
            BookieReply.BatchRefused refused = told.expectMessageClass(BookieReply.BatchRefused.class);
            assertThat(refused.number()).isEqualTo(number);
            assertThat(refused.refusal()).isEqualTo(BookieReply.Refusal.OVERLOADED);
        }
        // The empty batch that carries a last-add-confirmed always passes.
        channel.tell(new BookieChannelActor.Send(
                new BookieRequest.Batch(SESSION, fit + 1, fit * (long) size, -1, EntryBatch.EMPTY)));
        answer(
                nextAsked(),
                new BookieReply.EntriesAdded(List.of(new BookieReply.SessionAck(SESSION, fit, List.of(), 1 << 20))));
        told.expectMessageClass(BookieReply.EntriesAdded.class);
        channel.tell(new BookieChannelActor.Send(batch(fit + 2, 10)));
        told.expectNoMessage(Duration.ofMillis(100));
    }
}
