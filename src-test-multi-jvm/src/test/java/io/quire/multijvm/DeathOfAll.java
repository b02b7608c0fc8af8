package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import java.time.Duration;
import java.util.List;

/**
 * All nodes die by kill -9 while an application writes, and start again: what the application was told must be true
 * then. Expects a cluster that serves, and leaves one.
 */
final class DeathOfAll {
    private static final Duration LOAD = Duration.ofMinutes(2);
    private static final Duration MOMENT = Duration.ofMinutes(1);

    private final ClusterProcesses cluster;
    private final long seed;

    DeathOfAll(ClusterProcesses cluster, long seed) {
        this.cluster = cluster;
        this.seed = seed;
    }

    /** @param acknowledged when they die: after so many appends, or a few more */
    void run(long acknowledged) {
        cluster.awaitBookies();
        WriterProcess writer = cluster.startWriter(new WriterLoad(seed, 1_000_000, 500, WriterLoad.UNLIMITED));
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        writer.awaitAcknowledged(acknowledged, LOAD);
        for (int i = 0; i < ClusterProcesses.NODES; i++) {
            cluster.node(i).kill();
        }
        writer.stop();
        WriterProcess.End end = writer.awaitEnd(MOMENT);
        assertThat(end.failed()).as("appends whose outcome is unknown").isPositive();
        writer.kill();
        cluster.closeClient();

        cluster.start();
        cluster.awaitBookies();
        List<AckLog.Ack> acks = writer.acks(0);
        assertThat(acks).hasSize(Math.toIntExact(end.acknowledged()));
        LedgerReads reads = new LedgerReads(cluster.client().client(), seed);
        ReadHandle ledger = reads.open(ledgerId);
        LedgerCopies.of(reads, ledger.getLedgerMetadata().value(), acks.size() - 1L)
                .requireAcknowledged(acks);
        requireConfirmedPrefix(reads, ledger, acks);
    }

    /** What is confirmed reads back; a later look may confirm more, but never what was not acknowledged. */
    private static void requireConfirmedPrefix(LedgerReads reads, ReadHandle ledger, List<AckLog.Ack> acks) {
        long confirmed = get(ledger.readLastAddConfirmedAsync());
        assertThat(confirmed).isNotNegative().isLessThan(acks.size());
        reads.requireEqual(ledger, 0, confirmed);
        assertThat(ledger.readAsync(acks.size(), acks.size()).toCompletableFuture())
                .failsWithin(MOMENT)
                .withThrowableThat()
                .havingRootCause()
                .isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                        .isEqualTo(LedgerException.Code.NotConfirmed));
    }
}
