package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class QuireCommandTest {
    private static final String NO_LEDGERS = "{\"ledgers\":[]}";

    @Test
    @DisplayName("--version prints the version that was built")
    void version() {
        CommandRun run = CommandRun.of("--version");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).matches("quire \\d+\\.\\d+\\.\\d+\\S*\\R");
        assertThat(run.err()).isEmpty();
    }

    @ParameterizedTest
    @DisplayName("--help is there on every command")
    @ValueSource(
            strings = {
                "",
                "standalone",
                "node",
                "format",
                "ledger",
                "ledger create",
                "ledger append",
                "ledger read",
                "ledger tail",
                "ledger show",
                "ledger list",
                "ledger seal",
                "ledger recover",
                "ledger delete",
                "ledger undelete",
                "bookie",
                "bookie list"
            })
    void helpEverywhere(String command) {
        CommandRun run = CommandRun.of((command + " --help").strip().split(" "));
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).startsWith(("Usage: quire " + command).strip()).contains("--url", "--verbose");
        assertThat(run.err()).isEmpty();
    }

    @ParameterizedTest
    @DisplayName("a command line that means nothing is one line and exit code 2")
    @ValueSource(
            strings = {
                "ledger",
                "nonsense",
                "ledger nonsense",
                "ledger show",
                "ledger show x",
                "ledger show -7",
                "ledger show 99999999999999999999",
                "ledger show 1 2",
                "ledger list --state SOMETHING",
                "ledger list --limit 0",
                "ledger read 1 --from 5 --to 4",
                "ledger read 1 --from -1",
                "ledger tail 1 --from -1",
                "ledger create --label novalue",
                "ledger delete 1",
                "--output xml bookie list",
                "--url here bookie list",
                "--url ftp://127.0.0.1 bookie list",
                "standalone --bookies 0",
                "standalone --http-port 65536",
                "node",
                "format --nonsense"
            })
    void wrongUsage(String arguments) {
        CommandRun run = CommandRun.of(arguments.split(" "));
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).startsWith("quire: ").hasLineCount(1);
    }

    @Test
    @DisplayName("no command at all is wrong usage")
    void noCommand() {
        CommandRun run = CommandRun.of();
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).contains("--help").hasLineCount(1);
    }

    @Test
    @DisplayName("global options stand before or after the command")
    void globalOptionsAnywhere() throws IOException {
        try (FakeNode node = new FakeNode().answering(200, NO_LEDGERS).answering(200, NO_LEDGERS)) {
            assertThat(CommandRun.of("--url", node.url(), "--output", "json", "ledger", "list")
                            .out())
                    .isEqualTo(NO_LEDGERS + "\n");
            assertThat(CommandRun.of("ledger", "list", "--url", node.url() + "/", "--output=json")
                            .out())
                    .isEqualTo(NO_LEDGERS + "\n");
            assertThat(node.requests()).hasSize(2);
        }
    }

    @Test
    @DisplayName("QUIRE_URL is the node unless --url names another")
    void urlOfEnvironment() throws IOException {
        try (FakeNode node = new FakeNode().answering(200, NO_LEDGERS).answering(200, NO_LEDGERS)) {
            CommandRun byEnvironment = CommandRun.of("", Set.of(), Map.of("QUIRE_URL", node.url()), "ledger", "list");
            assertThat(byEnvironment.exitCode()).isZero();
            CommandRun byOption = CommandRun.of(
                    "", Set.of(), Map.of("QUIRE_URL", "http://127.0.0.1:1"), "ledger", "list", "--url", node.url());
            assertThat(byOption.exitCode()).isZero();
        }
    }

    @Test
    @DisplayName("nobody at the URL is one line that says what to do")
    void connectionRefused() throws IOException {
        String url = "http://127.0.0.1:" + unusedPort();
        CommandRun run = CommandRun.of("--url", url, "bookie", "list");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err())
                .isEqualTo("quire: cannot reach " + url
                        + ": is a node running there? start one with ./quire standalone\n");
    }

    private static int unusedPort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        }
    }

    @Test
    @DisplayName("a node's problem becomes one line with code, detail, outcome and advice")
    void problem() throws IOException {
        String body = """
                {"type":"about:blank","title":"Not Found","status":404,"detail":"there is no ledger 7",
                 "code":"NoSuchLedger","outcome":"NOT_APPLIED"}""";
        try (FakeNode node = new FakeNode().answeringProblem(404, body, "")) {
            CommandRun run = CommandRun.of("ledger", "show", "7", "--url", node.url());
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.out()).isEmpty();
            assertThat(run.err())
                    .isEqualTo("quire: NoSuchLedger: there is no ledger 7 (NOT_APPLIED);"
                            + " 'quire ledger list' shows those that exist\n");
        }
    }

    @Test
    @DisplayName("an overloaded node's Retry-After is passed on")
    void retryAfter() throws IOException {
        String body = "{\"detail\":\"too much\",\"code\":\"Overloaded\",\"outcome\":\"NOT_APPLIED\"}";
        try (FakeNode node = new FakeNode().answeringProblem(429, body, "3")) {
            CommandRun run = CommandRun.of("ledger", "create", "--url", node.url());
            assertThat(run.err()).contains("Overloaded", "try again in 3 s").hasLineCount(1);
        }
    }

    @ParameterizedTest
    @DisplayName("an answer that no node gives is said to be one")
    @ValueSource(ints = {200, 404, 502})
    void notQuire(int status) throws IOException {
        try (FakeNode node = new FakeNode().answering(status, "<html>hello</html>")) {
            CommandRun run = CommandRun.of("bookie", "list", "--url", node.url());
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.err()).contains("is it a Quire node?").hasLineCount(1);
        }
    }

    @Test
    @DisplayName("a change whose answer breaks off is UNKNOWN and says so")
    void unknownOutcome() throws IOException {
        try (FakeNode node = new FakeNode().answeringCutOff("{\"ledgerId\":")) {
            CommandRun run = CommandRun.of("ledger", "create", "--url", node.url());
            assertThat(run.exitCode()).isEqualTo(1);
            assertThat(run.err()).contains("UNKNOWN").hasLineCount(1);
        }
    }

    @Test
    @DisplayName("stack traces come with --verbose only")
    void verbose() throws IOException {
        String url = "http://127.0.0.1:" + unusedPort();
        assertThat(CommandRun.of("--url", url, "bookie", "list", "--verbose").err())
                .contains("\tat io.quire.cli");
    }
}
