package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LedgerCommandTest {
    private static final String CLOSED = """
            {"ledgerId":17,"state":"CLOSED","ensembleSize":3,"writeQuorum":3,"ackQuorum":2,"lastEntryId":9,\
            "length":90,"lastAddConfirmed":9,"fragments":[{"firstEntryId":0,"bookies":["a","b","c"]},\
            {"firstEntryId":5,"bookies":["a","b","d"]}],"labels":{"app":"x"},\
            "createdAt":"2026-01-02T03:04:05Z","version":3}""";

    private FakeNode node;

    @BeforeEach
    void start() throws IOException {
        node = new FakeNode();
    }

    @AfterEach
    void stop() {
        node.close();
    }

    private CommandRun run(String... arguments) {
        return CommandRun.of("", Set.of(), Map.of("QUIRE_URL", node.url()), arguments);
    }

    @Test
    @DisplayName("create prints the id, and leaves defaults to the node")
    void create() {
        node.answering(201, CLOSED);
        CommandRun run = run("ledger", "create");
        assertThat(run).isEqualTo(new CommandRun(0, "17\n", ""));
        assertThat(node.requests())
                .containsExactly(new FakeNode.Request("POST /api/v2/ledgers", "application/json", "{\"labels\":{}}"));
    }

    @Test
    @DisplayName("create passes sizes and labels on")
    void createWithOptions() {
        node.answering(201, CLOSED);
        run("ledger", "create", "-e", "5", "-w", "4", "-a", "3", "--label", "b=2", "--label", "a=1=1");
        assertThat(node.requests().get(0).body())
                .isEqualTo("{\"ensembleSize\":5,\"writeQuorum\":4,\"ackQuorum\":3,"
                        + "\"labels\":{\"b\":\"2\",\"a\":\"1=1\"}}");
    }

    @Test
    @DisplayName("show aligns what the node tells, a line for each fragment")
    void show() {
        node.answering(200, CLOSED);
        assertThat(run("ledger", "show", "17").out()).isEqualTo("""
                        ledgerId:         17
                        state:            CLOSED
                        ensembleSize:     3
                        writeQuorum:      3
                        ackQuorum:        2
                        lastEntryId:      9
                        length:           90
                        lastAddConfirmed: 9
                        fragment 0:       a, b, c
                        fragment 5:       a, b, d
                        labels:           app=x
                        createdAt:        2026-01-02T03:04:05Z
                        version:          3
                        """);
    }

    @Test
    @DisplayName("show --output json prints the node's answer")
    void showJson() {
        node.answering(200, CLOSED);
        assertThat(run("ledger", "show", "17", "--output", "json").out()).isEqualTo(CLOSED + "\n");
    }

    @Test
    @DisplayName("list follows pages to the last one")
    void listPages() {
        node.answering(200, "{\"ledgers\":[{\"ledgerId\":9,\"state\":\"OPEN\"}],\"next\":9}");
        node.answering(200, "{\"ledgers\":[{\"ledgerId\":10,\"state\":\"CLOSED\"}]}");
        CommandRun run = run("ledger", "list");
        assertThat(run).isEqualTo(new CommandRun(0, "9   OPEN\n10  CLOSED\n", ""));
        assertThat(node.requests())
                .extracting(FakeNode.Request::line)
                .containsExactly("GET /api/v2/ledgers?limit=1000", "GET /api/v2/ledgers?limit=999&after=9");
    }

    @Test
    @DisplayName("list ends at its limit and says where to go on")
    void listLimit() {
        node.answering(200, "{\"ledgers\":[{\"ledgerId\":9,\"state\":\"OPEN\"}],\"next\":9}");
        CommandRun run = run("ledger", "list", "--limit", "1", "--state", "open", "--after", "4");
        assertThat(run.out()).isEqualTo("9  OPEN\n");
        assertThat(run.err()).contains("--after 9");
        assertThat(node.requests().get(0).line()).isEqualTo("GET /api/v2/ledgers?limit=1&after=4&state=OPEN");
    }

    @Test
    @DisplayName("people get a head over the table, programs do not")
    void head() {
        node.answering(200, "{\"ledgers\":[{\"ledgerId\":9,\"state\":\"OPEN\"}]}");
        CommandRun run =
                CommandRun.of("", Set.of(Terminal.Stream.OUT), Map.of("QUIRE_URL", node.url()), "ledger", "list");
        assertThat(run.out()).isEqualTo("ID  STATE\n9   OPEN\n");
    }

    @Test
    @DisplayName("seal prints id, state and last entry")
    void seal() {
        node.answering(200, CLOSED);
        assertThat(run("ledger", "seal", "17")).isEqualTo(new CommandRun(0, "17 CLOSED 9\n", ""));
        assertThat(node.requests().get(0).line()).isEqualTo("POST /api/v2/ledgers/17/seal");
    }

    @Test
    @DisplayName("undelete prints id and state")
    void undelete() {
        node.answering(200, CLOSED);
        assertThat(run("ledger", "undelete", "17")).isEqualTo(new CommandRun(0, "17 CLOSED\n", ""));
        assertThat(node.requests().get(0).line()).isEqualTo("POST /api/v2/ledgers/17/undelete");
    }

    @Test
    @DisplayName("show --deleted asks for a deleted ledger too")
    void showDeleted() {
        node.answering(200, "{\"ledgerId\":17,\"state\":\"CLOSED\",\"deletion\":\"DELETED\"}");
        CommandRun run = run("ledger", "show", "17", "--deleted");
        assertThat(run.out()).contains("deletion: DELETED");
        assertThat(node.requests().get(0).line()).isEqualTo("GET /api/v2/ledgers/17?deleted=true");
    }

    @Test
    @DisplayName("delete --yes deletes without asking")
    void deleteYes() {
        node.answering(204, "");
        assertThat(run("ledger", "delete", "17", "--yes")).isEqualTo(new CommandRun(0, "17 DELETED\n", ""));
        assertThat(node.requests().get(0).line()).isEqualTo("DELETE /api/v2/ledgers/17");
    }

    @Test
    @DisplayName("delete without --yes is refused when nobody can be asked")
    void deleteRefused() {
        CommandRun run = run("ledger", "delete", "17");
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).contains("--yes");
        assertThat(node.requests()).isEmpty();
    }

    @ParameterizedTest
    @DisplayName("delete asks on a terminal and does nothing unless the answer is yes")
    @ValueSource(strings = {"", "\n", "n\n", "yep\n"})
    void deleteDeclined(String answer) {
        CommandRun run = CommandRun.of(
                answer, Set.of(Terminal.Stream.IN), Map.of("QUIRE_URL", node.url()), "ledger", "delete", "17");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("was not deleted");
        assertThat(node.requests()).isEmpty();
    }

    @Test
    @DisplayName("delete asks on a terminal and deletes on yes")
    void deleteConfirmed() {
        node.answering(204, "");
        CommandRun run = CommandRun.of(
                "Y\n", Set.of(Terminal.Stream.IN), Map.of("QUIRE_URL", node.url()), "ledger", "delete", "17");
        assertThat(run.exitCode()).isZero();
        assertThat(node.requests()).hasSize(1);
    }

    @Test
    @DisplayName("recover --accept-loss names the bookies, and says whose loss was accepted")
    void acceptLoss() {
        node.answering(
                200,
                "{\"ledgerId\":17,\"state\":\"CLOSED\",\"lastEntryId\":4,\"acceptedLosses\":[\"b1\",\"b2\"],"
                        + "\"recovery\":{\"entriesRecovered\":1,\"copiesWritten\":2,\"bookiesUnheard\":[]}}");
        CommandRun run = run("ledger", "recover", "17", "--accept-loss", "b1,b2");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).isEqualTo("17 CLOSED 4\n");
        assertThat(run.err()).contains("loss accepted of bookie: b1", "loss accepted of bookie: b2");
        assertThat(node.requests().get(0).line()).isEqualTo("POST /api/v2/ledgers/17/recover?acceptLoss=b1%2Cb2");
    }

    @Test
    @DisplayName("bookie mark-destroyed asks first, and prints what the bookie is now")
    void markDestroyed() {
        assertThat(run("bookie", "mark-destroyed", "b1").exitCode()).isEqualTo(2);
        assertThat(node.requests()).isEmpty();
        node.answering(200, "{\"bookieId\":\"b1\",\"name\":\"n\",\"life\":\"DESTROYED\"}");
        assertThat(run("bookie", "mark-destroyed", "b1", "--yes")).isEqualTo(new CommandRun(0, "b1 DESTROYED\n", ""));
        assertThat(node.requests().get(0).line()).isEqualTo("POST /api/v2/bookies/b1/destroyed");
    }

    @Test
    @DisplayName("bookie list prints one line per bookie")
    void bookies() {
        node.answering(200, """
                {"bookies":[{"bookieId":"u-1","name":"one","address":"pekko://quire@h:1/user/bookie-0",\
                "state":"WRITABLE","freeBytes":5,"totalBytes":100,"labels":{}},\
                {"bookieId":"u-22","name":"","address":"","state":"READ_ONLY","freeBytes":50,"totalBytes":100,\
                "readOnlyReasons":["DISK_FULL","OPERATOR"]}]}""");
        assertThat(run("bookie", "list").out()).isEqualTo("""
                        u-1   one  pekko://quire@h:1/user/bookie-0  WRITABLE   5   100  -
                        u-22  -    -                                READ_ONLY  50  100  DISK_FULL,OPERATOR
                        """);
    }
}
