package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GarbageRoutesTest {
    private static final String GC = "/api/v1/bookie/gc";
    private static final BookieId ONE = new BookieId(new UUID(0, 1));
    private static final BookieId TWO = new BookieId(new UUID(0, 2));
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
        node.bookies.forced.clear();
        node.bookies.garbage = List.of(
                new NodeBookies.Garbage(ONE, true, true, Optional.empty(), Optional.empty()),
                new NodeBookies.Garbage(
                        TWO,
                        false,
                        false,
                        Optional.of(new NodeBookies.Run(
                                false,
                                Duration.ofSeconds(90),
                                Duration.ofMillis(1500),
                                100,
                                0,
                                0,
                                1,
                                2,
                                List.of(new LedgerId(7), new LedgerId(9)),
                                3,
                                40,
                                "40 of 100 ledgers would go at once")),
                        Optional.of(Duration.ofMinutes(8))));
    }

    @ParameterizedTest
    @DisplayName("H67: a collection is started; forced by force or forceMajor, as parameter or in the body")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '%',
            value = {
                "%%|%%|false",
                "?force=true|%%|true",
                "?forceMajor=true|%%|true",
                "?force=false|{}|false",
                "%%|{\"forceMajor\":true}|true",
                "%%|{\"force\":true}|true",
                "%%|{\"forceMinor\":true}|false"
            })
    void starts(String query, String body, boolean forced) {
        TestNode.Answer answer = node.put(GC + query, body);
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.json().asText()).contains(ONE.toString(), TWO.toString());
        assertThat(node.bookies.forced).containsExactly(forced);
    }

    @Test
    @DisplayName("what is not understood starts nothing")
    void notUnderstood() {
        assertThat(node.put(GC + "?force=perhaps", "").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.put(GC, "[true]").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.put(GC, "force").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.bookies.forced).isEmpty();
    }

    @Test
    @DisplayName("whether a collection is in progress is told as BookKeeper tells it")
    void inProgress() {
        assertThat(node.get(GC).json().path("is_in_force_gc").asText()).isEqualTo("true");
        node.bookies.garbage = List.of();
        assertThat(node.get(GC).json().path("is_in_force_gc").asText()).isEqualTo("false");
    }

    @Test
    @DisplayName("H67: the details say of each bookie how its last run went, and why it was held back")
    void details() {
        JsonNode json = node.get(GC + "_details").json();
        assertThat(json).hasSize(2);
        assertThat(json.get(0).path("forceCompacting").asBoolean()).isTrue();
        assertThat(json.get(0).has("lastRun")).isFalse();
        assertThat(json.get(1).path("nextInMillis").asLong()).isEqualTo(480_000);
        assertThat(json.get(1).path("lastRun").toString())
                .isEqualTo("{\"forced\":false,\"endedAgoMillis\":90000,\"durationMillis\":1500,\"examined\":100,"
                        + "\"dropped\":0,\"superseded\":0,\"kept\":1,\"orphans\":2,\"someOrphans\":[7,9],"
                        + "\"unread\":3,\"heldBack\":40,\"reason\":\"40 of 100 ledgers would go at once\"}");
    }
}
