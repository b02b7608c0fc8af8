package io.quire.bookie.storage;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The keys of a ledger store's map, whatever its kind, and the values that all kinds have; docs/data-files.md has the
 * table. Stateless.
 *
 * <pre>
 *   key                                   value
 *   b, int64 ledger, int64 first entry    a block, or where it is: see the kinds of ledger store
 *   l, int64 ledger                       int8 fenced, int64 last add confirmed, int64 first, int64 last entry, int64 count,
 *                                         int64 held at (absent in a value from before there were recovery adds: 0)
 *   m/applied                             int64 journal sequence
 * </pre>
 *
 * <p>The last two are guarded, see GuardedValue.
 */
final class StoreKeys {
    static final byte BLOCK = 'b';
    private static final byte LEDGER = 'l';
    private static final int BLOCK_BYTES = 17;
    /** The first key behind those of all blocks. */
    private static final Payload BLOCKS_END = Payload.ofUtf8("c");

    private static final Payload APPLIED = Payload.ofUtf8("m/applied");

    /** The first key behind those of all ledgers' states. */
    private static final Payload LEDGERS_END = Payload.ofUtf8("m");

    private StoreKeys() {}

    static Payload block(LedgerId ledgerId, long firstEntryId) {
        return Fields.encode(17, out -> out.put(BLOCK).putLong(ledgerId.value()).putLong(firstEntryId));
    }

    /** The first key behind the blocks of a ledger. */
    static Payload blocksEnd(LedgerId ledgerId) {
        return block(ledgerId, -1);
    }

    static long firstEntryIdOf(Payload blockKey) {
        if (blockKey.length() != BLOCK_BYTES) {
            throw new DamagedException("the key of a block in the ledger store is damaged");
        }
        return blockKey.asByteBuffer().getLong(9);
    }

    /** The first ledger with an id of at least {@code first} that has blocks, whether its state is there or not. */
    static Optional<LedgerId> ownerOfBlocks(Snapshot snapshot, long first) {
        List<LedgerId> found = new ArrayList<>();
        snapshot.scan(block(new LedgerId(first), 0), BLOCKS_END, (key, value) -> {
            long ledgerId = key.length() == BLOCK_BYTES ? key.asByteBuffer().getLong(1) : -1;
            if (ledgerId < 0) {
                throw new DamagedException("the key of a ledger in the ledger store is damaged");
            }
            found.add(new LedgerId(ledgerId));
            return false;
        });
        return found.stream().findFirst();
    }

    static Payload ledger(LedgerId ledgerId) {
        return Fields.encode(9, out -> out.put(LEDGER).putLong(ledgerId.value()));
    }

    /** The first block that may hold {@code entryId} or something behind it. */
    static Payload startOf(Snapshot snapshot, LedgerId ledgerId, long entryId) {
        Payload key = block(ledgerId, entryId);
        return snapshot.floorKey(key)
                .filter(floor ->
                        floor.length() == key.length() && floor.slice(0, 9).equals(key.slice(0, 9)))
                .orElse(key);
    }

    static Optional<LedgerStore.StoredLedger> readLedger(Snapshot snapshot, LedgerId ledgerId) {
        Payload key = ledger(ledgerId);
        return snapshot.get(key)
                .map(value -> GuardedValue.decode(key, value, "the state of ledger " + ledgerId, StoreKeys::getLedger));
    }

    private static LedgerStore.StoredLedger getLedger(ByteBuffer in) {
        boolean fenced = Fields.getBoolean(in);
        long lastAddConfirmed = in.getLong();
        long first = in.getLong();
        long last = in.getLong();
        long count = in.getLong();
        long heldAt = in.hasRemaining() ? in.getLong() : 0;
        return new LedgerStore.StoredLedger(
                new LedgerStore.Marks(fenced, lastAddConfirmed, heldAt), first, last, count);
    }

    static void putLedger(Transaction transaction, LedgerId ledgerId, LedgerStore.StoredLedger ledger) {
        Payload key = ledger(ledgerId);
        transaction.put(key, GuardedValue.encode(key, 64, out -> {
            Fields.putBoolean(out, ledger.marks().fenced());
            out.putLong(ledger.marks().lastAddConfirmed()).putLong(ledger.firstEntryId());
            out.putLong(ledger.lastEntryId()).putLong(ledger.entryCount());
            out.putLong(ledger.marks().heldAt());
        }));
    }

    /** The ids of up to {@code max} ledgers that there is a state of, from {@code first} on, ascending. */
    static List<LedgerId> ledgerIds(Snapshot snapshot, long first, int max) {
        List<LedgerId> found = new ArrayList<>();
        if (max > 0) {
            snapshot.scan(ledger(new LedgerId(first)), LEDGERS_END, (key, value) -> {
                found.add(new LedgerId(key.asByteBuffer().getLong(1)));
                return found.size() < max;
            });
        }
        return found;
    }

    /** 0 when nothing was applied yet. */
    static long readApplied(Snapshot snapshot) {
        return snapshot.get(APPLIED)
                .map(value -> GuardedValue.decode(APPLIED, value, "the applied journal position", ByteBuffer::getLong))
                .orElse(0L);
    }

    static void putApplied(Transaction transaction, long sequence) {
        transaction.put(APPLIED, GuardedValue.encode(APPLIED, 8, out -> out.putLong(sequence)));
    }
}
