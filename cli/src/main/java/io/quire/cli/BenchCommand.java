package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quire.bench.BenchOptions;
import io.quire.bench.LoadGenerator;
import io.quire.bootstrap.QuireNode;
import io.quire.protocol.Replication;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code quire bench}: puts load on a cluster of its own and prints what was measured, as a line of JSON. */
@Command(
        name = "bench",
        description = {
            "Puts load on bookies in JVMs of their own, in a temporary directory;",
            "with --url on a cluster that runs, over HTTP."
        },
        subcommands = {BenchCommand.Write.class, BenchCommand.Latency.class, BenchStoreCommand.class})
final class BenchCommand implements Runnable {
    @Spec
    private picocli.CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a benchmark is missing: write, latency or store");
    }

    /** What all benchmarks are told. */
    abstract static class Load extends QuireSubcommand {
        @Option(names = "--spawn", paramLabel = "N", defaultValue = "3", description = "Bookie JVMs; 3 unless given.")
        private int spawn;

        @Option(names = "--dir", paramLabel = "DIR", description = "Where their data goes; the temporary directory.")
        private Path directory;

        @Option(
                names = "--entry-size",
                paramLabel = "BYTES",
                defaultValue = "1024",
                description = "Payload bytes; 1024.")
        private int entryBytes;

        @Option(names = "-e", paramLabel = "E", defaultValue = "3", description = "Ensemble size; 3 unless given.")
        private int ensembleSize;

        @Option(names = "-w", paramLabel = "QW", defaultValue = "3", description = "Write quorum; 3 unless given.")
        private int writeQuorum;

        @Option(names = "-a", paramLabel = "QA", defaultValue = "2", description = "Ack quorum; 2 unless given.")
        private int ackQuorum;

        @Option(names = "--seconds", paramLabel = "S", defaultValue = "10", description = "Measured time; 10.")
        private int seconds;

        @Option(names = "--warmup", paramLabel = "S", defaultValue = "6", description = "Load before that; 6.")
        private int warmup;

        final int run(int ledgers, int outstanding) {
            BenchOptions options;
            try {
                options = new BenchOptions(
                        spawn,
                        entryBytes,
                        ledgers,
                        outstanding,
                        new Replication(ensembleSize, writeQuorum, ackQuorum),
                        warmup,
                        seconds);
            } catch (IllegalArgumentException e) {
                require(false, e.getMessage());
                return 2;
            }
            Path parent = directory == null ? Path.of(System.getProperty("java.io.tmpdir")) : directory;
            try {
                JsonNode result =
                        new ObjectMapper().valueToTree(LoadGenerator.write(options, parent, terminal()::note));
                terminal().println(result.toString());
                return result.get("errors").asLong() == 0 ? 0 : 1;
            } catch (QuireNode.NodeStartException | UncheckedIOException e) {
                throw CommandFailure.of("the benchmark cannot start: " + e.getMessage(), e);
            }
        }
    }

    /** Throughput: many appends in flight. */
    @Command(name = "write", description = "A closed loop of appends.")
    static final class Write extends Load {
        @Option(names = "--ledgers", paramLabel = "N", defaultValue = "1", description = "Ledgers written at once; 1.")
        private int ledgers;

        @Option(
                names = "--outstanding",
                paramLabel = "N",
                defaultValue = "1000",
                description = "Appends in flight per ledger; 1000 unless given.")
        private int outstanding;

        @Override
        public Integer call() {
            return run(ledgers, outstanding);
        }
    }

    /** Latency: one append at a time. */
    @Command(name = "latency", description = "One append after the other.")
    static final class Latency extends Load {
        @Option(names = "--ledgers", paramLabel = "N", defaultValue = "1", description = "Ledgers written at once; 1.")
        private int ledgers;

        @Option(names = "--outstanding", paramLabel = "N", defaultValue = "1", description = "Appends in flight; 1.")
        private int outstanding;

        @Override
        public Integer call() {
            return run(ledgers, outstanding);
        }
    }
}
