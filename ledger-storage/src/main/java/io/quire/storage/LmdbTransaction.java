package io.quire.storage;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Transaction;
import java.nio.ByteBuffer;
import org.lmdbjava.Dbi;
import org.lmdbjava.LmdbException;
import org.lmdbjava.Txn;

/** The one writing LMDB transaction. */
final class LmdbTransaction extends LmdbSnapshot implements Transaction {
    /** LMDB goes on only to drop a transaction in which something failed. */
    private boolean changeFailed;

    LmdbTransaction(LmdbKeyValueStore store, Dbi<ByteBuffer> database, Txn<ByteBuffer> transaction) {
        super(store, database, transaction);
    }

    @Override
    public void put(Payload key, Payload value) {
        requireChangeable();
        try {
            // Straight into the page: no second copy of what may be a megabyte.
            ByteBuffer room = database.reserve(transaction, direct(KeyValueStore.requireKey(key)), value.length());
            value.writeTo(room);
        } catch (LmdbException e) {
            changeFailed = true;
            throw LmdbKeyValueStore.failure("put into " + store, e);
        }
    }

    @Override
    public boolean delete(Payload key) {
        requireChangeable();
        try {
            return database.delete(transaction, direct(KeyValueStore.requireKey(key)));
        } catch (LmdbException e) {
            changeFailed = true;
            throw LmdbKeyValueStore.failure("delete from " + store, e);
        }
    }

    @Override
    public void commit() {
        requireChangeable();
        try {
            transaction.commit();
        } catch (LmdbException e) {
            throw store.commitFailed(e);
        } finally {
            end();
        }
    }

    private void requireChangeable() {
        requireIdle();
        if (changeFailed) {
            throw new IllegalStateException("a change in this transaction of " + store + " has failed; close it");
        }
    }

    @Override
    void ended(Thread thread) {
        store.transactionEnded(thread);
    }
}
