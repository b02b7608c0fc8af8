package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.client.WriteHandle;
import io.quire.protocol.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node says of stores that it must not serve; each time it serves again once the cause is gone. */
class DamagedStoresTest {
    @TempDir
    private Path scratch;

    private Config config(String extra) {
        Config prepared = Standalone.prepare(scratch.resolve("data"), 1, 0, 0);
        return ConfigFactory.parseString("quire.node.start-timeout = 20 s\nquire.node.http = false\n" + extra)
                .withFallback(prepared)
                .resolve();
    }

    private void start() {
        QuireNode.start(config("")).close();
    }

    private void startWithEntries() {
        try (QuireNode node = QuireNode.start(config(""))) {
            WriteHandle ledger = node.client()
                    .newCreateLedgerOp()
                    .withEnsembleSize(1)
                    .withWriteQuorumSize(1)
                    .withAckQuorumSize(1)
                    .execute()
                    .toCompletableFuture()
                    .join();
            for (int i = 0; i < 100; i++) {
                ledger.append(Payload.ofUtf8("entry " + i));
            }
        }
    }

    private void assertRefused(String extra, String... words) {
        assertThatThrownBy(() -> QuireNode.start(config(extra)).close())
                .isInstanceOf(QuireNode.NodeStartException.class)
                .satisfies(failure -> assertThat(failure.getMessage()).contains(words));
    }

    private Path store(String name) {
        return scratch.resolve("data/store-0").resolve(name);
    }

    private Path saved(Path file) throws IOException {
        return Files.copy(file, scratch.resolve("saved"), StandardCopyOption.REPLACE_EXISTING);
    }

    @Test
    @DisplayName("H25: a damaged identity file is refused with the way out, and is never formatted over")
    void damagedIdentity() throws IOException {
        start();
        Path identity = store("IDENTITY");
        Path saved = saved(identity);
        Files.writeString(identity, Files.readString(identity).replace("bookie ", "bookee "));
        assertRefused("", "IDENTITY", "damaged");
        Files.copy(saved, identity, StandardCopyOption.REPLACE_EXISTING);
        start();
    }

    @Test
    @DisplayName(
            "R20, R21, H54: a node whose bookie's journal is cut short starts, and says that the bookie is in limbo")
    void truncatedJournal() throws IOException {
        startWithEntries();
        Path segment;
        try (Stream<Path> segments = Files.list(store("journal"))) {
            segment = segments.max(Path::compareTo).orElseThrow();
        }
        try (FileChannel file = FileChannel.open(segment, StandardOpenOption.WRITE)) {
            file.truncate(8192);
        }
        try (QuireNode node = QuireNode.start(config(""))) {
            assertThat(node.meters().find("bookie.limbo.ledgers").gauge()).isNotNull();
            assertThat(Files.exists(store("journal/damaged-" + segment.getFileName())))
                    .isTrue();
        }
        // Limbo ends by what the registry says; the journal is whole again at once.
        start();
    }

    @Test
    @DisplayName("an unreadable LMDB file is refused with its directory")
    void unreadableLmdb() throws IOException {
        start();
        Path data = store("ledgers/data.mdb");
        Path saved = saved(data);
        try (FileChannel file = FileChannel.open(data, StandardOpenOption.WRITE)) {
            file.write(
                    ByteBuffer.wrap(
                            "this is not LMDB".repeat(1000).getBytes(java.nio.charset.StandardCharsets.US_ASCII)),
                    0);
        }
        assertRefused("", store("ledgers").toString());
        Files.copy(saved, data, StandardCopyOption.REPLACE_EXISTING);
        start();
    }

    @Test
    @DisplayName("marks that contradict each other, or that the disk can never reach, are refused with the settings")
    void badMarks() {
        start();
        assertRefused(
                "quire.bookie.free-bytes-min = 1000 TiB\n",
                "quire.bookie.free-bytes-min",
                "quire.bookie.space.read-only-below");
        assertRefused(
                "quire.bookie.space { read-only-below = 1000 TiB, writable-above = 1001 TiB }\n",
                "too small",
                "quire.bookie.space.writable-above");
        assertRefused(
                "quire.bookie.journal.segment-bytes = 128 MiB\n",
                "quire.bookie.space.fence-reserve",
                "quire.bookie.journal.segment-bytes");
        start();
    }

    @Test
    @DisplayName("P11: a directory in use is refused, and its user is not disturbed")
    void directoryInUse() {
        try (QuireNode first = QuireNode.start(config(""))) {
            assertRefused("", "in use");
            assertThat(first.client()
                            .newListLedgersOp()
                            .execute()
                            .toCompletableFuture()
                            .join()
                            .ledgers())
                    .isEmpty();
        }
    }
}
