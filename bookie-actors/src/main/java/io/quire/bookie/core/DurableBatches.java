package io.quire.bookie.core;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Which batches of a session are durable: all up to a cumulative number, and some ranges beyond it, where a batch was
 * lost on the way (R10). Not thread-safe.
 */
final class DurableBatches {
    /** Ranges by first number; they neither touch each other nor the cumulative number. */
    private final TreeMap<Long, Long> ranges = new TreeMap<>();

    private long cumulative;

    /** Batch numbers {@code [first, last]}. */
    record Range(long first, long last) {}

    boolean contains(long number) {
        if (number <= cumulative) {
            return true;
        }
        var floor = ranges.floorEntry(number);
        return floor != null && number <= floor.getValue();
    }

    void add(long number) {
        if (contains(number)) {
            return;
        }
        long first = number;
        long last = number;
        var before = ranges.floorEntry(number);
        if (before != null && before.getValue() == number - 1) {
            first = before.getKey();
        }
        Long after = ranges.remove(number + 1);
        if (after != null) {
            last = after;
        }
        if (first == cumulative + 1) {
            ranges.remove(first);
            cumulative = last;
        } else {
            ranges.put(first, last);
        }
    }

    /** Every batch up to this one is durable. */
    long cumulative() {
        return cumulative;
    }

    /** What is durable beyond the cumulative number. */
    List<Range> ranges() {
        List<Range> list = new ArrayList<>(ranges.size());
        ranges.forEach((first, last) -> list.add(new Range(first, last)));
        return list;
    }
}
