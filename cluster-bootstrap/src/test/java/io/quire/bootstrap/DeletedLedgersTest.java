package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import io.quire.client.WriteHandle;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.RegistryKey;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The end of deleted ledgers in a whole node: keeper, bookies, registry and HTTP. */
class DeletedLedgersTest {
    private static final Duration PATIENCE = Duration.ofMinutes(3);
    private static final HttpClient HTTP = HttpClient.newHttpClient();

    @TempDir
    private Path scratch;

    private QuireNode start(String window) {
        return QuireNode.start(QuireNode.configOf(ConfigFactory.parseString("""
                        quire.tombstones.undelete-window = %s
                        quire.tombstones.walk-interval = 100 ms
                        quire.tombstones.page-interval = 50 ms
                        """.formatted(window))
                .withFallback(Standalone.prepare(scratch.resolve("data"), 3, 0, 0))));
    }

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    private static String request(QuireNode node, String method, String path) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(node.http().orElseThrow().resolve(path))
                .method(method, HttpRequest.BodyPublishers.noBody())
                .build();
        return HTTP.send(request, HttpResponse.BodyHandlers.ofString()).body();
    }

    private static LedgerId newLedger(QuireNode node) {
        WriteHandle ledger = get(node.client().newCreateLedgerOp().execute());
        get(ledger.appendAsync(Payload.ofUtf8("entry")));
        return ledger.getId();
    }

    private static void delete(QuireNode node, LedgerId ledgerId) {
        get(node.client().newDeleteLedgerOp().withLedgerId(ledgerId).execute());
    }

    @Test
    @DisplayName("R4, R22: a deleted ledger is purged, dropped by all bookies and collected; another one stays")
    void deletedLedgerIsCollected() throws Exception {
        try (QuireNode node = start("0 s")) {
            LedgerId kept = newLedger(node);
            LedgerId deleted = newLedger(node);
            delete(node, deleted);
            long deadlineNanos = System.nanoTime() + PATIENCE.toNanos();
            while (!get(node.registry().read(RegistryKey.ofLedger(deleted))).isCollected()) {
                assertThat(System.nanoTime() - deadlineNanos)
                        .as("time beyond the deadline")
                        .isNegative();
                assertThat(request(node, "PUT", "/api/v1/bookie/gc")).contains("Triggered");
                LockSupport.parkNanos(50_000_000);
            }
            assertThat(request(node, "GET", "/api/v1/bookie/gc_details")).contains("\"examined\"");
            assertThat(request(node, "GET", "/metrics")).contains("bookie_gc_dropped_ledgers_total");
            assertThat(request(node, "GET", "/api/v2/ledgers/" + kept)).contains("\"OPEN\"");
            assertThatThrownBy(() -> get(node.client()
                            .newUndeleteLedgerOp()
                            .withLedgerId(deleted)
                            .execute()))
                    .isInstanceOf(CompletionException.class)
                    .cause()
                    .isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                            .isEqualTo(LedgerException.Code.NoSuchLedger));
        }
    }

    @Test
    @DisplayName("R22: within the window a deletion is taken back; the ledger is recovered then, with its entries")
    void undeleted() {
        try (QuireNode node = start("1 h")) {
            LedgerId ledgerId = newLedger(node);
            delete(node, ledgerId);
            assertThat(get(node.client()
                                    .newUndeleteLedgerOp()
                                    .withLedgerId(ledgerId)
                                    .execute())
                            .value()
                            .state())
                    .isEqualTo(LedgerState.IN_RECOVERY);
            assertThat(get(node.client().recover(ledgerId, new byte[0]))
                            .ledger()
                            .value()
                            .lastEntryId())
                    .isZero();
        }
    }
}
