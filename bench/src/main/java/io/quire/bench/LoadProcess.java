package io.quire.bench;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.stream.Stream;

/**
 * The main class of a client JVM: puts one load on a cluster and prints what was measured, as a line of JSON. Its arguments:
 * the driver's class, where that connects to, the servers' process ids, the cluster's directory, and the load's line.
 */
public final class LoadProcess {
    /** Prints the time of the first acknowledged append instead; tries until it succeeds. */
    static final String FIRST_ADD = "firstadd";

    private static final Duration FIRST_ADD_TIMEOUT = Duration.ofSeconds(80);

    private LoadProcess() {}

    public static void main(String[] args) throws Exception {
        LoadStep step = LoadStep.parse(args[4]);
        if (step.load().equals(FIRST_ADD)) {
            println(Long.toString(firstAdd(args[0], args[1])));
        } else {
            List<Long> servers = Stream.of(args[2].split(",", -1))
                    .filter(pid -> !pid.isEmpty())
                    .map(Long::valueOf)
                    .toList();
            Path directory = Path.of(args[3]);
            Meter meter = new Meter(servers, directory);
            BenchResult result =
                    new Loads(connect(args[0], args[1]), step, meter, directory.resolve("ledgers.txt")).run();
            if (meter.firstError() != null) {
                meter.firstError().printStackTrace();
            }
            println(new ObjectMapper().writeValueAsString(result));
        }
        // Whatever the client's own threads are at; a recording of this JVM is written on the way out.
        System.exit(0);
    }

    /** Milliseconds since 1970 of the first acknowledgement. */
    private static long firstAdd(String driverClass, String connection) throws Exception {
        long deadline = System.nanoTime() + FIRST_ADD_TIMEOUT.toNanos();
        Exception last = null;
        while (System.nanoTime() - deadline < 0) {
            try {
                LedgerDriver driver = connect(driverClass, connection);
                while (System.nanoTime() - deadline < 0) {
                    try {
                        driver.create(3, 3, 2)
                                .thenCompose(writer -> writer.append(new byte[1024]))
                                .toCompletableFuture()
                                .join();
                        return System.currentTimeMillis();
                    } catch (CompletionException e) {
                        last = e;
                        Pump.sleep(Duration.ofMillis(20));
                    }
                }
            } catch (InvocationTargetException e) {
                last = e;
                Pump.sleep(Duration.ofMillis(20));
            }
        }
        throw new IllegalStateException("no append was acknowledged", last);
    }

    private static LedgerDriver connect(String driverClass, String connection) throws Exception {
        return (LedgerDriver)
                Class.forName(driverClass).getMethod("connect", String.class).invoke(null, connection);
    }

    private static void println(String line) {
        System.out.write((line + "\n").getBytes(StandardCharsets.UTF_8), 0, line.length() + 1);
        System.out.flush();
    }
}
