package io.quire.bookie;

import io.quire.bookie.core.GarbageCollector;
import io.quire.protocol.BookieId;
import java.time.Duration;
import java.util.Optional;

/**
 * How garbage collection stands at one bookie.
 *
 * @param active whether a run is under way
 * @param forced whether that one is forced
 * @param lastRun since the bookie was started
 * @param endedBefore how long ago that was
 * @param next how long until the next run; empty while one is under way
 */
public record GarbageStatus(
        BookieId bookie,
        boolean active,
        boolean forced,
        Optional<GarbageCollector.Run> lastRun,
        Optional<Duration> endedBefore,
        Optional<Duration> next) {}
