package io.quire.client.core;

import io.quire.protocol.EntryId;
import io.quire.protocol.FenceCoverage;
import io.quire.protocol.Replication;

/**
 * Finds the last-add-confirmed of an open ledger: the highest that any member of its last fragment knows, once so many
 * have answered that no ack quorum is left among the others (H47). Not thread-safe.
 */
public final class LastAddConfirmedRead {
    private final FenceCoverage coverage;
    private long highest;
    private int answers;

    /**
     * @param known a last-add-confirmed known already, or -1
     */
    public LastAddConfirmedRead(Replication replication, long known) {
        this.coverage = new FenceCoverage(replication);
        this.highest = Math.max(EntryId.NONE, known);
    }

    /** The member at {@code position} answered. */
    public void answered(int position, long lastAddConfirmed) {
        answers++;
        coverage.fenced(position);
        highest = Math.max(highest, lastAddConfirmed);
    }

    /** Whether nobody who has not answered could know of more that was confirmed long ago. */
    public boolean isCovered() {
        return coverage.isCovered();
    }

    /** How many members have answered. */
    public int answers() {
        return answers;
    }

    /** The highest one heard: a lower bound of what is confirmed. */
    public long highest() {
        return highest;
    }
}
