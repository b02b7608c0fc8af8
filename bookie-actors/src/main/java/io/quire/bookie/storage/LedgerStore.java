package io.quire.bookie.storage;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Where entries stay. One writer, any number of readers beside it. Every method throws {@link
 * io.quire.storage.StorageException} when the disk fails it or what it holds is damaged.
 */
public interface LedgerStore extends AutoCloseable {
    /** The last journal record whose effects, and those of all before it, are in here (R17). */
    long appliedSequence();

    /** Bytes that it takes on disk. */
    long sizeBytes();

    /** Starts one commit. */
    Writer begin();

    /** Opens a view of the last committed state. */
    Reader openReader();

    /**
     * Makes the next small step of giving dead space back, by the writer and between its commits.
     *
     * @param bytesMax look at about as many bytes
     * @return bytes read and written; 0 when nothing is to be done at the moment
     * @throws io.quire.storage.StorageException.OutOfSpaceException when there is no room for what has to be moved;
     *     nothing is lost, and unless it was the index that had none it can be tried again
     */
    default long compact(int bytesMax) {
        return 0;
    }

    /** What the segment files hold. Any thread may ask. */
    default SegmentFigures segmentFigures() {
        return SegmentFigures.NONE;
    }

    /** Bytes of its files that commits may take before they grow, about; see {@link KeyValueStore#reusableBytes}. */
    default long reusableBytes() {
        return 0;
    }

    /** In place of {@link #close}: leaves open what it was made of, so that another one can be made of it. */
    default void letGo() {}

    @Override
    void close();

    /** One commit, all or nothing. */
    interface Writer extends AutoCloseable {
        /**
         * Adds entries of one ledger; those that are there already stay as they are.
         *
         * @param entries encoded entries by id
         * @param marks raise what is known of the ledger
         * @return how many entries were there already with other bytes (an alarm, R18)
         */
        long add(LedgerId ledgerId, NavigableMap<Long, Payload> entries, Marks marks);

        /**
         * Removes what is held of a ledger, as far as {@code blocksMax} blocks go; the ledger's state goes with the last
         * of them.
         *
         * @return whether nothing is left
         */
        boolean drop(LedgerId ledgerId, int blocksMax);

        /**
         * Puts entries in the place of a block that cannot be read any more, beside those of its entries that are good by
         * their own digests, and counts the ledger's entries anew. Does nothing when the block is whole.
         *
         * @param first where the damaged block starts, as {@link Reader#inspect} reported it
         * @param last the end of its range
         * @param entries encoded entries by id, all within the range
         */
        void mend(LedgerId ledgerId, long first, long last, NavigableMap<Long, Payload> entries);

        /**
         * Makes the state of a ledger agree with its blocks, of which some may be gone or not to be read; the marks stay. When
         * the state cannot be read itself the ledger is fenced and held for ever, since nobody can tell (R24).
         */
        void restate(LedgerId ledgerId);

        /** Everything up to the journal record {@code sequence} is in here with this commit. */
        void applied(long sequence);

        /** Makes the changes durable. */
        void commit();

        @Override
        void close();
    }

    /** One committed state. */
    interface Reader extends AutoCloseable {
        Optional<StoredLedger> ledger(LedgerId ledgerId);

        /** Shows the entries in {@code [first, last]}, ascending, until the visitor has enough. */
        void read(LedgerId ledgerId, long first, long last, Visitor visitor);

        /** How many entries the ledger's blocks say they hold, all together; the entries are not looked at. */
        long count(LedgerId ledgerId);

        /** The ids of up to {@code max} ledgers that something is held of, from {@code first} on, ascending. */
        List<LedgerId> ledgerIds(long first, int max);

        /**
         * Verifies a ledger's blocks, and the digests of their entries, as far as a key is not needed for that: those that
         * hold {@code first} or something behind it, about {@code bytesMax} bytes of them.
         */
        Inspection inspect(LedgerId ledgerId, long first, long bytesMax);

        @Override
        void close();
    }

    /**
     * What was found in some blocks of a ledger.
     *
     * @param bytes that were looked at
     * @param entries that are good
     * @param next where to go on; empty at the end of the ledger
     */
    record Inspection(long bytes, long entries, OptionalLong next, List<DamagedRange> damaged) {}

    /**
     * Ids that a damaged block may have held.
     *
     * @param firstEntryId where the block starts
     * @param lastEntryId right before the next block; {@link io.quire.protocol.EntryId#MAX} for the last one
     * @param reason what is wrong with it, for people
     */
    record DamagedRange(long firstEntryId, long lastEntryId, String reason) {}

    /** Sees encoded entries. */
    interface Visitor {
        /**
         * @return whether to go on
         */
        boolean visit(long entryId, Payload encoded);
    }

    /**
     * What changes of a ledger beside its entries; each field only ever rises.
     *
     * @param heldAt the highest version of the register at which recovery brought something, or 0 (R24)
     */
    record Marks(boolean fenced, long lastAddConfirmed, long heldAt) {
        Marks raisedBy(Marks other) {
            return new Marks(
                    fenced || other.fenced,
                    Math.max(lastAddConfirmed, other.lastAddConfirmed),
                    Math.max(heldAt, other.heldAt));
        }
    }

    /**
     * What a store knows of a ledger.
     *
     * @param firstEntryId the lowest entry held, -1 for none
     * @param lastEntryId the highest entry held, -1 for none
     * @param entryCount how many entries its blocks hold; what is read must agree (R19)
     */
    record StoredLedger(Marks marks, long firstEntryId, long lastEntryId, long entryCount) {
        static final StoredLedger EMPTY = new StoredLedger(new Marks(false, -1, 0), -1, -1, 0);
    }
}
