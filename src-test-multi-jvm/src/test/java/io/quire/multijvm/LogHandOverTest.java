package io.quire.multijvm;

import static io.quire.multijvm.LedgerReads.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.log.LogBatch;
import io.quire.client.log.LogMetadata;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogReader;
import io.quire.client.log.LogRecord;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A named log goes from writer to writer, dead or alive. */
class LogHandOverTest {
    private static final Duration LOAD = Duration.ofMinutes(2);
    private static final Duration MOMENT = Duration.ofMinutes(1);
    private static final int RECORDS = 3000;

    @RegisterExtension
    private final ClusterProcesses cluster = new ClusterProcesses();

    /** A process that writes the log, and what it noted. */
    private record Writer(String name, ChildProcess process, Path notes) {
        List<String> acknowledged() {
            try {
                return Files.exists(notes) ? Files.readAllLines(notes) : List.of();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        void awaitAcknowledged(int count) {
            Await.until(
                    count + " records are acknowledged",
                    LOAD,
                    () -> acknowledged().size() >= count);
        }
    }

    private Writer start(String name) {
        Path notes = cluster.note("notes-" + name);
        Writer writer = new Writer(name, cluster.startClient(LogWriterMain.class, notes.toString(), name), notes);
        writer.process().awaitSaid("OPENED", LOAD);
        return writer;
    }

    private List<LogRecord> readAll() {
        LogReader reader = cluster.client().logs().reader(LogWriterMain.LOG);
        List<LogRecord> records = new ArrayList<>();
        LogBatch batch = get(reader.readAsync(LogPosition.START, 1000, 1 << 20));
        while (!batch.isAtEnd()) {
            assertThat(batch.gap()).isEmpty();
            records.addAll(batch.records());
            batch = get(reader.readAsync(batch.next(), 1000, 1 << 20));
        }
        return records;
    }

    @Test
    @DisplayName(
            "R26, H92, H96: after kill -9 of its writer, and while one lives, a log is taken over; no acknowledged record"
                    + " is lost, doubled or out of place")
    void handOver() {
        cluster.start();
        cluster.awaitBookies();
        Writer first = start("first");
        first.awaitAcknowledged(RECORDS);
        first.process().kill();

        Writer second = start("second");
        second.awaitAcknowledged(RECORDS);

        Writer third = start("third");
        assertThat(second.process().awaitSaid("FAILED", MOMENT)).isEqualTo("LedgerFenced");
        second.process().awaitSaid("DONE", MOMENT);
        third.awaitAcknowledged(RECORDS);
        third.process().tell("stop");
        third.process().awaitSaid("DONE", MOMENT);

        get(cluster.client().logs().openForWrite(LogWriterMain.LOG)).close(); // nothing is added behind this
        List<LogRecord> log = readAll();
        requireOrder(log, List.of("first", "second", "third"));
        Map<LogPosition, String> content = new HashMap<>();
        log.forEach(found -> content.put(found.position(), found.payload().toUtf8()));
        for (Writer writer : List.of(first, second, third)) {
            for (String line : writer.acknowledged()) {
                String[] note = line.split(" ", -1);
                assertThat(content.get(LogPosition.parse(note[1])))
                        .isEqualTo(LogWriterMain.content(writer.name(), Long.parseLong(note[0])));
            }
        }
        LogMetadata metadata = get(cluster.client().logs().describe(LogWriterMain.LOG));
        assertThat(metadata.segments().size()).as("ledgers").isGreaterThan(6);
    }

    /** Writer by writer, and each writer's records by number, without a hole and none twice. */
    private static void requireOrder(List<LogRecord> log, List<String> writers) {
        int writer = 0;
        long next = 0;
        LogPosition before = LogPosition.START;
        for (LogRecord found : log) {
            assertThat(found.position()).isGreaterThan(before);
            before = found.position();
            String text = found.payload().toUtf8();
            if (!text.startsWith(writers.get(writer) + ".")) {
                writer++;
                next = 0;
            }
            assertThat(text).isEqualTo(LogWriterMain.content(writers.get(writer), next));
            next++;
        }
        assertThat(writer).isEqualTo(writers.size() - 1);
    }
}
