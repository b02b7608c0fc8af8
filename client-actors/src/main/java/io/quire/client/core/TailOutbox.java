package io.quire.client.core;

import io.quire.protocol.BookieId;

/** What a {@link TailRead} wants done. Calls back in the same call are not allowed. */
public interface TailOutbox {
    /**
     * Follow the ledger at a bookie.
     *
     * @param subscription names it, never used before
     */
    void subscribe(long subscription, BookieId bookie, long firstEntryId, long lastAddConfirmed, long creditLimit);

    /** Raise the credit of a subscription, or repeat it. */
    void grant(long subscription, BookieId bookie, long lastAddConfirmed, long creditLimit);

    /** A subscription is not needed any more. */
    void unsubscribe(long subscription, BookieId bookie);

    /** Read {@code [firstEntryId, lastEntryId]}, then call {@link TailRead#fetched} or {@link TailRead#fetchFailed}. */
    void fetch(long fetch, long firstEntryId, long lastEntryId);

    /**
     * Read the ledger's register linearizably, and while it is open its last-add-confirmed from its bookies; then call
     * {@link TailRead#learned} and {@link TailRead#confirmed}.
     */
    void refresh();
}
