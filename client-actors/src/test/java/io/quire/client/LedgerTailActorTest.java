package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.Deletion;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
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
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.LongStream;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** A tail, with its handle, over one bookie that the test plays. */
class LedgerTailActorTest {
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final BookieId BOOKIE = new BookieId(new UUID(1, 2));
    private static final LedgerMetadata OPEN =
            LedgerMetadata.create(LEDGER, new Replication(1, 1, 1), new Ensemble(List.of(BOOKIE)), Map.of(), 0);

    private final ActorTestKit kit = ActorTestKit.create(ConfigFactory.parseString(
                    "quire.client.tail { silence-timeout = 60 s, refresh-interval = 60 s, avoid-interval = 40 ms }")
            .withFallback(ConfigFactory.load()));
    private final TestProbe<Asked> bookie = kit.createTestProbe();
    private final Cluster cluster =
            new Cluster(ActorRefResolver.get(kit.system()).toSerializationFormat(kit.spawn(bookie(bookie.getRef()))));
    private LedgerClient client;

    /** A request, and who sent it. */
    private record Asked(BookieRequest request, ActorRef<BookieReply> from) {}

    private static Behavior<BookieRequest> bookie(ActorRef<Asked> probe) {
        return Behaviors.setup(context -> Behaviors.receiveMessage(request -> {
            probe.tell(new Asked(request, Envelope.sender(context)));
            return Behaviors.same();
        }));
    }

    /** One register, and where the bookie is. */
    private static final class Cluster implements Registry, ClusterFeed {
        private final String address;
        private final List<Consumer<RegisterValue>> watchers = new ArrayList<>();
        private RegisterValue value = RegisterValue.ABSENT;

        Cluster(String address) {
            this.address = address;
            put(OPEN);
        }

        synchronized void put(LedgerMetadata metadata) {
            value = value.changedTo(metadata.encode(), new OpId(new UUID(3, value.version())));
            watchers.forEach(watcher -> watcher.accept(value));
        }

        @Override
        public synchronized CompletionStage<RegisterValue> read(RegistryKey key) {
            return CompletableFuture.completedStage(value);
        }

        @Override
        public CompletionStage<CasResult> compareAndSet(
                RegistryKey key, long expectedVersion, Payload changed, OpId opId) {
            throw new AssertionError("a tail changes nothing");
        }

        @Override
        public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
            throw new AssertionError("a tail lists nothing");
        }

        @Override
        public synchronized Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
            watchers.add(listener);
            listener.accept(value);
            return () -> stopWatching(listener);
        }

        private synchronized void stopWatching(Consumer<RegisterValue> listener) {
            watchers.remove(listener);
        }

        synchronized int watchers() {
            return watchers.size();
        }

        @Override
        public Collection<BookieStatus> bookies() {
            return List.of(new BookieStatus(
                    BOOKIE, new BootEpoch(1), 1, "b1", ":0", address, BookieStatus.State.WRITABLE, 1, 1, Map.of()));
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
        client = LedgerClient.create(
                kit.system(),
                cluster,
                () -> CompletableFuture.completedStage(LEDGER),
                cluster,
                ClientSettings.from(kit.system().settings().config()),
                new SimpleMeterRegistry(),
                () -> 0);
    }

    @AfterEach
    void stop() {
        kit.shutdownTestKit();
    }

    private LedgerTail tail(long from) {
        return await(client.newOpenLedgerOp().withLedgerId(LEDGER).execute()).tail(from);
    }

    private static <T> T await(CompletionStage<T> stage) {
        try {
            return stage.toCompletableFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException | ExecutionException | TimeoutException e) {
            throw new AssertionError(e);
        }
    }

    private static Code codeOf(CompletionStage<?> stage) {
        return ((LedgerException) await(stage.handle((value, failure) -> failure))).code();
    }

    private static List<Long> next(LedgerTail tail) {
        return await(tail.nextAsync(10, 1 << 20)).entries().stream()
                .map(Entry::entryId)
                .toList();
    }

    /** The next request of that kind; others are passed over. */
    private <T extends BookieRequest> Asked asked(Class<T> kind) {
        Asked asked = bookie.receiveMessage(PATIENCE);
        while (!kind.isInstance(asked.request())) {
            asked = bookie.receiveMessage(PATIENCE);
        }
        return asked;
    }

    private static EntryBatch batch(long first, long last) {
        return EntryBatch.of(LongStream.rangeClosed(first, last)
                .mapToObj(id -> EntryFormat.encode(LEDGER, id, -1, 100, Payload.ofUtf8("e" + id), DigestType.CRC32C))
                .toList());
    }

    private static void push(Asked subscriber, long number, long endBefore, EntryBatch entries, long coveredTo) {
        subscriber
                .from()
                .tell(new BookieReply.EntriesPushed(
                        BOOKIE,
                        new BootEpoch(1),
                        ((BookieRequest.SubscribeLedger) subscriber.request()).requestId(),
                        LEDGER,
                        number,
                        endBefore + entries.byteSize(),
                        entries,
                        coveredTo,
                        coveredTo - 1));
    }

    @Test
    @DisplayName(
            "R25: entries are given as they are asked for, and the tail ends with its ledger, cleanly and for ever")
    void toTheEnd() {
        LedgerTail tail = tail(1);
        Asked subscriber = asked(BookieRequest.SubscribeLedger.class);
        BookieRequest.SubscribeLedger subscribe = (BookieRequest.SubscribeLedger) subscriber.request();
        assertThat(subscribe.firstEntryId()).isEqualTo(1);
        assertThat(subscribe.creditLimit()).isEqualTo(1 << 20);
        CompletionStage<ReadHandle.LedgerEntries> first = tail.nextAsync(2, 1 << 20);
        assertThat(codeOf(tail.nextAsync(1, 1))).isEqualTo(Code.InvalidRequest);
        assertThat(codeOf(tail.nextAsync(0, 1))).isEqualTo(Code.InvalidRequest);
        push(subscriber, 1, 0, batch(1, 3), 4);
        assertThat(await(first).entries()).extracting(Entry::entryId).containsExactly(1L, 2L);
        assertThat(next(tail)).containsExactly(3L);
        CompletionStage<ReadHandle.LedgerEntries> last = tail.nextAsync(2, 1 << 20);
        cluster.put(OPEN.closed(3, 10, List.of()));
        assertThat(await(last).entries()).isEmpty();
        asked(BookieRequest.UnsubscribeLedger.class);
        assertThat(next(tail)).isEmpty();
        assertThat(next(tail)).isEmpty();
        tail.close();
        assertThat(next(tail)).isEmpty();
        assertThat(cluster.watchers()).isZero();
    }

    @Test
    @DisplayName("R25: a hole is read like any entry, from whoever has it")
    void hole() {
        LedgerTail tail = tail(0);
        Asked subscriber = asked(BookieRequest.SubscribeLedger.class);
        push(subscriber, 1, 0, batch(1, 1), 2);
        Asked read = asked(BookieRequest.ReadEntries.class);
        BookieRequest.ReadEntries request = (BookieRequest.ReadEntries) read.request();
        assertThat(request.firstEntryId()).isZero();
        assertThat(request.lastEntryId()).isZero();
        read.from()
                .tell(new BookieReply.EntriesRead(
                        BOOKIE, new BootEpoch(1), request.requestId(), LEDGER, batch(0, 0), 1, 1));
        assertThat(next(tail)).containsExactly(0L, 1L);
        tail.close();
    }

    @Test
    @DisplayName("H97: who waits hears when the tail is closed, and who asks later too; the bookie is told")
    void closed() {
        LedgerTail tail = tail(0);
        asked(BookieRequest.SubscribeLedger.class);
        CompletionStage<ReadHandle.LedgerEntries> waiting = tail.nextAsync(1, 1);
        tail.close();
        assertThat(codeOf(waiting)).isEqualTo(Code.Unavailable);
        asked(BookieRequest.UnsubscribeLedger.class);
        assertThat(codeOf(tail.nextAsync(1, 1))).isEqualTo(Code.Unavailable);
        assertThat(cluster.watchers()).isZero();
    }

    @Test
    @DisplayName("H97: who waits hears when the ledger is deleted")
    void deleted() {
        LedgerTail tail = tail(0);
        CompletionStage<ReadHandle.LedgerEntries> waiting = tail.nextAsync(1, 1);
        cluster.put(OPEN.withDeletion(Deletion.DELETED));
        assertThat(codeOf(waiting)).isEqualTo(Code.NoSuchLedger);
        assertThat(codeOf(tail.nextAsync(1, 1))).isEqualTo(Code.NoSuchLedger);
    }

    @Test
    @DisplayName("R25: a bookie that refuses is asked again later, from where the tail stands")
    void refused() {
        LedgerTail tail = tail(0);
        Asked subscriber = asked(BookieRequest.SubscribeLedger.class);
        push(subscriber, 1, 0, batch(0, 0), 1);
        assertThat(next(tail)).containsExactly(0L);
        subscriber
                .from()
                .tell(new BookieReply.RequestRefused(
                        BOOKIE,
                        ((BookieRequest.SubscribeLedger) subscriber.request()).requestId(),
                        BookieReply.Refusal.UNKNOWN_SESSION,
                        "another boot"));
        Asked again = asked(BookieRequest.SubscribeLedger.class);
        assertThat(((BookieRequest.SubscribeLedger) again.request()).firstEntryId())
                .isEqualTo(1);
        push(again, 1, 0, batch(1, 1), 2);
        assertThat(next(tail)).containsExactly(1L);
        tail.close();
    }
}
