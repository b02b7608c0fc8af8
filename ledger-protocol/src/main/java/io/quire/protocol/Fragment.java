package io.quire.protocol;

/**
 * A run of a ledger's entries that one ensemble holds, up to the next fragment's first entry.
 *
 * @param firstEntryId the first entry of the run, valid
 * @param fragmentVersion the version of the ledger's register that created this fragment; it tells two ensembles that
 *     start at the same entry apart (R8)
 * @param ensemble who holds it
 */
public record Fragment(long firstEntryId, long fragmentVersion, Ensemble ensemble) {
    public Fragment {
        EntryId.requireValid(firstEntryId);
        if (fragmentVersion < 1) {
            throw new IllegalArgumentException("fragment version must be positive: " + fragmentVersion);
        }
    }
}
