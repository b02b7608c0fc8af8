package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ScrubRoutesTest {
    private static final BookieId ONE = new BookieId(new UUID(0, 1));
    private static final BookieId TWO = new BookieId(new UUID(0, 2));
    private static final String PATH = "/api/v2/bookies/" + ONE + "/scrub";
    private static TestNode node;

    @BeforeAll
    static void start() {
        node = new TestNode();
        node.bookies.scrubs = List.of(new NodeBookies.Scrub(
                ONE, true, 3, 17, 1 << 20, 1000, 1, false, 1, List.of(new LedgerId(9)), "the journal is gone"));
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    @Test
    @DisplayName("GET tells how far verifying is, and what is in limbo")
    void describe() {
        JsonNode json = node.get(PATH).json();
        assertThat(json.path("bookieId").asText()).isEqualTo(ONE.toString());
        assertThat(json.path("active").asBoolean()).isTrue();
        assertThat(json.path("passes").asLong()).isEqualTo(3);
        assertThat(json.path("bytesVerified").asLong()).isEqualTo(1 << 20);
        assertThat(json.path("damaged").asLong()).isEqualTo(1);
        assertThat(json.path("limbo").path("ledgers").asLong()).isEqualTo(1);
        assertThat(json.path("limbo").path("someLedgers").get(0).asLong()).isEqualTo(9);
        assertThat(json.path("limbo").path("reason").asText()).isEqualTo("the journal is gone");
    }

    @Test
    @DisplayName("a bookie that does not run in this node is not known here, and what is no bookie id is refused")
    void notHere() {
        assertThat(node.get("/api/v2/bookies/" + TWO + "/scrub")
                        .json()
                        .path("code")
                        .asText())
                .isEqualTo("NoSuchBookie");
        assertThat(node.get("/api/v2/bookies/nobody/scrub").json().path("code").asText())
                .isEqualTo("InvalidRequest");
        assertThat(node.bookies.scrubbed).doesNotContain(TWO);
    }
}
