package io.quire.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.quire.client.ClientSettings;
import io.quire.client.LedgerClient;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.wire.WireMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.http.javadsl.ServerBinding;

/** A node's HTTP interface on a free port of the loopback interface, over a registry and bookies in memory. */
final class TestNode implements AutoCloseable {
    static final long CREATED_MILLIS = 1_700_000_000_000L;

    final MemoryRegistry registry = new MemoryRegistry();
    final MemoryFeed feed = new MemoryFeed();
    final MemoryVoters voters = new MemoryVoters();
    final MemoryNodeBookies bookies = new MemoryNodeBookies();
    final PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    private final ActorTestKit kit;
    private final LedgerClient client;
    private final HttpSettings settings;
    private final AtomicLong lastId = new AtomicLong(1000);
    private final HttpClient http = HttpClient.newHttpClient();
    private final ServerBinding binding;

    TestNode(String... overrides) {
        Config config = ConfigFactory.parseString(String.join("\n", overrides))
                .withFallback(ConfigFactory.parseString("""
                        quire.http.port = 0
                        quire.placement.distinct = store
                        quire.client.writer.append-timeout = 2 s
                        quire.client.reader.read-timeout = 500 ms
                        """))
                .withFallback(ConfigFactory.load());
        kit = ActorTestKit.create("http", config);
        settings = HttpSettings.from(config);
        client = LedgerClient.create(
                kit.system(),
                registry,
                () -> CompletableFuture.completedStage(new LedgerId(lastId.incrementAndGet())),
                feed,
                ClientSettings.from(config),
                meters,
                () -> CREATED_MILLIS);
        binding = listen();
    }

    /** One more listener with writers of its own, as another node would have. */
    ServerBinding listen() {
        return HttpAdmin.start(kit.system(), new HttpAdmin.Services(client, feed, voters, bookies), meters, settings)
                .toCompletableFuture()
                .join();
    }

    HttpSettings settings() {
        return settings;
    }

    int port() {
        return binding.localAddress().getPort();
    }

    CompletableFuture<ServerBinding> listenAt(int port) {
        HttpSettings taken = new HttpSettings(
                settings.host(),
                port,
                "",
                settings.requestTimeout(),
                settings.bodies(),
                settings.readPageBytes(),
                settings.writers());
        return HttpAdmin.start(kit.system(), new HttpAdmin.Services(client, feed, voters, bookies), meters, taken)
                .toCompletableFuture();
    }

    /** Adds a bookie that works. */
    BookieId addBookie(int number) {
        return addBookie(number, Long.MAX_VALUE);
    }

    /** Adds a bookie that loses the batches of a session behind the first {@code batchesMax}. */
    BookieId addBookie(int number, long batchesMax) {
        BookieId id = bookieId(number);
        ActorRef<WireMessage> bookie = kit.spawn(MemoryBookie.create(id, batchesMax), "bookie-" + number);
        publish(
                id,
                number,
                ActorRefResolver.get(kit.system()).toSerializationFormat(bookie),
                BookieStatus.State.WRITABLE);
        return id;
    }

    /** Registers a bookie as booted once. */
    void register(BookieId bookie) {
        BookieRegistration registration =
                new BookieRegistration(bookie, "c", new BootEpoch(1), BookieLife.ACTIVE, "somewhere", "b");
        registry.compareAndSet(RegistryKey.ofBookie(bookie), 0, registration.encode(), new OpId(bookie.value()))
                .toCompletableFuture()
                .join();
    }

    /** Adds a bookie that nobody can reach. */
    BookieId addSilentBookie(int number, BookieStatus.State state) {
        BookieId id = bookieId(number);
        publish(id, number, "pekko://http/user/nobody-" + number, state);
        return id;
    }

    static BookieId bookieId(int number) {
        return new BookieId(new UUID(0, number));
    }

    /** Registers a closed and empty ledger. */
    void putClosedLedger(long ledgerId) {
        registry.put(openLedger(ledgerId).closed(-1, 0, List.of()));
    }

    static LedgerMetadata openLedger(long ledgerId) {
        return LedgerMetadata.create(
                new LedgerId(ledgerId),
                new Replication(1, 1, 1),
                new Ensemble(List.of(bookieId(1))),
                Map.of(),
                CREATED_MILLIS);
    }

    Answer get(String path) {
        return send(port(), "GET", path, null, null);
    }

    Answer delete(String path) {
        return send(port(), "DELETE", path, null, null);
    }

    Answer put(String path, String body) {
        return send(port(), "PUT", path, "application/json", body.getBytes(StandardCharsets.UTF_8));
    }

    Answer post(String path, String contentType, String body) {
        return post(path, contentType, body.getBytes(StandardCharsets.UTF_8));
    }

    Answer post(String path, String contentType, byte[] body) {
        return send(port(), "POST", path, contentType, body);
    }

    /**
     * Sends the head of a request that asks whether to go on with its body of {@code announced} bytes, and returns all
     * that is answered before {@code until}, which ends a line.
     */
    String expectContinue(String path, int announced, String until) {
        String head = "POST " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
                + "Expect: 100-continue\r\nContent-Length: " + announced + "\r\n\r\n";
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port())) {
            socket.setSoTimeout(30_000);
            socket.getOutputStream().write(head.getBytes(StandardCharsets.US_ASCII));
            StringBuilder answer = new StringBuilder();
            while (answer.indexOf(until) < 0) {
                int next = socket.getInputStream().read();
                if (next < 0) {
                    break;
                }
                answer.append((char) next);
            }
            return answer.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Answer send(int port, String method, String path, String contentType, byte[] body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                .timeout(Duration.ofSeconds(30))
                .method(
                        method,
                        body == null
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofByteArray(body));
        if (contentType != null) {
            request.header("Content-Type", contentType);
        }
        try {
            HttpResponse<byte[]> response = http.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
            return new Answer(response);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        kit.shutdownTestKit();
    }

    private void publish(BookieId id, int number, String address, BookieStatus.State state) {
        feed.publish(new BookieStatus(
                id,
                new BootEpoch(1),
                1,
                "bookie-" + number,
                ":0",
                address,
                state,
                1000L * number,
                2000L * number,
                Map.of("rack", "r" + number),
                state == BookieStatus.State.READ_ONLY ? List.of("DISK_FULL") : List.of()));
    }

    /** A response with its whole body. */
    static final class Answer {
        private final HttpResponse<byte[]> response;

        Answer(HttpResponse<byte[]> response) {
            this.response = response;
        }

        int status() {
            return response.statusCode();
        }

        String header(String name) {
            return response.headers().firstValue(name).orElse("");
        }

        byte[] bytes() {
            return response.body();
        }

        String text() {
            return new String(response.body(), StandardCharsets.UTF_8);
        }

        JsonNode json() {
            return Json.parse(response.body());
        }

        /** Status, code and outcome of a problem. */
        String problem() {
            return header("Content-Type").equals("application/problem+json")
                    ? status() + " " + json().path("code").asText() + " "
                            + json().path("outcome").asText()
                    : "no problem but " + status() + " " + text();
        }
    }
}
