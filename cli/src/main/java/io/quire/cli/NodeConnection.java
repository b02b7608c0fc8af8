package io.quire.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.HttpTimeoutException;
import java.time.Duration;

/**
 * HTTP to one node. Every method blocks until the answer is there, and throws a {@link CommandFailure} that says what
 * happened for anything but success; nothing is ever sent twice.
 */
final class NodeConnection {
    static final ObjectMapper JSON = new ObjectMapper();

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(10);
    private static final Duration ANSWER_TIMEOUT = Duration.ofSeconds(60);

    static {
        // Shorter than a node keeps an idle connection: a request on one that is just being closed has no known
        // outcome.
        System.setProperty("jdk.httpclient.keepalive.timeout", "20");
    }

    private final String base;
    private final HttpClient client;

    /**
     * @param url of the node, without the path of the interface
     */
    NodeConnection(String url) {
        this.base = requireUrl(url);
        this.client = HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(CONNECT_TIMEOUT)
                .build();
    }

    private static String requireUrl(String url) {
        try {
            URI uri = URI.create(url);
            String scheme = String.valueOf(uri.getScheme());
            if ((scheme.equals("http") || scheme.equals("https")) && uri.getHost() != null) {
                return url.replaceAll("/+$", "");
            }
        } catch (IllegalArgumentException e) {
            throw new CommandFailure(2, "no URL of a node: " + url + "; it looks like http://127.0.0.1:8080", e);
        }
        throw CommandFailure.ofUsage("no URL of a node: " + url + "; it looks like http://127.0.0.1:8080");
    }

    /**
     * @param path below {@code /api/v2}, with its query
     */
    JsonNode get(String path) {
        return json(send(request(path).GET().build()));
    }

    JsonNode post(String path, BodyPublisher body, String contentType) {
        return json(send(
                request(path).header("Content-Type", contentType).POST(body).build()));
    }

    JsonNode post(String path) {
        return json(send(request(path).POST(BodyPublishers.noBody()).build()));
    }

    void delete(String path) {
        closed(send(request(path).DELETE().build()));
    }

    /** The body of the answer as it comes; the caller closes it. Reading it may fail with an {@link IOException}. */
    InputStream stream(String path) {
        return send(request(path).GET().build()).body();
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(base + "/api/v2" + path)).timeout(ANSWER_TIMEOUT);
    }

    private HttpResponse<InputStream> send(HttpRequest request) {
        HttpResponse<InputStream> response;
        try {
            response = client.send(request, BodyHandlers.ofInputStream());
        } catch (ConnectException | HttpConnectTimeoutException e) {
            throw CommandFailure.of(
                    "cannot reach " + base + ": is a node running there? start one with ./quire standalone", e);
        } catch (HttpTimeoutException e) {
            throw CommandFailure.of(
                    base + " gave no answer in " + ANSWER_TIMEOUT.toSeconds() + " s" + afterwards(request), e);
        } catch (IOException e) {
            throw CommandFailure.of("the connection to " + base + " broke: " + e.getMessage() + afterwards(request), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw CommandFailure.of("interrupted while waiting for " + base, e);
        }
        if (response.statusCode() / 100 == 2) {
            return response;
        }
        throw failure(response);
    }

    private static String afterwards(HttpRequest request) {
        return request.method().equals("GET")
                ? "; try again"
                : " (UNKNOWN); it may have been done: look at what is there before you try again";
    }

    private CommandFailure failure(HttpResponse<InputStream> response) {
        try (InputStream body = response.body()) {
            JsonNode problem = JSON.readTree(body);
            if (problem != null && problem.hasNonNull("code")) {
                return ServerFailure.of(
                        problem, response.headers().firstValue("Retry-After").orElse(""));
            }
        } catch (IOException e) {
            return notQuire(response, e);
        }
        return notQuire(response, null);
    }

    private CommandFailure notQuire(HttpResponse<InputStream> response, IOException cause) {
        return CommandFailure.of(
                base + " answered with HTTP status " + response.statusCode() + " and no reason: is it a Quire node?",
                cause);
    }

    private JsonNode json(HttpResponse<InputStream> response) {
        try (InputStream body = response.body()) {
            JsonNode answer = JSON.readTree(body);
            if (answer != null && answer.isObject()) {
                return answer;
            }
        } catch (JsonProcessingException e) {
            throw CommandFailure.of(base + " answered with something else than JSON: is it a Quire node?", e);
        } catch (IOException e) {
            throw CommandFailure.of(
                    "the connection to " + base + " broke: " + e.getMessage() + afterwards(response.request()), e);
        }
        throw CommandFailure.of(base + " answered with something else than JSON: is it a Quire node?");
    }

    private void closed(HttpResponse<InputStream> response) {
        try {
            response.body().close();
        } catch (IOException e) {
            throw CommandFailure.of("the connection to " + base + " broke: " + e.getMessage(), e);
        }
    }
}
