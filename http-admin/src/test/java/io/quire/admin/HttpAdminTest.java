package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.quire.admin.TestNode.Answer;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.Deletion;
import io.quire.protocol.DigestType;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.LedgerState;
import java.net.BindException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class HttpAdminTest {
    private static final String LEDGERS = "/api/v2/ledgers";
    private static final String BYTES = "application/octet-stream";

    private TestNode node;

    @BeforeEach
    void start() {
        node = new TestNode("quire.client.writer.entry-bytes-max = 100 KiB", "quire.http.request-bytes-max = 400 KiB");
    }

    @AfterEach
    void stop() {
        node.close();
    }

    @Test
    @DisplayName("the heartbeat answers OK, to HEAD too")
    void heartbeat() {
        assertThat(node.get("/heartbeat").text()).isEqualTo("OK");
        Answer head = node.send(node.port(), "HEAD", "/heartbeat", null, null);
        assertThat(head.status()).isEqualTo(200);
        assertThat(head.bytes()).isEmpty();
    }

    @Test
    @DisplayName("metrics count requests by route, not by path")
    void metrics() {
        node.get(LEDGERS + "/17");
        node.get("/nowhere/18");
        Answer metrics = node.get("/metrics");
        assertThat(metrics.header("Content-Type")).startsWith("text/plain; version=0.0.4");
        assertThat(metrics.text())
                .contains(
                        "http_server_requests_seconds_count{method=\"GET\",status=\"404\",uri=\"/api/v2/ledgers/{id}\"} 1")
                .contains("uri=\"unknown\"")
                .doesNotContain("/17")
                .doesNotContain("nowhere");
    }

    @Test
    @DisplayName("a ledger is not made of another content type than JSON")
    void wrongContentType() {
        addBookies();
        assertThat(node.post(LEDGERS, "text/plain", "{}").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.post(LEDGERS, "application/json; charset=utf-8", "{}").status())
                .isEqualTo(201);
    }

    @Test
    @DisplayName("more bookies than there are is NotEnoughBookies")
    void notEnoughBookies() {
        node.addBookie(1);
        assertThat(node.post(LEDGERS, "application/json", "{}").problem())
                .isEqualTo("503 NotEnoughBookies NOT_APPLIED");
    }

    @Test
    @DisplayName("a ledger that is not there, or no longer, is NoSuchLedger for every operation but a repeated delete")
    void noSuchLedger() {
        node.registry.put(TestNode.openLedger(5).withDeletion(Deletion.DELETED));
        for (String ledger : List.of(LEDGERS + "/4", LEDGERS + "/5")) {
            assertThat(List.of(
                            node.get(ledger),
                            node.get(ledger + "/entries/0"),
                            node.get(ledger + "/entries"),
                            node.post(ledger + "/entries", BYTES, "x"),
                            node.post(ledger + "/seal", null, new byte[0]),
                            node.post(ledger + "/recover", null, new byte[0])))
                    .extracting(Answer::problem)
                    .containsOnly("404 NoSuchLedger NOT_APPLIED");
        }
        assertThat(node.delete(LEDGERS + "/4").problem()).isEqualTo("404 NoSuchLedger NOT_APPLIED");
        assertThat(node.delete(LEDGERS + "/5").status()).isEqualTo(204);
    }

    @Test
    @DisplayName("without a writer, the ledger's state says why nothing can be appended")
    void noWriter() {
        node.registry.put(TestNode.openLedger(6));
        node.putClosedLedger(7);
        node.registry.put(recovering(8));
        assertThat(node.post(LEDGERS + "/6/entries", BYTES, "x").problem()).isEqualTo("409 NoWriter NOT_APPLIED");
        assertThat(node.post(LEDGERS + "/7/entries", BYTES, "x").problem()).isEqualTo("409 LedgerClosed NOT_APPLIED");
        assertThat(node.post(LEDGERS + "/8/entries", BYTES, "x").problem()).isEqualTo("409 LedgerFenced NOT_APPLIED");
        assertThat(node.post(LEDGERS + "/6/seal", null, "").problem()).isEqualTo("409 NoWriter NOT_APPLIED");
        assertThat(node.post(LEDGERS + "/7/seal", null, "").status()).isEqualTo(200);
    }

    @Test
    @DisplayName("recovering a closed ledger says how it is closed, and that nothing was to be done")
    void recoverClosed() {
        node.putClosedLedger(7);
        Answer answer = node.post(LEDGERS + "/7/recover", null, "");
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.json().path("state").asText()).isEqualTo("CLOSED");
        assertThat(answer.json().path("recovery").toString())
                .isEqualTo("{\"entriesRecovered\":0,\"copiesWritten\":0,\"bookiesUnheard\":[]}");
    }

    @Test
    @DisplayName("ledgers are listed in pages by ascending id, deleted ones never")
    void list() {
        for (long id = 1; id <= 5; id++) {
            node.putClosedLedger(id);
        }
        node.registry.put(TestNode.openLedger(6));
        node.registry.put(TestNode.openLedger(7).withDeletion(Deletion.DELETED));
        assertThat(node.get(LEDGERS + "?limit=2").text())
                .isEqualTo(
                        "{\"ledgers\":[{\"ledgerId\":1,\"state\":\"CLOSED\"},{\"ledgerId\":2,\"state\":\"CLOSED\"}],\"next\":2}");
        assertThat(ids(node.get(LEDGERS + "?limit=2&after=4"))).containsExactly(5L, 6L);
        assertThat(node.get(LEDGERS + "?limit=2&after=4").json().has("next")).isFalse();
        assertThat(ids(node.get(LEDGERS + "?state=OPEN"))).containsExactly(6L);
        assertThat(ids(node.get(LEDGERS + "?after=9223372036854775807"))).isEmpty();
    }

    @Test
    @DisplayName("without a majority of voters, everything is unavailable")
    void unavailable() {
        node.registry.setUnavailable(true);
        assertThat(node.get(LEDGERS).problem()).isEqualTo("503 Unavailable NOT_APPLIED");
        assertThat(node.get(LEDGERS + "/1").problem()).isEqualTo("503 Unavailable NOT_APPLIED");
        assertThat(node.delete(LEDGERS + "/1").problem()).startsWith("503 Unavailable");
    }

    @Test
    @DisplayName("an open ledger is shown even when none of its bookies answers")
    void shownWithoutBookies() {
        node.registry.put(TestNode.openLedger(6));
        Answer answer = node.get(LEDGERS + "/6");
        assertThat(answer.status()).isEqualTo(200);
        assertThat(answer.json().path("state").asText()).isEqualTo("OPEN");
        assertThat(answer.json().has("lastEntryId")).isFalse();
    }

    @Test
    @DisplayName("bookies are listed by name")
    void bookies() {
        node.addSilentBookie(2, BookieStatus.State.READ_ONLY);
        node.addSilentBookie(1, BookieStatus.State.WRITABLE);
        assertThat(node.get("/api/v2/bookies").text())
                .isEqualTo("{\"bookies\":["
                        + "{\"bookieId\":\"00000000-0000-0000-0000-000000000001\",\"name\":\"bookie-1\","
                        + "\"address\":\"pekko://http/user/nobody-1\",\"state\":\"WRITABLE\",\"freeBytes\":1000,"
                        + "\"totalBytes\":2000,\"labels\":{\"rack\":\"r1\"},\"readOnlyReasons\":[]},"
                        + "{\"bookieId\":\"00000000-0000-0000-0000-000000000002\",\"name\":\"bookie-2\","
                        + "\"address\":\"pekko://http/user/nobody-2\",\"state\":\"READ_ONLY\",\"freeBytes\":2000,"
                        + "\"totalBytes\":4000,\"labels\":{\"rack\":\"r2\"},"
                        + "\"readOnlyReasons\":[\"DISK_FULL\"]}]}");
    }

    @Test
    @DisplayName("a ledger lives: created, appended to, read, sealed, deleted")
    void life() {
        addBookies();
        Answer created = node.post(
                LEDGERS,
                "application/json",
                "{\"ensembleSize\":3,\"writeQuorum\":2,\"ackQuorum\":2,\"labels\":{\"k\":\"v\"}}");
        assertThat(created.status()).isEqualTo(201);
        assertThat(created.json().path("ledgerId").asLong()).isEqualTo(1001);
        assertThat(created.json().path("createdAt").asText()).isEqualTo("2023-11-14T22:13:20Z");
        assertThat(created.json().path("labels").path("k").asText()).isEqualTo("v");
        assertThat(created.json().path("lastAddConfirmed").asLong()).isEqualTo(-1);
        String ledger = created.header("Location");
        assertThat(ledger).isEqualTo(LEDGERS + "/1001");

        assertThat(node.get(ledger + "/entries").text()).isEmpty();
        assertThat(append(ledger, "hello")).isEqualTo("{\"firstEntryId\":0,\"lastEntryId\":0}");
        assertThat(append(ledger, "")).isEqualTo("{\"firstEntryId\":1,\"lastEntryId\":1}");
        Answer lines = node.post(ledger + "/entries?split=lines", null, "a\r\n\nb");
        assertThat(lines.status()).isEqualTo(201);
        assertThat(lines.text()).isEqualTo("{\"firstEntryId\":2,\"lastEntryId\":4}");

        assertThat(node.get(ledger + "/entries/0").text()).isEqualTo("hello");
        assertThat(node.get(ledger + "/entries/0").header("Content-Type")).isEqualTo(BYTES);
        assertThat(node.get(ledger + "/entries/1").bytes()).isEmpty();
        assertThat(node.get(ledger + "/entries/2").text()).isEqualTo("a\r");
        assertThat(node.get(ledger + "/entries/5").problem()).isEqualTo("409 NotConfirmed NOT_APPLIED");
        assertThat(node.get(ledger + "/entries?to=5").problem()).isEqualTo("409 NotConfirmed NOT_APPLIED");
        Answer all = node.get(ledger + "/entries");
        assertThat(all.header("Content-Type")).isEqualTo("application/x-ndjson");
        assertThat(all.text())
                .startsWith("{\"entryId\":0,\"payload\":\"aGVsbG8=\"}\n{\"entryId\":1,\"payload\":\"\"}\n");
        assertThat(payloads(all)).containsExactly("hello", "", "a\r", "", "b");
        assertThat(payloads(node.get(ledger + "/entries?from=1&to=2"))).containsExactly("", "a\r");
        assertThat(node.get(ledger).json().path("lastAddConfirmed").asLong()).isEqualTo(4);
        assertThat(node.get(ledger).json().path("length").asLong()).isEqualTo(8);
        assertThat(node.get(ledger).json().has("lastEntryId")).isFalse();

        Answer sealed = node.post(ledger + "/seal", null, "");
        assertThat(sealed.status()).isEqualTo(200);
        assertThat(sealed.json().path("state").asText()).isEqualTo("CLOSED");
        assertThat(sealed.json().path("lastEntryId").asLong()).isEqualTo(4);
        assertThat(node.post(ledger + "/seal", null, "").json()).isEqualTo(sealed.json());
        assertThat(node.get(ledger).json()).isEqualTo(sealed.json());
        assertThat(node.post(ledger + "/entries", BYTES, "x").problem()).isEqualTo("409 LedgerClosed NOT_APPLIED");
        assertThat(node.get(ledger + "/entries/5").problem()).isEqualTo("404 NoSuchEntry NOT_APPLIED");
        assertThat(node.get(ledger + "/entries?from=5&to=9").problem()).isEqualTo("404 NoSuchEntry NOT_APPLIED");
        assertThat(payloads(node.get(ledger + "/entries?from=4&to=9"))).containsExactly("b");
        assertThat(node.get(ledger + "/entries?from=5").text()).isEmpty();

        assertThat(node.delete(ledger).status()).isEqualTo(204);
        assertThat(node.delete(ledger).status()).isEqualTo(204);
        assertThat(node.get(ledger).problem()).isEqualTo("404 NoSuchLedger NOT_APPLIED");
        assertThat(node.get(ledger + "/entries/0").problem()).isEqualTo("404 NoSuchLedger NOT_APPLIED");
    }

    @Test
    @DisplayName("a range longer than a page arrives whole and in order")
    void longRange() {
        addBookies();
        String ledger = createLedger();
        String line = "x".repeat(1000);
        StringBuilder body = new StringBuilder();
        for (int i = 0; i < 300; i++) {
            body.append(i).append(line).append('\n');
        }
        for (int i = 0; i < 5; i++) {
            assertThat(node.post(ledger + "/entries?split=lines", BYTES, body.toString())
                            .status())
                    .isEqualTo(201);
        }
        List<String> read = payloads(node.get(ledger + "/entries"));
        assertThat(read).hasSize(1500);
        for (int i = 0; i < read.size(); i++) {
            assertThat(read.get(i)).isEqualTo(i % 300 + line);
        }
    }

    @Test
    @DisplayName("an empty ledger that was sealed ends at -1")
    void sealedEmpty() {
        addBookies();
        String ledger = createLedger();
        JsonNode sealed = node.post(ledger + "/seal", null, "").json();
        assertThat(sealed.path("lastEntryId").asLong()).isEqualTo(-1);
        assertThat(sealed.path("lastAddConfirmed").asLong()).isEqualTo(-1);
        assertThat(sealed.path("length").asLong()).isZero();
        assertThat(node.get(ledger + "/entries/0").problem()).isEqualTo("404 NoSuchEntry NOT_APPLIED");
        assertThat(node.get(ledger + "/entries").text()).isEmpty();
        assertThat(node.get(ledger + "/entries?from=0&to=9").problem()).isEqualTo("404 NoSuchEntry NOT_APPLIED");
    }

    @Test
    @DisplayName("R22: a deletion is taken back, an open ledger comes back in recovery; a purged one does not")
    void undelete() {
        addBookies();
        String ledger = createLedger();
        append(ledger, "x");
        assertThat(node.get(ledger).json().has("deletion")).isFalse();
        node.delete(ledger);
        assertThat(node.get(ledger + "?deleted=true").json().path("deletion").asText())
                .isEqualTo("DELETED");

        JsonNode back = node.post(ledger + "/undelete", null, "").json();
        assertThat(back.path("state").asText()).isEqualTo("IN_RECOVERY");
        assertThat(back.has("deletion")).isFalse();
        assertThat(node.post(ledger + "/undelete", null, "").status()).isEqualTo(200);
        assertThat(node.get(ledger + "?deleted=true").json().path("state").asText())
                .isEqualTo("IN_RECOVERY");

        node.delete(ledger);
        node.registry.purge(new LedgerId(back.path("ledgerId").asLong()));
        assertThat(node.post(ledger + "/undelete", null, "").problem()).isEqualTo("409 Conflict NOT_APPLIED");
        assertThat(node.get(ledger + "?deleted=true").json().path("deletion").asText())
                .isEqualTo("PURGED");
        assertThat(node.post(LEDGERS + "/4/undelete", null, "").problem()).isEqualTo("404 NoSuchLedger NOT_APPLIED");
    }

    @Test
    @DisplayName("a deleted ledger takes no entries, although its writer lived here")
    void appendAfterDelete() {
        addBookies();
        String ledger = createLedger();
        append(ledger, "x");
        assertThat(node.delete(ledger).status()).isEqualTo(204);
        assertThat(node.post(ledger + "/entries", BYTES, "y").problem()).isEqualTo("404 NoSuchLedger NOT_APPLIED");
    }

    @Test
    @DisplayName("a body or a line above the limit is EntryTooLarge, and none of it is appended")
    void tooLarge() {
        addBookies();
        String ledger = createLedger();
        byte[] largest = new byte[100 << 10];
        assertThat(node.post(ledger + "/entries", BYTES, largest).status()).isEqualTo(201);
        assertThat(node.post(ledger + "/entries", BYTES, new byte[(100 << 10) + 1])
                        .problem())
                .isEqualTo("413 EntryTooLarge NOT_APPLIED");
        assertThat(node.post(ledger + "/entries?split=lines", BYTES, "short\n" + "x".repeat((100 << 10) + 1))
                        .problem())
                .isEqualTo("413 EntryTooLarge NOT_APPLIED");
        assertThat(node.post(ledger + "/entries?split=lines", BYTES, new byte[(400 << 10) + 1])
                        .problem())
                .isEqualTo("413 EntryTooLarge NOT_APPLIED");
        assertThat(node.get(ledger).json().path("lastAddConfirmed").asLong()).isZero();
    }

    @Test
    @DisplayName("an append that cannot be understood appends nothing")
    void invalidAppend() {
        addBookies();
        String ledger = createLedger();
        assertThat(List.of(
                        node.post(ledger + "/entries?split=lines", BYTES, ""),
                        node.post(ledger + "/entries?split=words", BYTES, "x"),
                        node.post(ledger + "/entries?splt=lines", BYTES, "x"),
                        node.post(ledger + "/entries", "application/json", "x"),
                        node.post(LEDGERS + "/-1/entries", BYTES, "x")))
                .extracting(Answer::problem)
                .containsOnly("400 InvalidRequest NOT_APPLIED");
        assertThat(node.get(ledger).json().path("lastAddConfirmed").asLong()).isEqualTo(-1);
    }

    @Test
    @DisplayName("an append that no bookie answers ends with an unknown outcome")
    void silentBookies() {
        node.addSilentBookie(1, BookieStatus.State.WRITABLE);
        String ledger = node.post(LEDGERS, "application/json", "{\"ensembleSize\":1,\"writeQuorum\":1,\"ackQuorum\":1}")
                .header("Location");
        assertThat(node.post(ledger + "/entries?split=lines", BYTES, "a\nb").problem())
                .isEqualTo("504 TimedOut UNKNOWN");
    }

    @Test
    @DisplayName(
            "lines of which only some were acknowledged end with an unknown outcome and the last acknowledged entry")
    void partlyAcknowledged() {
        node.addBookie(1, 1);
        String ledger = node.post(LEDGERS, "application/json", "{\"ensembleSize\":1,\"writeQuorum\":1,\"ackQuorum\":1}")
                .header("Location");
        // 270 KB do not fit into one batch, and the bookie takes one only.
        Answer answer = node.post(ledger + "/entries?split=lines", BYTES, ("x".repeat(90_000) + "\n").repeat(3));
        assertThat(answer.problem()).isEqualTo("504 TimedOut UNKNOWN");
        long acknowledgedTo = answer.json().path("acknowledgedTo").asLong(-1);
        assertThat(acknowledgedTo).isBetween(0L, 1L);
        assertThat(node.get(ledger).json().path("lastAddConfirmed").asLong()).isEqualTo(acknowledgedTo);
    }

    @Test
    @DisplayName("who asks before sending a body is told to go on, or that the body is too large")
    void expectContinue() {
        addBookies();
        String ledger = createLedger();
        assertThat(node.expectContinue(ledger + "/entries", 100 << 10, "\r\n")).startsWith("HTTP/1.1 100 ");
        assertThat(node.expectContinue(ledger + "/entries", 200 << 10, "EntryTooLarge"))
                .startsWith("HTTP/1.1 413 ")
                .contains("Connection: close");
    }

    @Test
    @DisplayName("lines of requests that come at the same time are not mixed")
    void concurrentAppends() {
        addBookies();
        String ledger = createLedger();
        List<Answer> answers = IntStream.range(0, 8)
                .parallel()
                .mapToObj(i -> node.post(ledger + "/entries?split=lines", BYTES, (i + "\n").repeat(50)))
                .toList();
        List<String> all = payloads(node.get(ledger + "/entries"));
        assertThat(all).hasSize(400);
        for (int i = 0; i < answers.size(); i++) {
            int first = answers.get(i).json().path("firstEntryId").asInt();
            int last = answers.get(i).json().path("lastEntryId").asInt();
            assertThat(last - first).isEqualTo(49);
            assertThat(all.subList(first, last + 1)).containsOnly(Integer.toString(i));
        }
    }

    @Test
    @DisplayName("any node takes an append, a read and a seal, and passes it on to the writer's")
    void otherNode() {
        addBookies();
        int other = node.listen().localAddress().getPort();
        String ledger = createLedger();
        Answer appended = node.send(other, "POST", ledger + "/entries?split=lines", BYTES, utf8("a\nb"));
        assertThat(appended.text()).isEqualTo("{\"firstEntryId\":0,\"lastEntryId\":1}");
        assertThat(node.send(other, "GET", ledger + "/entries/1", null, null).text())
                .isEqualTo("b");
        assertThat(payloads(node.send(other, "GET", ledger + "/entries?from=0", null, null)))
                .containsExactly("a", "b");
        assertThat(node.send(other, "GET", ledger, null, null)
                        .json()
                        .path("lastAddConfirmed")
                        .asLong())
                .isEqualTo(1);
        assertThat(node.send(other, "GET", ledger + "/entries/2", null, null).problem())
                .isEqualTo("409 NotConfirmed NOT_APPLIED");
        assertThat(node.send(other, "POST", ledger + "/seal", null, null)
                        .json()
                        .path("lastEntryId")
                        .asLong())
                .isEqualTo(1);
        assertThat(node.send(other, "POST", ledger + "/entries", BYTES, utf8("c"))
                        .problem())
                .isEqualTo("409 LedgerClosed NOT_APPLIED");
    }

    @Test
    @DisplayName("a node refuses to have more writers than allowed, until one is sealed")
    void writersMax() {
        try (TestNode small = new TestNode("quire.http.writers-max = 1")) {
            small.addBookie(1);
            String one = "{\"ensembleSize\":1,\"writeQuorum\":1,\"ackQuorum\":1}";
            String ledger = small.post(LEDGERS, "application/json", one).header("Location");
            Answer refused = small.post(LEDGERS, "application/json", one);
            assertThat(refused.problem()).isEqualTo("429 Overloaded NOT_APPLIED");
            assertThat(refused.header("Retry-After")).isEqualTo("1");
            assertThat(small.post(ledger + "/seal", null, "").status()).isEqualTo(200);
            assertThat(small.post(LEDGERS, "application/json", one).status()).isEqualTo(201);
        }
    }

    @Test
    @DisplayName("a port that is taken fails the start")
    void takenPort() {
        assertThatThrownBy(() -> node.listenAt(node.port()).join())
                .isInstanceOf(CompletionException.class)
                .rootCause()
                .isInstanceOf(BindException.class);
    }

    @Test
    @DisplayName("the paths that BookKeeper's operators know")
    void compatibility() {
        addBookies();
        node.addSilentBookie(4, BookieStatus.State.READ_ONLY);
        node.putClosedLedger(3);
        String ledger = createLedger();
        node.post(ledger + "/entries?split=lines", BYTES, "a\nb\n\"c\"");
        assertThat(node.get("/api/v1/ledger/list").text()).isEqualTo("{\"3\":null,\"1001\":null}");
        assertThat(node.get("/api/v1/ledger/list?print_metadata=true&page=1")
                        .json()
                        .path("3")
                        .path("state")
                        .asText())
                .isEqualTo("CLOSED");
        assertThat(node.get("/api/v1/ledger/list?print_metadata=true&page=2").text())
                .isEqualTo("{}");
        assertThat(node.get("/api/v1/ledger/metadata?ledger_id=1001")
                        .json()
                        .path("1001")
                        .path("writeQuorumSize")
                        .asInt())
                .isEqualTo(3);
        assertThat(node.get("/api/v1/ledger/read?ledger_id=1001").text())
                .isEqualTo("{\"0\":\"a\",\"1\":\"b\",\"2\":\"\\\"c\\\"\"}");
        assertThat(node.get("/api/v1/ledger/read?ledger_id=1001&start_entry_id=1&end_entry_id=1")
                        .text())
                .isEqualTo("{\"1\":\"b\"}");
        assertThat(node.get("/api/v1/ledger/read?ledger_id=1001&page=2").text()).isEqualTo("{}");
        assertThat(node.get("/api/v1/bookie/list_bookies?type=ro&print_hostnames=true")
                        .text())
                .isEqualTo("{\"00000000-0000-0000-0000-000000000004\":\"\"}");
        assertThat(node.get("/api/v1/bookie/list_bookies?type=rw").json()).hasSize(3);
        assertThat(node.get("/api/v1/bookie/list_bookie_info")
                        .json()
                        .path("ClusterInfo: ")
                        .asText())
                .isEqualTo("{Free: 10000(9.8KB), Total: 20000(19.5KB)}");
        assertThat(node.get("/api/v1/bookie/info").text()).isEqualTo("{\"freeSpace\":10000,\"totalSpace\":20000}");
        assertThat(node.get("/api/v1/bookie/is_ready").status()).isEqualTo(200);
        assertThat(node.get("/api/v1/bookie/state").text())
                .isEqualTo("{\"running\":true,\"readOnly\":false,\"shuttingDown\":false,"
                        + "\"availableForHighPriorityWrites\":true,\"readOnlyReasons\":[\"DISK_FULL\"]}");
        assertThat(node.delete("/api/v1/ledger/delete?ledger_id=3").status()).isEqualTo(200);
        assertThat(node.get("/api/v1/ledger/metadata?ledger_id=3").problem()).isEqualTo("404 NoSuchLedger NOT_APPLIED");
    }

    @Test
    @DisplayName("H62: an operator makes the bookies of a node read-only and writable again, and sees whether they are")
    void readOnly() {
        String path = "/api/v1/bookie/state/readonly";
        assertThat(node.get(path).text()).isEqualTo("{\"readOnly\":false}");
        assertThat(node.put(path, "{\"readOnly\":true}").text()).isEqualTo("{\"readOnly\":true}");
        assertThat(node.put(path, "{\"readOnly\":false}").text()).isEqualTo("{\"readOnly\":false}");
        assertThat(node.put(path, "{\"readOnly\":\"yes\"}").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.put(path, "nonsense").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.bookies.readOnlyWishes).containsExactly(true, false);
        node.addSilentBookie(1, BookieStatus.State.READ_ONLY);
        assertThat(node.get(path).text()).isEqualTo("{\"readOnly\":true}");
        node.addSilentBookie(2, BookieStatus.State.WRITABLE);
        assertThat(node.get(path).text()).isEqualTo("{\"readOnly\":false}");
    }

    @Test
    @DisplayName("a node without bookies is not ready")
    void notReady() {
        assertThat(node.get("/api/v1/bookie/is_ready").problem()).isEqualTo("503 Unavailable NOT_APPLIED");
    }

    private void addBookies() {
        for (int i = 1; i <= 3; i++) {
            node.addBookie(i);
        }
    }

    private String createLedger() {
        Answer created = node.post(LEDGERS, null, "");
        assertThat(created.status()).isEqualTo(201);
        return created.header("Location");
    }

    private String append(String ledger, String entry) {
        Answer answer = node.post(ledger + "/entries", BYTES, entry);
        assertThat(answer.status()).isEqualTo(201);
        return answer.text();
    }

    @Test
    @DisplayName(
            "R23: a loss is accepted only of a bookie that is registered as destroyed, and that takes one that is silent")
    void destroyed() {
        BookieId lives = node.addBookie(1);
        BookieId gone = node.addSilentBookie(2, BookieStatus.State.DOWN);
        node.putClosedLedger(7);
        node.register(lives);
        node.register(gone);
        String bookies = "/api/v2/bookies/";
        assertThat(node.post(bookies + "1/destroyed", null, "").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.post(bookies + "00000000-0000-0000-0000-00000000cafe/destroyed", null, "")
                        .problem())
                .isEqualTo("404 NoSuchBookie NOT_APPLIED");
        assertThat(node.post(bookies + lives + "/destroyed", null, "").problem())
                .isEqualTo("409 Conflict NOT_APPLIED");
        String recover = LEDGERS + "/7/recover?acceptLoss=";
        assertThat(node.post(recover + gone, null, "").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
        for (int i = 0; i < 2; i++) {
            Answer answer = node.post(bookies + gone + "/destroyed", null, "");
            assertThat(answer.status()).isEqualTo(200);
            assertThat(answer.json().path("life").asText()).isEqualTo("DESTROYED");
        }
        assertThat(node.post(recover + gone, null, "").status()).isEqualTo(200);
        assertThat(node.post(recover + gone + "," + lives, null, "").problem())
                .isEqualTo("400 InvalidRequest NOT_APPLIED");
        assertThat(node.post(recover, null, "").problem()).isEqualTo("400 InvalidRequest NOT_APPLIED");
    }

    private static LedgerMetadata recovering(long ledgerId) {
        LedgerMetadata open = TestNode.openLedger(ledgerId);
        return new LedgerMetadata(
                open.ledgerId(),
                open.namespace(),
                open.replication(),
                open.digest(),
                open.verifier(),
                LedgerState.IN_RECOVERY,
                open.deletion(),
                open.fragments(),
                open.lastEntryId(),
                open.length(),
                open.createdMillis(),
                open.labels(),
                open.incomplete(),
                open.acceptedLosses());
    }

    private static List<Long> ids(Answer list) {
        return StreamSupport.stream(list.json().path("ledgers").spliterator(), false)
                .map(ledger -> ledger.path("ledgerId").asLong())
                .toList();
    }

    /** The payloads of consecutive entries. */
    private static List<String> payloads(Answer range) {
        assertThat(range.status()).isEqualTo(200);
        List<String> payloads = new ArrayList<>();
        long expected = -1;
        for (String line : range.text().lines().toList()) {
            JsonNode entry = Json.parse(utf8(line));
            long entryId = entry.path("entryId").asLong();
            assertThat(expected == -1 || entryId == expected).isTrue();
            expected = entryId + 1;
            payloads.add(
                    new String(Base64.getDecoder().decode(entry.path("payload").asText()), StandardCharsets.UTF_8));
        }
        return payloads;
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Test
    @DisplayName("a ledger with a password is listed, but neither shown, read, sealed nor recovered over HTTP")
    void ledgerWithPassword() {
        node.addBookie(1);
        LedgerKey key = LedgerPassword.of(new byte[] {1}).keyOf(new LedgerId(9));
        node.registry.put(TestNode.openLedger(9).guardedBy(DigestType.HMAC_SHA256, key.verifier()));
        assertThat(ids(node.get(LEDGERS))).contains(9L);
        assertThat(node.get("/api/v1/ledger/metadata?ledger_id=9").status()).isEqualTo(200);
        assertThat(List.of(
                        node.get(LEDGERS + "/9").problem(),
                        node.get(LEDGERS + "/9/entries?from=0&to=1").problem(),
                        node.get(LEDGERS + "/9/entries/0").problem(),
                        node.post(LEDGERS + "/9/seal", null, "").problem(),
                        node.post(LEDGERS + "/9/recover", null, "").problem()))
                .containsOnly("403 Unauthorized NOT_APPLIED");
    }
}
