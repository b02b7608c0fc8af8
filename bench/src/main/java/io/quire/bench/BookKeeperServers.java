package io.quire.bench;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Apache BookKeeper: ZooKeeper and bookies in JVMs of their own, with BookKeeper's own defaults but for what is given. Its
 * classes are on the class path of those JVMs alone.
 */
final class BookKeeperServers implements Servers {
    private static final Duration START_TIMEOUT = Duration.ofSeconds(60);

    /** The one that its own scripts choose. */
    private static final String COLLECTOR = "-XX:+UseG1GC";

    private final Path directory;
    private final String classPath;
    private final Map<String, String> settings;
    private final List<String> jvmOptions;
    private final List<Integer> ports;
    private final List<Process> processes = new ArrayList<>();

    private BookKeeperServers(
            Path directory, Path jars, Map<String, String> settings, List<String> jvmOptions, List<Integer> ports) {
        this.directory = directory;
        this.classPath = jars.resolve("*").toString();
        this.settings = settings;
        this.jvmOptions = jvmOptions;
        this.ports = ports;
    }

    /**
     * Starts ZooKeeper and {@code bookies} bookies over an empty directory.
     *
     * @param jars folder with the jars of BookKeeper and of its driver
     * @param settings of each bookie
     * @throws IllegalStateException when one does not start; nothing is left running then
     */
    static BookKeeperServers start(
            int bookies, Path parent, Path jars, Map<String, String> settings, List<String> jvmOptions) {
        BookKeeperServers servers;
        try {
            servers = new BookKeeperServers(
                    Files.createTempDirectory(parent, "bookkeeper-bench-"),
                    jars,
                    settings,
                    jvmOptions,
                    JavaProcess.freePorts(bookies + 1));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        try {
            servers.format();
            servers.launch();
            servers.awaitReady();
            return servers;
        } catch (IOException e) {
            servers.close();
            throw new UncheckedIOException(e);
        } catch (RuntimeException e) {
            servers.close();
            throw e;
        }
    }

    @Override
    public List<Long> pids() {
        return processes.stream().map(Process::pid).toList();
    }

    @Override
    public Path directory() {
        return directory;
    }

    @Override
    public Client client() {
        return new Client(classPath, "io.quire.bench.bookkeeper.BookKeeperDriver", uri(), List.of(COLLECTOR));
    }

    private String uri() {
        return "zk+hierarchical://127.0.0.1:" + ports.get(0) + "/ledgers";
    }

    private void format() throws IOException {
        Files.createDirectories(directory.resolve("zk"));
        Files.writeString(
                directory.resolve("zoo.cfg"),
                "tickTime=2000\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0\nadmin.enableServer=false\ndataDir="
                        + directory.resolve("zk") + "\nclientPort=" + ports.get(0) + "\n");
        Map<String, String> common = new TreeMap<>(settings);
        common.put("metadataServiceUri", uri());
        common.put("advertisedAddress", "127.0.0.1");
        common.put("allowLoopback", "true");
        for (int i = 1; i < ports.size(); i++) {
            Path bookie = directory.resolve("bookie-" + i);
            Map<String, String> config = new TreeMap<>(common);
            config.put("bookiePort", ports.get(i).toString());
            config.put(
                    "journalDirectories",
                    Files.createDirectories(bookie.resolve("journal")).toString());
            config.put(
                    "ledgerDirectories",
                    Files.createDirectories(bookie.resolve("ledgers")).toString());
            Files.write(
                    directory.resolve("bookie-" + i + ".conf"),
                    config.entrySet().stream()
                            .map(setting -> setting.getKey() + "=" + setting.getValue())
                            .toList());
        }
        launchZooKeeper();
        awaitPort(ports.get(0));
        Process init = java("init", List.of("io.quire.bench.bookkeeper.NewCluster", uri()));
        try {
            init.getInputStream().transferTo(OutputStream.nullOutputStream());
            if (init.waitFor() != 0) {
                throw new IllegalStateException("BookKeeper's metadata could not be formatted");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
        stop();
    }

    private void launchZooKeeper() {
        processes.clear();
        processes.add(java(
                "zookeeper",
                List.of(
                        "org.apache.zookeeper.server.ZooKeeperServerMain",
                        directory.resolve("zoo.cfg").toString())));
    }

    @Override
    public void launch() {
        launchZooKeeper();
        for (int i = 1; i < ports.size(); i++) {
            processes.add(java(
                    "bookie-" + i,
                    List.of(
                            "org.apache.bookkeeper.server.Main",
                            "-c",
                            directory.resolve("bookie-" + i + ".conf").toString())));
        }
    }

    private Process java(String name, List<String> mainAndArguments) {
        List<String> options = new ArrayList<>(List.of(
                COLLECTOR,
                "-Dio.netty.tryReflectionSetAccessible=true",
                "-Dio.netty.leakDetectionLevel=disabled",
                "-Djava.net.preferIPv4Stack=true"));
        for (String option : jvmOptions) {
            options.add(option.replace("%n", name));
        }
        Path log = directory.resolve(name + ".log");
        Process process =
                JavaProcess.start(name.startsWith("bookie") ? "1g" : "256m", options, classPath, log, mainAndArguments);
        // What it prints is of no use, and a full pipe would stop it.
        Thread drain = new Thread(
                () -> {
                    try {
                        process.getInputStream().transferTo(OutputStream.nullOutputStream());
                    } catch (IOException e) {
                        process.destroy();
                    }
                },
                "drain-" + name);
        drain.setDaemon(true);
        if (!name.equals("init")) {
            drain.start();
        }
        return process;
    }

    @Override
    public void awaitReady() {
        for (int port : ports) {
            awaitPort(port);
        }
        // A port that is open is not yet a bookie that is registered.
        Pump.sleep(Duration.ofSeconds(1));
    }

    private static void awaitPort(int port) {
        long deadline = System.nanoTime() + START_TIMEOUT.toNanos();
        while (System.nanoTime() - deadline < 0) {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 200);
                return;
            } catch (IOException e) {
                Pump.sleep(Duration.ofMillis(50));
            }
        }
        throw new IllegalStateException("nothing serves at port " + port);
    }

    @Override
    public void stop() {
        try {
            List<Process> bookies = processes.isEmpty() ? List.of() : processes.subList(1, processes.size());
            bookies.forEach(Process::destroy);
            for (Process bookie : bookies) {
                end(bookie);
            }
            for (Process zooKeeper : processes.subList(0, Math.min(1, processes.size()))) {
                zooKeeper.destroy();
                end(zooKeeper);
            }
        } catch (InterruptedException e) {
            processes.forEach(Process::destroyForcibly);
            Thread.currentThread().interrupt();
        }
    }

    private static void end(Process process) throws InterruptedException {
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
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
}
