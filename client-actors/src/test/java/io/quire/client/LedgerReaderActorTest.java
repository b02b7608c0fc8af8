package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.client.LedgerReaderActor.ReadConfirmed;
import io.quire.client.LedgerReaderActor.ReadRange;
import io.quire.client.ScriptedBookies.Asked;
import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The reader between scripted bookies; ticks come when the test moves the time, time-outs of zero end with the next. */
class LedgerReaderActorTest {
    private static final Config CONFIG = ManualTime.config()
            .withFallback(ConfigFactory.parseString("pekko.loglevel = WARNING\nquire.client.reader.reads-max = 2"))
            .withFallback(ConfigFactory.load());
    private static final Duration TICK = Duration.ofMillis(10);
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final LedgerMetadata METADATA =
            LedgerMetadata.create(LEDGER, Replication.DEFAULT, ScriptedBookies.ensemble(3), Map.of(), 0);
    private static ActorTestKit kit;
    private static ManualTime time;

    private final ScriptedBookies bookies = new ScriptedBookies(kit, 3);
    private final MemoryRegistry registry = new MemoryRegistry();

    @BeforeAll
    static void startSystem() {
        kit = ActorTestKit.create("reader", CONFIG);
        time = ManualTime.get(kit.system());
    }

    @AfterAll
    static void stopSystem() {
        kit.shutdownTestKit();
    }

    private ActorRef<LedgerReaderActor.Command> reader(String settings) {
        Config config = ConfigFactory.parseString(settings).withFallback(CONFIG);
        return kit.spawn(LedgerReaderActor.create(new ClientContext(
                kit.system(),
                registry,
                () -> CompletableFuture.completedStage(LEDGER),
                bookies,
                ClientSettings.from(config),
                new SimpleMeterRegistry())));
    }

    private static CompletableFuture<List<Entry>> read(
            ActorRef<LedgerReaderActor.Command> reader, LedgerMetadata metadata, long last) {
        CompletableFuture<List<Entry>> result = new CompletableFuture<>();
        reader.tell(new ReadRange(metadata, LedgerKey.NONE, 0, last, false, Integer.MAX_VALUE, Long.MAX_VALUE, result));
        return result;
    }

    private static CompletableFuture<Long> readConfirmed(ActorRef<LedgerReaderActor.Command> reader, long known) {
        CompletableFuture<Long> result = new CompletableFuture<>();
        reader.tell(new ReadConfirmed(METADATA, known, result));
        return result;
    }

    /** Answers a read with entries {@code [0, last]}. */
    private static void answer(Asked asked, long last) {
        BookieRequest.ReadEntries read = (BookieRequest.ReadEntries) asked.request();
        List<Payload> entries = new ArrayList<>();
        for (long id = read.firstEntryId(); id <= last; id++) {
            entries.add(EntryFormat.encode(LEDGER, id, id - 1, id + 1, Payload.ofUtf8("x"), METADATA.digest()));
        }
        asked.answer(new BookieReply.EntriesRead(
                read.target(),
                ScriptedBookies.EPOCH,
                read.requestId(),
                LEDGER,
                EntryBatch.of(entries),
                read.lastEntryId() + 1,
                last));
    }

    private static void refuse(Asked asked) {
        BookieRequest.ReadEntries read = (BookieRequest.ReadEntries) asked.request();
        asked.answer(new BookieReply.RequestRefused(
                read.target(), read.requestId(), BookieReply.Refusal.OVERLOADED, "too much to do"));
    }

    private static BookieId target(Asked asked) {
        return ((BookieRequest.ReadEntries) asked.request()).target();
    }

    /** Lets the reader tick, once it has done with everything that it was told: an empty range is read at once. */
    private static void tick(ActorRef<LedgerReaderActor.Command> reader) {
        assertThat(await(read(reader, METADATA, -1))).isEmpty();
        time.timePasses(TICK);
    }

    private static <T> T await(CompletableFuture<T> result) {
        return result.orTimeout(20, TimeUnit.SECONDS).join();
    }

    private static LedgerException failure(CompletableFuture<?> result) {
        Throwable[] cause = new Throwable[1];
        assertThatThrownBy(() -> await(result))
                .isInstanceOf(CompletionException.class)
                .satisfies(failure -> cause[0] = failure.getCause());
        assertThat(cause[0]).isInstanceOf(LedgerException.class);
        return (LedgerException) cause[0];
    }

    @Test
    @DisplayName("a range is asked of one bookie, whose answer is the result")
    void reads() {
        CompletableFuture<List<Entry>> result = read(reader(""), METADATA, 4);
        answer(bookies.next(), 4);
        assertThat(await(result)).extracting(Entry::entryId).containsExactly(0L, 1L, 2L, 3L, 4L);
    }

    @Test
    @DisplayName("B0: when a bookie refuses the next one is asked")
    void refused() {
        CompletableFuture<List<Entry>> result = read(reader(""), METADATA, 0);
        Asked first = bookies.next();
        refuse(first);
        Asked second = bookies.next();
        assertThat(target(second)).isNotEqualTo(target(first));
        answer(second, 0);
        assertThat(await(result)).hasSize(1);
    }

    @Test
    @DisplayName("B0: an entry does not exist when every member of its write set said so, not before")
    void missing() {
        registry.put(METADATA);
        CompletableFuture<List<Entry>> result = read(reader(""), METADATA, 0);
        for (int i = 0; i < 3; i++) {
            assertThat(result).isNotDone();
            answer(bookies.next(), -1);
        }
        LedgerException failure = failure(result);
        assertThat(failure.code()).isEqualTo(Code.NoSuchEntry);
        assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("a bookie that does not answer in time is left for another, and asked last by later reads")
    void silent() {
        ActorRef<LedgerReaderActor.Command> reader = reader("quire.client.reader.request-timeout = 0 s");
        CompletableFuture<List<Entry>> result = read(reader, METADATA, 0);
        Asked silent = bookies.next();
        tick(reader);
        Asked second = bookies.next();
        assertThat(target(second)).isNotEqualTo(target(silent));
        answer(second, 0);
        assertThat(await(result)).hasSize(1);

        CompletableFuture<List<Entry>> later = read(reader, METADATA, 0);
        Asked next = bookies.next();
        assertThat(target(next)).isNotEqualTo(target(silent));
        answer(next, 0);
        await(later);
    }

    @Test
    @DisplayName("H98: an answer that comes after another bookie was asked is not taken for that one's")
    void lateAnswer() {
        ActorRef<LedgerReaderActor.Command> reader = reader("quire.client.reader.request-timeout = 0 s");
        CompletableFuture<List<Entry>> result = read(reader, METADATA, 0);
        Asked late = bookies.next();
        tick(reader);
        Asked second = bookies.next();
        answer(late, -1);
        answer(second, 0);
        assertThat(await(result)).hasSize(1);
    }

    @Test
    @DisplayName("a read that is not over in time fails with TimedOut, not applied")
    void timedOut() {
        ActorRef<LedgerReaderActor.Command> reader = reader("quire.client.reader.read-timeout = 0 s");
        CompletableFuture<List<Entry>> result = read(reader, METADATA, 0);
        tick(reader);
        LedgerException failure = failure(result);
        assertThat(failure.code()).isEqualTo(Code.TimedOut);
        assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("beyond the limit a read is refused as Overloaded, until another has ended")
    void overloaded() {
        ActorRef<LedgerReaderActor.Command> reader = reader("");
        CompletableFuture<List<Entry>> first = read(reader, METADATA, 0);
        CompletableFuture<List<Entry>> second = read(reader, METADATA, 0);
        LedgerException failure = failure(read(reader, METADATA, 0));
        assertThat(failure.code()).isEqualTo(Code.Overloaded);
        assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);

        answer(bookies.next(), 0);
        assertThat(await(first)).hasSize(1);
        Asked ofSecond = bookies.next();
        CompletableFuture<List<Entry>> third = read(reader, METADATA, 0);
        answer(bookies.next(), 0);
        assertThat(await(third)).hasSize(1);
        answer(ofSecond, 0);
        assertThat(await(second)).hasSize(1);
    }

    @Test
    @DisplayName("a bookie whose address nobody knows counts as one that refuses")
    void unknownAddress() {
        Ensemble ensemble = new Ensemble(
                List.of(new BookieId(new UUID(5, 5)), ScriptedBookies.bookie(1), new BookieId(new UUID(5, 6))));
        LedgerMetadata metadata = LedgerMetadata.create(LEDGER, Replication.DEFAULT, ensemble, Map.of(), 0);
        CompletableFuture<List<Entry>> result = read(reader(""), metadata, 0);
        Asked asked = bookies.next();
        assertThat(target(asked)).isEqualTo(ScriptedBookies.bookie(1));
        answer(asked, 0);
        assertThat(await(result)).hasSize(1);
    }

    @Test
    @DisplayName("H47: the last-add-confirmed is known once no ack quorum is left among the bookies that are silent")
    void confirmed() {
        CompletableFuture<Long> result = readConfirmed(reader(""), 2);
        bookies.answerLastAddConfirmed(1, 1);
        bookies.answerLastAddConfirmed(1, 6);
        assertThat(await(result)).isEqualTo(6);
    }

    @Test
    @DisplayName("a last-add-confirmed that is known already is a lower bound")
    void confirmedBefore() {
        CompletableFuture<Long> result = readConfirmed(reader(""), 9);
        bookies.answerLastAddConfirmed(2, 1);
        assertThat(await(result)).isEqualTo(9);
    }

    @Test
    @DisplayName("when the time is over the highest last-add-confirmed of those who answered has to do")
    void confirmedByOne() {
        ActorRef<LedgerReaderActor.Command> reader = reader("quire.client.reader.request-timeout = 0 s");
        CompletableFuture<Long> result = readConfirmed(reader, EntryId.NONE);
        bookies.answerLastAddConfirmed(1, 4);
        tick(reader);
        assertThat(await(result)).isEqualTo(4);
    }

    @Test
    @DisplayName("when nobody answers in time the last-add-confirmed is Unavailable")
    void confirmedByNobody() {
        ActorRef<LedgerReaderActor.Command> reader = reader("quire.client.reader.request-timeout = 0 s");
        CompletableFuture<Long> result = readConfirmed(reader, EntryId.NONE);
        tick(reader);
        LedgerException failure = failure(result);
        assertThat(failure.code()).isEqualTo(Code.Unavailable);
        assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);
    }
}
