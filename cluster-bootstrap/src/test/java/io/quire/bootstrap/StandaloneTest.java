package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import io.quire.client.LedgerTail;
import io.quire.client.ReadHandle;
import io.quire.client.WriteHandle;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryVoters;
import io.quire.protocol.VoterId;
import io.quire.storage.StorageException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StandaloneTest {
    @TempDir
    private Path scratch;

    private QuireNode start() {
        Config config = Standalone.prepare(scratch.resolve("data"), 3, 0, 0);
        return QuireNode.start(config);
    }

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    private static List<Payload> append(WriteHandle ledger, int count) {
        List<Payload> payloads = IntStream.range(0, count)
                .mapToObj(i -> Payload.ofUtf8("entry " + i))
                .toList();
        List<CompletionStage<Long>> acks = new ArrayList<>();
        payloads.forEach(payload -> acks.add(ledger.appendAsync(payload)));
        for (int i = 0; i < count; i++) {
            assertThat(get(acks.get(i))).isEqualTo(i);
        }
        return payloads;
    }

    @Test
    @DisplayName("a sealed ledger is read whole, before and after a restart")
    void sealedLedgerSurvivesRestart() {
        LedgerId ledgerId;
        List<Payload> payloads;
        try (QuireNode node = start()) {
            WriteHandle ledger = get(node.client().newCreateLedgerOp().execute());
            ledgerId = ledger.getId();
            payloads = append(ledger, 1000);
            LedgerMetadata sealed = get(ledger.sealAsync());
            assertThat(sealed.state()).isEqualTo(LedgerState.CLOSED);
            assertThat(sealed.lastEntryId()).isEqualTo(999);
            assertThat(sealed.incomplete()).isEmpty();
            assertThat(read(node, ledgerId)).isEqualTo(payloads);
        }
        try (QuireNode node = start()) {
            assertThat(read(node, ledgerId)).isEqualTo(payloads);
        }
    }

    @Test
    @DisplayName("R5: a voter is removed from a running node; the others go on, also after a restart")
    void voterRemoved() {
        LedgerId ledgerId;
        List<VoterId> left;
        try (QuireNode node = start()) {
            WriteHandle ledger = get(node.client().newCreateLedgerOp().execute());
            ledgerId = ledger.getId();
            append(ledger, 10);
            List<VoterId> voters = get(node.registry().config()).orElseThrow().voters();
            left = voters.subList(0, 2);
            assertThat(get(node.registry().change(left, false))).isInstanceOf(RegistryVoters.Change.Changed.class);
            assertThat(get(ledger.sealAsync()).lastEntryId()).isEqualTo(9);
            get(node.client().newCreateLedgerOp().execute());
        }
        try (QuireNode node = start()) {
            RegistryConfig config = get(node.registry().config()).orElseThrow();
            assertThat(config.epoch()).isEqualTo(2);
            assertThat(config.voters()).isEqualTo(left);
            assertThat(get(node.client()
                                    .newOpenLedgerOp()
                                    .withLedgerId(ledgerId)
                                    .execute())
                            .getLastAddConfirmed())
                    .isEqualTo(9);
        }
    }

    private static List<Payload> read(QuireNode node, LedgerId ledgerId) {
        ReadHandle reader =
                get(node.client().newOpenLedgerOp().withLedgerId(ledgerId).execute());
        return get(reader.readAsync(0, 999)).entries().stream()
                .map(Entry::payload)
                .toList();
    }

    @Test
    @DisplayName("R25: an open ledger is readable to its last entry soon after the burst, and not beyond")
    void openLedgerIsReadableToLastAddConfirmed() {
        try (QuireNode node = start()) {
            WriteHandle ledger = get(node.client().newCreateLedgerOp().execute());
            append(ledger, 10);
            ReadHandle reader = get(
                    node.client().newOpenLedgerOp().withLedgerId(ledger.getId()).execute());
            long confirmed = -1;
            for (int i = 0; i < 1000 && confirmed < 9; i++) {
                confirmed = get(reader.readLastAddConfirmedAsync());
            }
            assertThat(confirmed).isEqualTo(9);
            assertThat(get(reader.batchReadAsync(0, 100, 1 << 20)).entries()).hasSize(10);
            assertThatThrownBy(() -> get(reader.readAsync(10, 10)))
                    .isInstanceOf(CompletionException.class)
                    .cause()
                    .isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                            .isEqualTo(LedgerException.Code.NotConfirmed));
        }
    }

    @Test
    @DisplayName("R25: a ledger is followed while it is written, to its end, by the client and over HTTP")
    void followedToItsEnd() {
        try (QuireNode node = start()) {
            WriteHandle ledger =
                    get(node.client().newCreateLedgerOp().withWriteQuorumSize(2).execute());
            LedgerTail tail = get(node.client()
                            .newOpenLedgerOp()
                            .withLedgerId(ledger.getId())
                            .execute())
                    .tail(0);
            URI follow = node.http()
                    .orElseThrow()
                    .resolve("/api/v2/ledgers/" + ledger.getId() + "/entries?from=990&follow=true");
            CompletableFuture<HttpResponse<String>> http = HttpClient.newHttpClient()
                    .sendAsync(HttpRequest.newBuilder(follow).build(), HttpResponse.BodyHandlers.ofString());
            List<Payload> payloads = append(ledger, 500);
            List<Payload> followed = new ArrayList<>();
            while (followed.size() < 500) {
                followed.addAll(next(tail));
            }
            for (int i = 500; i < 1000; i++) {
                assertThat(get(ledger.appendAsync(payloads.get(i - 500)))).isEqualTo(i);
            }
            get(ledger.sealAsync());
            for (List<Payload> more = next(tail); !more.isEmpty(); more = next(tail)) {
                followed.addAll(more);
            }
            assertThat(followed).hasSize(1000);
            assertThat(followed.subList(0, 500)).isEqualTo(payloads);
            assertThat(followed.subList(500, 1000)).isEqualTo(payloads);
            assertThat(http.join().body().lines().filter(line -> !line.isEmpty()))
                    .hasSize(10)
                    .last()
                    .asString()
                    .startsWith("{\"entryId\":999,");
        }
    }

    private static List<Payload> next(LedgerTail tail) {
        return get(tail.nextAsync(100, 1 << 20)).entries().stream()
                .map(Entry::payload)
                .toList();
    }

    @Test
    @DisplayName("R6: a directory with a part missing is refused, not formatted again")
    void missingPartIsRefused() throws Exception {
        start().close();
        Path store = scratch.resolve("data/store-1");
        Files.move(store, scratch.resolve("elsewhere"));
        assertThatThrownBy(() -> Standalone.prepare(scratch.resolve("data"), 3, 0, 0))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("store-1");
    }
}
