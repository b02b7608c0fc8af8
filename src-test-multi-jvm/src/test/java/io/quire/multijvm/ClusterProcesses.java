package io.quire.multijvm;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieSettings;
import io.quire.bootstrap.Formatting;
import io.quire.bootstrap.NodeSettings;
import io.quire.bootstrap.QuireNode;
import io.quire.protocol.BookieStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.ClusterEvent.MemberRemoved;
import org.apache.pekko.cluster.MemberStatus;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Subscribe;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * A cluster of processes for one test: nodes with a store and a registry voter each, which find one another by Pekko
 * Cluster Bootstrap as in production, and writers. Formatted before the test; afterwards every process is dead and the
 * data is deleted, whatever became of the test. Logs stay in {@code target/multi-jvm/CLASS.METHOD}; when the test failed
 * their ends are printed.
 *
 * <p>For the test's thread alone.
 */
final class ClusterProcesses implements BeforeEachCallback, AfterEachCallback {
    static final int NODES = 3;
    static final Duration START = Duration.ofSeconds(90);

    /** A node beside the cluster's own, see {@link #startForeign}. */
    private static final int FOREIGN = NODES;

    private static final int NODE_HEAP_MIB = 384;
    private static final int WRITER_HEAP_MIB = 512;
    private static final int TAIL_LINES = 40;

    private final List<ChildProcess> started = new CopyOnWriteArrayList<>();
    private final ChildProcess[] nodes = new ChildProcess[NODES];
    private final Thread guard = new Thread(this::killAll, "last-words");
    private Path logs;
    private Path data;
    private ClusterFiles files;
    private QuireNode client;

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        Runtime.getRuntime().addShutdownHook(guard);
        String name = context.getRequiredTestClass().getSimpleName() + "."
                + context.getRequiredTestMethod().getName();
        logs = Path.of("target", "multi-jvm", name).toAbsolutePath();
        ClusterFiles.delete(logs);
        data = logs.resolve("data");
        files = ClusterFiles.create(data, NODES, 1);
        for (int i = 0; i < NODES; i++) {
            format(i, ClusterFiles.CLUSTER);
        }
    }

    @Override
    public void afterEach(ExtensionContext context) throws IOException {
        try {
            if (context.getExecutionException().isPresent()) {
                started.forEach(process -> System.out.println(process.tail(TAIL_LINES)));
            }
        } finally {
            closeAll();
        }
    }

    private void closeAll() throws IOException {
        try {
            closeClient();
        } finally {
            try {
                killAll();
            } finally {
                ClusterFiles.delete(data);
                Runtime.getRuntime().removeShutdownHook(guard);
            }
        }
    }

    /** All are told to die before the first is waited for. */
    private void killAll() {
        started.forEach(ChildProcess::die);
        started.forEach(ChildProcess::close);
    }

    /** Starts all nodes and waits until they serve. */
    void start() {
        for (int i = 0; i < NODES; i++) {
            launch(i);
        }
        for (int i = 0; i < NODES; i++) {
            awaitReady(i);
        }
    }

    /** Starts one node; does not wait. */
    void launch(int index) {
        nodes[index] = start("node-" + index, NODE_HEAP_MIB, NodeMain.class, nodeConfig(index, ClusterFiles.CLUSTER));
    }

    void awaitReady(int index) {
        nodes[index].awaitSaid("READY", START);
    }

    ChildProcess node(int index) {
        return nodes[index];
    }

    /** Formats and starts a fourth node, whose cluster has another name; does not wait. */
    ChildProcess startForeign(String clusterName) {
        format(FOREIGN, clusterName);
        return start("node-" + FOREIGN, NODE_HEAP_MIB, NodeMain.class, nodeConfig(FOREIGN, clusterName));
    }

    /** Starts a process that writes a ledger. */
    WriterProcess startWriter(WriterLoad load) {
        try {
            Path acks = files.file("acks-" + started.size());
            ChildProcess process = start(
                    "writer",
                    WRITER_HEAP_MIB,
                    WriterMain.class,
                    files.clientConfig(NODES),
                    acks.toString(),
                    load.format());
            return new WriterProcess(process, acks);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** An application in this JVM, started when it is first asked for. */
    QuireNode client() {
        if (client == null) {
            try {
                client = QuireNode.start(QuireNode.configOf(
                        ConfigFactory.parseFile(files.clientConfig(NODES).toFile())));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return client;
    }

    /** What the application in this JVM hears of the bookie of a node. */
    Optional<BookieStatus> bookieOf(int index) {
        return client().feed().bookies().stream()
                .filter(status -> status.node().equals(files.address(index)))
                .findFirst();
    }

    /** Waits until the application in this JVM knows the bookie of every node as writable. */
    void awaitBookies() {
        Await.until(
                "all bookies are known as writable",
                START,
                () -> client().feed().bookies().stream()
                                .filter(status -> status.state() == BookieStatus.State.WRITABLE)
                                .count()
                        == NODES);
    }

    /** Waits until the application in this JVM knows the bookie of a node as writable, in a later boot than before. */
    void awaitLaterBoot(int index, BookieStatus before) {
        Await.until(
                "the bookie of node " + index + " is back, in a later boot than " + before.bootEpoch(),
                START,
                () -> bookieOf(index)
                        .filter(status -> status.state() == BookieStatus.State.WRITABLE)
                        .filter(status -> status.bootEpoch().compareTo(before.bootEpoch()) > 0)
                        .isPresent());
    }

    /** Notes from now on what members were when they were removed, as the application in this JVM sees it. */
    Queue<MemberStatus> noteRemovals() {
        Queue<MemberStatus> removals = new ConcurrentLinkedQueue<>();
        ActorRef<MemberRemoved> listener = client().system()
                .systemActorOf(
                        Behaviors.receive(MemberRemoved.class)
                                .onMessage(MemberRemoved.class, removed -> {
                                    removals.add(removed.previousStatus());
                                    return Behaviors.same();
                                })
                                .build(),
                        "removals",
                        Props.empty());
        Cluster.get(client().system()).subscriptions().tell(Subscribe.create(listener, MemberRemoved.class));
        return removals;
    }

    /** Ends the application in this JVM, if there is one. */
    void closeClient() {
        if (client != null) {
            client.close();
            client = null;
        }
    }

    private ChildProcess start(String name, int heapMib, Class<?> main, Path config, String... arguments) {
        List<String> all = new ArrayList<>(List.of(config.toString()));
        all.addAll(List.of(arguments));
        long before = started.stream()
                .filter(process -> process.name().startsWith(name))
                .count();
        ChildProcess process =
                ChildProcess.start(logs, data, name + (before == 0 ? "" : "." + before), heapMib, main, all);
        started.add(process);
        return process;
    }

    private void format(int index, String clusterName) {
        Config config = QuireNode.configOf(
                ConfigFactory.parseFile(nodeConfig(index, clusterName).toFile()));
        Formatting.format(NodeSettings.from(config), BookieSettings.from(config), false);
    }

    private Path nodeConfig(int index, String clusterName) {
        try {
            return files.nodeConfig(index, NODES, clusterName);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
