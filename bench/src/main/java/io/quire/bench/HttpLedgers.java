package io.quire.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.concurrent.CompletionStage;

/** Ledgers of a cluster that is reached over HTTP. Thread-safe. */
final class HttpLedgers {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final HttpClient client =
            HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final URI ledgers;
    private final Replication replication;

    HttpLedgers(URI url, Replication replication) {
        this.ledgers = URI.create(url.toString().replaceAll("/+$", "") + "/api/v2/ledgers");
        this.replication = replication;
    }

    /** Creates a ledger; where to append to it. */
    URI create() {
        String body = "{\"ensembleSize\":" + replication.ensembleSize() + ",\"writeQuorum\":"
                + replication.writeQuorum() + ",\"ackQuorum\":" + replication.ackQuorum() + "}";
        try {
            HttpResponse<String> response = client.send(
                    HttpRequest.newBuilder(ledgers)
                            .timeout(TIMEOUT)
                            .header("Content-Type", "application/json")
                            .POST(BodyPublishers.ofString(body))
                            .build(),
                    BodyHandlers.ofString());
            if (response.statusCode() != 201) {
                throw new IOException(response.body());
            }
            long id =
                    new ObjectMapper().readTree(response.body()).get("ledgerId").asLong();
            return URI.create(ledgers + "/" + id + "/entries");
        } catch (IOException e) {
            throw new UncheckedIOException("no ledger could be created at " + ledgers + ": " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while a ledger was created", e);
        }
    }

    /** Appends one entry; fails when it was not acknowledged. */
    CompletionStage<?> append(URI entries, Payload payload) {
        HttpRequest request = HttpRequest.newBuilder(entries)
                .timeout(TIMEOUT)
                .header("Content-Type", "application/octet-stream")
                .POST(BodyPublishers.ofByteArray(payload.toByteArray()))
                .build();
        return client.sendAsync(request, BodyHandlers.ofString()).thenApply(response -> {
            if (response.statusCode() != 201) {
                throw new UncheckedIOException(new IOException(response.body()));
            }
            return response.body();
        });
    }
}
