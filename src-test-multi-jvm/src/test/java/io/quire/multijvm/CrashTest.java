package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** kill -9 of nodes while an application writes. */
class CrashTest {
    private static final Duration LOAD = Duration.ofMinutes(2);
    private static final Duration MOMENT = Duration.ofSeconds(30);

    @RegisterExtension
    private final ClusterProcesses cluster = new ClusterProcesses();

    private final long seed = Seeds.next(getClass());

    @Test
    @DisplayName(
            "R12, R13: while one of three nodes dies by kill -9, every append is acknowledged and reads back equal")
    void appendsGoOnWhenOneNodeDies() {
        long entries = 100_000;
        Random random = new Random(seed);
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = cluster.startWriter(new WriterLoad(seed, entries, 500, WriterLoad.UNLIMITED));
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        LedgerReads reads = new LedgerReads(cluster.client().client(), seed);
        ReadHandle ledger = reads.open(ledgerId);

        writer.awaitAcknowledged(entries / 3, LOAD);
        int victim = random.nextInt(ClusterProcesses.NODES);
        BookieId dead = cluster.bookieOf(victim).orElseThrow().bookieId();
        cluster.node(victim).kill();
        reads.requireEqual(ledger, 0, get(ledger.readLastAddConfirmedAsync()));

        WriterProcess.End end = writer.awaitEnd(LOAD);
        assertThat(end.failed()).isZero();
        assertThat(end.acknowledged()).isEqualTo(entries);
        Await.until(
                "the last entry is confirmed to readers",
                MOMENT,
                () -> get(ledger.readLastAddConfirmedAsync()) == entries - 1);
        reads.requireEqual(ledger, 0, entries - 1);

        assertThat(writer.seal(MOMENT)).isEqualTo(entries - 1);
        ReadHandle sealed = reads.open(ledgerId);
        LedgerMetadata metadata = sealed.getLedgerMetadata().value();
        assertThat(metadata.state()).isEqualTo(LedgerState.CLOSED);
        assertThat(metadata.length()).isEqualTo(entries * EntryContent.BYTES);
        assertThat(metadata.incomplete()).isNotEmpty().allSatisfy(range -> assertThat(range.bookie())
                .isEqualTo(dead));
        reads.requireEqual(sealed, 0, entries - 1);
    }

    @Test
    @DisplayName(
            "R10, R13, R17, R20: after kill -9 of all nodes under load, every acknowledged entry is on every bookie"
                    + " that acknowledged it")
    void acknowledgedEntriesSurviveDeathOfAll() {
        Random random = new Random(seed);
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = cluster.startWriter(new WriterLoad(seed, 1_000_000, 500, WriterLoad.UNLIMITED));
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        writer.awaitAcknowledged(5_000 + random.nextInt(55_000), LOAD);
        for (int i = 0; i < ClusterProcesses.NODES; i++) {
            cluster.node(i).kill();
        }
        writer.stop();
        WriterProcess.End end = writer.awaitEnd(MOMENT);
        writer.kill();
        cluster.closeClient();

        cluster.start();
        cluster.awaitBookies();
        List<AckLog.Ack> acks = writer.acks(0);
        assertThat(acks).hasSize(Math.toIntExact(end.acknowledged()));
        LedgerReads reads = new LedgerReads(cluster.client().client(), seed);
        ReadHandle ledger = reads.open(ledgerId);
        requireHeld(reads, ledger, acks);
        requireConfirmedPrefix(reads, ledger, acks);
    }

    private static void requireHeld(LedgerReads reads, ReadHandle ledger, List<AckLog.Ack> acks) {
        LedgerMetadata metadata = ledger.getLedgerMetadata().value();
        List<BitSet> held = new ArrayList<>();
        for (BookieId bookie : metadata.lastFragment().ensemble().bookies()) {
            held.add(reads.heldBy(bookie, ledger.getId(), acks.size() - 1L));
        }
        for (int i = 0; i < acks.size(); i++) {
            AckLog.Ack ack = acks.get(i);
            assertThat(ack.entryId()).isEqualTo(i);
            int copies = 0;
            for (int position = 0; position < held.size(); position++) {
                boolean holds = held.get(position).get(i);
                copies += holds ? 1 : 0;
                if (!holds && (ack.acknowledgedBy() & (1 << position)) != 0) {
                    throw new AssertionError("the bookie at position " + position + " acknowledged entry " + i
                            + " and does not hold it");
                }
            }
            if (copies < metadata.replication().ackQuorum()) {
                throw new AssertionError("entry " + i + " was acknowledged and is on " + copies + " bookies");
            }
        }
    }

    private static void requireConfirmedPrefix(LedgerReads reads, ReadHandle ledger, List<AckLog.Ack> acks) {
        long confirmed = get(ledger.readLastAddConfirmedAsync());
        assertThat(confirmed).isLessThan(acks.size());
        reads.requireEqual(ledger, 0, confirmed);
        assertThat(ledger.readAsync(confirmed + 1, confirmed + 1).toCompletableFuture())
                .failsWithin(MOMENT)
                .withThrowableThat()
                .havingRootCause()
                .isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                        .isEqualTo(LedgerException.Code.NotConfirmed));
    }

    @Test
    @DisplayName("R2: every ledger whose creation was confirmed is listed, though a voter dies by kill -9 meanwhile")
    void createdLedgersAreListedThoughOneVoterDies() {
        int ledgers = 300;
        cluster.start();
        cluster.awaitBookies();
        List<LedgerId> created = new ArrayList<>();
        for (int i = 0; i < ledgers; i++) {
            if (i == ledgers / 3) {
                cluster.node(new Random(seed).nextInt(ClusterProcesses.NODES)).kill();
            }
            created.add(get(cluster.client()
                            .client()
                            .newCreateLedgerOp()
                            .withEnsembleSize(2)
                            .withWriteQuorumSize(2)
                            .withAckQuorumSize(1)
                            .execute()
                            .whenComplete((handle, failure) -> {
                                if (handle != null) {
                                    handle.close();
                                }
                            }))
                    .getId());
        }
        CompletableFuture<List<LedgerId>> listed = cluster.client()
                .client()
                .newListLedgersOp()
                .withLimit(10_000)
                .execute()
                .thenApply(page ->
                        page.ledgers().stream().map(LedgerMetadata::ledgerId).toList())
                .toCompletableFuture();
        assertThat(get(listed)).containsExactlyElementsOf(created);
    }
}
