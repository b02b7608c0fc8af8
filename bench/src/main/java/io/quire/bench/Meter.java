package io.quire.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.Recorder;

/**
 * Counts what a load does between {@link #begin} and {@link #end}, and what this process, the servers and the disk of a
 * directory use up meanwhile. Counting is thread-safe.
 */
final class Meter {
    private static final long HIGHEST_LATENCY_NANOS = Duration.ofSeconds(60).toNanos();
    private static final long TICK_NANOS = 10_000_000;

    private final List<Long> servers;
    private final Path directory;
    private final Recorder latencies = new Recorder(HIGHEST_LATENCY_NANOS, 3);
    private final LongAdder operations = new LongAdder();
    private final LongAdder bytes = new LongAdder();
    private final LongAdder errors = new LongAdder();
    private final AtomicReference<Throwable> firstError = new AtomicReference<>();

    private ProcessUse before;
    private long serverNanosBefore;
    private long operationsBefore;
    private long bytesBefore;

    /**
     * @param servers process ids
     * @param directory on the device whose writes are counted
     */
    Meter(List<Long> servers, Path directory) {
        this.servers = List.copyOf(servers);
        this.directory = directory;
    }

    /** An operation of a call at {@code startNanos} is done and has moved so many units, each of some payload. */
    void done(long startNanos, long units, long payloadBytes) {
        latencies.recordValue(Math.max(0, Math.min(System.nanoTime() - startNanos, HIGHEST_LATENCY_NANOS)));
        operations.add(units);
        bytes.add(payloadBytes);
    }

    void failed(Throwable failure) {
        firstError.compareAndSet(null, failure);
        errors.increment();
    }

    /** The first failure of all, or null. */
    Throwable firstError() {
        return firstError.get();
    }

    long errors() {
        return errors.sum();
    }

    void begin() {
        latencies.reset();
        operationsBefore = operations.sum();
        bytesBefore = bytes.sum();
        serverNanosBefore = serverNanos();
        before = ProcessUse.now(directory);
    }

    BenchResult end() {
        ProcessUse use = ProcessUse.now(directory).since(before);
        long serverNanos = serverNanos() - serverNanosBefore;
        Histogram histogram = latencies.getIntervalHistogram();
        double seconds = use.nanos() / 1e9;
        long done = operations.sum() - operationsBefore;
        long moved = bytes.sum() - bytesBefore;
        return new BenchResult(
                done / seconds,
                moved / seconds / 1e6,
                histogram.getValueAtPercentile(50) / 1e6,
                histogram.getValueAtPercentile(99) / 1e6,
                histogram.getValueAtPercentile(99.9) / 1e6,
                histogram.getMaxValue() / 1e6,
                done == 0 ? 0 : (serverNanos + use.cpuNanos()) / 1e3 / done,
                use.cpuNanos() / (double) use.nanos(),
                serverNanos / (double) use.nanos(),
                moved == 0 ? 0 : use.writtenBytes() / (double) moved,
                Math.max(0, (use.busyNanos() - use.cpuNanos() - serverNanos) / (double) use.nanos()),
                errors.sum());
    }

    private long serverNanos() {
        long sum = 0;
        for (long server : servers) {
            sum += nanosOf(server);
        }
        return sum;
    }

    /** User and system time; 0 for a process that is gone. */
    private static long nanosOf(long pid) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"), StandardCharsets.ISO_8859_1);
            String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
            return (Long.parseLong(fields[11]) + Long.parseLong(fields[12])) * TICK_NANOS;
        } catch (IOException e) {
            return ProcessHandle.of(pid)
                    .flatMap(process -> process.info().totalCpuDuration())
                    .orElse(Duration.ZERO)
                    .toNanos();
        }
    }
}
