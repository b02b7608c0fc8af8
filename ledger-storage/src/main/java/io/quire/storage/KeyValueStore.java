package io.quire.storage;

import io.quire.protocol.Payload;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * An ordered map on disk: keys are 1 to {@value #KEY_BYTES_MAX} bytes, compared as unsigned bytes. One writer at a time;
 * any number of readers beside it, each of which sees one committed state.
 *
 * <p>Every method throws {@link StorageException} when the disk fails it.
 */
public interface KeyValueStore extends AutoCloseable {
    int KEY_BYTES_MAX = 500;

    /**
     * @return {@code key}
     * @throws IllegalArgumentException when it has not 1 to {@value #KEY_BYTES_MAX} bytes
     */
    static Payload requireKey(Payload key) {
        if (key.isEmpty()) {
            throw new IllegalArgumentException("a key has at least 1 byte");
        }
        return requireBound(key);
    }

    /**
     * @return {@code bound}
     * @throws IllegalArgumentException when it has more than {@value #KEY_BYTES_MAX} bytes
     */
    static Payload requireBound(Payload bound) {
        if (bound.length() > KEY_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "a key of " + bound.length() + " bytes; the most is " + KEY_BYTES_MAX + " bytes");
        }
        return bound;
    }

    /**
     * Opens a view of the last committed state. Close it soon: as long as it is open nothing that it sees can be
     * reused. To be used by one thread.
     */
    Snapshot openSnapshot();

    /**
     * Starts to change the store; waits while another thread's transaction is open. To be used by one thread, the one
     * that called this.
     *
     * @throws IllegalStateException when the calling thread has a transaction open already
     * @throws StorageException also when a commit has failed before
     */
    Transaction begin();

    /** Bytes that the store takes on disk. */
    long sizeBytes();

    /**
     * Bytes within {@link #sizeBytes} that changes may take before the store has to grow, about: what was deleted, and
     * whatever else is not in use. Not all of it is always of use, since long values need room in one piece, and since
     * open snapshots hold what they see.
     */
    default long reusableBytes() {
        return 0;
    }

    /**
     * Refuses new snapshots and transactions and returns once those of other threads are closed.
     *
     * @throws IllegalStateException when the calling thread has one open; the store stays open
     */
    @Override
    void close();

    /** One state of the map. */
    interface Snapshot extends AutoCloseable {
        /** A copy of the value of {@code key}. */
        Optional<Payload> get(Payload key);

        /** The greatest key that is at most {@code key}; a copy. */
        Optional<Payload> floorKey(Payload key);

        /**
         * Shows {@code visitor} the keys in {@code [from, to)}, ascending, until it has enough. The visitor must not
         * change the store.
         *
         * @param from 0 to {@value #KEY_BYTES_MAX} bytes; none is below every key
         * @param to 0 to {@value #KEY_BYTES_MAX} bytes
         */
        void scan(Payload from, Payload to, Visitor visitor);

        @Override
        void close();
    }

    /**
     * A change of the map, all or nothing, that sees its own changes. Closing it without commit drops it; after a put
     * or delete that threw {@link StorageException} that is all that it can do.
     */
    interface Transaction extends Snapshot {
        /** Sets the value of {@code key}; an empty value is a value. */
        void put(Payload key, Payload value);

        /** Removes {@code key}; whether it was there. */
        boolean delete(Payload key);

        /**
         * Makes all changes durable at once and ends the transaction. When this throws, none or all of them may have
         * become durable, and the store takes no further transaction.
         */
        void commit();
    }

    /** Sees the pairs of a scan. */
    @FunctionalInterface
    interface Visitor {
        /**
         * @param key a copy
         * @param value valid only during the call, read-only
         * @return whether to go on
         */
        boolean visit(Payload key, ByteBuffer value);
    }
}
