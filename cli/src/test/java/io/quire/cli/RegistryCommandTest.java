package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class RegistryCommandTest {
    private static final String STATUS = """
            {"clusterName":"quire","clusterId":"x","epoch":2,"voters":[\
            {"voterId":"a","votes":true,"state":"SERVING","epoch":2,"address":"h:1"},\
            {"voterId":"b","votes":false,"state":"FREE","epoch":0}]}""";

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
    @DisplayName("show prints a line per voter, or the node's answer")
    void show() {
        node.answering(200, STATUS).answering(200, STATUS);
        assertThat(run("registry", "show").out()).isEqualTo("""
                        a  yes  SERVING  2  h:1
                        b  no   FREE     0  -
                        """);
        assertThat(run("registry", "show", "--output", "json").out()).isEqualTo(STATUS + "\n");
        assertThat(node.requests().get(0).line()).isEqualTo("GET /api/v2/registry");
    }

    @Test
    @DisplayName("change passes on what is added and removed, or the whole set")
    void change() {
        String changed = "{\"result\":\"CHANGED\",\"epoch\":3,\"voters\":[\"a\",\"b\"]}";
        node.answering(200, changed).answering(200, changed);
        assertThat(run("registry", "change", "--add", "b", "--remove", "c,d", "--dry-run"))
                .isEqualTo(new CommandRun(0, "CHANGED epoch 3: a, b\n", ""));
        run("registry", "change", "--voters", "a,b");
        assertThat(node.requests().get(0))
                .isEqualTo(new FakeNode.Request(
                        "POST /api/v2/registry/change",
                        "application/json",
                        "{\"add\":[\"b\"],\"remove\":[\"c\",\"d\"],\"dryRun\":true}"));
        assertThat(node.requests().get(1).body()).isEqualTo("{\"voters\":[\"a\",\"b\"],\"dryRun\":false}");
    }

    @Test
    @DisplayName("a change that goes on says so, and one that is refused fails with the reason")
    void notChanged() {
        node.answering(202, "{\"result\":\"UNDER_WAY\",\"epoch\":3,\"voters\":[\"a\"],\"reason\":\"too few\"}")
                .answeringProblem(
                        409,
                        "{\"code\":\"Conflict\",\"outcome\":\"NOT_APPLIED\",\"detail\":\"voter b is not known\"}",
                        "");
        CommandRun underWay = run("registry", "change", "--add", "b");
        assertThat(underWay.out()).isEqualTo("UNDER_WAY epoch 3: a\n");
        assertThat(underWay.err()).contains("too few");
        CommandRun refused = run("registry", "change", "--add", "b");
        assertThat(refused.exitCode()).isNotZero();
        assertThat(refused.err()).contains("voter b is not known").doesNotContain("ledger");
    }

    @Test
    @DisplayName("a change of nothing, or of both kinds, is wrong usage")
    void usage() {
        assertThat(run("registry", "change").exitCode()).isEqualTo(2);
        assertThat(run("registry", "change", "--voters", "a", "--add", "b").exitCode())
                .isEqualTo(2);
        assertThat(node.requests()).isEmpty();
    }
}
