package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerState;
import java.time.Duration;
import java.util.Queue;
import org.apache.pekko.cluster.MemberStatus;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Nodes that stop in order and start again, and nodes that must not join. */
class RestartTest {
    private static final Duration MOMENT = Duration.ofMinutes(1);
    private static final Duration STOP = Duration.ofMinutes(1);
    private static final Duration APPEND_TIMEOUT = Duration.ofSeconds(10);

    @RegisterExtension
    private final ClusterProcesses cluster = new ClusterProcesses();

    private final long seed = Seeds.next(getClass());

    @Test
    @DisplayName("R7, R10: while all nodes are restarted one by one, no append fails, and every entry reads back equal")
    void rollingRestartUnderLoad() {
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = cluster.startWriter(new WriterLoad(seed, 1_000_000, 64, 1000));
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        LedgerReads reads = new LedgerReads(cluster.client().client(), seed);
        Queue<MemberStatus> removals = cluster.noteRemovals();
        for (int i = 0; i < ClusterProcesses.NODES; i++) {
            restart(i, writer, reads.open(ledgerId));
        }
        assertThat(removals)
                .as("what the nodes were when they were removed: they left, and did not have to be downed")
                .hasSize(ClusterProcesses.NODES)
                .containsOnly(MemberStatus.exiting());
        writer.stop();
        WriterProcess.End end = writer.awaitEnd(MOMENT);
        assertThat(end.failed()).isZero();
        assertThat(end.slowestMillis()).isLessThan(APPEND_TIMEOUT.toMillis());
        assertThat(writer.seal(MOMENT)).isEqualTo(end.acknowledged() - 1);
        ReadHandle ledger = reads.open(ledgerId);
        assertThat(ledger.getLedgerMetadata().value().state()).isEqualTo(LedgerState.CLOSED);
        assertThat(ledger.getLedgerMetadata().value().incomplete()).isEmpty();
        reads.requireEqual(ledger, 0, end.acknowledged() - 1);
    }

    private void restart(int node, WriterProcess writer, ReadHandle ledger) {
        BookieStatus before = cluster.bookieOf(node).orElseThrow();
        int position =
                ledger.getLedgerMetadata().value().lastFragment().ensemble().positionOf(before.bookieId());
        cluster.node(node).terminate();
        assertThat(cluster.node(node).awaitExit(STOP)).isZero();
        assertThat(cluster.node(node).lastSaid("STOPPED")).isPresent();
        cluster.launch(node);
        cluster.awaitReady(node);
        cluster.awaitLaterBoot(node, before);
        long acknowledged = writer.acknowledged();
        Await.until(
                "the bookie of node " + node + " acknowledges entries again",
                MOMENT,
                () -> writer.acks(acknowledged).stream().anyMatch(ack -> ack.isBy(position)));
    }

    @Test
    @DisplayName("R6, H27: a node of another cluster is refused, and harms nobody")
    void nodeOfAnotherClusterIsRefused() {
        cluster.start();
        cluster.awaitBookies();
        ChildProcess foreign = cluster.startForeign("another");
        assertThat(foreign.awaitSaid("REFUSED", ClusterProcesses.START))
                .contains(ClusterFiles.CLUSTER)
                .contains("another");
        assertThat(foreign.awaitExit(STOP)).isEqualTo(1);
        WriterProcess writer = cluster.startWriter(new WriterLoad(seed, 1000, 100, WriterLoad.UNLIMITED));
        assertThat(writer.awaitEnd(ClusterProcesses.START).failed()).isZero();
        assertThat(writer.acknowledged()).isEqualTo(1000);
    }
}
