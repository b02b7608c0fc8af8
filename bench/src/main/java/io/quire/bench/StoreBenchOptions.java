package io.quire.bench;

import io.quire.bookie.storage.StoreKind;

/**
 * What load is put on one bookie's store, without a network.
 *
 * @param workload what is done
 * @param kind where the store keeps entries
 * @param liveBytes payload that lives in the store at a time
 * @param ledgers written at once
 * @param randomOrder whether closed ledgers are dropped in random order, not the oldest first
 * @param entryBytes payload of an entry; in a churn half to one and a half times as much
 * @param journal whether everything is journaled, too; otherwise it goes to a journal that keeps nothing
 */
public record StoreBenchOptions(
        Workload workload,
        StoreKind kind,
        long liveBytes,
        int ledgers,
        boolean randomOrder,
        int entryBytes,
        boolean journal) {
    /** What is done with the store. */
    public enum Workload {
        /** It is filled. */
        FLUSH,
        /** It is filled, and ledgers are dropped as others are written, until ten times as much was written. */
        CHURN,
        /** It is filled, opened anew and read. */
        READ
    }

    public StoreBenchOptions {
        if (liveBytes < 1 << 20 || ledgers < 1 || entryBytes < 2 || entryBytes > 1 << 20) {
            throw new IllegalArgumentException(
                    "live-bytes must be at least 1048576, ledgers positive, entry-size 2 to 1048576");
        }
    }
}
