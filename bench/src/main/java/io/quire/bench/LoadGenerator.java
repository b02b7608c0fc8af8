package io.quire.bench;

import io.quire.client.LedgerClient;
import io.quire.client.WriteHandle;
import io.quire.protocol.Payload;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * A closed loop of appends: each acknowledgement starts the next append of its ledger. Latency is from the call of
 * append to its acknowledgement. The loop runs on the writers' own threads; nothing blocks in it.
 */
public final class LoadGenerator {
    private static final long HIGHEST_LATENCY_NANOS = Duration.ofSeconds(60).toNanos();

    private final BenchOptions options;
    private final Payload payload;
    private final Recorder latencies = new Recorder(HIGHEST_LATENCY_NANOS, 3);
    private final AtomicLong errors = new AtomicLong();
    private volatile boolean running = true;

    private LoadGenerator(BenchOptions options) {
        this.options = options;
        byte[] bytes = new byte[options.entryBytes()];
        new Random(7).nextBytes(bytes);
        this.payload = Payload.wrap(bytes);
    }

    /**
     * Spawns a cluster under {@code parent}, which should lie on a real disk, puts load on it, and stops it.
     *
     * @param progress told what is going on, in lines
     */
    public static BenchResult write(BenchOptions options, Path parent, Consumer<String> progress) {
        progress.accept("starting " + options.nodes() + " bookie JVMs");
        try (SpawnedCluster cluster = SpawnedCluster.start(options.nodes(), parent)) {
            LoadGenerator load = new LoadGenerator(options);
            List<Supplier<CompletionStage<?>>> ledgers = new ArrayList<>();
            for (WriteHandle ledger : load.create(cluster.client().client())) {
                ledgers.add(() -> ledger.appendAsync(load.payload));
            }
            return load.run(ledgers, cluster::nodesCpu, progress);
        }
    }

    /**
     * Puts load on a cluster that runs, over HTTP; each append is a request of its own. The processor time is this
     * process's alone.
     *
     * @param url of one of its nodes
     * @throws java.io.UncheckedIOException when a ledger cannot be created there
     */
    public static BenchResult write(BenchOptions options, URI url, Consumer<String> progress) {
        LoadGenerator load = new LoadGenerator(options);
        HttpLedgers ledgers = new HttpLedgers(url, options.replication());
        List<Supplier<CompletionStage<?>>> appends = new ArrayList<>();
        for (int i = 0; i < options.ledgers(); i++) {
            URI entries = ledgers.create();
            appends.add(() -> ledgers.append(entries, load.payload));
        }
        return load.run(appends, () -> Duration.ZERO, progress);
    }

    private BenchResult run(
            List<Supplier<CompletionStage<?>>> ledgers, Supplier<Duration> nodesCpuSoFar, Consumer<String> progress) {
        Semaphore ended = new Semaphore(0);
        for (Supplier<CompletionStage<?>> ledger : ledgers) {
            for (int i = 0; i < options.outstanding(); i++) {
                append(ledger, ended);
            }
        }
        progress.accept("warming up for " + options.warmupSeconds() + " s");
        sleep(Duration.ofSeconds(options.warmupSeconds()));
        latencies.reset();
        progress.accept("measuring for " + options.seconds() + " s");
        long start = System.nanoTime();
        Duration nodesCpu = nodesCpuSoFar.get();
        Duration clientCpu = clientCpu();
        sleep(Duration.ofSeconds(options.seconds()));
        Histogram histogram = latencies.getIntervalHistogram();
        double seconds = (System.nanoTime() - start) / 1e9;
        double nodesCpuSeconds = nodesCpuSoFar.get().minus(nodesCpu).toNanos() / 1e9;
        double clientCpuSeconds = clientCpu().minus(clientCpu).toNanos() / 1e9;
        running = false;
        ended.acquireUninterruptibly(ledgers.size() * options.outstanding());
        long adds = histogram.getTotalCount();
        return new BenchResult(
                adds / seconds,
                adds * (double) options.entryBytes() / seconds / 1e6,
                histogram.getValueAtPercentile(50) / 1e6,
                histogram.getValueAtPercentile(99) / 1e6,
                histogram.getValueAtPercentile(99.9) / 1e6,
                histogram.getMaxValue() / 1e6,
                adds == 0 ? 0 : (nodesCpuSeconds + clientCpuSeconds) * 1e6 / adds,
                clientCpuSeconds / seconds,
                nodesCpuSeconds / seconds,
                errors.get());
    }

    private List<WriteHandle> create(LedgerClient client) {
        List<WriteHandle> ledgers = new ArrayList<>();
        for (int i = 0; i < options.ledgers(); i++) {
            ledgers.add(client.newCreateLedgerOp()
                    .withEnsembleSize(options.replication().ensembleSize())
                    .withWriteQuorumSize(options.replication().writeQuorum())
                    .withAckQuorumSize(options.replication().ackQuorum())
                    .execute()
                    .toCompletableFuture()
                    .join());
        }
        return ledgers;
    }

    private void append(Supplier<CompletionStage<?>> ledger, Semaphore ended) {
        long start = System.nanoTime();
        ledger.get().whenComplete((answer, failure) -> {
            if (failure == null) {
                latencies.recordValue(Math.min(System.nanoTime() - start, HIGHEST_LATENCY_NANOS));
            } else {
                errors.incrementAndGet();
            }
            // A failed append ends its slot: a cluster that refuses at once must not be asked in a tight circle.
            if (running && failure == null) {
                append(ledger, ended);
            } else {
                ended.release();
            }
        });
    }

    private static Duration clientCpu() {
        return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO);
    }

    private static void sleep(Duration duration) {
        long end = System.nanoTime() + duration.toNanos();
        for (long left = duration.toNanos(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
