package io.quire.storage;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Visitor;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;
import org.lmdbjava.Cursor;
import org.lmdbjava.Dbi;
import org.lmdbjava.GetOp;
import org.lmdbjava.LmdbException;
import org.lmdbjava.Txn;

/** Reads in an LMDB transaction. Used, and closed, by the thread that made it; anything else throws. */
sealed class LmdbSnapshot implements Snapshot permits LmdbTransaction {
    /** A key on its way to LMDB, which looks at it only during the call that it is handed to. */
    private static final ThreadLocal<ByteBuffer> KEY =
            ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(KeyValueStore.KEY_BYTES_MAX));

    final LmdbKeyValueStore store;
    final Dbi<ByteBuffer> database;
    final Txn<ByteBuffer> transaction;
    private final Thread owner = Thread.currentThread();
    private int scans;
    private boolean ended;

    LmdbSnapshot(LmdbKeyValueStore store, Dbi<ByteBuffer> database, Txn<ByteBuffer> transaction) {
        this.store = store;
        this.database = database;
        this.transaction = transaction;
    }

    @Override
    public final Optional<Payload> get(Payload key) {
        requireOpen();
        try {
            ByteBuffer value = database.get(transaction, direct(KeyValueStore.requireKey(key)));
            return value == null ? Optional.empty() : Optional.of(Payload.copyOf(value));
        } catch (LmdbException e) {
            throw LmdbKeyValueStore.failure("read from " + store, e);
        }
    }

    @Override
    public final Optional<Payload> floorKey(Payload key) {
        requireOpen();
        byte[] most = KeyValueStore.requireKey(key).toByteArray();
        try (Cursor<ByteBuffer> cursor = database.openCursor(transaction)) {
            boolean found;
            if (cursor.get(direct(key), GetOp.MDB_SET_RANGE)) {
                found = Arrays.equals(copy(cursor.key()), most) || cursor.prev();
            } else {
                found = cursor.last();
            }
            return found ? Optional.of(Payload.wrap(copy(cursor.key()))) : Optional.empty();
        } catch (LmdbException e) {
            throw LmdbKeyValueStore.failure("read from " + store, e);
        }
    }

    @Override
    public final void scan(Payload from, Payload to, Visitor visitor) {
        requireOpen();
        KeyValueStore.requireBound(from);
        byte[] end = KeyValueStore.requireBound(to).toByteArray();
        scans++;
        try (Cursor<ByteBuffer> cursor = database.openCursor(transaction)) {
            boolean found = from.isEmpty() ? cursor.first() : cursor.get(direct(from), GetOp.MDB_SET_RANGE);
            while (found) {
                byte[] key = copy(cursor.key());
                if (Arrays.compareUnsigned(key, end) >= 0
                        || !visitor.visit(Payload.wrap(key), cursor.val().asReadOnlyBuffer())) {
                    break;
                }
                found = cursor.next();
            }
        } catch (LmdbException e) {
            throw LmdbKeyValueStore.failure("scan " + store, e);
        } finally {
            scans--;
        }
    }

    @Override
    public final void close() {
        if (!ended) {
            requireIdle();
            end();
        }
    }

    /** Gives LMDB's transaction back; what it changed and did not commit is dropped. */
    final void end() {
        ended = true;
        try {
            transaction.close();
        } finally {
            ended(owner);
        }
    }

    void ended(Thread thread) {
        store.snapshotEnded(thread);
    }

    /** Open, in its own thread, and no scan under way, whose cursor a change would pull the ground from under. */
    final void requireIdle() {
        requireOpen();
        if (scans > 0) {
            throw new IllegalStateException("a scan of " + store + " is under way");
        }
    }

    final void requireOpen() {
        if (Thread.currentThread() != owner) {
            throw new IllegalStateException("a snapshot or transaction of " + store + " belongs to " + owner);
        }
        if (ended) {
            throw new IllegalStateException("this snapshot or transaction of " + store + " is closed");
        }
    }

    static ByteBuffer direct(Payload key) {
        ByteBuffer buffer = KEY.get().clear();
        key.writeTo(buffer);
        return buffer.flip();
    }

    private static byte[] copy(ByteBuffer mapped) {
        byte[] bytes = new byte[mapped.remaining()];
        mapped.get(mapped.position(), bytes);
        return bytes;
    }
}
