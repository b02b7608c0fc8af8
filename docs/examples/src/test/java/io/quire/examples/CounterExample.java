package io.quire.examples;

import static io.quire.testkit.QuireCluster.await;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.log.LogCursor;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogRecord.Producer;
import io.quire.client.log.LogWriter;
import io.quire.client.log.Logs;
import io.quire.client.stream.LogSources;
import io.quire.protocol.Payload;
import io.quire.testkit.QuireCluster;
import io.quire.testkit.QuireExtension;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.stream.javadsl.Sink;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A counter that any number of processes keep in step, each by the same log. */
@ExtendWith(QuireExtension.class)
class CounterExample {
    private static long count(Logs logs, ActorSystem system) {
        return await(LogSources.current(logs, "counter", LogPosition.START, 100)
                .map(increment -> Long.parseLong(increment.payload().toUtf8()))
                .runWith(Sink.fold(0L, Long::sum), system));
    }

    @Test
    @DisplayName("increments are counted once, also when they are repeated")
    void increments(QuireCluster cluster) {
        Logs logs = cluster.logs();
        ActorSystem system = cluster.node().system().classicSystem();
        try (LogWriter log = await(logs.openForWrite("counter"))) {
            for (int i = 1; i <= 10; i++) {
                await(log.appendAsync(new Producer("till-7", i), Payload.ofUtf8("" + i)));
            }
            // The till does not know whether its last increment arrived, and sends it again.
            await(log.appendAsync(new Producer("till-7", 10), Payload.ofUtf8("10")));
        }
        assertThat(count(logs, system)).isEqualTo(55);
    }

    @Test
    @DisplayName("a consumer remembers how far it got")
    void cursor(Logs logs) {
        LogPosition position;
        try (LogWriter log = await(logs.openForWrite("jobs"))) {
            await(log.appendAsync(Payload.ofUtf8("first")));
            position = await(log.appendAsync(Payload.ofUtf8("second")));
        }
        LogCursor cursor = logs.cursor("jobs", "worker");
        await(cursor.moveAsync(position, await(cursor.readAsync())));

        LogPosition next =
                await(logs.cursor("jobs", "worker").readAsync()).position().orElseThrow();
        assertThat(await(logs.reader("jobs").readAsync(next, 10, 1000)).records())
                .extracting(job -> job.payload().toUtf8())
                .containsExactly("second");
    }
}
