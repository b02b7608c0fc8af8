package io.quire.bench;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigUtil;
import io.quire.bookie.BookieSettings;
import io.quire.bootstrap.Formatting;
import io.quire.bootstrap.NodeSettings;
import io.quire.bootstrap.QuireNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Nodes in JVMs of their own, each with one store, the first three (or one) with a registry voter, in a temporary
 * directory that goes away with them; and a client node in this JVM. Not thread-safe.
 */
final class SpawnedCluster implements AutoCloseable {
    private static final List<String> NODE_JVM_OPTIONS = List.of(
            "-Xms1g",
            "-Xmx1g",
            "-XX:+UseG1GC",
            "-XX:MaxDirectMemorySize=2g",
            "--add-opens=java.base/java.nio=ALL-UNNAMED",
            "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED");

    private final Path directory;
    private final List<Process> processes = new ArrayList<>();
    private QuireNode client;

    private SpawnedCluster(Path directory) {
        this.directory = directory;
    }

    /**
     * Starts {@code nodes} nodes and a client.
     *
     * @throws QuireNode.NodeStartException when one does not start; nothing is left running then
     */
    static SpawnedCluster start(int nodes, Path parent) {
        SpawnedCluster cluster;
        try {
            cluster = new SpawnedCluster(Files.createTempDirectory(parent, "quire-bench-"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            cluster.spawn(nodes);
            return cluster;
        } catch (IOException e) {
            cluster.close();
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            cluster.close();
            throw e;
        }
    }

    QuireNode client() {
        return client;
    }

    /** Processor time that the spawned nodes have used. */
    Duration nodesCpu() {
        return processes.stream()
                .map(process -> process.info().totalCpuDuration().orElse(Duration.ZERO))
                .reduce(Duration.ZERO, Duration::plus);
    }

    private void spawn(int nodes) throws IOException {
        List<Integer> ports = freePorts(nodes + 1);
        String seeds = "\"pekko://quire@127.0.0.1:" + ports.get(0) + "\"";
        int voters = nodes >= 3 ? 3 : 1;
        for (int i = 0; i < nodes; i++) {
            Path node = Files.createDirectory(directory.resolve("node-" + i));
            String voter = i < voters ? quoted(node.resolve("voter")) : "";
            Path file = node.resolve("node.conf");
            Files.writeString(
                    file,
                    common(seeds, ports.get(i), "node-" + i) + "quire.node.stores = [{ directory = "
                            + quoted(node.resolve("store")) + " }]\nquire.node.registry { directories = [" + voter
                            + "], auto-init = true, founding-voters = " + voters + " }\n");
            Config config = QuireNode.configOf(ConfigFactory.parseFile(file.toFile()));
            Formatting.format(NodeSettings.from(config), BookieSettings.from(config), false);
            processes.add(startProcess(file, node.resolve("log")));
        }
        for (Process process : processes) {
            awaitReady(process);
        }
        client = QuireNode.start(
                QuireNode.configOf(ConfigFactory.parseString(common(seeds, ports.get(nodes), "bench"))));
        awaitBookies(nodes);
    }

    private static String common(String seeds, int port, String name) {
        return "quire.node { name = " + name + ", cluster-name = bench, host = 127.0.0.1, port = " + port
                + ", formation = seed-nodes, http = false }\npekko.cluster.seed-nodes = [" + seeds + "]\n";
    }

    private static Process startProcess(Path config, Path log) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(NODE_JVM_OPTIONS);
        command.addAll(
                List.of("-cp", System.getProperty("java.class.path"), BenchNode.class.getName(), config.toString()));
        return new ProcessBuilder(command).redirectError(log.toFile()).start();
    }

    private static void awaitReady(Process process) throws IOException {
        BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
        String line = output.readLine();
        if (!"ready".equals(line)) {
            throw new QuireNode.NodeStartException("a spawned node did not start");
        }
    }

    private void awaitBookies(int nodes) {
        long deadlineNanos = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (client.feed().bookies().size() < nodes) {
            if (System.nanoTime() - deadlineNanos > 0) {
                throw new QuireNode.NodeStartException("gossip did not bring all bookies");
            }
            java.util.concurrent.locks.LockSupport.parkNanos(
                    Duration.ofMillis(50).toNanos());
        }
    }

    @Override
    public void close() {
        if (client != null) {
            client.close();
        }
        try {
            for (Process process : processes) {
                process.getOutputStream().close();
            }
            for (Process process : processes) {
                if (!process.waitFor(20, TimeUnit.SECONDS)) {
                    process.destroyForcibly().waitFor();
                }
            }
            try (Stream<Path> content = Files.walk(directory)) {
                for (Path path : content.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            processes.forEach(Process::destroyForcibly);
            Thread.currentThread().interrupt();
        }
    }

    private static List<Integer> freePorts(int count) throws IOException {
        List<ServerSocket> sockets = new ArrayList<>();
        List<Integer> ports = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
            sockets.add(socket);
            ports.add(socket.getLocalPort());
        }
        for (ServerSocket socket : sockets) {
            socket.close();
        }
        return ports;
    }

    private static String quoted(Path path) {
        return ConfigUtil.quoteString(path.toString());
    }
}
