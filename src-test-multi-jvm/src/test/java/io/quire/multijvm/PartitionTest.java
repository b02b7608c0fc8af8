package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * A network that falls apart under load. On the small side are one node, with a voter and a bookie, and a writer; on the
 * large side the other two voters, three bookies, another writer and the reader.
 */
class PartitionTest {
    private static final int NODES = 4;
    private static final int PER_SECOND = 1000;
    private static final Duration LOAD = Duration.ofMinutes(1);
    private static final Duration MOMENT = Duration.ofMinutes(1);
    private static final Duration APPEND_TIMEOUT = Duration.ofSeconds(10);

    @RegisterExtension
    private final ClusterProcesses cluster =
            new ClusterProcesses(ClusterShape.withNodes(NODES).withDivisibleNetwork());

    private final long seed = Seeds.next(getClass());

    @Test
    @DisplayName(
            "R2, R12, R27, H39, I1: when a node and a writer are cut off, the large side goes on and decides, the small"
                    + " side ends and decides nothing; healed, all that either was told is there")
    void oneNodeAndOneWriterAreCutOff() {
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = cluster.startWriter(new WriterLoad(seed, 1_000_000, 500, PER_SECOND));
        long lonelySeed = seed + 1;
        WriterProcess lonely = cluster.startWriter(new WriterLoad(lonelySeed, 1_000_000, 500, PER_SECOND));
        LedgerReads reads = new LedgerReads(cluster.client().client(), seed);
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        LedgerId lonelyId = lonely.awaitLedger(MOMENT);
        int victim = voterInBoth(lastFragment(reads, ledgerId), lastFragment(reads, lonelyId));
        BookieStatus before = cluster.bookieOf(victim).orElseThrow();
        cluster.awaitMembers();
        writer.awaitAcknowledged(PER_SECOND, LOAD);
        lonely.awaitAcknowledged(PER_SECOND, LOAD);

        cluster.isolate(victim, lonely);
        lonely.askToSeal();
        Versioned<LedgerMetadata> recovered =
                get(cluster.client().client().recover(lonelyId)).ledger();
        assertThat(cluster.node(victim).awaitExit(LOAD))
                .as("how the node that was cut off ended")
                .isEqualTo(NodeMain.ENDED);
        assertThat(cluster.node(victim).lastSaid("ENDED")).contains("by itself");
        cluster.launch(victim);
        assertThat(lonely.process().awaitExit(LOAD))
                .as("how the writer that was cut off ended")
                .isEqualTo(NodeMain.ENDED);
        assertThat(lonely.process().lastSaid("SEALED"))
                .as("what the small side decided")
                .isEmpty();
        writer.awaitAcknowledged(writer.acknowledged() + PER_SECOND, LOAD);
        Fragment moved = lastFragment(reads, ledgerId);
        assertThat(moved.ensemble().contains(before.bookieId())).isFalse();

        cluster.heal();
        cluster.awaitReady(victim);
        cluster.awaitLaterBoot(victim, before);
        writer.stop();
        WriterProcess.End end = writer.awaitEnd(MOMENT);
        assertThat(end.failed()).isZero();
        assertThat(end.slowestMillis()).isLessThan(APPEND_TIMEOUT.toMillis());
        assertThat(writer.seal(MOMENT)).isEqualTo(end.acknowledged() - 1);
        requireWhole(reads, ledgerId, end.acknowledged());
        LedgerMetadata metadata = reads.open(ledgerId).getLedgerMetadata().value();
        LedgerCopies.of(reads, metadata, metadata.lastEntryId()).requireAcknowledged(writer.acks(0));

        LedgerReads lonelyReads = new LedgerReads(cluster.client().client(), lonelySeed);
        assertThat(lonelyReads.open(lonelyId).getLedgerMetadata())
                .as("what the large side decided")
                .isEqualTo(recovered);
        requireWhole(lonelyReads, lonelyId, lonely.acknowledged());
        LedgerCopies.of(lonelyReads, recovered.value(), recovered.value().lastEntryId())
                .requireAckQuorums(recovered.value().lastEntryId() + 1);
    }

    private static Fragment lastFragment(LedgerReads reads, LedgerId ledgerId) {
        return reads.open(ledgerId).getLedgerMetadata().value().lastFragment();
    }

    /** A node with a voter, whose bookie is in both ensembles; with four nodes there is one. */
    private int voterInBoth(Fragment one, Fragment other) {
        List<Integer> found = IntStream.range(0, ClusterProcesses.NODES)
                .filter(node -> {
                    BookieId bookie = cluster.bookieOf(node).orElseThrow().bookieId();
                    return one.ensemble().contains(bookie) && other.ensemble().contains(bookie);
                })
                .boxed()
                .toList();
        return found.get(new Random(seed).nextInt(found.size()));
    }

    /** The ledger is closed, ends with or behind what was acknowledged, and all of it reads back equal. */
    private static void requireWhole(LedgerReads reads, LedgerId ledgerId, long acknowledged) {
        ReadHandle ledger = reads.open(ledgerId);
        LedgerMetadata metadata = ledger.getLedgerMetadata().value();
        assertThat(metadata.isClosed()).isTrue();
        assertThat(metadata.lastEntryId())
                .as("I1: the end, after %s acknowledged", acknowledged)
                .isGreaterThanOrEqualTo(acknowledged - 1);
        assertThat(metadata.length()).isEqualTo((metadata.lastEntryId() + 1) * EntryContent.BYTES);
        reads.requireEqual(ledger, 0, metadata.lastEntryId());
    }
}
