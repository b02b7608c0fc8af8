package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.ReadHandle;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** kill -9 of a bookie where there is another one to take its place. */
class ReplacementTest {
    private static final int NODES = 4;
    private static final int PER_SECOND = 2000;
    private static final Duration LOAD = Duration.ofMinutes(1);
    private static final Duration MOMENT = Duration.ofMinutes(1);
    private static final Duration APPEND_TIMEOUT = Duration.ofSeconds(10);

    @RegisterExtension
    private final ClusterProcesses cluster = new ClusterProcesses(ClusterShape.withNodes(NODES));

    private final long seed = Seeds.next(getClass());

    @Test
    @DisplayName("R8, R12: when a bookie of the ensemble dies by kill -9 under load, the writer moves to the spare one,"
            + " and every entry is where its fragment says")
    void spareBookieTakesThePlace() {
        cluster.start();
        cluster.awaitBookies();
        WriterProcess writer = cluster.startWriter(new WriterLoad(seed, 1_000_000, 500, PER_SECOND));
        LedgerId ledgerId = writer.awaitLedger(MOMENT);
        LedgerReads reads = new LedgerReads(cluster.client().client(), seed);
        Ensemble before =
                reads.open(ledgerId).getLedgerMetadata().value().lastFragment().ensemble();
        int position = new Random(seed).nextInt(before.size());
        BookieId dead = before.at(position);
        int victim = nodeOf(dead);
        BookieStatus lastWords = cluster.bookieOf(victim).orElseThrow();
        BookieId spare = spareOf(before);

        writer.awaitAcknowledged(PER_SECOND, LOAD);
        cluster.node(victim).kill();
        Fragment moved = Await.get("a second fragment is registered", LOAD, () -> Optional.of(
                        reads.open(ledgerId).getLedgerMetadata().value().lastFragment())
                .filter(fragment -> fragment.firstEntryId() > 0));
        assertThat(moved.ensemble()).isEqualTo(before.with(position, spare));
        Await.until("the spare bookie acknowledges entries", LOAD, () -> writer.acks(moved.firstEntryId()).stream()
                .anyMatch(ack -> ack.isBy(position)));
        writer.stop();
        WriterProcess.End end = writer.awaitEnd(MOMENT);
        assertThat(end.failed()).isZero();
        assertThat(end.slowestMillis()).isLessThan(APPEND_TIMEOUT.toMillis());
        long last = end.acknowledged() - 1;
        assertThat(writer.seal(MOMENT)).isEqualTo(last);

        ReadHandle sealed = reads.open(ledgerId);
        LedgerMetadata metadata = sealed.getLedgerMetadata().value();
        assertThat(metadata.isClosed()).isTrue();
        assertThat(metadata.lastEntryId()).isEqualTo(last);
        assertThat(metadata.length()).isEqualTo(end.acknowledged() * EntryContent.BYTES);
        assertThat(metadata.fragments()).hasSize(2).last().isEqualTo(moved);
        assertThat(metadata.incomplete()).allSatisfy(range -> {
            assertThat(range.bookie()).isEqualTo(dead);
            assertThat(range.lastEntryId()).isLessThan(moved.firstEntryId());
        });
        reads.requireEqual(sealed, 0, last);

        cluster.launch(victim);
        cluster.awaitReady(victim);
        cluster.awaitLaterBoot(victim, lastWords);
        LedgerCopies.of(reads, metadata, last).requireAcknowledged(writer.acks(0));
    }

    private int nodeOf(BookieId bookie) {
        return IntStream.range(0, NODES)
                .filter(node -> cluster.bookieOf(node).orElseThrow().bookieId().equals(bookie))
                .findFirst()
                .orElseThrow();
    }

    private BookieId spareOf(Ensemble ensemble) {
        List<BookieId> spares = IntStream.range(0, NODES)
                .mapToObj(node -> cluster.bookieOf(node).orElseThrow().bookieId())
                .filter(bookie -> !ensemble.contains(bookie))
                .toList();
        assertThat(spares).hasSize(NODES - ensemble.size());
        return spares.get(0);
    }
}
