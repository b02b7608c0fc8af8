package io.quire.bookie;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.quire.protocol.BookieId;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToDoubleFunction;

/**
 * The meters of one bookie; docs/operations.md lists them. Thread-safe, except that {@link #gauge} and {@link #close}
 * belong to the bookie's actor.
 */
final class BookieMetrics {
    final Counter addedEntries;
    final Counter addedBytes;
    final Counter refusedBatches;
    final Counter readEntries;
    final Counter readBytes;
    final Timer readTime;
    final Timer journalSync;
    final DistributionSummary journalGroupEntries;
    final DistributionSummary journalGroupBytes;
    final Timer flushCommit;
    final Counter repairedEntries;
    final AtomicInteger repairBlocked = new AtomicInteger();
    final Counter scrubbedBytes;
    final Counter scrubDamage;
    final Counter scrubPasses;
    final Counter flushesWithoutRoom;
    final Counter segmentsWithoutRoom;
    final Counter gcRuns;
    final Counter droppedLedgers;

    private final MeterRegistry registry;
    private final Tags tags;
    private final List<Gauge> gauges = new ArrayList<>();

    BookieMetrics(MeterRegistry registry, BookieId bookie) {
        this.registry = registry;
        this.tags = Tags.of("bookie", bookie.toString());
        addedEntries = registry.counter("bookie.add.entries", tags);
        addedBytes = registry.counter("bookie.write.bytes", tags);
        refusedBatches = registry.counter("bookie.add.rejected.batches", tags);
        readEntries = registry.counter("bookie.read.entries", tags);
        readBytes = registry.counter("bookie.read.bytes", tags);
        readTime = timer("bookie.read.request");
        journalSync = timer("bookie.journal.sync");
        journalGroupEntries = registry.summary("bookie.journal.force.write.batch.entries", tags);
        journalGroupBytes = registry.summary("bookie.journal.force.write.batch.bytes", tags);
        flushCommit = timer("bookie.flush.commit");
        repairedEntries = registry.counter("bookie.repair.entries", tags);
        gauge("bookie.repair.blocked", repairBlocked, AtomicInteger::get);
        scrubbedBytes = registry.counter("bookie.scrub.bytes", tags);
        scrubDamage = registry.counter("bookie.scrub.damage", tags);
        scrubPasses = registry.counter("bookie.scrub.passes", tags);
        flushesWithoutRoom = registry.counter("bookie.flush.no.room", tags);
        segmentsWithoutRoom = registry.counter("bookie.journal.no.room", tags);
        gcRuns = registry.counter("bookie.gc.runs", tags);
        droppedLedgers = registry.counter("bookie.gc.dropped.ledgers", tags);
    }

    <T> void gauge(String name, T of, ToDoubleFunction<T> value) {
        gauges.add(Gauge.builder(name, of, value).tags(tags).register(registry));
    }

    /** One of several gauges of that name, which {@code tag} tells apart by {@code tagValue}. */
    <T> void gauge(String name, String tag, String tagValue, T of, ToDoubleFunction<T> value) {
        gauges.add(Gauge.builder(name, of, value).tags(tags.and(tag, tagValue)).register(registry));
    }

    /** Takes the gauges back: the next boot in this process has its own to show. */
    void close() {
        gauges.forEach(registry::remove);
    }

    private Timer timer(String name) {
        return Timer.builder(name)
                .tags(tags)
                .publishPercentiles(0.5, 0.99, 0.999)
                .distributionStatisticExpiry(Duration.ofMinutes(1))
                .register(registry);
    }
}
