package io.quire.bookie.storage;

/** Hears how far a store that is being opened has come with its journal. Called by the thread that opens it. */
@FunctionalInterface
public interface ReplayProgress {
    /** Nobody wants to know. */
    ReplayProgress UNHEARD = (bytes, bytesMax) -> {};

    /**
     * @param bytes of the journal that are read, their records in memtables or in the ledger store
     * @param bytesMax of the journal's segments; what they hold may end before
     */
    void replayed(long bytes, long bytesMax);
}
