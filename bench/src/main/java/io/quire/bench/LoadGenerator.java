package io.quire.bench;

import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Puts loads on a cluster from this JVM. */
public final class LoadGenerator {
    private LoadGenerator() {}

    /**
     * Spawns a cluster under {@code parent}, which should lie on a real disk, puts a closed loop of appends on it, and stops
     * it.
     *
     * @param progress told what is going on, in lines
     */
    public static BenchResult write(BenchOptions options, Path parent, Consumer<String> progress) {
        return run(options, List.of(appendLine(options)), parent, progress).get(0);
    }

    /**
     * Spawns a cluster, runs loads on it one after the other, and stops it.
     *
     * @param loads lines as docs/performance.md describes them
     * @return what each load measured
     * @throws IllegalArgumentException when one is no load
     */
    public static List<BenchResult> run(
            BenchOptions options, List<String> loads, Path parent, Consumer<String> progress) {
        progress.accept("starting " + options.nodes() + " bookie JVMs");
        try (SpawnedCluster cluster = SpawnedCluster.start(options.nodes(), parent);
                LedgerDriver driver = QuireDriver.connect(cluster.clientConfig())) {
            return run(loads, driver, cluster.pids(), cluster.directory(), progress);
        }
    }

    /**
     * Puts a closed loop of appends on a cluster that runs, over HTTP; each append is a request of its own. The processor
     * time is this process's alone.
     *
     * @param url of one of its nodes
     * @throws IllegalStateException when a ledger cannot be created there
     */
    public static BenchResult write(BenchOptions options, URI url, Consumer<String> progress) {
        Path directory = Path.of(System.getProperty("java.io.tmpdir"));
        try (LedgerDriver driver = new HttpDriver(url)) {
            return run(List.of(appendLine(options)), driver, List.of(), directory, progress)
                    .get(0);
        }
    }

    private static List<BenchResult> run(
            List<String> loads, LedgerDriver driver, List<Long> servers, Path directory, Consumer<String> progress) {
        List<BenchResult> results = new ArrayList<>();
        for (String load : loads) {
            progress.accept(load);
            Meter meter = new Meter(servers, directory);
            results.add(new Loads(driver, LoadStep.parse(load), meter, directory.resolve("ledgers.txt")).run());
            if (meter.firstError() != null) {
                progress.accept("the first error: " + meter.firstError());
            }
        }
        return results;
    }

    private static String appendLine(BenchOptions options) {
        return "append size=" + options.entryBytes() + " ledgers=" + options.ledgers() + " out=" + options.outstanding()
                + " rate=" + options.rate() + " " + options.shared();
    }
}
