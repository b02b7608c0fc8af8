package io.quire.client.core;

import io.quire.protocol.Ensemble;
import io.quire.protocol.IncompleteRange;
import java.util.ArrayList;
import java.util.List;

/**
 * Which entries a writer let go of before every member of their write set had acknowledged them (R12), as one growing
 * list of ranges for each member. Not thread-safe.
 */
final class IncompleteEntries {
    private final Ensemble ensemble;
    private final List<List<long[]>> ranges = new ArrayList<>();

    IncompleteEntries(Ensemble ensemble) {
        this.ensemble = ensemble;
        ensemble.bookies().forEach(bookie -> ranges.add(new ArrayList<>()));
    }

    /** The member at {@code position} is not known to hold {@code entryId}; ids of one member rise. */
    void add(int position, long entryId) {
        List<long[]> own = ranges.get(position);
        long[] last = own.isEmpty() ? null : own.get(own.size() - 1);
        if (last != null && entryId - last[1] <= ensemble.size()) {
            last[1] = entryId;
        } else {
            own.add(new long[] {entryId, entryId});
        }
    }

    IncompleteEntries copy() {
        IncompleteEntries copy = new IncompleteEntries(ensemble);
        for (int position = 0; position < ranges.size(); position++) {
            for (long[] range : ranges.get(position)) {
                copy.ranges.get(position).add(range.clone());
            }
        }
        return copy;
    }

    List<IncompleteRange> toList() {
        List<IncompleteRange> list = new ArrayList<>();
        for (int position = 0; position < ranges.size(); position++) {
            for (long[] range : ranges.get(position)) {
                list.add(new IncompleteRange(ensemble.at(position), range[0], range[1]));
            }
        }
        return list;
    }
}
