package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.storage.FormatVersion;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What a directory has to satisfy to be used as a store, for whoever boots it and for whoever explains why it does not
 * boot: both say the same. Each check throws a {@link StorageException} whose message says what is wrong. Stateless.
 */
public final class StoreChecks {
    /** The directory of the journal, within a store's. */
    public static final String JOURNAL = "journal";

    /** The directory of the ledger store, within a store's. */
    public static final String LEDGERS = "ledgers";

    /** The directory of the segments of a ledger store that has some, within a store's. */
    public static final String SEGMENTS = "segments";

    private static final String LEDGER_STORE = "the ledger store";

    private StoreChecks() {}

    /** Makes an empty ledger store the one of {@code bookie}, durably. */
    public static void format(KeyValueStore ledgers, BookieId bookie) {
        try (Transaction transaction = ledgers.begin()) {
            FormatVersion.put(transaction);
            transaction.commit();
        }
        BootRecord.formatted(bookie).write(ledgers);
    }

    /** @param formatted whether it has an identity, whole or not */
    public static void requireFormatted(Path directory, boolean formatted) {
        if (!formatted) {
            throw new StorageException(directory + " holds no store; format it first");
        }
    }

    /** A directory without an identity must hold nothing else of a store, before it is formatted. */
    public static void requireNoData(Path directory) {
        if (Files.exists(directory.resolve(JOURNAL))
                || Files.exists(directory.resolve(LEDGERS))
                || Files.exists(directory.resolve(SEGMENTS))) {
            throw new StorageException(directory + " holds data but no identity; restore the file IDENTITY, or move"
                    + " the data away before formatting");
        }
    }

    /** @throws OutOfSpaceException when the disk has too little room to start */
    public static void requireRoom(Path directory, long freeBytes, long freeBytesMin) {
        if (freeBytes < freeBytesMin) {
            throw new OutOfSpaceException(
                    "the disk of " + directory + " has " + freeBytes + " bytes free, a bookie needs " + freeBytesMin
                            + " to start (quire.bookie.free-bytes-min)",
                    null);
        }
    }

    /** The boot record of a ledger store that is of a known version and belongs to {@code identity}. */
    public static BootRecord bootRecordOf(Path directory, StoreIdentity identity, KeyValueStore ledgers) {
        requireKnownFormat(ledgers);
        BootRecord boot = BootRecord.read(ledgers);
        if (!boot.bookieId().equals(identity.bookieId())) {
            throw new StorageException(directory + " is put together from two stores: its identity is "
                    + identity.bookieId() + ", its ledger store belongs to " + boot.bookieId());
        }
        return boot;
    }

    /** @throws StorageException.NewerFormatException when this version cannot read the ledger store */
    static void requireKnownFormat(KeyValueStore ledgers) {
        FormatVersion.require(ledgers, LEDGER_STORE);
    }
}
