package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.DamagedRange;
import io.quire.bookie.storage.LedgerStore.Inspection;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/** Looks at blocks in a row, whatever the kind of the store. Used once, by one thread. */
final class BlockInspection {
    private final Snapshot snapshot;
    private final BlockSource source;
    private final List<DamagedRange> damaged = new ArrayList<>();
    private long bytes;
    private long entries;
    private OptionalLong next = OptionalLong.empty();
    /** A damaged block reaches up to the block behind it. */
    private long damagedFrom = EntryId.NONE;

    private String damage = "";

    /** Gets the bytes of blocks. */
    interface BlockSource {
        /** How many bytes the block has, as far as that can be told; never throws. */
        long bytesOf(Payload key, ByteBuffer value);

        /**
         * @param value of the block's key
         * @throws StorageException when it is damaged
         */
        List<Payload> entriesOf(LedgerId ledgerId, Payload key, ByteBuffer value);
    }

    BlockInspection(Snapshot snapshot, BlockSource source) {
        this.snapshot = snapshot;
        this.source = source;
    }

    /** See {@link LedgerStore.Reader#inspect}. */
    Inspection inspect(LedgerId ledgerId, long first, long bytesMax) {
        Payload start = StoreKeys.startOf(snapshot, ledgerId, first);
        snapshot.scan(start, StoreKeys.blocksEnd(ledgerId), (key, value) -> {
            long firstEntryId = StoreKeys.firstEntryIdOf(key);
            endDamage(firstEntryId - 1);
            if (bytes >= bytesMax) {
                next = OptionalLong.of(firstEntryId);
                return false;
            }
            bytes += source.bytesOf(key, value.duplicate());
            look(ledgerId, key, value);
            return true;
        });
        endDamage(EntryId.MAX);
        return new Inspection(bytes, entries, next, List.copyOf(damaged));
    }

    private void look(LedgerId ledgerId, Payload key, ByteBuffer value) {
        long firstEntryId = StoreKeys.firstEntryIdOf(key);
        try {
            List<Payload> block = source.entriesOf(ledgerId, key, value);
            requireGood(ledgerId, firstEntryId, block);
            entries += block.size();
        } catch (StorageException e) {
            damagedFrom = firstEntryId;
            damage = e.getMessage();
        }
    }

    private void endDamage(long last) {
        if (damagedFrom != EntryId.NONE) {
            damaged.add(new DamagedRange(damagedFrom, last, damage));
            damagedFrom = EntryId.NONE;
        }
    }

    /**
     * Whether a block holds what its key says: entries of that ledger, the first with that id, ascending, each with a
     * good digest as far as a key is not needed to tell.
     *
     * @throws DamagedException when not
     */
    static void requireGood(LedgerId ledgerId, long firstEntryId, List<Payload> block) {
        long previous = firstEntryId - 1;
        for (Payload entry : block) {
            try {
                EntryFormat.verify(entry);
            } catch (EntryFormat.DamagedEntryException e) {
                throw new DamagedException(e.getMessage(), e);
            }
            long entryId = EntryFormat.entryIdOf(entry);
            boolean inOrder = previous < firstEntryId ? entryId == firstEntryId : entryId > previous;
            if (EntryFormat.ledgerIdOf(entry) != ledgerId.value() || !inOrder) {
                throw new StorageException(
                        "entry " + entryId + " of ledger " + EntryFormat.ledgerIdOf(entry) + " in a block of others");
            }
            previous = entryId;
        }
    }
}
