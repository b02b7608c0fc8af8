package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.admin.TestNode.Answer;
import io.quire.protocol.RegistryVoters.Change;
import io.quire.protocol.VoterId;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegistryRoutesTest {
    private static final String ONE = "\"00000000-0000-0000-0000-000000000001\"";
    private static final String NINE = "\"00000000-0000-0000-0000-000000000009\"";

    private static TestNode node;

    @BeforeAll
    static void start() {
        node = new TestNode();
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    @BeforeEach
    void forget() {
        node.voters.asked.clear();
    }

    private static Answer change(String body) {
        return node.post("/api/v2/registry/change", "application/json", body);
    }

    @Test
    @DisplayName("the registry is shown with all voters that were heard of")
    void show() {
        Answer answer = node.get("/api/v2/registry");
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.json().path("epoch").asLong()).isEqualTo(1);
        assertThat(answer.json().path("voters").toString())
                .isEqualTo("[{\"voterId\":" + ONE
                        + ",\"votes\":true,\"state\":\"SERVING\",\"epoch\":1,\"address\":\"h:1\"},{\"voterId\":" + NINE
                        + ",\"votes\":false,\"state\":\"FREE\",\"epoch\":0}]");
    }

    @Test
    @DisplayName("a change is given whole, or as what is added and removed")
    void sets() {
        List<VoterId> next = List.of(MemoryVoters.voter(2), MemoryVoters.voter(3), MemoryVoters.voter(9));
        node.voters.answer = new Change.Changed(MemoryVoters.CONFIG.changedTo(next));
        Answer answer = change("{\"add\":[" + NINE + "],\"remove\":[" + ONE + "]}");
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.json().path("result").asText()).isEqualTo("CHANGED");
        assertThat(answer.json().path("epoch").asLong()).isEqualTo(2);
        change("{\"voters\":[" + NINE + "]}");
        assertThat(node.voters.asked).containsExactly(next, List.of(MemoryVoters.voter(9)));
    }

    @Test
    @DisplayName("a dry run plans only")
    void dryRun() {
        Answer answer = change("{\"add\":[" + NINE + "],\"dryRun\":true}");
        assertThat(answer.json().path("result").asText()).isEqualTo("PLANNED");
        assertThat(answer.json().path("voters")).hasSize(4);
    }

    @Test
    @DisplayName("what did not succeed says whether anything was changed")
    void notChanged() {
        String body = "{\"add\":[" + NINE + "]}";
        node.voters.answer = new Change.Refused("no");
        assertThat(change(body).problem()).isEqualTo("409 Conflict NOT_APPLIED");
        node.voters.answer = new Change.Unknown("silence");
        assertThat(change(body).problem()).isEqualTo("504 TimedOut UNKNOWN");
        node.voters.answer = new Change.UnderWay(MemoryVoters.CONFIG, "later");
        assertThat(change(body).status()).isEqualTo(202);
    }

    @ParameterizedTest
    @DisplayName("a body that does not describe a change changes nothing")
    @ValueSource(
            strings = {
                "",
                "[]",
                "{}",
                "{\"voters\":\"x\"}",
                "{\"voters\":[1]}",
                "{\"add\":[\"1-1-1-1-1\"]}",
                "{\"dryRun\":true}",
                "{\"add\":[\"00000000-0000-0000-0000-000000000009\"],\"dryRun\":1}",
                "{\"add\":[\"00000000-0000-0000-0000-000000000001\"]}",
                "{\"remove\":[\"00000000-0000-0000-0000-000000000009\"]}",
                "{\"voters\":[],\"add\":[\"00000000-0000-0000-0000-000000000009\"]}",
                "{\"more\":[]}"
            })
    void invalid(String body) {
        assertThat(change(body).problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.voters.asked).isEmpty();
    }
}
