package io.quire.bookie.storage;

import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.NavigableMap;
import java.util.Optional;

/**
 * Where entries stay. One writer, any number of readers beside it. Every method throws {@link
 * io.quire.storage.StorageException} when the disk fails it or what it holds is damaged.
 */
interface LedgerStore extends AutoCloseable {
    /** The last journal record whose effects, and those of all before it, are in here (R17). */
    long appliedSequence();

    /** Starts one commit. */
    Writer begin();

    /** Opens a view of the last committed state. */
    Reader openReader();

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

        @Override
        void close();
    }

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
