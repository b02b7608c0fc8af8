package io.quire.protocol;

/**
 * Entries that one member of their write set was not known to hold when the writer let go of them; repair starts here
 * (R12).
 *
 * @param bookie the member
 * @param firstEntryId the first entry of the range
 * @param lastEntryId the last one, inclusive
 */
public record IncompleteRange(BookieId bookie, long firstEntryId, long lastEntryId) {
    public IncompleteRange {
        EntryId.requireValid(firstEntryId);
        EntryId.requireValid(lastEntryId);
        if (lastEntryId < firstEntryId) {
            throw new IllegalArgumentException("empty range [" + firstEntryId + ", " + lastEntryId + "]");
        }
    }
}
