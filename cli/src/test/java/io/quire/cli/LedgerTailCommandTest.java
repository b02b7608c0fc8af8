package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerTailCommandTest {
    private static final String ENTRIES = """
            {"entryId":3,"payload":"YQ=="}

            {"entryId":4,"payload":"/wo="}

            """;
    private static final String CLOSED = "{\"ledgerId\":7,\"state\":\"CLOSED\",\"lastEntryId\":4}";

    private FakeNode node;

    @BeforeEach
    void start() throws IOException {
        node = new FakeNode();
    }

    @AfterEach
    void stop() {
        node.close();
    }

    private CommandRun tail(String... more) {
        String[] arguments = new String[5 + more.length];
        System.arraycopy(new String[] {"ledger", "tail", "7", "--from", "3"}, 0, arguments, 0, 5);
        System.arraycopy(more, 0, arguments, 5, more.length);
        return CommandRun.of("", Set.of(), Map.of("QUIRE_URL", node.url()), arguments);
    }

    @Test
    @DisplayName("entries are printed until the ledger is closed; empty lines only keep the connection")
    void toTheEnd() {
        node.answering(200, ENTRIES).answering(200, CLOSED);
        assertThat(tail("--base64")).isEqualTo(new CommandRun(0, "YQ==\n/wo=\n", ""));
        assertThat(node.requests().get(0).line()).isEqualTo("GET /api/v2/ledgers/7/entries?from=3&follow=true");
        node.answering(200, ENTRIES).answering(200, CLOSED);
        assertThat(tail("--output", "json").out()).isEqualTo(ENTRIES.replace("\n\n", "\n"));
    }

    @Test
    @DisplayName("an answer that ends while the ledger goes on is a failure that names where to go on")
    void endsEarly() {
        node.answering(200, ENTRIES).answering(200, "{\"ledgerId\":7,\"state\":\"OPEN\",\"lastAddConfirmed\":9}");
        CommandRun run = tail("--base64");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEqualTo("YQ==\n/wo=\n");
        assertThat(run.err()).contains("entry 5 did not come", "--from 5").hasLineCount(1);
    }

    @Test
    @DisplayName("a connection that breaks is a failure that names where to go on")
    void breaks() {
        node.answeringCutOff("{\"entryId\":3,\"payload\":\"YQ==\"}\n{\"entryId\":4,\"pay");
        CommandRun run = tail();
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.out()).isEqualTo("a\n");
        assertThat(run.err()).contains("entry 4 did not come").hasLineCount(1);
    }

    @Test
    @DisplayName("a gap or a problem is never printed as if nothing were wrong")
    void gapsAndProblems() {
        node.answering(200, "{\"entryId\":4,\"payload\":\"YQ==\"}\n");
        assertThat(tail().err()).contains("instead of entry 3").hasLineCount(1);
        node.answering(404, "{\"code\":\"NoSuchLedger\",\"detail\":\"there is no ledger 7\"}");
        CommandRun run = tail();
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("NoSuchLedger").hasLineCount(1);
    }
}
