package io.quire.protocol;

import java.util.ArrayList;
import java.util.List;

/**
 * The bookies that one entry is written to: Qw consecutive members of the ensemble, from position {@code entry mod E}.
 *
 * @param positions positions in the ensemble, in write order
 */
public record WriteSet(List<Integer> positions) {
    public WriteSet {
        positions = List.copyOf(positions);
    }

    /** The write set of {@code entryId}, in the order in which a reader without other knowledge would ask. */
    public static WriteSet of(long entryId, Replication replication) {
        EntryId.requireValid(entryId);
        int first = (int) (entryId % replication.ensembleSize());
        List<Integer> positions = new ArrayList<>(replication.writeQuorum());
        for (int i = 0; i < replication.writeQuorum(); i++) {
            positions.add((first + i) % replication.ensembleSize());
        }
        return new WriteSet(positions);
    }

    /** Whether the entry is written to the member at {@code position}. */
    public boolean contains(int position) {
        return positions.contains(position);
    }
}
