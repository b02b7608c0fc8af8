package io.quire.protocol;

/**
 * One entry, taken apart and verified.
 *
 * @param ledgerId the ledger it belongs to
 * @param entryId its place in the ledger
 * @param lastAddConfirmed what its writer had confirmed when it encoded this entry, below {@code entryId}
 * @param length the payload bytes of the ledger up to and with this entry
 * @param payload the application's bytes
 */
public record Entry(LedgerId ledgerId, long entryId, long lastAddConfirmed, long length, Payload payload) {
    public Entry {
        EntryId.requireValid(entryId);
        if (lastAddConfirmed < EntryId.NONE || lastAddConfirmed >= entryId) {
            throw new IllegalArgumentException(
                    "last add confirmed " + lastAddConfirmed + " must lie in [-1, " + entryId + ")");
        }
        if (length < payload.length()) {
            throw new IllegalArgumentException("length " + length + " is below the payload's own " + payload.length());
        }
    }
}
