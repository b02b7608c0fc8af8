package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.WireMessage;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.pekko.actor.AbstractActor;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Props;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
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
    private ActorRef<BookieRequest> bookie;
    private ActorRef<BookieReply> replies;
    private ActorRef<BookieChannelActor.Command> channel;

    private record Asked(BookieRequest request, ActorRef<BookieReply> client, List<WireMessage> bundle) {}

    /** A bookie that notes what it is asked, by whom, and with what it travelled. */
    private static final class Bookie extends AbstractActor {
        private final BlockingQueue<Asked> asked;

        Bookie(BlockingQueue<Asked> asked) {
            this.asked = asked;
        }

        private void note(BookieRequest request, List<WireMessage> bundle) {
            asked.add(new Asked(request, Adapter.toTyped(getSender()), bundle));
        }

        @Override
        public Receive createReceive() {
            return receiveBuilder()
                    .match(BookieRequest.class, request -> note(request, List.of()))
                    .match(Bundle.class, bundle -> bundle.messages()
                            .forEach(message -> note((BookieRequest) message, bundle.messages())))
                    .build();
        }
    }

    @BeforeEach
    void start() {
        ExtendedActorSystem system = (ExtendedActorSystem) Adapter.toClassic(testKit.system());
        bookie = Adapter.toTyped(system.systemActorOf(Props.create(Bookie.class, () -> new Bookie(asked)), "bookie"));
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
        channel = channel(() -> Optional.of(bookie));
    }

    private ActorRef<BookieChannelActor.Command> channel(Supplier<Optional<ActorRef<BookieRequest>>> address) {
        return testKit.spawn(BookieChannelActor.create(
                BOOKIE,
                address,
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

    private static BookieRequest.ReadEntries question(long requestId, long entryId) {
        return new BookieRequest.ReadEntries(BOOKIE, requestId, LEDGER, entryId, entryId, 1, 1000, false);
    }

    private static BookieReply.EntriesRead entriesRead(Asked asked) {
        BookieRequest.ReadEntries read = (BookieRequest.ReadEntries) asked.request();
        return new BookieReply.EntriesRead(
                BOOKIE,
                new BootEpoch(1),
                read.requestId(),
                LEDGER,
                EntryBatch.of(List.of()),
                read.firstEntryId() + 1,
                -1);
    }

    @Test
    @DisplayName("questions asked at once travel in one message, and each answer finds who asked, under the id it gave")
    void questions() throws InterruptedException {
        TestProbe<BookieReply> other = testKit.createTestProbe();
        CompletableFuture<Void> allAsked = new CompletableFuture<>();
        ActorRef<BookieChannelActor.Command> busy = channel(() -> {
            allAsked.join();
            return Optional.of(bookie);
        });
        busy.tell(new BookieChannelActor.Ask(question(5, 1), told.getRef()));
        busy.tell(new BookieChannelActor.Ask(question(5, 2), other.getRef()));
        busy.tell(new BookieChannelActor.Ask(question(6, 3), told.getRef()));
        allAsked.complete(null);
        List<Asked> all = List.of(nextAsked(), nextAsked(), nextAsked());
        assertThat(all)
                .extracting(asked -> ((BookieRequest.ReadEntries) asked.request()).firstEntryId())
                .containsExactly(1L, 2L, 3L);
        assertThat(all).allSatisfy(asked -> assertThat(asked.bundle()).hasSize(3));
        Envelope.send(
                all.get(0).client().<WireMessage>unsafeUpcast(),
                new Bundle(List.of(entriesRead(all.get(2)), entriesRead(all.get(1)))),
                testKit.system().deadLetters());
        answer(all.get(0), entriesRead(all.get(0)));
        assertThat(told.expectMessageClass(BookieReply.EntriesRead.class))
                .returns(6L, BookieReply.EntriesRead::requestId)
                .returns(4L, BookieReply.EntriesRead::coveredTo);
        assertThat(told.expectMessageClass(BookieReply.EntriesRead.class))
                .returns(5L, BookieReply.EntriesRead::requestId)
                .returns(2L, BookieReply.EntriesRead::coveredTo);
        assertThat(other.expectMessageClass(BookieReply.EntriesRead.class))
                .returns(5L, BookieReply.EntriesRead::requestId)
                .returns(3L, BookieReply.EntriesRead::coveredTo);
    }

    @Test
    @DisplayName("an answer that comes twice is heard once; a bookie without an address is refused for at once")
    void answersAndRefusals() throws InterruptedException {
        channel.tell(new BookieChannelActor.Ask(question(5, 1), told.getRef()));
        Asked question = nextAsked();
        answer(question, entriesRead(question));
        answer(question, entriesRead(question));
        told.expectMessageClass(BookieReply.EntriesRead.class);

        channel(Optional::empty).tell(new BookieChannelActor.Ask(question(7, 1), told.getRef()));
        assertThat(told.expectMessageClass(BookieReply.RequestRefused.class))
                .returns(7L, BookieReply.RequestRefused::requestId)
                .returns(BookieReply.Refusal.UNAVAILABLE, BookieReply.RequestRefused::refusal);
    }
}
