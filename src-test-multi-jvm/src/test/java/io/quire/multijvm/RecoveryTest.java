package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.client.core.RecoveryReport;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Ledgers are recovered from other processes, their writers dead or alive. */
class RecoveryTest {
    private static final Duration LOAD = Duration.ofMinutes(2);
    private static final Duration MOMENT = Duration.ofMinutes(1);

    @RegisterExtension
    private final ClusterProcesses cluster = new ClusterProcesses();

    private final long seed = Seeds.next(getClass());

    private WriterProcess startWriter() {
        return cluster.startWriter(new WriterLoad(seed, 1_000_000, 500, WriterLoad.UNLIMITED));
    }

    /** What was acknowledged is in the ledger, all of it reads back equal, and nothing can be added. */
    private void requireWhole(LedgerReads reads, LedgerMetadata recovered, List<AckLog.Ack> acks) {
        assertThat(recovered.state()).isEqualTo(LedgerState.CLOSED);
        assertThat(recovered.lastEntryId())
                .as("I1: the end, after %s acknowledged", acks.size())
                .isGreaterThanOrEqualTo(acks.size() - 1L);
        assertThat(recovered.length()).isEqualTo((recovered.lastEntryId() + 1) * EntryContent.BYTES);
        ReadHandle ledger = reads.open(recovered.ledgerId());
        assertThat(ledger.getLedgerMetadata().value()).isEqualTo(recovered);
        reads.requireEqual(ledger, 0, recovered.lastEntryId());
    }

    @Test
    @DisplayName(
            "R23, I2: after kill -9 of its writer under load, a ledger is recovered with all that was acknowledged")
    void deadWriter() {
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = startWriter();
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        writer.awaitAcknowledged(5_000 + new Random(seed).nextInt(20_000), LOAD);
        writer.kill();
        List<AckLog.Ack> acks = writer.acks(0);
        RecoveryReport report = get(cluster.client().client().recover(ledgerId));
        requireWhole(
                new LedgerReads(cluster.client().client(), seed),
                report.ledger().value(),
                acks);
        assertThat(report.bookiesUnheard()).isEmpty();
    }

    @Test
    @DisplayName(
            "H7, H17, H39, I1: two processes recover a ledger at once while its writer goes on; nobody is told a lie")
    void twoRecoverersAndALivingWriter() {
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = startWriter();
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        writer.awaitAcknowledged(5_000, LOAD);
        writer.recover(ledgerId);
        RecoveryReport report = get(cluster.client().client().recover(ledgerId));
        assertThat(writer.awaitRecovered(MOMENT))
                .isEqualTo(report.ledger().value().lastEntryId());
        WriterProcess.End end = writer.awaitEnd(MOMENT);
        assertThat(end.failed()).isPositive();
        requireWhole(
                new LedgerReads(cluster.client().client(), seed),
                report.ledger().value(),
                writer.acks(0));
    }

    @Test
    @DisplayName("H14, I1: a bookie that stands still for longer than every time-out stops neither writes nor recovery,"
            + " and does no harm when it goes on")
    void pausedBookie() {
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = startWriter();
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        writer.awaitAcknowledged(3_000, LOAD);
        int victim = new Random(seed).nextInt(ClusterProcesses.NODES);
        cluster.node(victim).pause();
        writer.awaitAcknowledged(writer.acknowledged() + 10_000, LOAD);
        RecoveryReport report = get(cluster.client().client().recover(ledgerId));
        cluster.node(victim).resume();
        WriterProcess.End end = writer.awaitEnd(MOMENT);
        assertThat(end.failed()).isPositive();
        requireWhole(
                new LedgerReads(cluster.client().client(), seed),
                report.ledger().value(),
                writer.acks(0));
    }
}
