package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.admin.TestNode.Answer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RefusedRequestsTest {
    private static TestNode node;

    @BeforeAll
    static void start() {
        node = new TestNode();
        for (int i = 1; i <= 3; i++) {
            node.addBookie(i);
        }
    }

    @AfterAll
    static void stop() {
        node.close();
    }

    @ParameterizedTest
    @DisplayName("a path that is not there is a problem with status 404")
    @ValueSource(
            strings = {
                "/",
                "/api/v2",
                "/api/v2/ledgers/",
                "/api/v2/ledgers/1/nothing",
                "/api/v1/bookie/nothing",
                "/x%20y"
            })
    void unknownPath(String path) {
        assertThat(node.get(path).problem()).isEqualTo("404 InvalidRequest NOT_APPLIED");
    }

    @ParameterizedTest
    @DisplayName("a wrong method is a problem with status 405 that says which are possible")
    @CsvSource({
        "PUT, /api/v2/ledgers, 'GET, POST'",
        "POST, /heartbeat, GET",
        "PATCH, /api/v2/ledgers/1, 'DELETE, GET'",
        "GET, /api/v2/ledgers/1/seal, POST"
    })
    void wrongMethod(String method, String path, String allowed) {
        Answer answer = node.send(node.port(), method, path, null, null);
        assertThat(answer.problem()).isEqualTo("405 InvalidRequest NOT_APPLIED");
        assertThat(answer.header("Allow")).isEqualTo(allowed);
    }

    @ParameterizedTest
    @DisplayName("what cannot be understood is an invalid request")
    @ValueSource(
            strings = {
                "/api/v2/ledgers/-1",
                "/api/v2/ledgers/abc",
                "/api/v2/ledgers/+1",
                "/api/v2/ledgers/9223372036854775808",
                "/api/v2/ledgers/1/entries/-1",
                "/api/v2/ledgers/1/entries/9223372036854775807",
                "/api/v2/ledgers/1/entries?from=2&to=1",
                "/api/v2/ledgers/1/entries?from=x",
                "/api/v2/ledgers/1/entries?follow=maybe",
                "/api/v2/ledgers/1/entries?from=0&to=4&follow=true",
                "/api/v2/ledgers/1/entries?form=1",
                "/api/v2/ledgers?state=SHUT",
                "/api/v2/ledgers?limit=0",
                "/api/v2/ledgers?limit=10001",
                "/api/v2/ledgers?limit=99999999999999999999",
                "/api/v2/ledgers?after=-1",
                "/api/v2/ledgers?after=1&after=2",
                "/api/v1/ledger/metadata",
                "/api/v1/ledger/metadata?ledger_id=x"
            })
    void invalidRequest(String path) {
        assertThat(node.get(path).problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
    }

    @ParameterizedTest
    @DisplayName("a body that does not describe a ledger creates none")
    @ValueSource(
            strings = {
                "[]",
                "{",
                "{} {}",
                "nonsense",
                "{\"ensemble\":3}",
                "{\"ensembleSize\":\"3\"}",
                "{\"ensembleSize\":3.5}",
                "{\"ensembleSize\":null}",
                "{\"ensembleSize\":99999999999}",
                "{\"ensembleSize\":0}",
                "{\"ensembleSize\":32}",
                "{\"ensembleSize\":2}",
                "{\"writeQuorum\":4}",
                "{\"ackQuorum\":0}",
                "{\"labels\":[]}",
                "{\"labels\":{\"k\":1}}",
                "{\"labels\":{\"\":\"v\"}}",
                "{\"labels\":{\"k\":\"\\ud800\"}}",
                "{\"ackQuorum\":2,\"ackQuorum\":2}"
            })
    void invalidCreate(String body) {
        assertThat(node.post("/api/v2/ledgers", "application/json", body).problem())
                .isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.get("/api/v2/ledgers").json().path("ledgers")).isEmpty();
    }
}
