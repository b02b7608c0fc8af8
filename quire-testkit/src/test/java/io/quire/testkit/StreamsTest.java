package io.quire.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogRecord;
import io.quire.client.log.LogWriter;
import io.quire.client.log.Logs;
import io.quire.client.stream.LedgerStreams;
import io.quire.client.stream.LogSources;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.Payload;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.stream.javadsl.Sink;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.stream.testkit.TestSubscriber;
import org.apache.pekko.stream.testkit.javadsl.TestSink;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** Ledgers and logs as streams. */
@ExtendWith(QuireExtension.class)
@Timeout(60)
class StreamsTest {
    private static final int COUNT = 3000;
    private static ActorSystem system;

    @BeforeAll
    static void startSystem() {
        system = ActorSystem.create("streams");
    }

    @AfterAll
    static void stopSystem() {
        system.terminate();
        system.getWhenTerminated().toCompletableFuture().join();
    }

    private static Source<Payload, ?> numbers(int count) {
        return Source.range(0, count - 1).map(i -> Payload.ofUtf8("n" + i));
    }

    private static List<String> expected(int from, int to) {
        return IntStream.range(from, to).mapToObj(i -> "n" + i).toList();
    }

    private static WriteHandle create(QuireCluster cluster) {
        return QuireCluster.await(cluster.client().newCreateLedgerOp().execute());
    }

    private static ReadHandle open(QuireCluster cluster, WriteHandle ledger) {
        return QuireCluster.await(
                cluster.client().newOpenLedgerOp().withLedgerId(ledger.getId()).execute());
    }

    /** An open ledger is read up to what its bookies know to be confirmed, which is a moment behind its writer. */
    private static void awaitConfirmed(ReadHandle reader, long entryId) {
        while (QuireCluster.await(reader.readLastAddConfirmedAsync()) < entryId) {
            Thread.onSpinWait();
        }
    }

    @Test
    @DisplayName("what passes is appended, and its ids come in order; a range and a tail give it back")
    void ledgers(QuireCluster cluster) {
        WriteHandle ledger = create(cluster);
        List<Long> ids = QuireCluster.await(
                numbers(COUNT).via(LedgerStreams.append(ledger, 100)).runWith(Sink.seq(), system));
        assertThat(ids)
                .isEqualTo(IntStream.range(0, COUNT).mapToObj(i -> (long) i).toList());
        awaitConfirmed(open(cluster, ledger), COUNT - 1);
        assertThat(QuireCluster.await(LedgerStreams.range(open(cluster, ledger), 10, COUNT - 1, 128)
                        .map(entry -> entry.payload().toUtf8())
                        .runWith(Sink.seq(), system)))
                .isEqualTo(expected(10, COUNT));
        var tail = LedgerStreams.tail(open(cluster, ledger), 0, 128)
                .map(entry -> entry.payload().toUtf8())
                .runWith(Sink.seq(), system);
        ledger.append(Payload.ofUtf8("n" + COUNT));
        QuireCluster.await(ledger.sealAsync());
        assertThat(QuireCluster.await(tail)).isEqualTo(expected(0, COUNT + 1));
    }

    @Test
    @DisplayName("a stream takes no more than is asked for, and cancelling releases it")
    void backPressure(QuireCluster cluster) {
        WriteHandle ledger = create(cluster);
        QuireCluster.await(numbers(100).runWith(LedgerStreams.sink(ledger, 100), system));
        TestSubscriber.Probe<Entry> probe =
                LedgerStreams.tail(open(cluster, ledger), 0, 10).runWith(TestSink.create(system), system);
        probe.request(3);
        probe.expectNextN(3);
        probe.expectNoMessage(Duration.ofMillis(50));
        probe.request(97);
        probe.expectNextN(97);
        probe.request(1); // waits for what is not there yet
        probe.expectNoMessage(Duration.ofMillis(50));
        probe.cancel();
        ledger.append(Payload.ofUtf8("unseen"));
        probe.expectNoMessage(Duration.ofMillis(50));
    }

    @Test
    @DisplayName("a failed append fails the stream")
    void failure(QuireCluster cluster) {
        WriteHandle ledger = create(cluster);
        ledger.append(Payload.ofUtf8("a"));
        QuireCluster.await(cluster.client().recover(ledger.getId()));
        Throwable failure = QuireCluster.await(
                numbers(10).runWith(LedgerStreams.sink(ledger, 4), system).handle((done, thrown) -> thrown));
        while (failure.getCause() != null) {
            failure = failure.getCause();
        }
        assertThat(failure).isInstanceOf(LedgerException.class);
    }

    @Test
    @DisplayName("a log's records come with positions, what is there and what comes, across ledgers")
    void logs(Logs logs) {
        try (LogWriter writer = QuireCluster.await(logs.openForWrite("streamed"))) {
            List<LogPosition> positions = QuireCluster.await(
                    numbers(500).via(LedgerStreams.append(writer, 50)).runWith(Sink.seq(), system));
            assertThat(positions).isSorted().hasSize(500);
            QuireCluster.await(writer.rollAsync());
            QuireCluster.await(writer.appendAsync(Payload.ofUtf8("n500")));
            QuireCluster.await(writer.rollAsync());
            List<LogRecord> records = QuireCluster.await(
                    LogSources.current(logs, "streamed", positions.get(100), 64).runWith(Sink.seq(), system));
            assertThat(records).extracting(found -> found.payload().toUtf8()).isEqualTo(expected(100, 501));
            assertThat(records.get(0).position()).isEqualTo(positions.get(100));

            var tail = LogSources.tail(logs, "streamed", LogPosition.START, 64)
                    .map(found -> found.payload().toUtf8())
                    .take(503)
                    .runWith(Sink.seq(), system);
            QuireCluster.await(writer.appendAsync(Payload.ofUtf8("n501")));
            QuireCluster.await(writer.rollAsync());
            QuireCluster.await(writer.appendAsync(Payload.ofUtf8("n502")));
            assertThat(QuireCluster.await(tail)).isEqualTo(expected(0, 503));
        }
        assertThat(QuireCluster.await(LogSources.current(logs, "no such log", LogPosition.START, 1)
                        .runWith(Sink.seq(), system)))
                .isEmpty();
    }
}
