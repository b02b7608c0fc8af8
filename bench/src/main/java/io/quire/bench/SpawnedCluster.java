package io.quire.bench;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigUtil;
import io.quire.bookie.BookieSettings;
import io.quire.bootstrap.Formatting;
import io.quire.bootstrap.NodeSettings;
import io.quire.bootstrap.QuireNode;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Quire's nodes in JVMs of their own, each with one store, the first three (or one) with a registry voter, in a temporary
 * directory that goes away with them.
 */
final class SpawnedCluster implements Servers {
    /** What the launcher gives nodes, too (docs/decisions/014, 017). */
    private static final List<String> JVM =
            List.of("-XX:+UseParallelGC", "-XX:FreqInlineSize=100", "-XX:InlineSmallCode=1000", "-XX:MaxInlineLevel=9");

    private static final String CLASS_PATH = System.getProperty("java.class.path");

    private final Path directory;
    private final List<Integer> ports;
    private final List<String> jvmOptions;
    private final List<Process> processes = new ArrayList<>();

    private SpawnedCluster(Path directory, List<Integer> ports, List<String> jvmOptions) {
        this.directory = directory;
        this.ports = ports;
        this.jvmOptions = jvmOptions;
    }

    /**
     * Starts {@code nodes} nodes and waits until they serve.
     *
     * @throws QuireNode.NodeStartException when one does not start; nothing is left running then
     */
    static SpawnedCluster start(int nodes, Path parent) {
        return start(nodes, parent, "", List.of());
    }

    /**
     * @param settings further configuration of each node
     * @param jvmOptions further options of each node's JVM
     */
    static SpawnedCluster start(int nodes, Path parent, String settings, List<String> jvmOptions) {
        SpawnedCluster cluster;
        try {
            cluster = new SpawnedCluster(
                    Files.createTempDirectory(parent, "quire-bench-"), JavaProcess.freePorts(nodes + 1), jvmOptions);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            cluster.format(settings);
            cluster.launch();
            cluster.awaitReady();
            return cluster;
        } catch (IOException e) {
            cluster.close();
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            cluster.close();
            throw e;
        }
    }

    @Override
    public Path directory() {
        return directory;
    }

    @Override
    public List<Long> pids() {
        return processes.stream().map(Process::pid).toList();
    }

    @Override
    public Client client() {
        return new Client(CLASS_PATH, QuireDriver.class.getName(), clientConfig(), launcherOptions());
    }

    /** Configuration of a client node; one at a time. */
    String clientConfig() {
        return common(nodes(), "bench") + "bench.bookies = " + nodes();
    }

    private static List<String> launcherOptions() {
        List<String> options = new ArrayList<>(JVM);
        Path archive = Path.of(CLASS_PATH.split(File.pathSeparator, 2)[0]).resolveSibling("quire.jsa");
        if (Files.isReadable(archive)) {
            options.addAll(List.of("-XX:SharedArchiveFile=" + archive, "-Xlog:cds*=off", "-Xlog:class+path=off"));
        }
        return options;
    }

    private int nodes() {
        return ports.size() - 1;
    }

    private void format(String settings) throws IOException {
        int voters = nodes() >= 3 ? 3 : 1;
        for (int i = 0; i < nodes(); i++) {
            Path node = Files.createDirectory(directory.resolve("node-" + i));
            String voter = i < voters ? quoted(node.resolve("voter")) : "";
            Files.writeString(
                    node.resolve("node.conf"),
                    common(i, "node-" + i) + "quire.node.stores = [{ directory = " + quoted(node.resolve("store"))
                            + " }]\nquire.node.registry { directories = [" + voter
                            + "], auto-init = true, founding-voters = " + voters + " }\n" + settings + "\n");
            Config config = QuireNode.configOf(
                    ConfigFactory.parseFile(node.resolve("node.conf").toFile()));
            Formatting.format(NodeSettings.from(config), BookieSettings.from(config), false);
        }
    }

    private String common(int index, String name) {
        return "quire.node { name = " + name + ", cluster-name = bench, host = 127.0.0.1, port = " + ports.get(index)
                + ", formation = seed-nodes, http = false }\npekko.cluster.seed-nodes = [\"pekko://quire@127.0.0.1:"
                + ports.get(0) + "\"]\n";
    }

    @Override
    public void launch() {
        processes.clear();
        for (int i = 0; i < nodes(); i++) {
            Path node = directory.resolve("node-" + i);
            List<String> options = launcherOptions();
            for (String option : jvmOptions) {
                options.add(option.replace("%n", "node-" + i));
            }
            processes.add(JavaProcess.start(
                    "1g",
                    options,
                    CLASS_PATH,
                    node.resolve("log"),
                    List.of(BenchNode.class.getName(), node.resolve("node.conf").toString())));
        }
    }

    @Override
    public void awaitReady() {
        try {
            for (Process process : processes) {
                BufferedReader output =
                        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.US_ASCII));
                // The JVM itself may have something to say before.
                String line = output.readLine();
                while (line != null && !line.equals("ready")) {
                    line = output.readLine();
                }
                if (line == null) {
                    throw new QuireNode.NodeStartException("a spawned node did not start");
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void stop() {
        try {
            for (Process process : processes) {
                process.getOutputStream().close();
            }
            for (Process process : processes) {
                if (!process.waitFor(30, TimeUnit.SECONDS)) {
                    process.destroyForcibly().waitFor();
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            processes.forEach(Process::destroyForcibly);
            Thread.currentThread().interrupt();
        }
    }

    @Override
    public void close() {
        stop();
        try {
            JavaProcess.removeDirectory(directory);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String quoted(Path path) {
        return ConfigUtil.quoteString(path.toString());
    }
}
