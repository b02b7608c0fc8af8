package io.quire.multijvm;

import com.typesafe.config.ConfigUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Directories, ports and configuration files of a cluster in one directory. */
final class ClusterFiles {
    static final String CLUSTER = "multi-jvm";

    /** Below the ports that the operating system gives to outgoing connections, which could take a dead node's. */
    private static final int PORT_MIN = 15_000;

    private static final int PORT_RANGE = 15_000;

    private final Path data;
    private final List<Integer> ports;
    private final List<Integer> managementPorts;

    private ClusterFiles(Path data, List<Integer> ports) {
        this.data = data;
        this.ports = ports.subList(0, ports.size() / 2);
        this.managementPorts = ports.subList(ports.size() / 2, ports.size());
    }

    /**
     * @param nodes with a store and a voter each
     * @param spares nodes that have a place, and are no contact points
     */
    static ClusterFiles create(Path data, int nodes, int spares) throws IOException {
        delete(data);
        Files.createDirectories(data);
        return new ClusterFiles(data, freePorts(2 * (nodes + spares)));
    }

    /** The configuration file of node {@code index}, which calls its cluster {@code clusterName}. */
    Path nodeConfig(int index, int nodes, String clusterName) throws IOException {
        String endpoints = IntStream.range(0, nodes)
                .mapToObj(i -> "{ host = \"127.0.0.1\", port = " + managementPorts.get(i) + " }")
                .collect(Collectors.joining(", ", "[", "]"));
        return write("node-" + index + ".conf", """
                quire.node {
                  name = node-%d
                  cluster-name = %s
                  host = "127.0.0.1"
                  port = %d
                  stores = [{ directory = %s }]
                  formation = bootstrap
                  registry { auto-init = %s, founding-voters = %d, directories = [%s] }
                  http = false
                }
                quire.bookie {
                  memtable.bytes = 16 MiB
                  journal { segment-bytes = 8 MiB, queue-bytes-max = 64 MiB }
                  ledger-file-bytes-max = 8 GiB
                  free-bytes-min = 64 MiB
                }
                pekko.management.http.port = %d
                pekko.discovery { method = config, config.services.quire.endpoints = %s }
                pekko.management.cluster.bootstrap.contact-point-discovery {
                  service-name = quire
                  discovery-method = config
                  required-contact-point-nr = %d
                  stable-margin = 1 s
                }
                """.formatted(
                        index,
                        clusterName,
                        ports.get(index),
                        quoted(data.resolve("store-" + index)),
                        clusterName.equals(CLUSTER),
                        nodes,
                        quoted(data.resolve("voter-" + index)),
                        managementPorts.get(index),
                        endpoints,
                        nodes));
    }

    /** The configuration file of an application. */
    Path clientConfig(int nodes) throws IOException {
        String seeds = IntStream.range(0, nodes)
                .mapToObj(i -> "\"pekko://quire@127.0.0.1:" + ports.get(i) + "\"")
                .collect(Collectors.joining(", ", "[", "]"));
        return write("client.conf", """
                quire.node { name = client, cluster-name = %s, host = "127.0.0.1", port = 0, http = false }
                pekko.cluster.seed-nodes = %s
                # Where all others are dead there is nobody to say good-bye to.
                pekko.coordinated-shutdown.phases.cluster-exiting.timeout = 2 s
                """.formatted(CLUSTER, seeds));
    }

    String address(int index) {
        return "127.0.0.1:" + ports.get(index);
    }

    Path file(String name) {
        return data.resolve(name);
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(data.resolve(name), text);
    }

    private static String quoted(Path path) {
        return ConfigUtil.quoteString(path.toAbsolutePath().toString());
    }

    /** Ports that are free now, all different. Where the search starts depends on the process, so that two do not meet. */
    private static List<Integer> freePorts(int count) throws IOException {
        List<Integer> free = new ArrayList<>();
        int start = (int) (ProcessHandle.current().pid() * 101 % PORT_RANGE);
        for (int i = 0; i < PORT_RANGE && free.size() < count; i++) {
            int port = PORT_MIN + (start + i) % PORT_RANGE;
            if (isFree(port)) {
                free.add(port);
            }
        }
        if (free.size() < count) {
            throw new IOException("no " + count + " free ports in [" + PORT_MIN + ", " + (PORT_MIN + PORT_RANGE) + ")");
        }
        return free;
    }

    private static boolean isFree(int port) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    static void delete(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> content = Files.walk(directory)) {
            for (Path path : content.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }
}
