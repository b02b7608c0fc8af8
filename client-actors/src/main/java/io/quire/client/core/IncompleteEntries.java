package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.IncompleteRange;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Which entries a writer let go of before every member of their write set had acknowledged them (R12), as one growing
 * list of ranges for each member. A range may span entries that the member holds, or that it need not hold: what is noted
 * is where repair has to look. Not thread-safe.
 */
final class IncompleteEntries {
    /** Ids at most this far apart share a range: no ensemble is larger. */
    private final int nearby;

    private final Map<BookieId, List<long[]>> ranges = new LinkedHashMap<>();

    IncompleteEntries(int ensembleSize) {
        this.nearby = ensembleSize;
    }

    /** {@code bookie} is not known to hold {@code entryId}; the ids of one bookie mostly rise. */
    void add(BookieId bookie, long entryId) {
        List<long[]> own = ranges.computeIfAbsent(bookie, b -> new ArrayList<>());
        long[] last = own.isEmpty() ? null : own.get(own.size() - 1);
        if (last != null && entryId >= last[0] && entryId - last[1] <= nearby) {
            last[1] = Math.max(last[1], entryId);
        } else {
            own.add(new long[] {entryId, entryId});
        }
    }

    boolean isEmpty() {
        return ranges.isEmpty();
    }

    /** All of it, which is then no longer noted here. */
    List<IncompleteRange> take() {
        List<IncompleteRange> taken = new ArrayList<>();
        ranges.forEach(
                (bookie, own) -> own.forEach(range -> taken.add(new IncompleteRange(bookie, range[0], range[1]))));
        ranges.clear();
        return taken;
    }
}
