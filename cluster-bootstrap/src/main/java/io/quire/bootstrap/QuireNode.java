package io.quire.bootstrap;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValueFactory;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.quire.admin.HttpAdmin;
import io.quire.admin.HttpSettings;
import io.quire.bookie.BookieActor;
import io.quire.bookie.BookieBoot;
import io.quire.bookie.BookieSettings;
import io.quire.client.ClientSettings;
import io.quire.client.LedgerClient;
import io.quire.client.TombstoneKeeperActor;
import io.quire.client.TombstoneSettings;
import io.quire.client.log.LogSettings;
import io.quire.client.log.Logs;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.registry.BlockLedgerIds;
import io.quire.registry.DistributedDataFeed;
import io.quire.registry.FeedSettings;
import io.quire.registry.RegistryClient;
import io.quire.registry.RegistrySettings;
import io.quire.registry.storage.AcceptorStore;
import io.quire.storage.DirectoryLock;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.StreamSupport;
import org.apache.pekko.Done;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.AskPattern;
import org.apache.pekko.cluster.ClusterEvent.CurrentClusterState;
import org.apache.pekko.cluster.Member;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Join;
import org.apache.pekko.http.javadsl.ServerBinding;
import org.apache.pekko.management.cluster.bootstrap.ClusterBootstrap;
import org.apache.pekko.management.javadsl.PekkoManagement;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One node: starts what its configuration names, and stops it in order. Starting and stopping block the calling thread;
 * everything else is thread-safe.
 */
public final class QuireNode implements AutoCloseable {
    private static final Duration HTTP_DEADLINE = Duration.ofSeconds(5);
    private static final Logger LOG = LoggerFactory.getLogger(QuireNode.class);

    private static final Duration LOOK_AGAIN = Duration.ofMillis(20);
    private static final Duration NEWS_TIMEOUT = Duration.ofSeconds(5);
    private static final int BOOKIES_PAGE = 500;

    private static final Duration BOOKIE_TIMEOUT = Duration.ofSeconds(30);

    /** How long the actor system may take to end once everything in it has stopped. */
    private static final Duration TERMINATION = Duration.ofSeconds(5);

    private final NodeSettings settings;
    private final ActorSystem<NodeActor.Command> system;
    private final Parts parts;
    private final CompletableFuture<Done> ended = new CompletableFuture<>();
    private final PrometheusMeterRegistry meters = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    private final List<DirectoryLock> locks = new ArrayList<>();
    private DistributedDataFeed feed;
    private RegistryClient registry;
    private LedgerClient client;
    private Logs logs;
    private Optional<URI> http = Optional.empty();

    /** What becomes of the node's parts. */
    private static final class Parts implements NodeListener {
        /** Completes when every bookie serves, or waits for room while another one serves. */
        private final CompletableFuture<Done> settled = new CompletableFuture<>();

        private final CompletableFuture<String> failed = new CompletableFuture<>();
        private final int bookies;
        private final Set<String> serving = new HashSet<>();
        private final Set<String> waiting = new HashSet<>();

        Parts(int bookies) {
            this.bookies = bookies;
            if (bookies == 0) {
                settled.complete(Done.getInstance());
            }
        }

        @Override
        public synchronized void bookieStarted(String name, BookieId bookie) {
            waiting.remove(name);
            serving.add(name);
            if (serving.size() + waiting.size() == bookies) {
                settled.complete(Done.getInstance());
            }
        }

        /** A node whose bookies all find no room does not start. */
        @Override
        public synchronized void bookieWaits(String name, String reason) {
            serving.remove(name);
            waiting.add(name);
            if (waiting.size() == bookies) {
                settled.completeExceptionally(new NodeStartException(reason));
            } else if (serving.size() + waiting.size() == bookies) {
                settled.complete(Done.getInstance());
            }
        }

        @Override
        public synchronized void bookieFailed(String reason, boolean last) {
            if (!settled.isDone() || last) {
                settled.completeExceptionally(new NodeStartException(reason));
                failed.complete("a bookie failed: " + reason);
            }
        }

        @Override
        public void voterFailed() {
            failed.complete("a registry voter failed; see the log");
        }
    }

    /** A node could not be started; the message says why, for people. */
    public static final class NodeStartException extends RuntimeException {
        private static final long serialVersionUID = 1;

        public NodeStartException(String message) {
            super(message);
        }
    }

    private QuireNode(NodeSettings settings, Config config) {
        this.settings = settings;
        this.parts = new Parts(settings.stores().size());
        this.system = ActorSystem.create(NodeActor.create(parts), "quire", config);
    }

    /** {@code own} laid over what every node starts from. */
    public static Config configOf(Config own) {
        Config merged = own.withFallback(ConfigFactory.parseResources("quire-node.conf"))
                .withFallback(ConfigFactory.defaultReferenceUnresolved());
        Config resolved = ConfigFactory.defaultOverrides().withFallback(merged).resolve();
        return resolved.withValue(
                "pekko.cluster.roles",
                ConfigValueFactory.fromIterable(NodeSettings.from(resolved).roles()));
    }

    /**
     * Starts a node and waits until it serves.
     *
     * @param config as {@link #configOf} gives it
     * @throws NodeStartException when it cannot; nothing is left running then
     */
    public static QuireNode start(Config config) {
        return start(config, store -> UnaryOperator.identity());
    }

    /**
     * Like {@link #start(Config)}, with something around the actor of each bookie, for tests.
     *
     * @param aroundBookies what stands around the bookie of a store, counted from 0, in every boot
     */
    public static QuireNode start(Config config, IntFunction<UnaryOperator<Behavior<Object>>> aroundBookies) {
        NodeSettings settings;
        QuireNode node;
        try {
            settings = NodeSettings.from(config);
            BookieSettings.from(config);
            ClientSettings.from(config);
            LogSettings.from(config);
            RegistrySettings.from(config);
            TombstoneSettings.from(config);
            HttpSettings.from(config);
            node = new QuireNode(settings, config);
        } catch (RuntimeException e) {
            throw new NodeStartException(reasonOf(e));
        }
        try {
            node.startParts(config, aroundBookies);
            return node;
        } catch (RuntimeException e) {
            node.close();
            throw e instanceof NodeStartException ? e : new NodeStartException(reasonOf(e));
        }
    }

    public NodeSettings settings() {
        return settings;
    }

    public LedgerClient client() {
        return client;
    }

    /** The named logs of the cluster, written as section {@code quire.client.log} says. */
    public Logs logs() {
        return logs;
    }

    /** Where HTTP is served, with the port that was bound; empty when it is off. */
    public Optional<URI> http() {
        return http;
    }

    public ClusterFeed feed() {
        return feed;
    }

    public RegistryClient registry() {
        return registry;
    }

    public PrometheusMeterRegistry meters() {
        return meters;
    }

    public ActorSystem<?> system() {
        return system;
    }

    /**
     * Stops one of the node's bookies in order; the others go on serving.
     *
     * @param store which of the configured stores, from 0
     * @return completes once the store is closed
     */
    public CompletionStage<Done> stopBookie(int store) {
        return ask(replyTo -> new NodeActor.StopBookie(bookieName(store), replyTo));
    }

    /**
     * Starts a bookie that {@link #stopBookie} has stopped, or that has failed, as a new boot.
     *
     * @param store which of the configured stores, from 0
     * @return completes once it serves; fails when it does not within half a minute
     */
    public CompletionStage<Done> startBookie(int store) {
        return ask(replyTo -> new NodeActor.StartEnded(bookieName(store), replyTo));
    }

    private CompletionStage<Done> ask(Function<ActorRef<Done>, NodeActor.Command> command) {
        return AskPattern.ask(system, command::apply, BOOKIE_TIMEOUT, system.scheduler());
    }

    private String bookieName(int store) {
        if (store < 0 || store >= settings.stores().size()) {
            throw new IllegalArgumentException(
                    "the node has stores 0 to " + (settings.stores().size() - 1) + ", not " + store);
        }
        return "bookie-" + store;
    }

    /** Completes with the reason when the node cannot serve any more; its owner then stops it. */
    public CompletionStage<String> failed() {
        return parts.failed;
    }

    /**
     * Completes when the node has ended, for whatever reason: its bookies and voters have stopped, and it is no member of
     * the cluster. After a partition threads of the actor system may outlive that, with connections that cannot end; the
     * process should end then.
     */
    public CompletionStage<Done> terminated() {
        return ended;
    }

    /** Stops in order: HTTP, bookies, voters, then leaves the cluster. Returns when the node has ended. */
    @Override
    public void close() {
        try {
            CoordinatedShutdown.get(Adapter.toClassic(system))
                    .runAll(CoordinatedShutdown.unknownReason())
                    .toCompletableFuture()
                    .get(90, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            LOG.warn("The node did not stop in order: {}", reasonOf(e));
            system.terminate();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            system.terminate();
        } finally {
            locks.forEach(DirectoryLock::close);
        }
    }

    private void startParts(Config config, IntFunction<UnaryOperator<Behavior<Object>>> aroundBookies) {
        bindMeters();
        watchEnd();
        feed = DistributedDataFeed.create(system, FeedSettings.from(config));
        CoordinatedShutdown.get(Adapter.toClassic(system))
                .addTask(CoordinatedShutdown.PhaseServiceStop(), "stop-bookies-and-voters", this::stopParts);
        startVoters();
        join();
        RegistrySettings registrySettings = RegistrySettings.from(config);
        registry = RegistryClient.create(system, registrySettings, this::hints);
        if (settings.autoInit() && !settings.voterDirectories().isEmpty()) {
            system.tell(new NodeActor.StartFounding(settings.clusterName(), settings.foundingVoters()));
        }
        RegistryConfig registryConfig = awaitRegistry();
        requireCluster(registryConfig);
        client = LedgerClient.create(
                system,
                registry,
                new BlockLedgerIds(registry, registrySettings.idBlock()),
                feed,
                ClientSettings.from(config),
                meters,
                System::currentTimeMillis);
        logs = Logs.create(client, registry, LogSettings.from(config), InstantSource.system());
        startBookies(BookieSettings.from(config), registryConfig, aroundBookies);
        startTombstones(TombstoneSettings.from(config));
        awaitNews();
        if (settings.http()) {
            startHttp(HttpSettings.from(config));
        }
    }

    private void startHttp(HttpSettings httpSettings) {
        ServerBinding binding = await(
                HttpAdmin.start(
                        system,
                        new HttpAdmin.Services(client, feed, registry, new LocalBookies(system)),
                        meters,
                        httpSettings),
                "HTTP cannot listen on " + httpSettings.host() + ":" + httpSettings.port());
        binding.addToCoordinatedShutdown(HTTP_DEADLINE, Adapter.toClassic(system));
        http = Optional.of(URI.create(
                "http://" + httpSettings.host() + ":" + binding.localAddress().getPort()));
    }

    /**
     * Artery waits without a deadline for its streams, and one to a node that is cut off may never end. A node that was
     * downed would then neither serve nor end, and no supervisor would start it again.
     */
    private void watchEnd() {
        system.getWhenTerminated().whenComplete((done, failure) -> ended.complete(Done.getInstance()));
        terminated().thenRun(this::sayIfConnectionsLinger);
        CoordinatedShutdown.get(Adapter.toClassic(system))
                .addTask(CoordinatedShutdown.PhaseBeforeActorSystemTerminate(), "bound-the-end", () -> {
                    ended.completeOnTimeout(Done.getInstance(), TERMINATION.toNanos(), TimeUnit.NANOSECONDS);
                    return CompletableFuture.completedFuture(Done.getInstance());
                });
    }

    private void sayIfConnectionsLinger() {
        if (!system.getWhenTerminated().toCompletableFuture().isDone()) {
            LOG.warn("The node has ended, but connections of it do not; the process should end");
        }
    }

    private void startVoters() {
        int index = 0;
        for (Path directory : settings.voterDirectories()) {
            if (!Formatting.isVoter(directory)) {
                throw new NodeStartException(directory + " holds no registry voter; format it first");
            }
            locks.add(DirectoryLock.acquire(directory));
            KeyValueStore store = Formatting.openVoter(directory);
            system.tell(new NodeActor.StartVoter(AcceptorStore.open(store), index++));
        }
    }

    private void join() {
        switch (settings.formation()) {
            case SELF -> {
                Cluster cluster = Cluster.get(system);
                cluster.manager().tell(Join.create(cluster.selfMember().address()));
            }
            case SEED_NODES -> LOG.info("Joining through the seed nodes");
            case BOOTSTRAP -> {
                PekkoManagement management = PekkoManagement.get(Adapter.toClassic(system));
                await(management.start(), "the management port could not be opened");
                ClusterBootstrap.get(Adapter.toClassic(system)).start();
            }
            default -> throw new IllegalStateException("no such formation: " + settings.formation());
        }
    }

    private RegistryConfig awaitRegistry() {
        long deadlineNanos = System.nanoTime() + settings.startTimeout().toNanos();
        while (System.nanoTime() - deadlineNanos < 0) {
            requireNoFailure();
            Optional<RegistryConfig> found = await(registry.config(), "the registry client did not answer");
            // A voter of this node's own knows the config before the others are there: bookies need a majority of them.
            if (found.isPresent() && isRegistryServing()) {
                return found.get();
            }
            LockSupport.parkNanos(LOOK_AGAIN.toNanos());
        }
        throw new NodeStartException("no registry with a majority of its voters was found in "
                + settings.startTimeout().toSeconds()
                + " s: are enough voters running, and is quire.node.registry.auto-init on for a new cluster?");
    }

    private boolean isRegistryServing() {
        CompletionStage<Boolean> read = registry.read(RegistryKey.IDS).handle((value, failure) -> failure == null);
        return await(read, "the registry client did not answer");
    }

    private void requireCluster(RegistryConfig found) {
        if (!found.clusterName().equals(settings.clusterName())) {
            throw new NodeStartException("the registry belongs to cluster '" + found.clusterName() + "', this node to '"
                    + settings.clusterName() + "'");
        }
    }

    private void startBookies(
            BookieSettings bookieSettings,
            RegistryConfig registryConfig,
            IntFunction<UnaryOperator<Behavior<Object>>> aroundBookies) {
        String node = DistributedDataFeed.nodeOf(system);
        for (int i = 0; i < settings.stores().size(); i++) {
            NodeSettings.Store store = settings.stores().get(i);
            String actorName = bookieName(i);
            String name = settings.stores().size() == 1 ? settings.name() : settings.name() + "-" + i;
            String address = "pekko://quire@" + node + "/user/" + actorName;
            BookieBoot.Place place = new BookieBoot.Place(
                    store.directory(),
                    store.journalDirectory(),
                    settings.clusterName(),
                    registryConfig.clusterId(),
                    address,
                    name);
            system.tell(new NodeActor.StartBookie(
                    actorName,
                    events -> new BookieActor.Setup(
                            place, node, store.labels(), bookieSettings, registry, feed, meters, events),
                    aroundBookies.apply(i)));
        }
        await(parts.settled, "a bookie did not start");
    }

    private void startTombstones(TombstoneSettings tombstones) {
        if (!settings.voterDirectories().isEmpty()) {
            system.tell(new NodeActor.StartTombstones(new TombstoneKeeperActor.Setup(
                    registry, registry, tombstones, this::isFirstWithVoter, meters, System::nanoTime)));
        }
    }

    /** Whether this node has the lowest address of those with a voter that it can reach; a hint. */
    private boolean isFirstWithVoter() {
        Cluster cluster = Cluster.get(system);
        CurrentClusterState state = cluster.state();
        return StreamSupport.stream(state.getMembers().spliterator(), false)
                .filter(member -> member.status().equals(MemberStatus.up()))
                .filter(member -> member.hasRole("registry"))
                .filter(member -> !state.getUnreachable().contains(member))
                .map(Member::address)
                .min(Member.addressOrdering())
                .filter(cluster.selfMember().address()::equals)
                .isPresent();
    }

    /**
     * Waits until every registered bookie was heard of: who creates a ledger at once must know where. Not for long, since
     * one that was down before all others were started is not heard of at all.
     */
    private void awaitNews() {
        Set<BookieId> silent = registeredBookies();
        long deadlineNanos = System.nanoTime() + NEWS_TIMEOUT.toNanos();
        while (true) {
            feed.bookies().forEach(status -> silent.remove(status.bookieId()));
            if (silent.isEmpty()) {
                return;
            }
            if (System.nanoTime() - deadlineNanos >= 0) {
                LOG.warn("Nothing was heard of bookies {} yet", silent);
                return;
            }
            requireNoFailure();
            LockSupport.parkNanos(LOOK_AGAIN.toNanos());
        }
    }

    private Set<BookieId> registeredBookies() {
        Set<BookieId> registered = new HashSet<>();
        Optional<RegistryKey> after = Optional.empty();
        do {
            Optional<Registry.Page> page = await(
                    registry.list(RegistryKey.BOOKIES, after, BOOKIES_PAGE)
                            .handle((listed, failure) -> Optional.ofNullable(listed)),
                    "the registry client did not answer");
            page.map(Registry.Page::entries).orElse(List.of()).stream()
                    .map(item -> BookieRegistration.decode(item.value().value()))
                    .filter(bookie -> bookie.life() == BookieLife.ACTIVE)
                    .forEach(bookie -> registered.add(bookie.bookieId()));
            after = page.flatMap(Registry.Page::next);
        } while (after.isPresent());
        return registered;
    }

    private CompletionStage<Done> stopParts() {
        return AskPattern.<NodeActor.Command, Done>ask(
                        system, NodeActor.StopAll::new, Duration.ofSeconds(25), system.scheduler())
                .exceptionally(late -> {
                    LOG.warn("Bookies and voters did not stop in time");
                    return Done.getInstance();
                });
    }

    private AutoCloseable hints(RegistryKey key, Runnable news) {
        if (!key.path().startsWith(RegistryKey.LEDGERS)) {
            return () -> {};
        }
        return feed.onLedger(key.ledgerId(), ledger -> news.run());
    }

    private void bindMeters() {
        new JvmMemoryMetrics().bindTo(meters);
        new JvmThreadMetrics().bindTo(meters);
        new ProcessorMetrics().bindTo(meters);
        JvmGcMetrics garbageCollection = new JvmGcMetrics();
        garbageCollection.bindTo(meters);
        system.getWhenTerminated().whenComplete((done, failure) -> garbageCollection.close());
    }

    private void requireNoFailure() {
        String reason = parts.failed.getNow(null);
        if (reason != null) {
            throw new NodeStartException(reason);
        }
    }

    private <T> T await(CompletionStage<T> stage, String what) {
        try {
            return stage.toCompletableFuture().get(settings.startTimeout().toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            throw e.getCause() instanceof NodeStartException reason
                    ? reason
                    : new NodeStartException(what + ": " + reasonOf(e));
        } catch (TimeoutException e) {
            throw new NodeStartException(what + " in " + settings.startTimeout().toSeconds() + " s");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new NodeStartException("interrupted");
        }
    }

    private static String reasonOf(Throwable failure) {
        Throwable cause = failure;
        while ((cause instanceof CompletionException || cause instanceof ExecutionException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause instanceof StorageException || cause.getMessage() != null
                ? String.valueOf(cause.getMessage())
                : cause.toString();
    }
}
