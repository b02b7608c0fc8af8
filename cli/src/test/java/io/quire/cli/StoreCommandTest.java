package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieBoot;
import io.quire.bookie.BookieSettings;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.DirectoryLock;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is printed of a store with one ledger that is flushed and one that is in the journal only. */
class StoreCommandTest {
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(32 << 10, 16 << 10, 2, 32 << 10, 3, 4);

    @TempDir
    private Path scratch;

    private String dir;

    @BeforeEach
    void fill() {
        Path directory = scratch.resolve("store");
        dir = directory.toString();
        BookieId bookie = BookieBoot.format(directory, "quire", BookieSettings.from(ConfigFactory.defaultReference()));
        try (BookieStore store = BookieStore.open(
                bookie,
                new BootEpoch(1),
                SETTINGS,
                BookieStore.Files.ofLmdb(
                        NioFileStore.open(directory.resolve("journal")),
                        LmdbKeyValueStore.open(directory.resolve("ledgers"), 1 << 20)))) {
            store.append(List.of(added(3, 0, "one"), added(3, 1, "three"), new JournalRecord.Fenced(new LedgerId(3))));
            store.rotate();
            while (store.needsFlush()) {
                store.flushStep();
            }
            store.append(List.of(added(4, 0, "later")));
        }
    }

    private static JournalRecord added(long ledger, long entryId, String text) {
        Payload entry = EntryFormat.encode(
                new LedgerId(ledger), entryId, entryId - 1, 9, Payload.ofUtf8(text), DigestType.CRC32C);
        return new JournalRecord.Added(new LedgerId(ledger), entryId - 1, EntryBatch.of(List.of(entry)));
    }

    private static List<JsonNode> lines(CommandRun run) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : run.out().lines().toList()) {
            lines.add(NodeConnection.JSON.readTree(line));
        }
        return lines;
    }

    @Test
    @DisplayName("ledgers has a line per ledger, and a note of what the journal has behind it")
    void ledgers() throws IOException {
        CommandRun run = CommandRun.of("store", "ledgers", "--dir", dir);
        assertThat(run.exitCode()).isZero();
        assertThat(run.out().strip().split(" +")).containsExactly("3", "0", "1", "2", "112", "yes", "0", "0", "0");
        assertThat(run.err())
                .contains("1 records of the journal are not in the ledger store")
                .hasLineCount(1);
        JsonNode ledger = lines(CommandRun.of("store", "ledgers", "--dir", dir, "--output", "json"))
                .get(0);
        assertThat(ledger.get("ledgerId").asLong()).isEqualTo(3);
        assertThat(ledger.get("entries").isIntegralNumber()).isTrue();
        assertThat(ledger.get("fenced").asBoolean()).isTrue();
    }

    @Test
    @DisplayName("entries has a line per entry of the range, with payloads when they are asked for")
    void entries() throws IOException {
        CommandRun run = CommandRun.of("store", "entries", "--dir", dir, "--ledger", "3", "--from", "1");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out().strip().split(" +")).containsExactly("1", "-", "5", "CRC32C", "good", "-", "-");
        List<JsonNode> lines = lines(CommandRun.of(
                "store", "entries", "--dir", dir, "--ledger", "3", "--to", "0", "--payload", "--output", "json"));
        assertThat(lines).singleElement().satisfies(line -> {
            assertThat(line.get("entryId").asLong()).isZero();
            assertThat(line.get("payload").asText()).isEqualTo("b25l");
            assertThat(line.get("state").asText()).isEqualTo("good");
        });
        CommandRun none = CommandRun.of("store", "entries", "--dir", dir, "--ledger", "4");
        assertThat(none.exitCode()).isEqualTo(1);
        assertThat(none.err()).contains("nothing is held of ledger 4");
    }

    @Test
    @DisplayName("journal has a line per segment, or per record")
    void journal() throws IOException {
        CommandRun run = CommandRun.of("store", "journal", "--dir", dir);
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .startsWith("segment-00000000 ")
                .contains(" whole ")
                .hasLineCount(1);
        List<JsonNode> lines = lines(CommandRun.of("store", "journal", "--dir", dir, "--records", "--output", "json"));
        assertThat(lines.stream().map(line -> line.get("kind").asText() + line.get("ledgerId")))
                .containsExactly("added3", "added3", "fenced3", "added4");
    }

    @Test
    @DisplayName("verify exits with 0 when all is good and with 1 when something is damaged, with a line of what")
    void verify() throws IOException {
        CommandRun good = CommandRun.of("store", "verify", "--dir", dir);
        assertThat(good.exitCode()).isZero();
        assertThat(good.out())
                .contains("1 ledgers, 2 good entries", "nothing is damaged")
                .hasLineCount(1);
        Path segment = Path.of(dir, "journal", "segment-00000000");
        byte[] bytes = Files.readAllBytes(segment);
        bytes[4096 + 70] ^= 1;
        Files.write(segment, bytes);
        CommandRun bad = CommandRun.of("store", "verify", "--dir", dir);
        assertThat(bad.exitCode()).isEqualTo(1);
        assertThat(bad.out()).contains("WRONG  journal", "record 1 of the journal is damaged");
        assertThat(bad.err()).contains("is damaged; keep it as it is").hasLineCount(1);
        assertThat(CommandRun.of("store", "journal", "--dir", dir).exitCode()).isEqualTo(1);
    }

    @Test
    @DisplayName("doctor exits with 0 when the store can start and with 1 when it cannot, each with its reasons")
    void doctor() throws IOException {
        CommandRun good = CommandRun.of("doctor", "--dir", dir);
        assertThat(good.exitCode()).as(good.out()).isZero();
        assertThat(good.out())
                .contains("(store)", "  good   IDENTITY   bookie ")
                .endsWith("This can start.\n");
        Files.delete(Path.of(dir, "IDENTITY"));
        CommandRun bad = CommandRun.of("doctor", "--dir", dir);
        assertThat(bad.exitCode()).isEqualTo(1);
        assertThat(bad.out()).contains("  WRONG  IDENTITY ", "holds data but no identity", "to do: ");
        assertThat(bad.err()).isEmpty();
        List<JsonNode> lines = lines(CommandRun.of("doctor", "--dir", dir, "--output", "json"));
        assertThat(lines.get(lines.size() - 1).get("good").asBoolean()).isFalse();
        assertThat(lines).anyMatch(line -> line.path("kind").asText().equals("wrong") && line.has("advice"));
    }

    @ParameterizedTest
    @DisplayName("P11: a store in use is refused with its process, one line")
    @ValueSource(strings = {"ledgers", "journal", "verify"})
    void inUse(String command) {
        try (DirectoryLock lock = DirectoryLock.acquire(Path.of(dir))) {
            assertThat(lock.directory()).exists();
            CommandRun run = CommandRun.of("store", command, "--dir", dir);
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.err()).contains("in use by", "doctor").hasLineCount(1);
        }
    }

    @Test
    @DisplayName("what is no store is one line; what means nothing is a wrong usage")
    void wrong() {
        CommandRun none = CommandRun.of("store", "ledgers", "--dir", scratch.toString());
        assertThat(none.exitCode()).isEqualTo(1);
        assertThat(none.err()).contains("holds no store").hasLineCount(1);
        assertThat(CommandRun.of("store", "ledgers").exitCode()).isEqualTo(2);
        assertThat(CommandRun.of("doctor").exitCode()).isEqualTo(2);
        CommandRun range = CommandRun.of("store", "entries", "--dir", dir, "--ledger", "3", "--from", "3", "--to", "2");
        assertThat(range.exitCode()).isEqualTo(2);
        assertThat(range.err()).contains("--to").hasLineCount(1);
    }

    @Test
    @DisplayName(
            "R21: rebuild is what doctor advises for a ledger store that cannot be opened; one that can is refused")
    void rebuild() throws IOException {
        CommandRun whole = CommandRun.of("store", "rebuild", "--dir", dir);
        assertThat(whole.exitCode()).isEqualTo(1);
        assertThat(whole.err())
                .contains("cannot rebuild " + dir, "nothing to rebuild")
                .hasLineCount(1);
        Files.write(Path.of(dir, "ledgers", "data.mdb"), new byte[10_000]);
        CommandRun doctor = CommandRun.of("doctor", "--dir", dir);
        assertThat(doctor.exitCode()).isEqualTo(1);
        assertThat(doctor.out()).contains("data.mdb", "./quire store rebuild --dir " + dir);

        CommandRun run = CommandRun.of("store", "rebuild", "--dir", dir);
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out())
                .contains(
                        "has an empty ledger store of kind lmdb, in limbo",
                        dir + "/damaged-1",
                        "segments of its journal")
                .hasLineCount(3);
        assertThat(CommandRun.of("doctor", "--dir", dir).exitCode()).isZero();
        Files.delete(Path.of(dir, "ledgers", "data.mdb"));
        JsonNode again = lines(CommandRun.of("store", "rebuild", "--dir", dir, "--output", "json"))
                .get(0);
        assertThat(again.get("aside").asText()).isEqualTo(dir + "/damaged-2");
        assertThat(again.get("kind").asText()).isEqualTo("lmdb");
        assertThat(CommandRun.of("store", "rebuild").exitCode()).isEqualTo(2);
    }
}
