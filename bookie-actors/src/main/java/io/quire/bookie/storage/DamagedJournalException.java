package io.quire.bookie.storage;

import io.quire.storage.StorageException;

/**
 * Durable records of a journal are bad or gone; the store must not serve as if it knew everything that it acknowledged. What
 * is left can be saved, in limbo.
 */
public final class DamagedJournalException extends StorageException {
    private static final long serialVersionUID = 1;

    private final boolean gone;

    DamagedJournalException(String message) {
        this(message, false);
    }

    private DamagedJournalException(String message, boolean gone) {
        super(message);
        this.gone = gone;
    }

    /** Nothing is left of the journal. */
    static DamagedJournalException gone(String message) {
        return new DamagedJournalException(message, true);
    }

    /** Whether nothing is left of the journal, so that it may only be that somebody looks in the wrong place. */
    public boolean isGone() {
        return gone;
    }
}
