package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.Gauge;
import io.quire.bookie.storage.StoreInspection;
import io.quire.bookie.storage.StoreRebuild;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One of three stores loses its ledger store and its journal, is rebuilt, and filled again by the others. */
class RebuiltStoreTest {
    private static final Duration PATIENCE = Duration.ofSeconds(30);
    private static final int ENTRIES = 60;
    private static final int LEDGERS = 3;

    @TempDir
    private Path scratch;

    private QuireNode start() {
        Config config = ConfigFactory.parseString("""
                quire.node { start-timeout = 20 s, http = false }
                quire.bookie.repair { interval = 50 ms, entries-max = 7 }
                """);
        return QuireNode.start(config.withFallback(Standalone.prepare(scratch.resolve("data"), 3, 0, 0))
                .resolve());
    }

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    private static Payload payload(LedgerId ledgerId, long entryId) {
        return Payload.ofUtf8("entry " + entryId + " of ledger " + ledgerId + " ".repeat(500));
    }

    private static List<LedgerId> fill(QuireNode node) {
        List<LedgerId> ledgers = new ArrayList<>();
        for (int i = 0; i < LEDGERS; i++) {
            WriteHandle ledger = get(node.client()
                    .newCreateLedgerOp()
                    .withEnsembleSize(3)
                    .withWriteQuorumSize(3)
                    .withAckQuorumSize(3)
                    .execute());
            List<CompletionStage<Long>> appends = new ArrayList<>();
            for (int id = 0; id < ENTRIES; id++) {
                appends.add(ledger.appendAsync(payload(ledger.getId(), id)));
            }
            appends.forEach(RebuiltStoreTest::get);
            get(ledger.sealAsync());
            ledgers.add(ledger.getId());
        }
        return ledgers;
    }

    private Path lose() throws IOException {
        Path store = scratch.resolve("data/store-1");
        Files.write(store.resolve("ledgers/data.mdb"), new byte[20_000]);
        try (Stream<Path> segments = Files.list(store.resolve("journal"))) {
            for (Path segment : segments.toList()) {
                Files.delete(segment);
            }
        }
        return store;
    }

    /** What one bookie says of the whole ledger: entries in a row, or that it cannot tell; never that there are none. */
    private static int heldBy(QuireNode node, BookieId bookie, LedgerId ledgerId) {
        try {
            List<Entry> entries = get(node.client().readFrom(bookie, ledgerId, 0, ENTRIES - 1));
            assertThat(entries)
                    .as("%s denied all of ledger %s", bookie, ledgerId)
                    .isNotEmpty();
            for (int id = 0; id < entries.size(); id++) {
                assertThat(entries.get(id).payload()).isEqualTo(payload(ledgerId, id));
            }
            return entries.size();
        } catch (CompletionException e) {
            assertThat(e.getCause()).isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                    .as(failure.getMessage())
                    .isNotIn(LedgerException.Code.NoSuchEntry, LedgerException.Code.NoSuchLedger));
            return 0;
        }
    }

    private static void requireReadable(QuireNode node, LedgerId ledgerId) {
        ReadHandle ledger =
                get(node.client().newOpenLedgerOp().withLedgerId(ledgerId).execute());
        long next = 0;
        for (Entry entry : get(ledger.readAsync(0, ENTRIES - 1)).entries()) {
            assertThat(entry.payload()).isEqualTo(payload(ledgerId, next++));
        }
        assertThat(next).isEqualTo(ENTRIES);
    }

    @Test
    @DisplayName(
            "R7, R21, H5, H24: one of three stores loses all but its identity, is rebuilt, denies nothing, and holds"
                    + " everything again in the end")
    void filledByTheOthers() throws IOException {
        List<LedgerId> ledgers;
        try (QuireNode node = start()) {
            ledgers = fill(node);
        }
        Path store = lose();
        assertThatThrownBy(() -> start().close()).isInstanceOf(QuireNode.NodeStartException.class);
        BookieId bookie = new StoreRebuild(store, 1L << 30).rebuild().bookie();

        try (QuireNode node = start()) {
            Map<LedgerId, Integer> held = new TreeMap<>();
            long deadlineNanos = System.nanoTime() + PATIENCE.toNanos();
            while (held.values().stream().mapToInt(Integer::intValue).sum() < LEDGERS * ENTRIES
                    || limbo(node, bookie) > 0) {
                assertThat(System.nanoTime() - deadlineNanos).as("%s", held).isNegative();
                for (LedgerId ledgerId : ledgers) {
                    held.put(ledgerId, heldBy(node, bookie, ledgerId));
                    requireReadable(node, ledgerId);
                }
            }
        }
        try (StoreInspection stored = StoreInspection.open(store)) {
            Map<Long, Long> entries = new TreeMap<>();
            stored.ledgers(ledger -> entries.put(ledger.ledgerId(), ledger.entries()));
            assertThat(entries.keySet())
                    .containsAll(ledgers.stream().map(LedgerId::value).toList());
            assertThat(entries.values()).containsOnly((long) ENTRIES);
        }
        // As good as any other store: it boots as such.
        try (QuireNode node = start()) {
            assertThat(limbo(node, bookie)).isZero();
            assertThat(heldBy(node, bookie, ledgers.get(0))).isEqualTo(ENTRIES);
        }
    }

    private static double limbo(QuireNode node, BookieId bookie) {
        Gauge gauge = node.meters()
                .find("bookie.limbo.ledgers")
                .tag("bookie", bookie.toString())
                .gauge();
        assertThat(gauge).isNotNull();
        return gauge.value();
    }
}
