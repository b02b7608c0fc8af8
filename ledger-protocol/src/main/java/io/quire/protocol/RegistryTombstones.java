package io.quire.protocol;

import java.util.concurrent.CompletionStage;

/**
 * Takes the registers of deleted ledgers out of the registry (R4). Voters keep the ids of collected ledgers for ever, as
 * ranges, so that a message that is late finds the ledger deleted and never unknown. Thread-safe.
 */
public interface RegistryTombstones {
    /**
     * Collects the register of a ledger that is {@link Deletion#PURGED}. The caller knows that no store holds data of the
     * ledger: every registered bookie that is not retired has confirmed it, those that are down included. May be repeated.
     */
    CompletionStage<Collection> collect(LedgerId ledgerId);

    /** How a collection ended. */
    sealed interface Collection {
        /** Every voter of the present config has stored it. */
        record Complete() implements Collection {}

        /**
         * Some voters have stored it, perhaps more than are known of; it has to be repeated. Meanwhile the ledger shows as
         * purged or as collected, by who is asked.
         */
        record Incomplete(int voters, int stored) implements Collection {}

        /** The register does not say that the ledger is purged; nothing was done. */
        record NotPurged() implements Collection {}

        /** The register could not be read; nothing was done. */
        record Unavailable(String reason) implements Collection {}
    }
}
