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
import java.util.Iterator;
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

    /** Clients that have a place of their own, where places matter. */
    private static final int CLIENTS_MAX = 4;

    private final Path data;
    private final ClusterShape shape;
    private final List<Place> places;

    /**
     * Where a process is found.
     *
     * @param port where the others find it
     * @param bindPort where it listens, if that is not the same
     */
    record Place(int index, int port, int bindPort, int managementPort, int httpPort) {}

    private ClusterFiles(Path data, ClusterShape shape, List<Place> places) {
        this.data = data;
        this.shape = shape;
        this.places = places;
    }

    /** For the nodes of {@code shape}, one node more that is not of the cluster, and some clients. */
    static ClusterFiles create(Path data, ClusterShape shape) throws IOException {
        delete(data);
        Files.createDirectories(data);
        int count = shape.nodes() + 1 + CLIENTS_MAX;
        Iterator<Integer> ports = freePorts(4 * count).iterator();
        List<Place> places = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            places.add(new Place(i, ports.next(), ports.next(), ports.next(), ports.next()));
        }
        return new ClusterFiles(data, shape, places);
    }

    /** All of them, by their index; clients come behind the nodes. */
    List<Place> places() {
        return List.copyOf(places);
    }

    /** The configuration file of node {@code index}, which calls its cluster {@code clusterName}. */
    Path nodeConfig(int index, String clusterName) throws IOException {
        int founders = ClusterProcesses.NODES;
        String endpoints = IntStream.range(0, founders)
                .mapToObj(i -> "{ host = \"127.0.0.1\", port = " + places.get(i).managementPort() + " }")
                .collect(Collectors.joining(", ", "[", "]"));
        boolean votes = index < shape.voters() || index >= shape.nodes();
        return write("node-" + index + ".conf", """
                quire.node {
                  name = node-%d
                  cluster-name = %s
                  host = "127.0.0.1"
                  port = %d
                  stores = [{ directory = %s }]
                  formation = bootstrap
                  registry { auto-init = %s, founding-voters = %d, directories = [%s] }
                  http = %s
                }
                quire.http.port = %d
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
                %s
                """.formatted(
                        index,
                        clusterName,
                        places.get(index).port(),
                        quoted(data.resolve("store-" + index)),
                        clusterName.equals(CLUSTER) && index < founders,
                        founders,
                        votes ? quoted(data.resolve("voter-" + index)) : "",
                        shape.http(),
                        places.get(index).httpPort(),
                        places.get(index).managementPort(),
                        endpoints,
                        founders,
                        network(index)));
    }

    /** The configuration file of application number {@code client}. */
    Path clientConfig(int client) throws IOException {
        int index = clientIndex(client);
        String seeds = IntStream.range(0, ClusterProcesses.NODES)
                .mapToObj(i -> "\"pekko://quire@" + address(i) + "\"")
                .collect(Collectors.joining(", ", "[", "]"));
        return write("client-" + client + ".conf", """
                quire.node { name = client-%d, cluster-name = %s, host = "127.0.0.1", port = %d, http = false }
                pekko.cluster.seed-nodes = %s
                # Where all others are dead there is nobody to say good-bye to.
                pekko.coordinated-shutdown.phases.cluster-exiting.timeout = 2 s
                %s
                """.formatted(
                        client, CLUSTER, shape.divisible() ? places.get(index).port() : 0, seeds, network(index)));
    }

    /** The index of the place of application number {@code client}, which matters in a divisible network only. */
    int clientIndex(int client) {
        return shape.nodes() + 1 + client;
    }

    private String network(int index) {
        return shape.divisible() ? """
                pekko.remote.artery {
                  bind { hostname = "127.0.0.1", port = %d }
                  advanced.tcp.outbound-client-hostname = "%s"
                }
                """.formatted(places.get(index).bindPort(), DivisibleNetwork.sourceOf(index)) : "";
    }

    String address(int index) {
        return "127.0.0.1:" + places.get(index).port();
    }

    /** Where node {@code index} serves HTTP, if it does. */
    String url(int index) {
        return "http://127.0.0.1:" + places.get(index).httpPort();
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
