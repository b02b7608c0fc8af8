package io.quire.client;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.Cancellable;
import org.apache.pekko.actor.typed.ActorSystem;

/**
 * The clock of all writers of one process: one timer, however many there are, that wakes those whose time has come. It
 * runs while there are writers.
 *
 * <p>Thread-safe.
 */
final class WriterTicks {
    private static final long NEVER = Long.MAX_VALUE;

    private final ActorSystem<?> system;
    private final Duration interval;
    private final LongSupplier nanoClock;
    private final Set<Ticket> tickets = ConcurrentHashMap.newKeySet();
    private Cancellable timer;

    WriterTicks(ActorSystem<?> system, Duration interval, LongSupplier nanoClock) {
        this.system = system;
        this.interval = interval;
        this.nanoClock = nanoClock;
    }

    /** How precise wake-ups are, in nanoseconds. */
    long intervalNanos() {
        return interval.toNanos();
    }

    /** Enrols one writer; {@code wake} is run on another thread, once for each time that was asked for. */
    synchronized Ticket enrol(Runnable wake) {
        Ticket ticket = new Ticket(wake);
        tickets.add(ticket);
        if (timer == null) {
            timer = system.scheduler()
                    .scheduleWithFixedDelay(interval, interval, this::pass, system.executionContext());
        }
        return ticket;
    }

    private synchronized void leave(Ticket ticket) {
        tickets.remove(ticket);
        if (tickets.isEmpty() && timer != null) {
            timer.cancel();
            timer = null;
        }
    }

    private void pass() {
        long now = nanoClock.getAsLong();
        for (Ticket ticket : tickets) {
            long due = ticket.dueNanos;
            if (due != NEVER && now - due >= 0) {
                ticket.dueNanos = NEVER;
                ticket.wake.run();
            }
        }
    }

    /** One writer's wish to be woken. Its methods are for that writer alone. */
    final class Ticket {
        private final Runnable wake;
        private volatile long dueNanos = NEVER;

        private Ticket(Runnable wake) {
            this.wake = wake;
        }

        /** Asks to be woken at {@code nanos}, in place of what was asked before. */
        void wakeAt(long nanos) {
            if (dueNanos != nanos) {
                dueNanos = nanos;
            }
        }

        /** Asks not to be woken. */
        void sleep() {
            wakeAt(NEVER);
        }

        /** Ends it. */
        void close() {
            leave(this);
        }
    }
}
