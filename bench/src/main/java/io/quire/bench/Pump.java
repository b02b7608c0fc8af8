package io.quire.bench;

import java.time.Duration;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/**
 * Runs operations and meters them: in a closed loop (an answer starts the next one), in an open loop (at a fixed rate,
 * whatever the answers do, latency counted from when each was due), or a fixed number of them, so many at a time.
 *
 * <p>Loops run on the threads that answer; nothing blocks in them.
 */
final class Pump {
    private final Meter meter;
    private volatile boolean running = true;

    Pump(Meter meter) {
        this.meter = meter;
    }

    /** An operation: whoever calls {@code start} gets its payload bytes, later. */
    interface Operation {
        CompletionStage<Long> start();
    }

    /** Each slot has one operation in flight. Returns when the last one was answered. */
    BenchResult closed(List<Operation> slots, int warmupSeconds, int seconds) {
        Semaphore ended = new Semaphore(0);
        for (Operation slot : slots) {
            again(slot, ended);
        }
        BenchResult result = measure(warmupSeconds, seconds);
        running = false;
        ended.acquireUninterruptibly(slots.size());
        return result;
    }

    private void again(Operation slot, Semaphore ended) {
        long start = System.nanoTime();
        slot.start().whenComplete((bytes, failure) -> {
            if (failure == null) {
                meter.done(start, 1, bytes);
            } else {
                meter.failed(failure);
            }
            // A failure ends its slot: a cluster that refuses at once must not be asked in a tight circle.
            if (running && failure == null) {
                again(slot, ended);
            } else {
                ended.release();
            }
        });
    }

    /**
     * Starts an operation every {@code 1/rate} seconds, and all that are due when it comes late: waiting in a client that
     * cannot keep up is part of the latency (no coordinated omission).
     */
    BenchResult open(Operation operation, int ratePerSecond, int warmupSeconds, int seconds) {
        Semaphore inFlight = new Semaphore(0);
        Thread starter = new Thread(
                () -> {
                    long gap = Duration.ofSeconds(1).toNanos() / ratePerSecond;
                    int started = 0;
                    for (long due = System.nanoTime(); running; due += gap) {
                        for (long left = due - System.nanoTime(); left > 0; left = due - System.nanoTime()) {
                            LockSupport.parkNanos(left);
                        }
                        start(operation, due, inFlight);
                        started++;
                    }
                    inFlight.acquireUninterruptibly(started);
                },
                "open-loop");
        starter.start();
        BenchResult result = measure(warmupSeconds, seconds);
        running = false;
        boolean interrupted = false;
        while (starter.isAlive()) {
            try {
                starter.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return result;
    }

    private void start(Operation operation, long due, Semaphore answered) {
        operation.start().whenComplete((bytes, failure) -> {
            if (failure == null) {
                meter.done(due, 1, bytes);
            } else {
                meter.failed(failure);
            }
            answered.release();
        });
    }

    /**
     * All of them, {@code concurrency} at a time.
     *
     * @param units each operation counts for: the entries of a ranged read
     */
    BenchResult all(Iterator<? extends Supplier<CompletionStage<Long>>> operations, int concurrency, int units) {
        Semaphore slots = new Semaphore(concurrency);
        meter.begin();
        while (operations.hasNext()) {
            Supplier<CompletionStage<Long>> operation = operations.next();
            slots.acquireUninterruptibly();
            long start = System.nanoTime();
            operation.get().whenComplete((bytes, failure) -> {
                if (failure == null) {
                    meter.done(start, units, bytes);
                } else {
                    meter.failed(failure);
                }
                slots.release();
            });
        }
        slots.acquireUninterruptibly(concurrency);
        return meter.end();
    }

    private BenchResult measure(int warmupSeconds, int seconds) {
        sleep(Duration.ofSeconds(warmupSeconds));
        meter.begin();
        sleep(Duration.ofSeconds(seconds));
        return meter.end();
    }

    static void sleep(Duration duration) {
        long end = System.nanoTime() + duration.toNanos();
        for (long left = duration.toNanos(); left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
        }
    }
}
