package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import java.util.List;

/** What a read wants done, called while it handles an input. Implementations do not call it back. */
public interface ReadOutbox {
    /** Ask {@code bookie} for entries; {@code request} comes back with the answer. Two are under way at most. */
    void read(long request, BookieId bookie, long firstEntryId, long lastEntryId, int entriesMax, int bytesMax);

    /**
     * Read the ledger's register linearizably; answered by {@link RangeRead#registerRead} or {@link
     * RangeRead#registerUnavailable}.
     */
    void readRegister();

    /** Whether one more member may be asked what a slow one was asked; counts as done when it may. */
    boolean mayHedge();

    /** {@code bookie} did not answer in time. */
    void silent(BookieId bookie);

    /** Whether {@code bookie} is not expected to answer; others are asked first then. A hint. */
    boolean isSuspect(BookieId bookie);

    /** The read is over: all entries asked for, or as many as the limits allow, ascending and without gaps. */
    void done(List<Entry> entries);

    /** The read is over without a result. */
    void failed(Failure failure);
}
