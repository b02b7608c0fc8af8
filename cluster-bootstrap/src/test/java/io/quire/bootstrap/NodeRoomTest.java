package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigUtil;
import io.quire.bookie.BookieSettings;
import io.quire.bookie.SmallDisk;
import io.quire.client.WriteHandle;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole nodes whose stores have no room, or are read-only by an operator's wish. */
class NodeRoomTest {
    private static final String MARKS = """
            quire.bookie {
              free-bytes-min = 4 MiB
              status-interval = 50 ms
              journal { segment-bytes = 64 KiB, group-bytes-max = 16 KiB }
              memtable.bytes = 64 KiB
              ledger-file-bytes-max = 64 MiB
              space {
                read-only-below = 8 MiB, writable-above = 10 MiB, recovery-reserve = 4 MiB, fence-reserve = 4 MiB
                restart-backoff-min = 20 ms, restart-backoff-max = 100 ms, sample-interval = 50 ms
              }
            }
            """;

    @TempDir
    private Path scratch;

    private Config config(boolean http, Path... stores) {
        List<String> listed = java.util.Arrays.stream(stores)
                .map(store -> "{ directory = " + quoted(store) + ", journal-directory = "
                        + quoted(store.resolveSibling(store.getFileName() + "-journal")) + " }")
                .toList();
        return QuireNode.configOf(
                ConfigFactory.parseString(MARKS + "quire.node { name = n, formation = self, port = 0, http = "
                        + http + ", start-timeout = 20 s, stores = [" + String.join(", ", listed)
                        + "], registry { auto-init = true, founding-voters = 1, directories = ["
                        + quoted(scratch.resolve("voter")) + "] } }\nquire.http.port = 0\n"
                        + "quire.placement.distinct = store\n"));
    }

    private static String quoted(Path path) {
        return ConfigUtil.quoteString(path.toString());
    }

    private static void format(Config config) {
        Formatting.format(NodeSettings.from(config), BookieSettings.from(config), true);
    }

    private static void append(QuireNode node) {
        WriteHandle ledger = node.client()
                .newCreateLedgerOp()
                .withEnsembleSize(1)
                .withWriteQuorumSize(1)
                .withAckQuorumSize(1)
                .execute()
                .toCompletableFuture()
                .join();
        ledger.append(Payload.ofUtf8("an entry"));
    }

    private static void await(QuireNode node, Predicate<List<BookieStatus>> expected) {
        for (int i = 0; i < 1000; i++) {
            if (expected.test(List.copyOf(node.feed().bookies()))) {
                return;
            }
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
        }
        throw new AssertionError("still " + node.feed().bookies());
    }

    private static long count(List<BookieStatus> bookies, BookieStatus.State state) {
        return bookies.stream().filter(bookie -> bookie.state() == state).count();
    }

    @Test
    @DisplayName(
            "H61: a node starts without a store that has no room, which joins when it has; without any it does not")
    void startsWithoutTheFullOne() throws IOException {
        try (SmallDisk disk = SmallDisk.ext4(scratch, 32)) {
            Config both = config(false, scratch.resolve("store-0"), disk.root().resolve("store-1"));
            Config full = config(false, disk.root().resolve("store-1"));
            format(both);
            disk.fillUpTo(1 << 20);
            assertThatThrownBy(() -> QuireNode.start(full).close())
                    .isInstanceOf(QuireNode.NodeStartException.class)
                    .hasMessageContaining("bytes free")
                    .hasMessageContaining("quire.bookie.free-bytes-min");
            try (QuireNode node = QuireNode.start(both)) {
                append(node);
                assertThat(count(List.copyOf(node.feed().bookies()), BookieStatus.State.WRITABLE))
                        .isEqualTo(1);
                disk.empty();
                await(node, bookies -> count(bookies, BookieStatus.State.WRITABLE) == 2);
                append(node);
            }
        }
    }

    @Test
    @DisplayName("H62: an operator makes the bookies of a node read-only over HTTP, and writable again")
    void readOnlyOverHttp() throws IOException, InterruptedException {
        Config config = config(true, scratch.resolve("store-0"), scratch.resolve("store-1"));
        format(config);
        try (QuireNode node = QuireNode.start(config)) {
            URI uri = node.http().orElseThrow().resolve("/api/v1/bookie/state/readonly");
            assertThat(send(uri, "PUT", "{\"readOnly\": true}")).isEqualTo("{\"readOnly\":true}");
            await(node, bookies -> bookies.stream()
                    .allMatch(bookie -> bookie.readOnlyReasons().equals(List.of("OPERATOR"))));
            assertThat(send(uri, "GET", "")).isEqualTo("{\"readOnly\":true}");
            assertThat(send(node.http().orElseThrow().resolve("/api/v1/bookie/state"), "GET", ""))
                    .contains("\"readOnly\":true", "\"readOnlyReasons\":[\"OPERATOR\"]");
            assertThatThrownBy(() -> append(node)).hasMessageContaining("bookies");
            assertThat(send(uri, "PUT", "{\"readOnly\": false}")).isEqualTo("{\"readOnly\":false}");
            await(node, bookies -> count(bookies, BookieStatus.State.WRITABLE) == 2);
            append(node);
        }
    }

    private static String send(URI uri, String method, String body) throws IOException, InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(uri)
                .method(method, HttpRequest.BodyPublishers.ofString(body))
                .build();
        return HttpClient.newHttpClient()
                .send(request, HttpResponse.BodyHandlers.ofString())
                .body();
    }

    @Test
    @DisplayName(
            "two stores cannot share a directory, nor one journal directory, and a journal of others is not formatted over")
    void sharedDirectories() {
        Path store = scratch.resolve("store-0");
        assertThatThrownBy(() -> NodeSettings.from(config(false, store, store))).hasMessageContaining("twice");
        format(config(false, store));
        assertThat(store.resolveSibling("store-0-journal")).isDirectory();
        assertThat(store.resolve("journal")).doesNotExist();
        Path journal = store.resolveSibling("store-0-journal");
        try (QuireNode node = QuireNode.start(config(false, store))) {
            append(node);
        }
        assertThatThrownBy(() -> io.quire.bookie.BookieBoot.format(
                        scratch.resolve("store-9"), journal, "quire", BookieSettings.from(config(false, store))))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("is not empty");
    }
}
