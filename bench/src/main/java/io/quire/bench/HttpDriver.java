package io.quire.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** Ledgers of a cluster that is reached over HTTP, a request for each operation. */
final class HttpDriver implements LedgerDriver {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final ObjectMapper json = new ObjectMapper();
    private final String ledgers;

    HttpDriver(URI url) {
        this.ledgers = url.toString().replaceAll("/+$", "") + "/api/v2/ledgers";
    }

    @Override
    public CompletionStage<Writer> create(int ensembleSize, int writeQuorum, int ackQuorum) {
        byte[] body = json.createObjectNode()
                .put("ensembleSize", ensembleSize)
                .put("writeQuorum", writeQuorum)
                .put("ackQuorum", ackQuorum)
                .toString()
                .getBytes(StandardCharsets.UTF_8);
        return post("", "application/json", body, 201)
                .thenApply(created -> new HttpWriter(created.get("ledgerId").asLong()));
    }

    @Override
    public CompletionStage<Reader> open(long ledgerId) {
        return get("/" + ledgerId)
                .thenApply(metadata -> new HttpReader(
                        ledgerId, tree(metadata).get("lastEntryId").asLong()));
    }

    @Override
    public CompletionStage<Long> recover(long ledgerId) {
        return post("/" + ledgerId + "/recover", "application/json", new byte[0], 200)
                .thenCompose(report -> open(ledgerId))
                .thenApply(Reader::lastEntryId);
    }

    /** Connections end with the JVM's client. */
    @Override
    public void close() {}

    private CompletionStage<byte[]> get(String path) {
        return send(HttpRequest.newBuilder(URI.create(ledgers + path)).GET(), 200);
    }

    private CompletionStage<JsonNode> post(String path, String contentType, byte[] body, int expected) {
        return send(
                        HttpRequest.newBuilder(URI.create(ledgers + path))
                                .header("Content-Type", contentType)
                                .POST(BodyPublishers.ofByteArray(body)),
                        expected)
                .thenApply(this::tree);
    }

    private CompletionStage<byte[]> send(HttpRequest.Builder request, int expected) {
        return client.sendAsync(request.timeout(TIMEOUT).build(), BodyHandlers.ofByteArray())
                .thenApply(response -> {
                    if (response.statusCode() != expected) {
                        throw new UncheckedIOException(
                                new IOException(new String(response.body(), StandardCharsets.UTF_8)));
                    }
                    return response.body();
                });
    }

    private JsonNode tree(byte[] body) {
        try {
            return json.readTree(body);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private final class HttpWriter implements Writer {
        private final long ledgerId;

        HttpWriter(long ledgerId) {
            this.ledgerId = ledgerId;
        }

        @Override
        public long ledgerId() {
            return ledgerId;
        }

        @Override
        public CompletionStage<?> append(byte[] payload) {
            return post("/" + ledgerId + "/entries", "application/octet-stream", payload, 201);
        }

        @Override
        public CompletionStage<?> seal() {
            return post("/" + ledgerId + "/seal", "application/json", new byte[0], 200);
        }

        @Override
        public void tail(Consumer<byte[]> entries) {
            throw new UnsupportedOperationException("following over HTTP is not measured");
        }
    }

    private final class HttpReader implements Reader {
        private final long ledgerId;
        private final long lastEntryId;

        HttpReader(long ledgerId, long lastEntryId) {
            this.ledgerId = ledgerId;
            this.lastEntryId = lastEntryId;
        }

        @Override
        public long lastEntryId() {
            return lastEntryId;
        }

        /** The length of the answer, which is JSON with payloads in base64. */
        @Override
        public CompletionStage<Long> read(long first, long last) {
            return get("/" + ledgerId + "/entries?from=" + first + "&to=" + last)
                    .thenApply(body -> (long) body.length);
        }
    }
}
