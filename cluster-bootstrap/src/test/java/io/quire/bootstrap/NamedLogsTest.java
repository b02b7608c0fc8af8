package io.quire.bootstrap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.client.LedgerClient;
import io.quire.client.log.LogBatch;
import io.quire.client.log.LogCursor;
import io.quire.client.log.LogGap;
import io.quire.client.log.LogMetadata;
import io.quire.client.log.LogName;
import io.quire.client.log.LogPosition;
import io.quire.client.log.LogReader;
import io.quire.client.log.LogRecord;
import io.quire.client.log.LogRecord.Producer;
import io.quire.client.log.LogTail;
import io.quire.client.log.LogWriter;
import io.quire.client.log.LogWriter.Appended;
import io.quire.client.log.Logs;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Named logs through a whole node. */
@Timeout(60)
class NamedLogsTest {
    private static final int MUCH = 10_000_000;

    @TempDir
    private static Path directory;

    private static QuireNode node;
    private static LedgerClient client;
    private static Logs logs;

    @BeforeAll
    static void start() {
        node = QuireNode.start(Standalone.prepare(directory.resolve("data"), 3, 0, 0));
        client = node.client();
        logs = node.logs();
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    private static <T> T get(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    private static LogPosition append(LogWriter writer, String text) {
        return get(writer.appendAsync(Payload.ofUtf8(text)));
    }

    private static List<String> texts(List<LogRecord> records) {
        return records.stream().map(record -> record.payload().toUtf8()).toList();
    }

    private static List<String> readAll(String name) {
        return readAll(name, LogPosition.START);
    }

    private static List<String> readAll(String name, LogPosition from) {
        LogReader reader = logs.reader(name);
        List<String> read = new ArrayList<>();
        LogBatch batch = get(reader.readAsync(from, 7, MUCH));
        while (!batch.isAtEnd()) {
            assertThat(batch.gap()).isEmpty();
            read.addAll(texts(batch.records()));
            batch = get(reader.readAsync(batch.next(), 7, MUCH));
        }
        return read;
    }

    /** A reader of an open ledger sees an acknowledged record once bookies know that it is confirmed: a moment later. */
    private static void eventually(Runnable assertion) {
        long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (true) {
            try {
                assertion.run();
                return;
            } catch (AssertionError e) {
                if (System.nanoTime() - deadline > 0) {
                    throw e;
                }
            }
        }
    }

    private static void assertFails(CompletionStage<?> stage, Code code) {
        assertThatThrownBy(() -> get(stage))
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                        .isEqualTo(code));
    }

    @Test
    @DisplayName("what is appended is read in order, across ledgers, from any position")
    void appendAndRead() {
        List<LogPosition> positions = new ArrayList<>();
        try (LogWriter writer = get(logs.openForWrite("orders/eu"))) {
            for (int i = 0; i < 30; i++) {
                positions.add(append(writer, "r" + i));
                if (i % 10 == 9) {
                    get(writer.rollAsync());
                }
            }
        }
        assertThat(positions).isSorted().doesNotHaveDuplicates();
        eventually(() -> assertThat(readAll("orders/eu"))
                .isEqualTo(IntStream.range(0, 30).mapToObj(i -> "r" + i).toList()));
        for (int i = 0; i < 30; i += 7) {
            assertThat(readAll("orders/eu", positions.get(i)).get(0)).isEqualTo("r" + i);
        }
        LogMetadata metadata = get(logs.describe("orders/eu"));
        assertThat(metadata.segments()).hasSize(4);
        assertThat(LogPosition.parse(positions.get(3).toString())).isEqualTo(positions.get(3));
    }

    @Test
    @DisplayName("R26, H92, H96: who opens a log displaces its writer, which is never acknowledged anything again")
    void takeOver() {
        LogWriter first = get(logs.openForWrite("wal"));
        append(first, "a");
        LogWriter second = get(logs.openForWrite("wal"));
        assertThat(second.epoch()).isGreaterThan(first.epoch());
        assertFails(first.appendAsync(Payload.ofUtf8("lost")), Code.LedgerFenced);
        append(second, "b");
        assertThatThrownBy(() -> get(first.appendAsync(Payload.ofUtf8("lost too"))))
                .cause()
                .isInstanceOfSatisfying(LedgerException.class, failure -> {
                    assertThat(failure.code()).isEqualTo(Code.LedgerFenced);
                    assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);
                });
        assertFails(first.rollAsync(), Code.LedgerFenced);
        append(second, "c");
        eventually(() -> assertThat(readAll("wal")).containsExactly("a", "b", "c"));
        second.close();
    }

    @Test
    @DisplayName("H95: a writer whose log was opened by another does not come back by beginning a ledger")
    void rollAfterTakeOver() {
        LogWriter first = get(logs.openForWrite("rolled"));
        append(first, "a");
        try (LogWriter second = get(logs.openForWrite("rolled"))) {
            assertThatThrownBy(() -> get(first.rollAsync())).isInstanceOf(CompletionException.class);
            append(second, "b");
            eventually(() -> assertThat(readAll("rolled")).containsExactly("a", "b"));
            assertThat(get(logs.describe("rolled")).segments()).hasSize(2);
        }
    }

    @Test
    @DisplayName("appends that come while a ledger is begun wait for it, and keep their order")
    void appendsDuringRolls() {
        try (LogWriter writer =
                get(logs.with(logs.settings().withRollBytes(500)).openForWrite("small-ledgers"))) {
            List<CompletionStage<LogPosition>> appends = new ArrayList<>();
            for (int i = 0; i < 300; i++) {
                appends.add(writer.appendAsync(Payload.ofUtf8("record " + i)));
            }
            List<LogPosition> positions =
                    appends.stream().map(NamedLogsTest::get).toList();
            assertThat(positions).isSorted().doesNotHaveDuplicates();
        }
        assertThat(get(logs.describe("small-ledgers")).segments()).hasSizeBetween(4, 12);
        eventually(() -> assertThat(readAll("small-ledgers"))
                .isEqualTo(IntStream.range(0, 300).mapToObj(i -> "record " + i).toList()));
    }

    @Test
    @DisplayName("H44: an append that a producer repeats is in the log once, also across ledgers and writers")
    void producers() {
        String log = "deduplicated";
        LogPosition second;
        try (LogWriter writer = get(logs.openForWrite(log))) {
            get(writer.appendAsync(new Producer("p", 1), Payload.ofUtf8("p1")));
            second = get(writer.appendAsync(new Producer("p", 2), Payload.ofUtf8("p2")))
                    .position();
            append(writer, "other");
            assertThat(get(writer.appendAsync(new Producer("p", 2), Payload.ofUtf8("p2"))))
                    .isEqualTo(new Appended(second, true));
            get(writer.rollAsync());
            assertThat(get(writer.appendAsync(new Producer("p", 2), Payload.ofUtf8("p2"))))
                    .isEqualTo(new Appended(second, true));
        }
        try (LogWriter next = get(logs.openForWrite(log))) {
            assertThat(get(next.appendAsync(new Producer("p", 1), Payload.ofUtf8("p1")))
                            .isRepeated())
                    .isTrue();
            assertThat(get(next.appendAsync(new Producer("p", 2), Payload.ofUtf8("p2"))))
                    .isEqualTo(new Appended(second, true));
            Appended third = get(next.appendAsync(new Producer("p", 3), Payload.ofUtf8("p3")));
            assertThat(third.isRepeated()).isFalse();
            assertThat(get(next.appendAsync(new Producer("q", 1), Payload.ofUtf8("q1")))
                            .isRepeated())
                    .isFalse();
        }
        eventually(() -> assertThat(readAll(log)).containsExactly("p1", "p2", "other", "p3", "q1"));
    }

    @Test
    @DisplayName("truncating deletes whole ledgers; who reads behind that learns of a trimmed gap")
    void truncate() {
        String log = "truncated";
        List<LogPosition> positions = new ArrayList<>();
        try (LogWriter writer = get(logs.openForWrite(log))) {
            for (int i = 0; i < 9; i++) {
                positions.add(append(writer, "r" + i));
                if (i % 3 == 2) {
                    get(writer.rollAsync());
                }
            }
            LedgerId gone = get(logs.describe(log)).segments().get(0).ledgerId();
            assertThat(get(logs.truncate(log, positions.get(4))).segments()).hasSize(3);
            eventually(() -> assertThat(readAll(log).get(0)).isEqualTo("r3"));
            assertFails(client.getLedgerMetadata(gone), Code.NoSuchLedger);
            LogBatch batch = get(logs.reader(log).readAsync(positions.get(1), 10, MUCH));
            assertThat(batch.records()).isEmpty();
            LogGap gap = batch.gap().orElseThrow();
            assertThat(gap.kind()).isEqualTo(LogGap.Kind.TRIMMED);
            assertThat(gap.from()).isEqualTo(positions.get(1));
            assertThat(texts(get(logs.reader(log).readAsync(batch.next(), 1, MUCH))
                            .records()))
                    .containsExactly("r3");
            // The writer goes on, also with another ledger.
            append(writer, "on");
            get(writer.rollAsync());
            append(writer, "and on");
            eventually(() -> assertThat(readAll(log)).endsWith("on", "and on"));
        }
    }

    @Test
    @DisplayName("truncating beyond the end is refused, and nothing is lost")
    void truncateBeyondTheEnd() {
        String log = "short";
        try (LogWriter writer = get(logs.openForWrite(log))) {
            LogPosition last = append(writer, "only");
            for (LogPosition beyond : List.of(
                    last.next().next(),
                    new LogPosition(last.epoch() + 1, last.ledgerId(), 0),
                    new LogPosition(1000, last.ledgerId(), 5))) {
                assertFails(logs.truncate(log, beyond), Code.InvalidRequest);
            }
            assertFails(logs.truncate("no such log", last), Code.NoSuchLog);
            get(logs.truncate(log, last.next()));
            eventually(() -> assertThat(readAll(log)).containsExactly("only"));
        }
    }

    @Test
    @DisplayName("a ledger that is gone although the log has it is a lost gap, and what follows is read")
    void lost() {
        String log = "damaged";
        try (LogWriter writer = get(logs.openForWrite(log))) {
            LogPosition first = append(writer, "gone");
            get(writer.rollAsync());
            append(writer, "there");
            get(client.newDeleteLedgerOp().withLedgerId(first.ledgerId()).execute());
            LogBatch batch = get(logs.reader(log).readAsync(LogPosition.START, 10, MUCH));
            assertThat(batch.gap().orElseThrow().kind()).isEqualTo(LogGap.Kind.LOST);
            eventually(() -> assertThat(readAll(log, batch.next())).containsExactly("there"));
        }
    }

    @Test
    @DisplayName("a tail sees records as they come, across ledgers and writers, and ends when it is closed")
    void tail() {
        String log = "followed";
        LogWriter first = get(logs.openForWrite(log));
        try (LogTail tail = logs.tail(log, LogPosition.START)) {
            List<String> seen = new ArrayList<>();
            append(first, "a");
            seen.addAll(texts(get(tail.nextAsync(10, MUCH)).records()));
            CompletionStage<LogBatch> coming = tail.nextAsync(10, MUCH);
            assertFails(tail.nextAsync(10, MUCH), Code.InvalidRequest);
            append(first, "b");
            seen.addAll(texts(get(coming).records()));
            get(first.rollAsync());
            append(first, "c");
            seen.addAll(texts(get(tail.nextAsync(10, MUCH)).records()));
            coming = tail.nextAsync(10, MUCH);
            try (LogWriter second = get(logs.openForWrite(log))) {
                append(second, "d");
                seen.addAll(texts(get(coming).records()));
                assertThat(seen).containsExactly("a", "b", "c", "d");
                coming = tail.nextAsync(10, MUCH);
                tail.close();
                assertFails(coming, Code.NoWriter);
            }
        }
    }

    @Test
    @DisplayName("a position is found by time")
    void byTime() {
        String log = "timed";
        AtomicReference<Instant> clock = new AtomicReference<>(Instant.parse("2026-01-01T12:00:00Z"));
        Logs timed = Logs.create(node.client(), node.registry(), logs.settings(), clock::get);
        try (LogWriter writer = get(timed.openForWrite(log))) {
            List<Instant> times = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                times.add(clock.get());
                append(writer, "r" + i);
                clock.updateAndGet(now -> now.plusMillis(1));
                if (i % 5 == 4) {
                    get(writer.rollAsync());
                }
            }
            eventually(() -> assertThat(readAll(log)).hasSize(12));
            for (int i = 0; i < times.size(); i++) {
                LogPosition found = get(logs.reader(log).positionAtAsync(times.get(i)));
                assertThat(readAll(log, found).get(0)).isEqualTo("r" + i);
            }
            LogPosition end = get(logs.reader(log).positionAtAsync(clock.get()));
            eventually(() -> assertThat(readAll(log, end)).isEmpty());
            assertThat(readAll(log, get(logs.reader(log).positionAtAsync(Instant.EPOCH))))
                    .hasSize(12);
        }
    }

    @Test
    @DisplayName("a cursor is moved by compare-and-set, and goes with its log")
    void cursors() {
        String log = "consumed";
        LogCursor unknown = logs.cursor("never written", "c");
        assertFails(unknown.readAsync(), Code.NoSuchLog);
        assertFails(unknown.moveAsync(LogPosition.START, new LogCursor.Place(Optional.empty(), 0)), Code.NoSuchLog);
        try (LogWriter writer = get(logs.openForWrite(log))) {
            LogPosition position = append(writer, "a");
            LogCursor cursor = logs.cursor(log, "reports / daily");
            LogCursor.Place nowhere = get(cursor.readAsync());
            assertThat(nowhere.position()).isEmpty();
            LogCursor.Place moved = get(cursor.moveAsync(position, nowhere));
            assertThat(get(logs.cursor(log, "reports / daily").readAsync())).isEqualTo(moved);
            assertFails(cursor.moveAsync(position.next(), nowhere), Code.Conflict);
            get(cursor.moveAsync(position.next(), moved));
            assertThat(get(logs.cursors(log))).extracting(LogName::value).containsExactly("reports / daily");
            get(logs.delete(log));
            assertFails(cursor.readAsync(), Code.NoSuchLog);
        }
    }

    @Test
    @DisplayName("a log that is deleted is gone with its ledgers; one of the same name goes on with higher epochs")
    void delete() {
        String log = "deleted";
        LogWriter writer = get(logs.openForWrite(log));
        LogPosition position = append(writer, "a");
        get(logs.delete(log));
        assertFails(logs.describe(log), Code.NoSuchLog);
        assertFails(logs.delete(log), Code.NoSuchLog);
        assertFails(logs.reader(log).readAsync(LogPosition.START, 1, MUCH), Code.NoSuchLog);
        assertFails(client.getLedgerMetadata(position.ledgerId()), Code.NoSuchLedger);
        assertThatThrownBy(() -> get(writer.rollAsync())).isInstanceOf(CompletionException.class);
        try (LogWriter again = get(logs.openForWrite(log))) {
            assertThat(append(again, "b")).isGreaterThan(position);
            eventually(() -> assertThat(readAll(log)).containsExactly("b"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"a/b/c", "with spaces", "Ünïcode ☃ 日本語", "100%~done", "..", "/"})
    @DisplayName("a name is any text")
    void names(String name) {
        try (LogWriter writer = get(logs.openForWrite(name))) {
            append(writer, name);
        }
        eventually(() -> assertThat(readAll(name)).containsExactly(name));
        assertThat(get(logs.list(name, Optional.empty(), 10)).logs())
                .extracting(metadata -> metadata.name().value())
                .contains(name);
    }

    @Test
    @DisplayName("names of 1 KiB are told apart; longer ones, empty ones and control characters are refused")
    void longNames() {
        String name = "x".repeat(1023);
        for (String log : List.of(name + "1", name + "2")) {
            try (LogWriter writer = get(logs.openForWrite(log))) {
                append(writer, log.substring(1023));
            }
        }
        eventually(() -> assertThat(readAll(name + "1")).containsExactly("1"));
        assertThat(readAll(name + "2")).containsExactly("2");
        for (String wrong : List.of("", name + "12", "a\nb", "\ud800")) {
            assertThatThrownBy(() -> logs.openForWrite(wrong))
                    .isInstanceOfSatisfying(LedgerException.class, failure -> assertThat(failure.code())
                            .isEqualTo(Code.InvalidRequest));
        }
    }

    @Test
    @DisplayName("logs are listed by prefix, in pages")
    void list() {
        for (int i = 0; i < 5; i++) {
            get(logs.openForWrite("listed/" + i)).close();
        }
        Logs.LogPage first = get(logs.list("listed/", Optional.empty(), 3));
        assertThat(first.logs()).hasSize(3);
        Logs.LogPage second = get(logs.list("listed/", first.next(), 3));
        List<LogMetadata> all = new ArrayList<>(first.logs());
        all.addAll(second.logs());
        assertThat(all)
                .extracting(metadata -> metadata.name().value())
                .containsExactly("listed/0", "listed/1", "listed/2", "listed/3", "listed/4");
        assertFails(logs.list("", Optional.empty(), 0), Code.InvalidRequest);
    }

    @Test
    @DisplayName("reading where nothing was written yet is refused, and so are records that are too large")
    void badInput() {
        try (LogWriter writer = get(logs.openForWrite("input"))) {
            LogPosition position = append(writer, "a");
            assertFails(
                    logs.reader("input").readAsync(new LogPosition(position.epoch() + 9, position.ledgerId(), 0), 1, 1),
                    Code.InvalidRequest);
            assertFails(writer.appendAsync(new byte[client.entryBytesMax()]), Code.EntryTooLarge);
            append(writer, "b");
        }
        assertThatThrownBy(() -> LogPosition.parse("1:2")).isInstanceOf(LedgerException.class);
        assertThatThrownBy(() -> LogPosition.parse("1:2:x")).isInstanceOf(LedgerException.class);
        eventually(() -> assertThat(readAll("input")).containsExactly("a", "b"));
    }
}
