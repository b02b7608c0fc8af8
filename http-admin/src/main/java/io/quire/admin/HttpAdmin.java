package io.quire.admin;

import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.quire.client.LedgerClient;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.RegistryVoters;
import java.net.InetSocketAddress;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.http.javadsl.model.ContentType;
import org.apache.pekko.http.javadsl.model.ContentTypes;
import org.apache.pekko.http.javadsl.settings.ServerSettings;
import org.apache.pekko.util.ByteString;

/**
 * Starts the HTTP interface of a node.
 *
 * <p>A listener has the writers of the ledgers that are made through it, until it is terminated. Nothing waits: every
 * request is handled on threads of the actor system, and its answer comes when the cluster's does.
 */
public final class HttpAdmin {
    private static final ContentType PROMETHEUS = ContentTypes.parse("text/plain; version=0.0.4; charset=utf-8");

    private HttpAdmin() {}

    /**
     * What the routes work with.
     *
     * @param feed bookies and live ledgers
     * @param voters who votes in the registry
     * @param bookies those of this node
     */
    public record Services(LedgerClient client, ClusterFeed feed, RegistryVoters voters, NodeBookies bookies) {
        /** Of a node without bookies. */
        public Services(LedgerClient client, ClusterFeed feed, RegistryVoters voters) {
            this(client, feed, voters, NodeBookies.NONE);
        }
    }

    /**
     * Listens for requests.
     *
     * @param meters what {@code /metrics} shows; requests are counted there too
     * @return completes when requests are served; fails when the address cannot be bound, and nothing is left running
     */
    public static CompletionStage<ServerBinding> start(
            ActorSystem<?> system, Services services, PrometheusMeterRegistry meters, HttpSettings settings) {
        ActorRef<LedgerWriters.Command> writers = system.systemActorOf(
                LedgerWriters.create(services.client(), settings.writers(), System::nanoTime),
                "quire-http-writers-" + UUID.randomUUID(),
                Props.empty());
        Router router = router(system, services, meters, settings, writers);
        ServerSettings defaults = ServerSettings.create(system.classicSystem());
        ServerSettings server = defaults.withTransparentHeadRequests(true)
                .withTimeouts(defaults.getTimeouts()
                        .withRequestTimeout(scala.concurrent.duration.Duration.fromNanos(
                                settings.requestTimeout().toNanos())));
        return Http.get(system)
                .newServerAt(settings.host(), settings.port())
                .withSettings(server)
                .bind(router::handle)
                .whenComplete((binding, failure) -> {
                    if (failure != null) {
                        writers.tell(LedgerWriters.Stop.INSTANCE);
                        return;
                    }
                    writers.tell(new LedgerWriters.Serve(url(system, settings, binding.localAddress())));
                    binding.whenTerminated().whenComplete((done, ended) -> writers.tell(LedgerWriters.Stop.INSTANCE));
                });
    }

    private static Router router(
            ActorSystem<?> system,
            Services services,
            PrometheusMeterRegistry meters,
            HttpSettings settings,
            ActorRef<LedgerWriters.Command> writers) {
        LedgerClient client = services.client();
        ClusterFeed feed = services.feed();
        Router router = new Router(system, meters);
        router.route(
                        "GET",
                        "/heartbeat",
                        call -> CompletableFuture.completedStage(
                                Responses.of(200, Responses.TEXT, ByteString.fromString("OK"))))
                .route(
                        "GET",
                        "/metrics",
                        call -> CompletableFuture.completedStage(
                                Responses.of(200, PROMETHEUS, ByteString.fromString(meters.scrape()))));
        RequestBodies bodies = new RequestBodies(system, settings.bodies().totalBytesMax());
        new BookieRoutes(feed, client.bookies()).addTo(router);
        new RegistryRoutes(services.voters(), bodies).addTo(router);
        new ReadOnlyRoutes(feed, nodeOf(system.address()), services.bookies(), bodies).addTo(router);
        new GarbageRoutes(services.bookies(), bodies).addTo(router);
        new ScrubRoutes(services.bookies()).addTo(router);
        LedgerRoutes ledgers = new LedgerRoutes(client, feed, writers, new WriterProxy(system), bodies, settings);
        ledgers.addTo(router);
        new CompatibilityRoutes(
                        client, feed, nodeOf(system.address()), ledgers, new EntryRange(settings.readPageBytes()))
                .addTo(router);
        return router;
    }

    /** This node, named as bookies name theirs. */
    private static String nodeOf(Address address) {
        return address.getHost().orElse("") + ":" + address.getPort().orElse(0);
    }

    private static String url(ActorSystem<?> system, HttpSettings settings, InetSocketAddress bound) {
        if (!settings.advertisedUrl().isEmpty()) {
            return settings.advertisedUrl();
        }
        String host = bound.getAddress().isAnyLocalAddress()
                ? system.address().getHost().orElse("127.0.0.1")
                : bound.getAddress().getHostAddress();
        return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + bound.getPort();
    }
}
