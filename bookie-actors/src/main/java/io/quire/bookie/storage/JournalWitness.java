package io.quire.bookie.storage;

import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import java.nio.ByteBuffer;

/**
 * Remembers, in the ledger store, the newest segment that the journal ever had: of a newest segment that is gone, or of a
 * journal that was put back from a copy, the journal itself could not tell (R20). A segment is noted when its header is
 * durable, and before anything else is written to it; one that begins on a full disk is not noted.
 *
 * <pre>
 *   m/journal   guarded: int64 generation
 * </pre>
 *
 * <p>Stateless; it writes the disk, and may wait for a commit of the flusher.
 */
final class JournalWitness {
    private static final Payload KEY = Payload.ofUtf8("m/journal");

    private final KeyValueStore store;

    /** Uses {@code store}, which the caller closes. */
    JournalWitness(KeyValueStore store) {
        this.store = store;
    }

    /** The segment of {@code generation} is there; durable on return. */
    void started(long generation) {
        try (Transaction transaction = store.begin()) {
            transaction.put(KEY, GuardedValue.encode(KEY, Long.BYTES, out -> out.putLong(generation)));
            transaction.commit();
        }
    }

    /** The journal begins anew. */
    void forget() {
        try (Transaction transaction = store.begin()) {
            transaction.delete(KEY);
            transaction.commit();
        }
    }

    /**
     * @param newestGeneration of the segments that are there
     * @throws DamagedJournalException when there was a newer one
     */
    void require(long newestGeneration) {
        long started = generation();
        if (started > newestGeneration && newestGeneration == 0) {
            throw DamagedJournalException.gone("the journal is gone: its newest segment had generation " + started);
        }
        if (started > newestGeneration) {
            throw new DamagedJournalException("the newest segment of the journal is missing: it had generation "
                    + started + ", those that are there end at " + newestGeneration);
        }
    }

    /** Of the newest segment; 0 in a store from before that was noted. */
    private long generation() {
        try (Snapshot snapshot = store.openSnapshot()) {
            return snapshot.get(KEY)
                    .map(value -> GuardedValue.decode(KEY, value, "what is noted of the journal", ByteBuffer::getLong))
                    .orElse(0L);
        }
    }
}
