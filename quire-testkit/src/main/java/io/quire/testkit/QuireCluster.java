package io.quire.testkit;

import io.quire.bootstrap.QuireNode;
import io.quire.bootstrap.Standalone;
import io.quire.client.LedgerClient;
import io.quire.client.blob.Blobs;
import io.quire.client.log.Logs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.stream.Stream;

/**
 * A cluster in the JVM of a test: three stores and three registry voters in one node, in a temporary directory, with the
 * code that runs in production. Bookies can be stopped and started, and the whole cluster with what it stored.
 *
 * <p>Its methods block. Not thread-safe.
 */
public final class QuireCluster implements AutoCloseable {
    private static final int BOOKIES = 3;

    private final Path directory;
    private List<BookieFaults> faults = List.of();
    private QuireNode node;

    private QuireCluster(Path directory) {
        this.directory = directory;
    }

    /**
     * Starts a cluster; when this returns it serves.
     *
     * @throws QuireNode.NodeStartException when it cannot
     */
    public static QuireCluster start() {
        try {
            QuireCluster cluster = new QuireCluster(Files.createTempDirectory("quire-test-"));
            cluster.startNode();
            return cluster;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void startNode() {
        faults = Stream.generate(BookieFaults::new).limit(BOOKIES).toList();
        node = QuireNode.start(
                Standalone.prepare(directory.resolve("data"), BOOKIES, 0, 0), bookie -> faults.get(bookie)::around);
    }

    /** The node that the cluster is. */
    public QuireNode node() {
        return node;
    }

    public LedgerClient client() {
        return node.client();
    }

    public Logs logs() {
        return node.logs();
    }

    public Blobs blobs() {
        return Blobs.create(client(), logs().settings().replication());
    }

    /** How many bookies there are. */
    public int bookies() {
        return BOOKIES;
    }

    /**
     * Stops a bookie in order.
     *
     * @param bookie from 0
     */
    public void stopBookie(int bookie) {
        await(node.stopBookie(bookie));
    }

    /**
     * Starts a bookie that was stopped.
     *
     * @param bookie from 0
     */
    public void startBookie(int bookie) {
        await(node.startBookie(bookie));
    }

    /**
     * Has a bookie stand still, as a process that the system has stopped: what clients ask it waits, and what it would
     * answer. It does not matter whether the bookie runs.
     *
     * @param bookie from 0
     */
    public void pauseBookie(int bookie) {
        faults.get(bookie).turn(BookieFaults.Wire.PAUSED);
    }

    /**
     * Cuts a bookie off from all clients: what they ask it is lost, and what it would answer. It goes on otherwise, and
     * reaches the registry.
     *
     * @param bookie from 0
     */
    public void cutBookie(int bookie) {
        faults.get(bookie).turn(BookieFaults.Wire.CUT);
    }

    /**
     * Ends a pause, after which what waited is carried out, or a cut.
     *
     * @param bookie from 0
     */
    public void healBookie(int bookie) {
        faults.get(bookie).turn(BookieFaults.Wire.WHOLE);
    }

    /** Stops everything and starts it anew with what was stored; clients and handles from before are over. */
    public void restart() {
        node.close();
        startNode();
    }

    /** The result of {@code stage}, or its failure as a {@link java.util.concurrent.CompletionException}. */
    public static <T> T await(CompletionStage<T> stage) {
        return stage.toCompletableFuture().join();
    }

    /** Stops everything and deletes what was stored. */
    @Override
    public void close() {
        node.close();
        try (Stream<Path> content = Files.walk(directory)) {
            List<Path> all = content.sorted(Comparator.reverseOrder()).toList();
            for (Path path : all) {
                Files.delete(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
