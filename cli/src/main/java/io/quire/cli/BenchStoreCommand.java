package io.quire.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quire.bench.StoreBench;
import io.quire.bench.StoreBenchOptions;
import io.quire.bookie.storage.StoreKind;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire bench store}: one bookie's store, without a network. */
@Command(
        name = "store",
        description = "Load on one bookie's store, without a network; a line of JSON, docs/performance.md explains it.")
final class BenchStoreCommand extends QuireSubcommand {
    enum Order {
        oldest,
        random
    }

    @Option(
            names = "--workload",
            paramLabel = "W",
            defaultValue = "churn",
            description = "flush, churn or read; churn.")
    private StoreBenchOptions.Workload workload;

    @Option(names = "--store", paramLabel = "KIND", defaultValue = "lmdb", description = "lmdb or segments; lmdb.")
    private StoreKind kind;

    @Option(
            names = "--live-bytes",
            paramLabel = "BYTES",
            defaultValue = "1073741824",
            description = "Payload that lives in the store at a time; 1 GiB.")
    private long liveBytes;

    @Option(
            names = "--ledgers",
            paramLabel = "N",
            defaultValue = "1000",
            description = "Ledgers written at once; 1000.")
    private int ledgers;

    @Option(
            names = "--order",
            paramLabel = "ORDER",
            defaultValue = "random",
            description = "In which closed ledgers are dropped: oldest or random; random.")
    private Order order;

    @Option(names = "--entry-size", paramLabel = "BYTES", defaultValue = "1024", description = "Payload bytes; 1024.")
    private int entryBytes;

    @Option(names = "--journal", description = "Everything is journaled and synced, too.")
    private boolean journal;

    @Option(names = "--dir", paramLabel = "DIR", description = "Where the data goes; the temporary directory.")
    private Path directory;

    @Override
    public Integer call() {
        StoreBenchOptions options;
        try {
            options = new StoreBenchOptions(
                    workload, kind, liveBytes, ledgers, order == Order.random, entryBytes, journal);
        } catch (IllegalArgumentException e) {
            require(false, e.getMessage());
            return 2;
        }
        Path parent = directory == null ? Path.of(System.getProperty("java.io.tmpdir")) : directory;
        terminal().note(workload.name().toLowerCase(Locale.ROOT) + " of a store of kind " + kind.text());
        try {
            terminal().println(new ObjectMapper().writeValueAsString(StoreBench.run(options, parent)));
            return 0;
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        } catch (IOException | StorageException e) {
            throw CommandFailure.of("the benchmark fails: " + e.getMessage(), e);
        }
    }
}
