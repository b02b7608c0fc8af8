package io.quire.cli;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.quire.bench.BenchOptions;
import io.quire.bench.BenchResult;
import io.quire.bench.LoadGenerator;
import io.quire.bootstrap.QuireNode;
import io.quire.protocol.Replication;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code quire bench}: puts load on a cluster of its own and prints what was measured, as a line of JSON. */
@Command(
        name = "bench",
        description = {
            "Puts load on bookies in JVMs of their own, in a temporary directory;",
            "with --url on a cluster that runs, over HTTP."
        },
        subcommands = {
            BenchCommand.Write.class,
            BenchCommand.Latency.class,
            BenchCommand.Read.class,
            BenchCommand.Recover.class,
            BenchCommand.Tail.class,
            BenchCommand.Run.class,
            BenchStoreCommand.class,
            BenchCompareCommand.class
        })
final class BenchCommand implements Runnable {
    @Spec
    private picocli.CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(
                spec.commandLine(),
                "a benchmark is missing: write, latency, read, recover, tail, run, store or compare");
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

        /** A closed loop of appends, or an open one at {@code rate} per second. */
        final int append(int ledgers, int outstanding, int rate) {
            BenchOptions options = options(ledgers, outstanding, rate);
            return print(() -> quire().givenUrl()
                    .map(url -> LoadGenerator.write(options, url, terminal()::note))
                    .orElseGet(() -> LoadGenerator.write(options, parent(), terminal()::note)));
        }

        /** Loads on a cluster of its own; a line for each. */
        final int load(String... loads) {
            require(quire().givenUrl().isEmpty(), "only write and latency run over --url");
            BenchOptions options = options(1, 1, 0);
            List<String> lines = Stream.of(loads)
                    .map(load -> withDefaults(load, " size=" + entryBytes + " " + options.shared()))
                    .toList();
            return print(() -> {
                List<BenchResult> results = LoadGenerator.run(options, lines, parent(), terminal()::note);
                results.subList(0, results.size() - 1).forEach(this::println);
                return results.get(results.size() - 1);
            });
        }

        /** What a load names itself counts, so it stands last. */
        private static String withDefaults(String load, String parameters) {
            String[] words = load.trim().split(" ", 2);
            return words[0] + parameters + (words.length == 1 ? "" : " " + words[1]);
        }

        private BenchOptions options(int ledgers, int outstanding, int rate) {
            try {
                return new BenchOptions(
                        spawn,
                        entryBytes,
                        ledgers,
                        outstanding,
                        rate,
                        new Replication(ensembleSize, writeQuorum, ackQuorum),
                        warmup,
                        seconds);
            } catch (IllegalArgumentException e) {
                require(false, e.getMessage());
                throw e;
            }
        }

        private int print(Supplier<BenchResult> run) {
            try {
                BenchResult result = run.get();
                println(result);
                return result.errors() == 0 ? 0 : 1;
            } catch (QuireNode.NodeStartException | UncheckedIOException | IllegalStateException e) {
                String why = e.getCause() == null ? e.getMessage() : e.getMessage() + ": " + e.getCause();
                throw CommandFailure.of("the benchmark cannot run: " + why, e);
            }
        }

        private void println(BenchResult result) {
            terminal().println(new ObjectMapper().valueToTree(result).toString());
        }

        private Path parent() {
            return directory == null ? Path.of(System.getProperty("java.io.tmpdir")) : directory;
        }
    }

    /** Throughput: many appends in flight. */
    @Command(name = "write", description = "A closed loop of appends, or an open one with --rate.")
    static final class Write extends Load {
        @Option(names = "--ledgers", paramLabel = "N", defaultValue = "1", description = "Ledgers written at once; 1.")
        private int ledgers;

        @Option(
                names = "--outstanding",
                paramLabel = "N",
                defaultValue = "1000",
                description = "Appends in flight per ledger; 1000 unless given.")
        private int outstanding;

        @Option(
                names = "--rate",
                paramLabel = "N",
                defaultValue = "0",
                description = "Appends per second in all, whatever is in flight; else a closed loop.")
        private int rate;

        @Override
        public Integer call() {
            return append(ledgers, outstanding, rate);
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
            return append(ledgers, outstanding, 0);
        }
    }

    /** Reading what was just written. */
    @Command(name = "read", description = "Reads of closed ledgers: one entry at random, or whole ledgers in ranges.")
    static final class Read extends Load {
        @Option(names = "--ledgers", paramLabel = "N", defaultValue = "1", description = "Ledgers; 1.")
        private int ledgers;

        @Option(
                names = "--entries",
                paramLabel = "N",
                defaultValue = "100000",
                description = "Entries of each; 100000 unless given.")
        private int entries;

        @Option(
                names = "--outstanding",
                paramLabel = "N",
                defaultValue = "16",
                description = "Reads in flight; 16 unless given.")
        private int outstanding;

        @Option(names = "--sequential", description = "Whole ledgers in ranges of 100, twice; the second is measured.")
        private boolean sequential;

        @Override
        public Integer call() {
            require(ledgers > 0 && entries > 0 && outstanding > 0, "ledgers, entries and outstanding must be positive");
            String read = sequential ? "readseq passes=2" : "readrand";
            return load("fill ledgers=" + ledgers + " n=" + entries, read + " out=" + outstanding);
        }
    }

    /** Recovery of ledgers that have a writer. */
    @Command(name = "recover", description = "Recovers open ledgers, each with a few entries.")
    static final class Recover extends Load {
        @Option(names = "--ledgers", paramLabel = "N", defaultValue = "500", description = "Ledgers; 500 unless given.")
        private int ledgers;

        @Option(names = "--entries", paramLabel = "N", defaultValue = "10", description = "Entries of each; 10.")
        private int entries;

        @Option(
                names = "--outstanding",
                paramLabel = "N",
                defaultValue = "32",
                description = "Recoveries at a time; 32.")
        private int outstanding;

        @Override
        public Integer call() {
            require(ledgers > 0 && entries > 0 && outstanding > 0, "ledgers, entries and outstanding must be positive");
            return load("recover n=" + ledgers + " entries=" + entries + " conc=" + outstanding);
        }
    }

    /** How soon a reader has what a writer appends. */
    @Command(name = "tail", description = "Appends at a rate; latency is until a reader that follows has the entry.")
    static final class Tail extends Load {
        @Option(names = "--rate", paramLabel = "N", defaultValue = "1000", description = "Appends per second; 1000.")
        private int rate;

        @Override
        public Integer call() {
            require(rate > 0, "rate must be positive");
            return load("tail rate=" + rate);
        }
    }

    /** Any loads. */
    @Command(name = "run", description = "Any loads, one after the other; docs/performance.md lists them.")
    static final class Run extends Load {
        @Parameters(arity = "1..*", paramLabel = "LOAD", description = "For example 'createseal n=2000 conc=64'.")
        private String[] loads;

        @Override
        public Integer call() {
            return load(loads);
        }
    }
}
