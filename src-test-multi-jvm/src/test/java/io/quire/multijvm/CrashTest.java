package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** kill -9 of nodes while an application writes. */
class CrashTest {
    private static final Duration LOAD = Duration.ofMinutes(2);
    private static final Duration MOMENT = Duration.ofMinutes(1);

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
        assertThat(writer.acknowledged()).as("appends before the death").isLessThan(entries);
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
    @DisplayName("R10, R13, R17, R20: after kill -9 of all nodes under load, every bookie holds what it acknowledged")
    void acknowledgedEntriesSurviveDeathOfAll() {
        cluster.start();
        new DeathOfAll(cluster, seed).run(5_000 + new Random(seed).nextInt(55_000));
    }

    @Test
    @Tag("soak")
    @DisplayName(
            "R2, R7: every ledger whose creation was confirmed is listed, though a voter dies by kill -9 meanwhile;"
                    + " its node comes back to its place")
    void createdLedgersAreListedThoughOneVoterDies() {
        int ledgers = 300;
        int victim = new Random(seed).nextInt(ClusterProcesses.NODES);
        cluster.start();
        cluster.awaitBookies();
        BookieStatus before = cluster.bookieOf(victim).orElseThrow();
        List<LedgerId> created = new ArrayList<>();
        for (int i = 0; i < ledgers; i++) {
            if (i == ledgers / 3) {
                cluster.node(victim).kill();
            }
            created.add(create());
        }
        assertThat(list()).containsExactlyElementsOf(created);

        cluster.launch(victim);
        cluster.awaitReady(victim);
        cluster.awaitLaterBoot(victim, before);
        created.add(create());
        assertThat(list()).containsExactlyElementsOf(created);
    }

    /** Creates a ledger that two bookies suffice for. */
    private LedgerId create() {
        WriteHandle ledger = get(cluster.client()
                .client()
                .newCreateLedgerOp()
                .withEnsembleSize(2)
                .withWriteQuorumSize(2)
                .withAckQuorumSize(1)
                .execute());
        ledger.close();
        return ledger.getId();
    }

    private List<LedgerId> list() {
        return get(cluster.client()
                        .client()
                        .newListLedgersOp()
                        .withLimit(10_000)
                        .execute())
                .ledgers()
                .stream()
                .map(LedgerMetadata::ledgerId)
                .toList();
    }
}
