package io.quire.storage;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException.NewerFormatException;
import java.nio.ByteBuffer;

/**
 * Which version of the layout a {@link KeyValueStore} has: {@code m/format} = int32, guarded by a CRC, see GuardedValue;
 * written when the store is formatted. A store without it is from before there was one: version 1. Stateless.
 */
public final class FormatVersion {
    /** The version that is written and read. */
    public static final int CURRENT = 1;

    private static final Payload KEY = Payload.ofUtf8("m/format");

    private FormatVersion() {}

    /** Notes in {@code transaction} that the store has the current layout. */
    public static void put(Transaction transaction) {
        transaction.put(KEY, GuardedValue.encode(KEY, Integer.BYTES, out -> out.putInt(CURRENT)));
    }

    /**
     * The version of {@code store}; nothing else of the store needs to be readable.
     *
     * @param what it is, for the message: "the ledger store"
     * @throws NewerFormatException when it is not known yet
     * @throws StorageException when the note is damaged
     */
    public static int require(KeyValueStore store, String what) {
        try (Snapshot snapshot = store.openSnapshot()) {
            int version = snapshot.get(KEY)
                    .map(value -> GuardedValue.decode(KEY, value, "the format version of " + what, ByteBuffer::getInt))
                    .orElse(CURRENT);
            if (version > CURRENT) {
                throw new NewerFormatException(what, version, CURRENT);
            }
            return version;
        }
    }
}
