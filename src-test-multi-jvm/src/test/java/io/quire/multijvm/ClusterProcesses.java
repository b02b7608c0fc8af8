package io.quire.multijvm;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieSettings;
import io.quire.bootstrap.Formatting;
import io.quire.bootstrap.NodeSettings;
import io.quire.bootstrap.QuireNode;
import io.quire.cli.Main;
import io.quire.protocol.BookieStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.ClusterEvent.CurrentClusterState;
import org.apache.pekko.cluster.ClusterEvent.MemberRemoved;
import org.apache.pekko.cluster.Member;
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
    /** The nodes that found the registry, and of a test that asks for no more, all. */
    static final int NODES = 3;

    static final Duration START = Duration.ofSeconds(90);

    private static final int NODE_HEAP_MIB = 384;
    private static final int WRITER_HEAP_MIB = 512;
    private static final int COMMAND_HEAP_MIB = 64;
    private static final int TAIL_LINES = 40;

    private final List<ChildProcess> started = new CopyOnWriteArrayList<>();
    private final ClusterShape shape;
    private final ChildProcess[] nodes;
    private final Thread guard = new Thread(this::killAll, "last-words");
    private Path logs;
    private Path data;
    private ClusterFiles files;
    private DivisibleNetwork network;
    private QuireNode client;
    private int writers;
    private int commands;

    /** What a command of {@code quire} ended with. */
    record Ended(int code, String out, String err) {}

    ClusterProcesses() {
        this(ClusterShape.FOUNDERS);
    }

    ClusterProcesses(ClusterShape shape) {
        this.shape = shape;
        this.nodes = new ChildProcess[shape.nodes()];
    }

    @Override
    public void beforeEach(ExtensionContext context) throws IOException {
        Runtime.getRuntime().addShutdownHook(guard);
        String name = context.getRequiredTestClass().getSimpleName() + "."
                + context.getRequiredTestMethod().getName();
        logs = Path.of("target", "multi-jvm", name).toAbsolutePath();
        ClusterFiles.delete(logs);
        data = logs.resolve("data");
        files = ClusterFiles.create(data, shape);
        for (int i = 0; i < shape.nodes(); i++) {
            format(i, ClusterFiles.CLUSTER);
        }
        if (shape.divisible()) {
            network = new DivisibleNetwork();
            for (ClusterFiles.Place place : files.places()) {
                network.add(place.index(), place.port(), place.bindPort());
            }
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
                closeNetwork();
                ClusterFiles.delete(data);
                Runtime.getRuntime().removeShutdownHook(guard);
            }
        }
    }

    private void closeNetwork() {
        if (network != null) {
            network.close();
        }
    }

    /** All are told to die before the first is waited for. */
    private void killAll() {
        started.forEach(ChildProcess::die);
        started.forEach(ChildProcess::close);
    }

    /** Starts all nodes and waits until they serve; those with a voter that is no founder start last. */
    void start() {
        int first = shape.voters() > NODES ? NODES : shape.nodes();
        start(0, first);
        start(first, shape.nodes());
    }

    private void start(int first, int end) {
        for (int i = first; i < end; i++) {
            launch(i);
        }
        for (int i = first; i < end; i++) {
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

    /** Cuts off a node and some writers from all others, see {@link DivisibleNetwork}; needs a shape that is divisible. */
    void isolate(int node, WriterProcess... beside) {
        Set<Integer> island = new HashSet<>(Set.of(node));
        for (WriterProcess writer : beside) {
            island.add(writer.place());
        }
        network.isolate(island);
    }

    /** What {@link #isolate} cut off is reached again. */
    void heal() {
        network.heal();
    }

    /** Formats and starts one node more, whose cluster has another name; does not wait. */
    ChildProcess startForeign(String clusterName) {
        int foreign = shape.nodes();
        format(foreign, clusterName);
        return start("node-" + foreign, NODE_HEAP_MIB, NodeMain.class, nodeConfig(foreign, clusterName));
    }

    /** Starts a process that writes a ledger. */
    WriterProcess startWriter(WriterLoad load) {
        try {
            Path acks = files.file("acks-" + started.size());
            int number = ++writers;
            ChildProcess process = start(
                    "writer",
                    WRITER_HEAP_MIB,
                    WriterMain.class,
                    files.clientConfig(number),
                    acks.toString(),
                    load.format());
            return new WriterProcess(process, acks, files.clientIndex(number));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts a process that is given the configuration of a client, then {@code arguments}. */
    ChildProcess startClient(Class<?> main, String... arguments) {
        try {
            return start("client", WRITER_HEAP_MIB, main, files.clientConfig(++writers), arguments);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A file for what a process of this test notes; it is deleted with the data. */
    Path note(String name) {
        return files.file(name);
    }

    /** An application in this JVM, started when it is first asked for. */
    QuireNode client() {
        if (client == null) {
            try {
                client = QuireNode.start(QuireNode.configOf(
                        ConfigFactory.parseFile(files.clientConfig(0).toFile())));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return client;
    }

    /** How the others reach a node. */
    String address(int index) {
        return files.address(index);
    }

    /** Where a node serves HTTP; needs a shape with HTTP. */
    String url(int index) {
        return files.url(index);
    }

    /** Runs a command of {@code quire} against a node, in a process of its own. */
    Ended quire(int node, String... arguments) {
        List<String> all = new ArrayList<>(List.of("--url", url(node)));
        all.addAll(List.of(arguments));
        ChildProcess process = ChildProcess.start(logs, data, "quire-" + ++commands, COMMAND_HEAP_MIB, Main.class, all);
        started.add(process);
        return new Ended(process.awaitExit(START), process.output(), process.log());
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
                        == shape.nodes());
    }

    /** Waits until all nodes, writers and the application in this JVM are up, and each has seen that. */
    void awaitMembers() {
        Cluster cluster = Cluster.get(client().system());
        int members = shape.nodes() + writers + 1;
        Await.until("all members are up", START, () -> {
            CurrentClusterState state = cluster.state();
            List<Member> up = new ArrayList<>();
            state.getMembers().forEach(up::add);
            up.removeIf(member -> !member.status().equals(MemberStatus.up()));
            return up.size() == members && state.getSeenBy().size() == members;
        });
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
            return files.nodeConfig(index, clusterName);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
