package io.quire.cli;

import io.quire.bench.Comparison;
import io.quire.bench.ComparisonReport;
import io.quire.bookie.storage.StoreKind;
import io.quire.bootstrap.QuireNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire bench compare}: the same loads on Quire and on Apache BookKeeper, turn about. */
@Command(
        name = "compare",
        description = "The same loads on Quire and on Apache BookKeeper, turn about; a table of medians and ratios.")
final class BenchCompareCommand extends QuireSubcommand {
    @Option(
            names = "--only",
            paramLabel = "GROUP",
            split = ",",
            description = "Groups of loads: writes, reads, ledgers, start; all unless given.")
    private List<String> groups = new ArrayList<>();

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "3", description = "Turns of each system; 3.")
    private int rounds;

    @Option(names = "--dir", paramLabel = "DIR", description = "Where data goes; the temporary directory.")
    private Path directory;

    @Option(
            names = "--bookkeeper",
            paramLabel = "DIR",
            description = "Folder with the jars of BookKeeper and its driver; what './quire' built, unless given.")
    private Path jars;

    @Option(names = "--with-default", description = "BookKeeper with all its defaults takes turns, too.")
    private boolean withDefault;

    @Option(names = "--alone", description = "Quire without BookKeeper.")
    private boolean alone;

    @Option(names = "--store", paramLabel = "KIND", defaultValue = "lmdb", description = "Quire's ledger store; lmdb.")
    private StoreKind store;

    @Option(names = "--plot", paramLabel = "FILE", description = "Draws the ratios of rates into an SVG file.")
    private Path plot;

    @Option(names = "--profile", paramLabel = "DIR", description = "A recording of each JVM by the Flight Recorder.")
    private Path profiles;

    @Override
    public Integer call() throws IOException {
        String built = System.getProperty("quire.bench.bookkeeper", "");
        Path library = jars == null ? Path.of(built) : jars;
        require(
                alone || (!library.toString().isEmpty() && Files.isDirectory(library)),
                "BookKeeper is not there: build it with 'mvn -q -Pdist -DskipTests -pl bench/peer-bookkeeper -am package'"
                        + " and name its folder with --bookkeeper bench/peer-bookkeeper/target/lib");
        Comparison.Options options;
        try {
            options = new Comparison.Options(
                    groups,
                    rounds,
                    directory == null ? Path.of(System.getProperty("java.io.tmpdir")) : directory,
                    library,
                    withDefault,
                    !alone,
                    "quire.bookie.store = " + store.text(),
                    Optional.ofNullable(profiles));
        } catch (IllegalArgumentException e) {
            require(false, e.getMessage());
            return 2;
        }
        if (profiles != null) {
            Files.createDirectories(profiles);
        }
        try {
            ComparisonReport report = Comparison.run(options, terminal()::note, terminal()::note);
            terminal().println(report.table());
            if (plot != null) {
                Files.writeString(plot, report.plot());
            }
            return 0;
        } catch (QuireNode.NodeStartException | UncheckedIOException | IllegalStateException e) {
            throw CommandFailure.of("the comparison fails: " + e.getMessage(), e);
        }
    }
}
