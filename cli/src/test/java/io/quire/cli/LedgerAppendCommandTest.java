package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LedgerAppendCommandTest {
    private static final String LINE = "x".repeat(99) + "\n";

    @TempDir
    private Path scratch;

    private FakeNode node;

    @BeforeEach
    void start() throws IOException {
        node = new FakeNode();
    }

    @AfterEach
    void stop() {
        node.close();
    }

    private CommandRun append(String in, String... more) {
        String[] arguments = new String[5 + more.length];
        System.arraycopy(new String[] {"ledger", "append", "7", "--url", node.url()}, 0, arguments, 0, 5);
        System.arraycopy(more, 0, arguments, 5, more.length);
        return CommandRun.withInput(in, arguments);
    }

    private void acknowledge(long first, long last) {
        node.answering(201, "{\"firstEntryId\":" + first + ",\"lastEntryId\":" + last + "}");
    }

    @Test
    @DisplayName("the lines of the input go as they are, the node splits them")
    void lines() {
        acknowledge(4, 6);
        assertThat(append("a\n\nc\n")).isEqualTo(new CommandRun(0, "7 4 6\n", ""));
        assertThat(node.requests())
                .containsExactly(new FakeNode.Request(
                        "POST /api/v2/ledgers/7/entries?split=lines", "application/octet-stream", "a\n\nc\n"));
    }

    @Test
    @DisplayName("a last line without LF is an entry too")
    void lastLine() {
        acknowledge(4, 4);
        acknowledge(5, 5);
        assertThat(append("a\nb")).isEqualTo(new CommandRun(0, "7 4 5\n", ""));
        assertThat(node.requests()).extracting(FakeNode.Request::body).containsExactly("a\n", "b");
    }

    @Test
    @DisplayName("--whole sends the input as one entry")
    void whole() {
        acknowledge(0, 0);
        assertThat(append("a\nb\n", "--whole").out()).isEqualTo("7 0 0\n");
        assertThat(node.requests())
                .containsExactly(
                        new FakeNode.Request("POST /api/v2/ledgers/7/entries", "application/octet-stream", "a\nb\n"));
    }

    @Test
    @DisplayName("large input goes in several requests of whole lines, in order, and is reported once")
    void chunks() throws IOException {
        String input = LINE.repeat(25_000);
        Path file = Files.writeString(scratch.resolve("lines"), input);
        acknowledge(0, 10_484);
        acknowledge(10_485, 20_969);
        acknowledge(20_970, 24_999);
        assertThat(append("", "--file", file.toString())).isEqualTo(new CommandRun(0, "7 0 24999\n", ""));
        assertThat(node.requests())
                .hasSize(3)
                .allSatisfy(request -> assertThat(request.body()).endsWith("\n").hasSizeLessThanOrEqualTo(1 << 20));
        assertThat(node.requests().stream().map(FakeNode.Request::body).collect(Collectors.joining()))
                .isEqualTo(input);
    }

    @Test
    @DisplayName("when a later request fails, what was acknowledged before is printed all the same")
    void failureInBetween() {
        acknowledge(0, 10_484);
        node.answeringProblem(
                409, "{\"detail\":\"somebody recovers it\",\"code\":\"LedgerFenced\",\"outcome\":\"NOT_APPLIED\"}", "");
        CommandRun run = append(LINE.repeat(20_000));
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEqualTo("7 0 10484\n");
        assertThat(run.err())
                .contains("LedgerFenced", "NOT_APPLIED", "acknowledged up to entry 10484")
                .hasLineCount(1);
    }

    @Test
    @DisplayName("what a failed request acknowledged itself counts too")
    void failureInside() {
        acknowledge(0, 10_484);
        node.answeringProblem(504, "{\"code\":\"TimedOut\",\"outcome\":\"UNKNOWN\",\"acknowledgedTo\":12000}", "");
        CommandRun run = append(LINE.repeat(20_000));
        assertThat(run.out()).isEqualTo("7 0 12000\n");
        assertThat(run.err())
                .contains("UNKNOWN", "acknowledged up to entry 12000")
                .hasLineCount(1);
    }

    @Test
    @DisplayName("entries of somebody else in between are told")
    void somebodyElse() {
        acknowledge(0, 10_484);
        acknowledge(10_490, 20_005);
        CommandRun run = append(LINE.repeat(20_000));
        assertThat(run.exitCode()).isZero();
        assertThat(run.err()).contains("entries 10485 to 10489");
    }

    @Test
    @DisplayName("empty input is refused without asking the node")
    void empty() {
        CommandRun run = append("");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("empty").hasLineCount(1);
        assertThat(node.requests()).isEmpty();
    }

    @Test
    @DisplayName("a file that is not there is one line")
    void noFile() {
        CommandRun run = append("", "--file", scratch.resolve("none").toString());
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("no such file").hasLineCount(1);
    }

    @Test
    @DisplayName("--output json reports the same")
    void json() {
        acknowledge(0, 1);
        assertThat(append("a\nb\n", "--output", "json").out())
                .isEqualTo("{\"ledgerId\":7,\"firstEntryId\":0,\"lastEntryId\":1}\n");
    }
}
