package io.quire.bookie.storage;

import io.quire.protocol.Fields;
import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import java.util.Locale;

/**
 * Where a store keeps its entries. Chosen when the store is formatted and recorded in its key-value store, {@code
 * m/store} = guarded string; a store without that record is from before there was a choice.
 */
public enum StoreKind {
    /** In the key-value store itself. */
    LMDB,
    /** In segment files; the key-value store holds their index. */
    SEGMENTS;

    /** The key of the record. */
    static final Payload KEY = Payload.ofUtf8("m/store");

    /** The name that settings and commands use. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * @throws IllegalArgumentException when no kind has that name
     */
    public static StoreKind ofText(String text) {
        for (StoreKind kind : values()) {
            if (kind.text().equals(text)) {
                return kind;
            }
        }
        throw new IllegalArgumentException("a store is of kind lmdb or segments, not '" + text + "'");
    }

    /**
     * What a store is.
     *
     * @throws io.quire.storage.StorageException when the record is damaged or of a later version
     */
    public static StoreKind read(KeyValueStore ledgers) {
        try (Snapshot snapshot = ledgers.openSnapshot()) {
            return snapshot.get(KEY)
                    .map(value -> GuardedValue.decode(
                            KEY, value, "the record of the store's kind", in -> ofText(Fields.getString(in))))
                    .orElse(LMDB);
        }
    }

    /** Records what a new store is; durable on return. */
    public void write(KeyValueStore ledgers) {
        try (Transaction transaction = ledgers.begin()) {
            put(transaction);
            transaction.commit();
        }
    }

    void put(Transaction transaction) {
        transaction.put(KEY, GuardedValue.encode(KEY, 16, out -> Fields.putString(out, text())));
    }
}
