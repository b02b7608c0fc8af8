package io.quire.bookie;

import io.quire.bookie.core.GarbageCollector;
import java.util.concurrent.atomic.AtomicLong;

/** The meters of a store's garbage collection; docs/operations.md lists them. Made by the bookie's actor, then thread-safe. */
final class CollectorMetrics {
    private final BookieMetrics metrics;
    private final AtomicLong active = new AtomicLong();
    private final AtomicLong orphans = new AtomicLong();
    private final AtomicLong heldBack = new AtomicLong();
    private final AtomicLong lastRunNanos = new AtomicLong();

    CollectorMetrics(BookieMetrics metrics) {
        this.metrics = metrics;
        metrics.gauge("bookie.gc.active", active, AtomicLong::get);
        metrics.gauge("bookie.gc.orphan.ledgers", orphans, AtomicLong::get);
        metrics.gauge("bookie.gc.held.back.ledgers", heldBack, AtomicLong::get);
        metrics.gauge("bookie.gc.last.run.seconds", lastRunNanos, nanos -> nanos.get() * 1e-9);
    }

    void started() {
        active.set(1);
    }

    void ended(GarbageCollector.Run run) {
        active.set(0);
        orphans.set(run.orphans());
        heldBack.set(run.heldBack());
        lastRunNanos.set(run.durationNanos());
        metrics.gcRuns.increment();
        metrics.droppedLedgers.increment((double) run.dropped());
    }
}
