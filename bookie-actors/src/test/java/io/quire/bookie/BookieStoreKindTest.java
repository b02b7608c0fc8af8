package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.ConfigFactory;
import io.quire.protocol.LedgerId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which kind of ledger store a bookie has. */
class BookieStoreKindTest extends BookieStory {
    private static final BookieSettings SEGMENTS =
            BookieSettings.from(ConfigFactory.parseString("""
                    quire.bookie {
                      store = segments
                      segments.segment-bytes = 64 KiB
                    }
                    """).withFallback(CONFIG));

    @Test
    @DisplayName("a store stays what it was formatted as, whatever the setting says later")
    void kindIsRecorded(@TempDir Path elsewhere) throws IOException {
        Path place = elsewhere.resolve("store");
        bookie = BookieBoot.format(place, "quire", SEGMENTS);
        assertThat(place.resolve("segments")).isDirectory();
        long epoch = 1;
        for (BookieSettings settings : new BookieSettings[] {SEGMENTS, SETTINGS, SEGMENTS}) {
            Running running = start(place, settings);
            running.requireStarted(epoch++);
            assertThat(meters.get("bookie.segments.file.bytes").gauge().value()).isNotNegative();
            running.stop();
        }
        Running lmdb = start(directory, SEGMENTS);
        lmdb.requireStarted(1);
        lmdb.stop();
        assertThat(directory.resolve("segments")).doesNotExist();

        Files.move(place.resolve("segments"), place.resolve("elsewhere"));
        assertThat(start(place, SEGMENTS).failure()).contains("segments is not a directory");
    }

    @Test
    @DisplayName("H25: a directory with segments but no identity is not formatted")
    void segmentsWithoutIdentity(@TempDir Path elsewhere) throws IOException {
        Files.createDirectory(elsewhere.resolve("segments"));
        assertThatThrownBy(() -> BookieBoot.format(elsewhere, "quire", SETTINGS))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("no identity");
    }

    @Test
    @DisplayName("what was written to a store in segments is read after a stop, a kill and compaction")
    void writtenAndRead(@TempDir Path elsewhere) {
        Path place = elsewhere.resolve("store");
        bookie = BookieBoot.format(place, "quire", SEGMENTS);
        Running running = start(place, SEGMENTS);
        running.requireStarted(1);
        LedgerId ledgerId = new LedgerId(6);
        registerLedger(ledgerId);
        add(running, ledgerId, 0, 50);
        running.stop();
        running = start(place, SEGMENTS);
        running.requireStarted(2);
        add(running, ledgerId, 50, 100);
        running.kill();
        running = start(place, SEGMENTS);
        running.requireStarted(3);
        BookieReply.EntriesRead read = ask(
                running,
                new BookieRequest.ReadEntries(bookie, 3, ledgerId, 40, 55, 100, 1 << 20, false),
                BookieReply.EntriesRead.class);
        assertThat(idsOf(read)).isEqualTo(range(40, 56));
        assertThat(meters.get("bookie.segments.live.bytes").gauge().value()).isPositive();
        running.stop();
    }
}
