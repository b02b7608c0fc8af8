package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.bookie.storage.BootRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole bookie over a real directory, spoken to as clients do. */
class BookieActorTest {
    private static final Config CONFIG = ConfigFactory.parseString("""
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
    private static final BookieSettings SETTINGS = BookieSettings.from(CONFIG);
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final LedgerId LEDGER = new LedgerId(5);
    private static ActorTestKit kit;
    private static int names;

    @TempDir
    Path directory;

    private final InMemoryRegistry registry = new InMemoryRegistry();
    private final LocalFeed feed = new LocalFeed();
    private final SimpleMeterRegistry meters = new SimpleMeterRegistry();
    private TestProbe<BookieReply> client;
    private BookieId bookie;

    private record Running(ActorRef<Object> actor, TestProbe<BookieActor.Event> events, String address) {
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
        client = kit.createTestProbe();
        bookie = BookieBoot.format(directory, "quire", SETTINGS);
        registerLedger(LEDGER);
    }

    private Running start() {
        return start(directory);
    }

    private Running start(Path place) {
        return start(place, SETTINGS);
    }

    private Running start(Path place, BookieSettings settings) {
        String name = "bookie-" + ++names;
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

    private Running started(long bootEpoch) {
        Running running = start();
        running.requireStarted(bootEpoch);
        return running;
    }

    private void registerLedger(LedgerId ledgerId) {
        register(
                RegistryKey.ofLedger(ledgerId),
                LedgerMetadata.create(ledgerId, new Replication(1, 1, 1), new Ensemble(List.of(bookie)), Map.of(), 0)
                        .encode());
    }

    private void register(RegistryKey key, Payload value) {
        RegisterValue current = registry.read(key).toCompletableFuture().join();
        registry.compareAndSet(key, current.version(), value, new OpId(new UUID(99, ++names)));
    }

    private <T extends BookieReply> T ask(Running running, BookieRequest request, Class<T> reply) {
        return ask(running, request, reply, client);
    }

    private static <T extends BookieReply> T ask(
            Running running, BookieRequest request, Class<T> reply, TestProbe<BookieReply> from) {
        Envelope.send(running.actor(), request, from.getRef());
        return from.expectMessageClass(reply, PATIENCE);
    }

    private SessionId openSession(Running running, LedgerId ledgerId) {
        BookieReply.SessionOpened opened =
                ask(running, new BookieRequest.OpenSession(bookie, 77, ledgerId, 1), BookieReply.SessionOpened.class);
        assertThat(opened.requestId()).isEqualTo(77);
        assertThat(opened.ledgerId()).isEqualTo(ledgerId);
        return opened.session();
    }

    private static Payload entry(LedgerId ledgerId, long entryId, int payloadBytes) {
        return EntryFormat.encode(
                ledgerId, entryId, -1, payloadBytes, Payload.wrap(new byte[payloadBytes]), DigestType.CRC32C);
    }

    private static BookieRequest.Batch batch(SessionId session, long number, LedgerId ledgerId, long entryId) {
        return new BookieRequest.Batch(
                session, number, number * 500, entryId - 1, EntryBatch.of(List.of(entry(ledgerId, entryId, 100))));
    }

    /** Adds entries [from, to) in a session of their own and waits until they are acknowledged. */
    private SessionId add(Running running, LedgerId ledgerId, long from, long to) {
        SessionId session = openSession(running, ledgerId);
        List<BookieRequest.Batch> batches = new ArrayList<>();
        for (long id = from; id < to; id++) {
            batches.add(batch(session, id - from + 1, ledgerId, id));
        }
        Envelope.send(running.actor(), new BookieRequest.AddEntries(bookie, batches), client.getRef());
        awaitCumulative(client, session, to - from);
        return session;
    }

    private static void awaitCumulative(TestProbe<BookieReply> from, SessionId session, long number) {
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

    private BookieReply.EntriesRead read(Running running, long first, long last, int max, boolean fencing) {
        return ask(
                running,
                new BookieRequest.ReadEntries(bookie, 3, LEDGER, first, last, max, 1 << 20, fencing),
                BookieReply.EntriesRead.class);
    }

    private static List<Long> idsOf(BookieReply.EntriesRead read) {
        return read.entries().entries().stream().map(EntryFormat::entryIdOf).toList();
    }

    private static List<Long> range(long from, long to) {
        return Stream.iterate(from, id -> id < to, id -> id + 1).toList();
    }

    @Test
    @DisplayName(
            "R10, R25: a session opens, batches are acknowledged when durable, and can then be read with their LAC")
    void addAndRead() {
        Running running = started(1);
        add(running, LEDGER, 0, 10);

        assertThat(idsOf(read(running, 0, 9, 100, false))).isEqualTo(range(0, 10));
        BookieReply.LastAddConfirmedRead lac = ask(
                running,
                new BookieRequest.ReadLastAddConfirmed(bookie, 8, LEDGER),
                BookieReply.LastAddConfirmedRead.class);
        assertThat(lac.lastAddConfirmed()).isEqualTo(8);
        assertThat(lac.bootEpoch()).isEqualTo(new BootEpoch(1));
        BookieReply.BookieIdentified identified =
                ask(running, new BookieRequest.IdentifyBookie(bookie, 9), BookieReply.BookieIdentified.class);
        assertThat(identified.bookie()).isEqualTo(bookie);
        assertThat(feed.bookies()).singleElement().satisfies(status -> {
            assertThat(status.state()).isEqualTo(BookieStatus.State.WRITABLE);
            assertThat(status.address()).isEqualTo(running.address());
        });
        running.stop();
        assertThat(feed.bookies()).singleElement().satisfies(status -> assertThat(status.state())
                .isEqualTo(BookieStatus.State.DOWN));
    }

    @Test
    @DisplayName("B0: an answer is negative for an id only if that id was asked for and is not held")
    void negatives() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 30);
        Envelope.send(running.actor(), new BookieRequest.CloseSession(bookie, session), client.getRef());

        BookieReply.EntriesRead cut = read(running, 0, 29, 5, false);
        assertThat(idsOf(cut)).isEqualTo(range(0, 5));
        assertThat(cut.coveredTo()).isEqualTo(5);
        BookieReply.EntriesRead byBookie = read(running, 0, 29, 100, false);
        assertThat(byBookie.coveredTo()).isEqualTo(20);
        BookieReply.EntriesRead all = read(running, 25, 29, 100, true);
        assertThat(idsOf(all)).isEqualTo(range(25, 30));
        assertThat(all.coveredTo()).isEqualTo(30);
        BookieReply.EntriesRead behind = read(running, 28, 35, 100, true);
        assertThat(idsOf(behind)).isEqualTo(range(28, 30));
        assertThat(behind.coveredTo()).isEqualTo(36);
        BookieReply.EntriesRead nothing = read(running, 30, Long.MAX_VALUE, 100, true);
        assertThat(nothing.entries().isEmpty()).isTrue();
        assertThat(nothing.coveredTo()).isEqualTo(Long.MAX_VALUE);
        running.stop();
    }

    @Test
    @DisplayName("H63: a session that is silent for long is forgotten; its writer is told so and opens another")
    void silentSession() {
        Running running = start(
                directory,
                BookieSettings.from(ConfigFactory.parseString("quire.bookie.ledger-idle-timeout = 20 ms")
                        .withFallback(CONFIG)));
        running.requireStarted(1);
        SessionId session = add(running, LEDGER, 0, 3);
        BookieReply reply = new BookieReply.EntriesAdded(List.of());
        for (int i = 0; i < 100 && reply instanceof BookieReply.EntriesAdded; i++) {
            client.expectNoMessage(Duration.ofMillis(100)); // a question would count as a sign of life
            reply = ask(running, new BookieRequest.ProbeSession(bookie, session), BookieReply.class);
        }
        assertThat(reply).isInstanceOfSatisfying(BookieReply.SessionEnded.class, ended -> assertThat(ended.refusal())
                .isEqualTo(BookieReply.Refusal.UNKNOWN_SESSION));
        add(running, LEDGER, 3, 6);
        assertThat(idsOf(read(running, 0, 5, 100, false))).isEqualTo(range(0, 6));
        running.stop();
    }

    @Test
    @DisplayName("R16, H11: a fence ends sessions, tells the LAC of all that was added before, and outlives restarts")
    void fence() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 3);

        Envelope.send(running.actor(), new BookieRequest.FenceLedger(bookie, 4, LEDGER), client.getRef());
        BookieReply.SessionEnded ended = client.expectMessageClass(BookieReply.SessionEnded.class, PATIENCE);
        assertThat(ended.session()).isEqualTo(session);
        assertThat(ended.refusal()).isEqualTo(Refusal.FENCED);
        BookieReply.LedgerFenced fenced = client.expectMessageClass(BookieReply.LedgerFenced.class, PATIENCE);
        assertThat(fenced.lastAddConfirmed()).isEqualTo(1);
        assertThat(fenced.requestId()).isEqualTo(4);

        for (int boot = 1; boot < 3; boot++) {
            BookieReply.SessionRefused refused =
                    ask(running, new BookieRequest.OpenSession(bookie, 6, LEDGER, 1), BookieReply.SessionRefused.class);
            assertThat(refused.refusal()).isEqualTo(Refusal.FENCED);
            Envelope.send(
                    running.actor(),
                    new BookieRequest.AddEntries(bookie, List.of(batch(session, 4, LEDGER, 3))),
                    client.getRef());
            client.expectMessageClass(BookieReply.SessionEnded.class, PATIENCE);
            assertThat(idsOf(read(running, 0, 10, 100, true))).isEqualTo(range(0, 3));
            running.kill();
            running = started(boot + 1L);
        }
        running.stop();
    }

    @Test
    @DisplayName(
            "R17, R20: after an orderly stop and after a kill everything acknowledged is there, at the next boot epoch")
    void restarts() {
        LedgerId other = new LedgerId(6);
        registerLedger(other);
        Running running = started(1);
        add(running, LEDGER, 0, 300);
        add(running, other, 0, 500);
        running.kill();

        running = started(2);
        add(running, LEDGER, 300, 340);
        assertThat(meters.get("bookie.memtable.bytes").gauge().value()).isPositive();
        running.stop();
        assertThat(meters.find("bookie.memtable.bytes").gauge()).isNull();
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20)) {
            assertThat(BootRecord.read(ledgers).clean()).isTrue();
            assertThat(BootRecord.read(ledgers).confirmed()).isEqualTo(new BootEpoch(2));
        }
        running = started(3);
        for (long first = 0; first < 340; first += 20) {
            assertThat(idsOf(read(running, first, first + 19, 100, false))).isEqualTo(range(first, first + 20));
        }
        running.kill();
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20)) {
            assertThat(BootRecord.read(ledgers).clean()).isFalse();
        }
    }

    @Test
    @DisplayName("H29, R10: requests for another bookie and sessions that are not known are answered at once")
    void wrongTargetAndSession() {
        Running running = started(1);
        BookieId wrong = new BookieId(new UUID(4, 4));
        SessionId session = new SessionId(bookie, new BootEpoch(1), 900);
        List<BookieRequest> foreign = List.of(
                new BookieRequest.ReadEntries(wrong, 1, LEDGER, 0, 1, 1, 1, true),
                new BookieRequest.FenceLedger(wrong, 1, LEDGER),
                new BookieRequest.ReadLastAddConfirmed(wrong, 1, LEDGER),
                new BookieRequest.IdentifyBookie(wrong, 1));
        for (BookieRequest request : foreign) {
            BookieReply.RequestRefused refused = ask(running, request, BookieReply.RequestRefused.class);
            assertThat(refused.refusal()).isEqualTo(Refusal.WRONG_BOOKIE);
        }
        assertThat(ask(running, new BookieRequest.OpenSession(wrong, 1, LEDGER, 1), BookieReply.SessionRefused.class)
                        .refusal())
                .isEqualTo(Refusal.WRONG_BOOKIE);
        assertThat(ask(
                                running,
                                new BookieRequest.AddEntries(wrong, List.of(batch(session, 1, LEDGER, 0))),
                                BookieReply.BatchRefused.class)
                        .refusal())
                .isEqualTo(Refusal.WRONG_BOOKIE);
        assertThat(ask(running, new BookieRequest.ProbeSession(wrong, session), BookieReply.SessionEnded.class)
                        .refusal())
                .isEqualTo(Refusal.WRONG_BOOKIE);

        SessionId opened = openSession(running, LEDGER);
        for (SessionId unknown : List.of(
                session,
                new SessionId(bookie, new BootEpoch(2), opened.counter()),
                new SessionId(wrong, new BootEpoch(1), opened.counter()))) {
            assertThat(ask(
                                    running,
                                    new BookieRequest.AddEntries(bookie, List.of(batch(unknown, 1, LEDGER, 0))),
                                    BookieReply.SessionEnded.class)
                            .refusal())
                    .isEqualTo(Refusal.UNKNOWN_SESSION);
            assertThat(ask(running, new BookieRequest.ProbeSession(bookie, unknown), BookieReply.SessionEnded.class)
                            .refusal())
                    .isEqualTo(Refusal.UNKNOWN_SESSION);
        }
        Envelope.send(running.actor(), new BookieRequest.CloseSession(bookie, opened), client.getRef());
        ask(running, new BookieRequest.ProbeSession(bookie, opened), BookieReply.SessionEnded.class);
        running.stop();
    }

    @Test
    @DisplayName("R10: answers go to whoever spoke last for the session")
    void answersToTheLastSender() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 1);
        TestProbe<BookieReply> later = kit.createTestProbe();

        BookieReply.EntriesAdded probed =
                ask(running, new BookieRequest.ProbeSession(bookie, session), BookieReply.EntriesAdded.class, later);
        assertThat(probed.acks()).singleElement().satisfies(ack -> assertThat(ack.cumulative())
                .isEqualTo(1));
        Envelope.send(
                running.actor(),
                new BookieRequest.AddEntries(bookie, List.of(batch(session, 2, LEDGER, 1))),
                later.getRef());
        awaitCumulative(later, session, 2);
        running.stop();
    }

    @Test
    @DisplayName(
            "H63: what waits for the journal is counted when it comes and when it goes; a batch too large is refused")
    void journalQueue() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 50);
        assertThat(meters.get("bookie.journal.queue.bytes").gauge().value()).isZero();

        BookieRequest.Batch large =
                new BookieRequest.Batch(session, 51, 60_000, -1, EntryBatch.of(List.of(entry(LEDGER, 50, 17_000))));
        BookieReply.BatchRefused refused =
                ask(running, new BookieRequest.AddEntries(bookie, List.of(large)), BookieReply.BatchRefused.class);
        assertThat(refused.refusal()).isEqualTo(Refusal.OVERLOADED);
        assertThat(refused.number()).isEqualTo(51);
        assertThat(idsOf(read(running, 40, 60, 100, false))).isEqualTo(range(40, 50));
        running.stop();
    }

    @Test
    @DisplayName(
            "R14: without a register's answer, or with one that is not understood, no session opens and the bookie lives")
    void registerTrouble() {
        Running running = started(1);
        registry.setAvailable(false);
        assertThat(refusedSession(running, LEDGER)).isEqualTo(Refusal.UNAVAILABLE);
        registry.setAvailable(true);
        assertThat(refusedSession(running, new LedgerId(1234))).isEqualTo(Refusal.NO_SUCH_LEDGER);
        register(RegistryKey.ofLedger(new LedgerId(1235)), Payload.ofUtf8("of a newer version"));
        assertThat(refusedSession(running, new LedgerId(1235))).isEqualTo(Refusal.UNAVAILABLE);
        openSession(running, LEDGER);
        running.stop();
    }

    private Refusal refusedSession(Running running, LedgerId ledgerId) {
        return ask(running, new BookieRequest.OpenSession(bookie, 1, ledgerId, 1), BookieReply.SessionRefused.class)
                .refusal();
    }

    @Test
    @DisplayName("R7: a bookie whose boot epoch was superseded stops, and its directory is free again")
    void superseded() {
        Running running = started(1);
        add(running, LEDGER, 0, 5);
        register(
                RegistryKey.ofBookie(bookie),
                new BookieRegistration(bookie, "cluster-1", new BootEpoch(2), false, "elsewhere", "b1").encode());
        assertThat(running.failure()).contains("superseded");

        Running again = start();
        assertThat(again.failure()).contains("clone");
    }

    @Test
    @DisplayName("R7, H29: a copy of a directory is refused while the original answers, also one made amid its boot")
    void cloneRefused(@TempDir Path elsewhere) throws IOException {
        Running running = started(1);
        running.stop();
        Path copy = elsewhere.resolve("copy");
        copy(directory, copy);
        // As if it had been copied between intent and registration of the boot that follows.
        OpId opId = new OpId(new UUID(8, 8));
        Path amid = elsewhere.resolve("amid");
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20)) {
            BootRecord.read(ledgers).withIntent(opId).write(ledgers);
        }
        copy(directory, amid);
        running = started(2);

        assertThat(start(amid).failure()).contains("is in use at");
        assertThat(start(copy).failure()).contains("clone");
        running.stop();
        assertThat(start(copy).failure()).contains("clone");

        Path late = elsewhere.resolve("late");
        copy(directory, late);
        running = started(3);
        assertThat(start(late).failure()).contains("clone");
        running.stop();
    }

    @Test
    @DisplayName("R7: a copy of a running store is refused while the original answers at its registered address")
    void copyOfRunningStore(@TempDir Path elsewhere) throws IOException {
        Running running = started(1);
        Path copy = elsewhere.resolve("copy");
        copy(directory, copy);
        assertThat(start(copy).failure()).contains("is in use at " + running.address());
        openSession(running, LEDGER);
        running.stop();
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)));
            }
        }
    }

    @Test
    @DisplayName("R7: a store with a damaged identity, of another cluster's name, or not formatted does not start")
    void badIdentity(@TempDir Path elsewhere) throws IOException {
        assertThat(start(elsewhere).failure()).contains("format it first");
        Path foreign = elsewhere.resolve("foreign");
        BookieBoot.format(foreign, "another", SETTINGS);
        assertThat(start(foreign).failure()).contains("another");

        Path identity = directory.resolve("IDENTITY");
        byte[] bytes = Files.readAllBytes(identity);
        bytes[25] ^= 1;
        Files.write(identity, bytes);
        assertThat(start().failure()).contains("damaged");
        bytes[25] ^= 1;
        Files.write(identity, bytes);
        started(1).stop();
    }

    @Test
    @DisplayName("R7: a directory put together from two stores does not start")
    void twoStoresInOne(@TempDir Path elsewhere) throws IOException {
        Path other = elsewhere.resolve("other");
        BookieBoot.format(other, "quire", SETTINGS);
        Files.copy(
                other.resolve("IDENTITY"),
                directory.resolve("IDENTITY"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThat(start().failure()).contains("put together from two stores");
    }

    @Test
    @DisplayName("P11: a second boot of a directory in use is refused and does not disturb the first")
    void directoryInUse() {
        Running running = started(1);
        assertThat(start().failure()).contains("use");
        add(running, LEDGER, 0, 5);
        running.stop();
        started(2).stop();
    }

    @Test
    @DisplayName("a bookie that is stopped or killed while it boots gives its directory back")
    void stoppedWhileBooting() {
        Running running = start();
        running.actor().tell(BookieActor.Stop.INSTANCE);
        BookieActor.Event event = running.next();
        if (event instanceof BookieActor.Event.Started) {
            event = running.next();
        }
        assertThat(event).isInstanceOf(BookieActor.Event.Stopped.class);
        started(2).stop();
    }

    @Test
    @DisplayName("R20: a bookie whose journal is gone does not start")
    void journalGone() throws IOException {
        Running running = started(1);
        running.stop();
        try (Stream<Path> files = Files.list(directory.resolve("journal"))) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
        }
        assertThat(start().failure()).contains("journal is gone");
    }

    @Test
    @DisplayName(
            "R19: when a block was lost, fencing reads of its ledger are refused instead of answered with negatives")
    void lostBlock() {
        Running running = started(1);
        add(running, LEDGER, 0, 3);
        running.stop();
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20);
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            assertThat(transaction.delete(Fields.encode(
                            17, out -> out.put((byte) 'b').putLong(5).putLong(0))))
                    .isTrue();
            transaction.commit();
        }
        running = started(2);
        BookieReply.RequestRefused refused = ask(
                running,
                new BookieRequest.ReadEntries(bookie, 3, LEDGER, 0, 0, 1, 1000, true),
                BookieReply.RequestRefused.class);
        assertThat(refused.refusal()).isEqualTo(Refusal.UNAVAILABLE);
        assertThat(refused.detail()).contains("lost");
        running.stop();
    }

    @Test
    @DisplayName("H25: formatting mints a new identity once, and never over a store or its data")
    void format(@TempDir Path elsewhere) throws IOException {
        assertThat(BookieBoot.isFormatted(elsewhere.resolve("nowhere"))).isFalse();
        assertThat(BookieBoot.isFormatted(elsewhere)).isFalse();
        assertThat(BookieBoot.isFormatted(directory)).isTrue();
        assertThatThrownBy(() -> BookieBoot.format(directory, "quire", SETTINGS))
                .hasMessageContaining("already");
        Files.delete(directory.resolve("IDENTITY"));
        assertThatThrownBy(() -> BookieBoot.format(directory, "quire", SETTINGS))
                .hasMessageContaining("no identity");
        assertThat(BookieBoot.format(elsewhere.resolve("new"), "quire", SETTINGS))
                .isNotEqualTo(bookie);
    }
}
