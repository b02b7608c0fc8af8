package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** What the tests of a whole bookie over a real directory share; they speak to it as clients do. */
abstract class BookieStory {
    static final Config CONFIG = ConfigFactory.parseString("""
                    pekko.loglevel = WARNING
                    pekko.actor.allow-java-serialization = off
                    quire.bookie {
                      journal.segment-bytes = 64 KiB
                      journal.group-bytes-max = 16 KiB
                      memtable.bytes = 64 KiB
                      ledger-file-bytes-max = 64 MiB
                      free-bytes-min = 1 MiB
                      read.entries-max = 20
                    }
                    """).withFallback(ConfigFactory.load());
    static final BookieSettings SETTINGS = BookieSettings.from(CONFIG);
    static final Duration PATIENCE = Duration.ofSeconds(20);
    static final LedgerId LEDGER = new LedgerId(5);
    static ActorTestKit kit;
    static int names;

    @TempDir
    Path directory;

    final InMemoryRegistry registry = new InMemoryRegistry();
    final LocalFeed feed = new LocalFeed();
    final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    ReplyProbe client;
    BookieId bookie;

    record Running(ActorRef<Object> actor, TestProbe<BookieActor.Event> events, String address) {
        BookieActor.Event next() {
            return events.receiveMessage(PATIENCE);
        }

        String failure() {
            return ((BookieActor.Event.Failed) next()).reason();
        }

        void requireStarted(long bootEpoch) {
            BookieActor.Event event = next();
            assertThat(event).isInstanceOf(BookieActor.Event.Started.class);
            assertThat(((BookieActor.Event.Started) event).bootEpoch()).isEqualTo(new BootEpoch(bootEpoch));
        }

        void stop() {
            actor.tell(BookieActor.Stop.INSTANCE);
            assertThat(next()).isInstanceOf(BookieActor.Event.Stopped.class);
        }

        String name() {
            return address.substring(address.lastIndexOf('/') + 1);
        }

        /** As the end of its process would, but for what the operating system then does. */
        void kill() {
            kit.stop(actor, PATIENCE);
            assertThat(failure()).contains("stopped");
        }
    }

    @BeforeAll
    static void startSystem() {
        kit = ActorTestKit.create("bookies", CONFIG);
    }

    @AfterAll
    static void stopSystem() {
        kit.shutdownTestKit();
    }

    @BeforeEach
    void format() {
        client = new ReplyProbe(kit);
        bookie = BookieBoot.format(directory, "quire", SETTINGS);
        registerLedger(LEDGER);
    }

    Running start() {
        return start(directory);
    }

    Running start(Path place) {
        return start(place, SETTINGS);
    }

    Running start(Path place, BookieSettings settings) {
        return start(place, settings, "bookie-" + ++names);
    }

    Running start(Path place, BookieSettings settings, String name) {
        String address = "pekko://bookies/user/" + name;
        TestProbe<BookieActor.Event> events = kit.createTestProbe();
        ActorRef<Object> actor = kit.spawn(
                BookieActor.create(new BookieActor.Setup(
                        new BookieBoot.Place(place, "quire", "cluster-1", address, "b1"),
                        "node-1",
                        Map.of("rack", "r1"),
                        settings,
                        registry,
                        feed,
                        meters,
                        events.getRef())),
                name);
        return new Running(actor, events, address);
    }

    Running started(long bootEpoch) {
        Running running = start();
        running.requireStarted(bootEpoch);
        return running;
    }

    void registerLedger(LedgerId ledgerId) {
        register(
                RegistryKey.ofLedger(ledgerId),
                LedgerMetadata.create(ledgerId, new Replication(1, 1, 1), new Ensemble(List.of(bookie)), Map.of(), 0)
                        .encode());
    }

    void register(RegistryKey key, Payload value) {
        RegisterValue current = registry.read(key).toCompletableFuture().join();
        registry.compareAndSet(key, current.version(), value, new OpId(new UUID(99, ++names)));
    }

    <T extends BookieReply> T ask(Running running, BookieRequest request, Class<T> reply) {
        return ask(running, request, reply, client);
    }

    static <T extends BookieReply> T ask(Running running, BookieRequest request, Class<T> reply, ReplyProbe from) {
        Envelope.send(running.actor(), request, from.getRef());
        return from.expectMessageClass(reply, PATIENCE);
    }

    SessionId openSession(Running running, LedgerId ledgerId) {
        BookieReply.SessionOpened opened =
                ask(running, new BookieRequest.OpenSession(bookie, 77, ledgerId, 1), BookieReply.SessionOpened.class);
        assertThat(opened.requestId()).isEqualTo(77);
        assertThat(opened.ledgerId()).isEqualTo(ledgerId);
        return opened.session();
    }

    static Payload entry(LedgerId ledgerId, long entryId, int payloadBytes) {
        return EntryFormat.encode(
                ledgerId, entryId, -1, payloadBytes, Payload.wrap(new byte[payloadBytes]), DigestType.CRC32C);
    }

    static BookieRequest.Batch batch(SessionId session, long number, LedgerId ledgerId, long entryId) {
        return new BookieRequest.Batch(
                session, number, number * 500, entryId - 1, EntryBatch.of(List.of(entry(ledgerId, entryId, 100))));
    }

    /** Adds entries [from, to) in a session of their own and waits until they are acknowledged. */
    SessionId add(Running running, LedgerId ledgerId, long from, long to) {
        SessionId session = openSession(running, ledgerId);
        List<BookieRequest.Batch> batches = new ArrayList<>();
        for (long id = from; id < to; id++) {
            batches.add(batch(session, id - from + 1, ledgerId, id));
        }
        Envelope.send(running.actor(), new BookieRequest.AddEntries(bookie, batches), client.getRef());
        awaitCumulative(client, session, to - from);
        return session;
    }

    static void awaitCumulative(ReplyProbe from, SessionId session, long number) {
        long cumulative = 0;
        while (cumulative < number) {
            BookieReply.EntriesAdded added = from.expectMessageClass(BookieReply.EntriesAdded.class, PATIENCE);
            for (BookieReply.SessionAck ack : added.acks()) {
                assertThat(ack.session()).isEqualTo(session);
                assertThat(ack.cumulative()).isGreaterThanOrEqualTo(cumulative);
                cumulative = ack.cumulative();
            }
        }
        assertThat(cumulative).isEqualTo(number);
    }

    BookieReply.EntriesRead read(Running running, long first, long last, int max, boolean fencing) {
        return ask(
                running,
                new BookieRequest.ReadEntries(bookie, 3, LEDGER, first, last, max, 1 << 20, fencing),
                BookieReply.EntriesRead.class);
    }

    static List<Long> idsOf(BookieReply.EntriesRead read) {
        return read.entries().entries().stream().map(EntryFormat::entryIdOf).toList();
    }

    static List<Long> range(long from, long to) {
        return Stream.iterate(from, id -> id < to, id -> id + 1).toList();
    }

    /** Asks, and passes over what comes before an answer of that kind. */
    <T extends BookieReply> T askAndSkipTo(Running running, BookieRequest request, Class<T> reply) {
        Envelope.send(running.actor(), request, client.getRef());
        List<BookieReply> replies = client.fishForMessage(
                PATIENCE,
                next -> reply.isInstance(next) ? FishingOutcomes.complete() : FishingOutcomes.continueAndIgnore());
        return reply.cast(replies.get(0));
    }
}
