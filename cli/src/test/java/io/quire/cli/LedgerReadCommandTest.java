package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerReadCommandTest {
    /** Entries 0 to 2: "a", nothing, and two bytes of which one is LF. */
    private static final String ENTRIES = """
            {"entryId":0,"payload":"YQ=="}
            {"entryId":1,"payload":""}
            {"entryId":2,"payload":"/wo="}
            """;

    private FakeNode node;

    @BeforeEach
    void start() throws IOException {
        node = new FakeNode();
    }

    @AfterEach
    void stop() {
        node.close();
    }

    private CommandRun read(String... more) {
        String[] arguments = new String[3 + more.length];
        System.arraycopy(new String[] {"ledger", "read", "7"}, 0, arguments, 0, 3);
        System.arraycopy(more, 0, arguments, 3, more.length);
        return CommandRun.of("", Set.of(), Map.of("QUIRE_URL", node.url()), arguments);
    }

    @Test
    @DisplayName("entries are printed raw, each followed by LF")
    void raw() {
        node.answering(200, "{\"entryId\":3,\"payload\":\"YWI=\"}\n{\"entryId\":4,\"payload\":\"Yw==\"}\n");
        assertThat(read("--from", "3", "--to", "4")).isEqualTo(new CommandRun(0, "ab\nc\n", ""));
        assertThat(node.requests().get(0).line()).isEqualTo("GET /api/v2/ledgers/7/entries?from=3&to=4");
    }

    @Test
    @DisplayName("--base64 and JSON keep binary entries whole")
    void binary() {
        node.answering(200, ENTRIES).answering(200, ENTRIES);
        assertThat(read("--to", "2", "--base64").out()).isEqualTo("YQ==\n\n/wo=\n");
        assertThat(read("--to", "2", "--output", "json").out()).isEqualTo(ENTRIES);
    }

    @Test
    @DisplayName("without --to a closed ledger is read to its last entry")
    void toEnd() {
        node.answering(200, "{\"ledgerId\":7,\"state\":\"CLOSED\",\"lastEntryId\":2,\"lastAddConfirmed\":2}");
        node.answering(200, ENTRIES);
        assertThat(read().exitCode()).isZero();
        assertThat(node.requests())
                .extracting(FakeNode.Request::line)
                .containsExactly("GET /api/v2/ledgers/7", "GET /api/v2/ledgers/7/entries?from=0&to=2");
    }

    @Test
    @DisplayName("without --to an open ledger is read to the last confirmed entry")
    void toLastConfirmed() {
        node.answering(200, "{\"ledgerId\":7,\"state\":\"OPEN\",\"lastAddConfirmed\":2}");
        node.answering(200, ENTRIES);
        assertThat(read().exitCode()).isZero();
        assertThat(node.requests().get(1).line()).endsWith("from=0&to=2");
    }

    @Test
    @DisplayName("without --to an empty ledger prints nothing")
    void empty() {
        node.answering(200, "{\"ledgerId\":7,\"state\":\"CLOSED\",\"lastEntryId\":-1,\"lastAddConfirmed\":-1}");
        assertThat(read()).isEqualTo(new CommandRun(0, "", ""));
    }

    @Test
    @DisplayName("an answer that ends early is a failure that names what is missing")
    void endsEarly() {
        node.answering(200, ENTRIES);
        node.answering(200, "{\"ledgerId\":7,\"state\":\"CLOSED\",\"lastEntryId\":5}");
        CommandRun run = read("--to", "5", "--base64");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEqualTo("YQ==\n\n/wo=\n");
        assertThat(run.err()).contains("entries 3 to 5 are missing", "--from 3").hasLineCount(1);
    }

    @Test
    @DisplayName("a closed ledger may end before --to")
    void closedEndsBeforeTo() {
        node.answering(200, ENTRIES);
        node.answering(200, "{\"ledgerId\":7,\"state\":\"CLOSED\",\"lastEntryId\":2}");
        assertThat(read("--to", "5", "--base64")).isEqualTo(new CommandRun(0, "YQ==\n\n/wo=\n", ""));
    }

    @Test
    @DisplayName("a connection that breaks is a failure that names what is missing")
    void breaks() {
        node.answeringCutOff("{\"entryId\":0,\"payload\":\"YQ==\"}\n{\"entryId\":1,\"pay");
        CommandRun run = read("--to", "5");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEqualTo("a\n");
        assertThat(run.err()).contains("entries 1 to 5 are missing").hasLineCount(1);
    }

    @Test
    @DisplayName("a gap or a repetition is never printed as if nothing were wrong")
    void gap() {
        node.answering(200, "{\"entryId\":0,\"payload\":\"YQ==\"}\n{\"entryId\":2,\"payload\":\"YQ==\"}\n");
        CommandRun run = read("--to", "2");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("instead of entry 1");
    }

    @Test
    @DisplayName("a problem in the middle of the answer is told like any other")
    void problemInside() {
        node.answering(200, """
                {"entryId":0,"payload":"YQ=="}
                {"code":"Unavailable","detail":"no copy of entry 1","outcome":"NOT_APPLIED"}
                """);
        CommandRun run = read("--to", "2");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEqualTo("a\n");
        assertThat(run.err()).contains("Unavailable", "no copy of entry 1").hasLineCount(1);
    }
}
