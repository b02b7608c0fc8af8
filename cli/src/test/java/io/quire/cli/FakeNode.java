package io.quire.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/** A node whose answers are given in advance, one for each request, and that remembers what it was asked. */
final class FakeNode implements AutoCloseable {
    private final HttpServer server;
    private final Deque<Answer> answers = new ArrayDeque<>();
    private final List<Request> requests = new ArrayList<>();

    /**
     * @param declaredBytes the length that the answer claims; more than the body has cuts it off
     */
    private record Answer(int status, String contentType, String retryAfter, String body, long declaredBytes) {}

    /**
     * @param line method, path and query
     */
    record Request(String line, String contentType, String body) {}

    FakeNode() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::handle);
        server.start();
    }

    String url() {
        return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    FakeNode answering(int status, String json) {
        return answering(new Answer(status, "application/json", "", json, -1));
    }

    FakeNode answeringProblem(int status, String json, String retryAfter) {
        return answering(new Answer(status, "application/problem+json", retryAfter, json, -1));
    }

    FakeNode answeringCutOff(String body) {
        return answering(new Answer(200, "application/x-ndjson", "", body, body.length() + 100L));
    }

    private synchronized FakeNode answering(Answer answer) {
        answers.add(answer);
        return this;
    }

    synchronized List<Request> requests() {
        return List.copyOf(requests);
    }

    private void handle(HttpExchange exchange) throws IOException {
        Answer answer;
        synchronized (this) {
            requests.add(new Request(
                    exchange.getRequestMethod() + " " + exchange.getRequestURI(),
                    String.valueOf(exchange.getRequestHeaders().getFirst("Content-Type")),
                    new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8)));
            answer = answers.remove();
        }
        byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", answer.contentType());
        if (!answer.retryAfter().isEmpty()) {
            exchange.getResponseHeaders().set("Retry-After", answer.retryAfter());
        }
        long length = answer.declaredBytes() < 0 ? body.length : answer.declaredBytes();
        exchange.sendResponseHeaders(answer.status(), length == 0 ? -1 : length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
