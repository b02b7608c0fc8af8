package io.quire.bench;

import io.quire.bench.LedgerDriver.Reader;
import io.quire.bench.LedgerDriver.Writer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** The loads over a driver, by name. */
final class Loads {
    private static final int LEDGERS_CREATED_AT_ONCE = 50;

    private final LedgerDriver driver;
    private final LoadStep step;
    private final Meter meter;
    private final Path ledgerIds;

    /**
     * @param ledgerIds where {@code fill} leaves the ledgers that reads are of
     */
    Loads(LedgerDriver driver, LoadStep step, Meter meter, Path ledgerIds) {
        this.driver = driver;
        this.step = step;
        this.meter = meter;
        this.ledgerIds = ledgerIds;
    }

    /**
     * Runs the load.
     *
     * @throws IllegalArgumentException when there is no such load
     */
    BenchResult run() {
        return switch (step.load()) {
            case "append" -> append();
            case "fill" -> fill();
            case "readseq" -> readSequentially();
            case "readrand" -> readAtRandom();
            case "tail" -> tail();
            case "createseal" -> createAndSeal();
            case "recover" -> recover();
            case "takeover" -> takeOver();
            case "list" -> list();
            case "join" -> joinCluster();
            default -> throw new IllegalArgumentException("no load: " + step.load());
        };
    }

    private BenchResult append() {
        byte[] payload = payload(step.entryBytes());
        List<Writer> writers = create(step.number("ledgers", 1));
        Pump pump = new Pump(meter);
        int rate = step.number("rate", 0);
        if (rate > 0) {
            Iterator<Writer> turns = IntStream.iterate(0, i -> (i + 1) % writers.size())
                    .mapToObj(writers::get)
                    .iterator();
            return pump.open(
                    () -> sized(turns.next().append(payload), payload), rate, step.warmupSeconds(), step.seconds());
        }
        List<Pump.Operation> slots = new ArrayList<>();
        for (Writer writer : writers) {
            for (int i = 0; i < step.number("out", 1); i++) {
                slots.add(() -> sized(writer.append(payload), payload));
            }
        }
        return pump.closed(slots, step.warmupSeconds(), step.seconds());
    }

    /** Ledgers of {@code n} entries each, written in turn, then sealed. */
    private BenchResult fill() {
        byte[] payload = payload(step.entryBytes());
        List<Writer> writers = create(step.number("ledgers", 1));
        Iterator<Supplier<CompletionStage<Long>>> appends = IntStream.range(0, step.number("n", 100_000))
                .boxed()
                .flatMap(i -> writers.stream())
                .<Supplier<CompletionStage<Long>>>map(writer -> () -> sized(writer.append(payload), payload))
                .iterator();
        BenchResult result = new Pump(meter).all(appends, step.number("out", 500), 1);
        for (Writer writer : writers) {
            join(writer.seal());
        }
        try {
            Files.write(
                    ledgerIds,
                    writers.stream()
                            .map(writer -> Long.toString(writer.ledgerId()))
                            .toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return result;
    }

    /** Whole ledgers, one after the other, in ranges; an operation is an entry, latencies are those of ranges. */
    private BenchResult readSequentially() {
        int batch = step.number("batch", 100);
        BenchResult result = null;
        for (int pass = 0; pass < step.number("passes", 1); pass++) {
            List<Reader> readers = open();
            List<Supplier<CompletionStage<Long>>> ranges = readers.stream()
                    .<Supplier<CompletionStage<Long>>>flatMap(reader -> LongStream.iterate(
                                    0, from -> from + batch <= reader.lastEntryId() + 1, from -> from + batch)
                            .mapToObj(from -> () -> reader.read(from, from + batch - 1)))
                    .toList();
            result = new Pump(meter).all(ranges.iterator(), step.number("out", 4), batch);
        }
        return result;
    }

    private BenchResult readAtRandom() {
        List<Reader> readers = open();
        Pump.Operation read = () -> {
            ThreadLocalRandom random = ThreadLocalRandom.current();
            Reader reader = readers.get(random.nextInt(readers.size()));
            long entryId = random.nextLong(reader.lastEntryId() + 1);
            return reader.read(entryId, entryId);
        };
        List<Pump.Operation> slots = new ArrayList<>();
        for (int i = 0; i < step.number("out", 1); i++) {
            slots.add(read);
        }
        return new Pump(meter).closed(slots, step.warmupSeconds(), step.seconds());
    }

    /** Appends at a fixed rate; an operation is an entry's arrival at a reader, its latency from when it was due. */
    private BenchResult tail() {
        int rate = step.number("rate", 1000);
        Writer writer = create(1).get(0);
        Meter appends = new Meter(List.of(), ledgerIds.getParent());
        byte[] template = payload(step.entryBytes());
        writer.tail(entry -> meter.done(ByteBuffer.wrap(entry).getLong(), 1, entry.length));
        Thread measuring = new Thread(
                () -> new Pump(appends)
                        .open(
                                () -> {
                                    byte[] payload = template.clone();
                                    ByteBuffer.wrap(payload).putLong(System.nanoTime());
                                    return sized(writer.append(payload), payload);
                                },
                                rate,
                                step.warmupSeconds(),
                                step.seconds() + 1),
                "appends");
        measuring.start();
        Pump.sleep(Duration.ofSeconds(step.warmupSeconds()));
        meter.begin();
        Pump.sleep(Duration.ofSeconds(step.seconds()));
        BenchResult result = meter.end();
        try {
            measuring.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (appends.firstError() != null) {
            meter.failed(appends.firstError());
        }
        return result;
    }

    /** Ledgers created and sealed without an entry. */
    private BenchResult createAndSeal() {
        Supplier<CompletionStage<Long>> pair =
                () -> driver.create(step.ensembleSize(), step.writeQuorum(), step.ackQuorum())
                        .thenCompose(Writer::seal)
                        .thenApply(end -> 0L);
        int concurrency = step.number("conc", 1);
        new Pump(new Meter(List.of(), ledgerIds.getParent()))
                .all(repeat(pair, step.number("first", 500)), concurrency, 1);
        return new Pump(meter).all(repeat(pair, step.number("n", 2000)), concurrency, 1);
    }

    /** Recovers ledgers whose writers are alive, from the same process; an operation is a ledger. */
    private BenchResult recover() {
        int entries = step.number("entries", 10);
        int first = step.number("first", 50);
        byte[] payload = payload(step.entryBytes());
        List<Writer> writers = create(step.number("n", 500) + first);
        new Pump(new Meter(List.of(), ledgerIds.getParent()))
                .all(
                        IntStream.range(0, entries)
                                .boxed()
                                .flatMap(i -> writers.stream())
                                .<Supplier<CompletionStage<Long>>>map(
                                        writer -> () -> sized(writer.append(payload), payload))
                                .iterator(),
                        500,
                        1);
        List<Supplier<CompletionStage<Long>>> recoveries = writers.stream()
                .<Supplier<CompletionStage<Long>>>map(
                        writer -> () -> driver.recover(writer.ledgerId()).thenApply(last -> {
                            if (last != entries - 1) {
                                throw new IllegalStateException("recovered up to " + last);
                            }
                            return 0L;
                        }))
                .toList();
        new Pump(new Meter(List.of(), ledgerIds.getParent()))
                .all(recoveries.subList(0, first).iterator(), 1, 1);
        return new Pump(meter).all(recoveries.subList(first, recoveries.size()).iterator(), step.number("conc", 1), 1);
    }

    private static Iterator<Supplier<CompletionStage<Long>>> repeat(
            Supplier<CompletionStage<Long>> operation, int count) {
        return IntStream.range(0, count).mapToObj(i -> operation).iterator();
    }

    private List<Writer> create(int count) {
        ConcurrentLinkedQueue<Writer> writers = new ConcurrentLinkedQueue<>();
        Semaphore slots = new Semaphore(LEDGERS_CREATED_AT_ONCE);
        for (int i = 0; i < count; i++) {
            slots.acquireUninterruptibly();
            writer(i).whenComplete((writer, failure) -> {
                if (failure == null) {
                    writers.add(writer);
                } else {
                    meter.failed(failure);
                }
                slots.release();
            });
        }
        slots.acquireUninterruptibly(LEDGERS_CREATED_AT_ONCE);
        if (writers.size() < count) {
            throw new IllegalStateException("a ledger could not be created", meter.firstError());
        }
        return List.copyOf(writers);
    }

    private CompletionStage<Writer> writer(int number) {
        return step.number("log", 0) == 1
                ? driver.openLog("bench-" + System.nanoTime() + "-" + number)
                : driver.create(step.ensembleSize(), step.writeQuorum(), step.ackQuorum());
    }

    /** Takes one log over again and again, each time from a writer that lives and has appended; an operation is one. */
    private BenchResult takeOver() {
        String name = "bench-" + System.nanoTime();
        byte[] payload = payload(step.entryBytes());
        Supplier<CompletionStage<Long>> takeOver = () -> driver.openLog(name)
                .thenCompose(writer -> writer.append(payload))
                .thenApply(done -> 0L);
        new Pump(new Meter(List.of(), ledgerIds.getParent())).all(repeat(takeOver, step.number("first", 100)), 1, 1);
        return new Pump(meter).all(repeat(takeOver, step.number("n", 300)), 1, 1);
    }

    /** Lists all ledgers, again and again; an operation is a ledger, latencies are those of whole lists. */
    private BenchResult list() {
        int ledgers = Math.toIntExact(join(driver.list()));
        return new Pump(meter).all(repeat(() -> driver.list().thenApply(found -> 0L), step.number("n", 5)), 1, ledgers);
    }

    /** Further clients of the servers, one after the other; an operation is one, until it is of use. */
    private BenchResult joinCluster() {
        meter.begin();
        for (int i = 0; i < step.number("n", 5); i++) {
            long start = System.nanoTime();
            LedgerDriver another = driver.another();
            meter.done(start, 1, 0);
            another.close();
        }
        return meter.end();
    }

    private List<Reader> open() {
        try {
            List<Reader> readers = new ArrayList<>();
            int most = step.number("ledgers", Integer.MAX_VALUE);
            for (String id : Files.readAllLines(ledgerIds)) {
                if (readers.size() < most) {
                    readers.add(join(driver.open(Long.parseLong(id.trim()))));
                }
            }
            return readers;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static CompletionStage<Long> sized(CompletionStage<?> append, byte[] payload) {
        return append.thenApply(entryId -> (long) payload.length);
    }

    private static <T> T join(CompletionStage<T> stage) {
        CompletableFuture<T> future = stage.toCompletableFuture();
        try {
            return future.join();
        } catch (CompletionException e) {
            throw new IllegalStateException(e.getCause());
        }
    }

    private static byte[] payload(int bytes) {
        byte[] payload = new byte[bytes];
        new Random(7).nextBytes(payload);
        return payload;
    }
}
