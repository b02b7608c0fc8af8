package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class FollowTest {
    private static final String ONE_COPY = "{\"ensembleSize\":1,\"writeQuorum\":1,\"ackQuorum\":1}";

    private TestNode node;
    private String ledger;

    @BeforeEach
    void start() {
        node = new TestNode();
        node.addBookie(1);
        ledger = "/api/v2/ledgers/"
                + node.post("/api/v2/ledgers", "application/json", ONE_COPY)
                        .json()
                        .path("ledgerId")
                        .asText();
    }

    @AfterEach
    void stop() {
        node.close();
    }

    private void append(String entry) {
        assertThat(node.post(ledger + "/entries", "application/octet-stream", entry)
                        .status())
                .isEqualTo(201);
    }

    @Test
    @DisplayName("R25: what is appended is streamed, a line for each entry, until the ledger is sealed")
    void followed() {
        append("a");
        CompletableFuture<TestNode.Answer> answer =
                CompletableFuture.supplyAsync(() -> node.get(ledger + "/entries?follow=true"));
        append("b");
        assertThat(node.post(ledger + "/seal", null, "").status()).isEqualTo(200);
        assertThat(answer.join().status()).isEqualTo(200);
        assertThat(answer.join().header("Content-Type")).startsWith("application/x-ndjson");
        assertThat(answer.join().text()).isEqualTo("""
                {"entryId":0,"payload":"YQ=="}
                {"entryId":1,"payload":"Yg=="}
                """);
        assertThat(node.get(ledger + "/entries?from=1&follow=true").text())
                .startsWith("{\"entryId\":1,")
                .hasLineCount(1);
        assertThat(node.get(ledger + "/entries?from=2&follow=true").text()).isEmpty();
    }

    @Test
    @DisplayName("a reader that leaves ends what was done for it")
    void readerLeaves() throws IOException {
        int before = node.registry.watchers();
        append("a");
        append("b");
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), node.port())) {
            socket.setSoTimeout(30_000);
            socket.getOutputStream()
                    .write(("GET " + ledger + "/entries?follow=true HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                            .getBytes(StandardCharsets.US_ASCII));
            BufferedReader lines =
                    new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
            String line = lines.readLine();
            while (!line.contains("\"entryId\":0")) {
                line = lines.readLine();
            }
            assertThat(node.registry.watchers()).isEqualTo(before + 1);
        }
        for (int i = 0; i < 1000 && node.registry.watchers() > before; i++) {
            append("c");
            LockSupport.parkNanos(1_000_000);
        }
        assertThat(node.registry.watchers()).isEqualTo(before);
    }

    @Test
    @DisplayName("following what is not there is answered like reading it")
    void noSuchLedger() {
        assertThat(node.get("/api/v2/ledgers/4711/entries?follow=true").problem())
                .isEqualTo("404 NoSuchLedger NOT_APPLIED");
    }
}
