package io.quire.simulation;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * One run of a simulated cluster: a virtual clock, a queue of what is to happen, and chance. Everything follows from the
 * seed: the same program with the same seed takes the same steps. What uses it must not let anything else in: no wall
 * clock, no threads, no order of identity hash codes or of {@code Set.of} and {@code Map.of}.
 *
 * <p>Actions run one after the other, by time, and those of the same time in the order in which they were scheduled.
 * Not thread-safe.
 */
public final class Simulation {
    private static final int TRACE_MAX = 400;

    private final long seed;
    private final long stepsMax;
    private final Map<String, Random> randoms = new HashMap<>();
    private final PriorityQueue<Event> events =
            new PriorityQueue<>(Comparator.comparingLong(Event::atNanos).thenComparingLong(Event::sequence));
    private final Deque<TraceLine> trace = new ArrayDeque<>();
    private long nowNanos;
    private long sequence;
    private long steps;

    private record Event(long atNanos, long sequence, Runnable action) {}

    /** Kept in parts, since hardly any line is ever read. */
    private record TraceLine(long atNanos, long step, String subject, List<Object> parts) {
        @Override
        public String toString() {
            StringBuilder line = new StringBuilder();
            line.append(atNanos / 1_000).append(" us, step ").append(step).append(": ");
            line.append(subject);
            for (Object part : parts) {
                line.append(' ').append(part);
            }
            return line.toString();
        }
    }

    /** The run took more steps than it was allowed: something goes round in circles. */
    public static final class TooManyStepsException extends RuntimeException {
        private static final long serialVersionUID = 1;

        private TooManyStepsException(String message) {
            super(message);
        }
    }

    /**
     * @param seed any number; neighbours give runs that have nothing in common
     * @param stepsMax how many actions may run in all
     */
    public Simulation(long seed, long stepsMax) {
        this.seed = seed;
        this.stepsMax = stepsMax;
    }

    public long seed() {
        return seed;
    }

    /** Virtual time since the start, never negative. */
    public long nowNanos() {
        return nowNanos;
    }

    /** How many actions have run. */
    public long steps() {
        return steps;
    }

    /**
     * The stream of chance for one purpose. It depends on the seed and the purpose alone, so that what is drawn for one
     * purpose does not change what another one gets. Asked again it goes on where it was.
     */
    public Random random(String purpose) {
        return randoms.computeIfAbsent(purpose, name -> new Random(new SplittableRandom(seed ^ mix(name)).nextLong()));
    }

    /**
     * Lets {@code action} run once.
     *
     * @param delayNanos from now, not negative; 0 is after everything that is due already
     */
    public void schedule(long delayNanos, Runnable action) {
        if (delayNanos < 0) {
            throw new IllegalArgumentException("nothing can be scheduled in the past: " + delayNanos);
        }
        events.add(new Event(nowNanos + delayNanos, sequence++, action));
    }

    /** Runs everything due within {@code nanos} from now, and ends exactly then. */
    public void runFor(long nanos) {
        runUntil(() -> false, nanos);
    }

    /**
     * Runs until {@code condition} holds, which is asked after each action.
     *
     * @param nanosMax how much virtual time this may take; when it is over, the clock stands exactly there
     * @return whether the condition holds
     * @throws TooManyStepsException when the limit of this run is reached
     */
    public boolean runUntil(BooleanSupplier condition, long nanosMax) {
        long endNanos = nowNanos + nanosMax;
        while (!condition.getAsBoolean()) {
            Event next = events.peek();
            if (next == null || next.atNanos() > endNanos) {
                nowNanos = endNanos;
                return false;
            }
            if (steps == stepsMax) {
                throw new TooManyStepsException("more than " + stepsMax + " steps, seed " + seed);
            }
            events.remove();
            nowNanos = next.atNanos();
            steps++;
            next.action().run();
        }
        return true;
    }

    /**
     * Notes what happened. The line is put together only when somebody reads it, so that {@code parts} must not change
     * any more.
     */
    public void trace(String subject, Object... parts) {
        if (trace.size() == TRACE_MAX) {
            trace.removeFirst();
        }
        trace.addLast(new TraceLine(nowNanos, steps, subject, Arrays.asList(parts)));
    }

    /** What was noted last, oldest first. */
    public List<String> trace() {
        return trace.stream().map(TraceLine::toString).toList();
    }

    /** FNV-1a over the characters: the bits of {@code String.hashCode} are too few and too alike. */
    private static long mix(String text) {
        long hash = 0xcbf29ce484222325L;
        for (int i = 0; i < text.length(); i++) {
            hash = (hash ^ text.charAt(i)) * 0x100000001b3L;
        }
        return hash;
    }
}
