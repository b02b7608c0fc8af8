package io.quire.registry.core;

import io.quire.protocol.LedgerIdRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

/** A set of ledger ids, kept as ranges that neither overlap nor touch each other. Not thread-safe. */
public final class LedgerIdSet {
    private final NavigableMap<Long, Long> lastByFirst = new TreeMap<>();

    /**
     * What adding to the set did to its ranges.
     *
     * @param gone first ids of ranges that are no more
     * @param range the range that holds what was added; stands in place of one with the same first id
     */
    public record Merge(List<Long> gone, LedgerIdRange range) {}

    public boolean contains(long ledgerId) {
        Map.Entry<Long, Long> below = lastByFirst.floorEntry(ledgerId);
        return below != null && below.getValue() >= ledgerId;
    }

    /** Adds all ids of {@code range}. */
    public Merge add(LedgerIdRange range) {
        long first = range.first();
        long last = range.last();
        Map.Entry<Long, Long> below = lastByFirst.floorEntry(first);
        if (below != null && below.getValue() >= first - 1) {
            first = below.getKey();
        }
        List<Long> gone = new ArrayList<>();
        // Behind the last id there may be no further one.
        long touching = last == Long.MAX_VALUE ? last : last + 1;
        NavigableMap<Long, Long> swallowed = lastByFirst.subMap(first, true, touching, true);
        for (Map.Entry<Long, Long> old : swallowed.entrySet()) {
            last = Math.max(last, old.getValue());
            if (old.getKey() != first) {
                gone.add(old.getKey());
            }
        }
        swallowed.clear();
        lastByFirst.put(first, last);
        return new Merge(gone, new LedgerIdRange(first, last));
    }

    /** The ranges of the ids in {@code within}, ascending, cut to it. */
    public List<LedgerIdRange> ranges(LedgerIdRange within) {
        List<LedgerIdRange> ranges = new ArrayList<>();
        Long start = lastByFirst.floorKey(within.first());
        lastByFirst
                .subMap(start == null ? within.first() : start, true, within.last(), true)
                .forEach((first, last) -> {
                    if (last >= within.first()) {
                        ranges.add(new LedgerIdRange(Math.max(first, within.first()), Math.min(last, within.last())));
                    }
                });
        return ranges;
    }
}
