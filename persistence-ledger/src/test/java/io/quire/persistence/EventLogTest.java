package io.quire.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.testkit.QuireCluster;
import io.quire.testkit.QuireExtension;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(QuireExtension.class)
class EventLogTest {
    private static final String NAME = "persistence/some";

    /** Writes events {@code [from, to]} as one incarnation, in a ledger of its own. */
    private static void write(QuireCluster cluster, long from, long to) {
        EventLog log = new EventLog(cluster.logs(), NAME, 10);
        assertThat(QuireCluster.await(log.takeOver())).isEqualTo(from - 1);
        for (long sequenceNr = from; sequenceNr <= to; sequenceNr++) {
            EventRecord.Event event = new EventRecord.Event(sequenceNr, Payload.ofUtf8("e" + sequenceNr));
            QuireCluster.await(log.write("incarnation " + from, List.of(new EventRecord.Events(List.of(event)))));
        }
        log.close();
        assertThatThrownBy(() -> QuireCluster.await(log.replay(1, 10, 10, event -> {})))
                .hasMessageContaining("has stopped");
    }

    private static List<Long> replay(EventLog log, long from, long max) {
        List<Long> found = new ArrayList<>();
        QuireCluster.await(log.replay(from, Long.MAX_VALUE, max, event -> found.add(event.sequenceNr())));
        return found;
    }

    @Test
    @DisplayName("a replay reads no ledger that lies before its first event")
    void skips(QuireCluster cluster) {
        write(cluster, 1, 3);
        write(cluster, 4, 5);
        write(cluster, 6, 6);
        EventLog log = new EventLog(cluster.logs(), NAME, 10);
        assertThat(QuireCluster.await(log.takeOver())).isEqualTo(6);
        assertThat(replay(log, 1, 100)).containsExactly(1L, 2L, 3L, 4L, 5L, 6L);
        assertThat(replay(log, 3, 2)).containsExactly(3L, 4L);

        LedgerId first = QuireCluster.await(cluster.logs().describe(NAME))
                .segments()
                .get(0)
                .ledgerId();
        QuireCluster.await(
                cluster.client().newDeleteLedgerOp().withLedgerId(first).execute());
        assertThat(replay(log, 4, 100)).containsExactly(4L, 5L, 6L);
        assertThat(replay(log, 5, 100)).containsExactly(5L, 6L);
        assertThat(replay(log, 7, 100)).isEmpty();
        assertThatThrownBy(() -> replay(log, 3, 100)).hasMessageContaining("are lost");
        log.close();
    }
}
