package io.quire.bookie.storage;

import io.quire.storage.StorageException;

/**
 * Durable records of a journal are bad or gone; the store must not serve as if it knew everything that it acknowledged. What
 * is left can be saved, in limbo.
 */
public final class DamagedJournalException extends StorageException {
    private static final long serialVersionUID = 1;

    DamagedJournalException(String message) {
        super(message);
    }
}
