package io.quire.bookie;

import io.quire.storage.DirectoryLock;
import io.quire.storage.FileStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The directories of one store, locked together (P11): its own, and that of its journal if that lies elsewhere, perhaps
 * on another disk. The figures of the disk are those of the fuller one. Thread-safe.
 */
final class StoreDirectories implements AutoCloseable {
    private static final String JOURNAL = "journal";
    private static final String LEDGERS = "ledgers";

    private final Path directory;
    private final Path journal;
    private final FileStore root;
    private final FileStore journalRoot;
    private final DirectoryLock lock;
    private final DirectoryLock journalLock;

    private StoreDirectories(Path directory, Path journal, DirectoryLock lock, DirectoryLock journalLock) {
        this.directory = directory;
        this.journal = journal;
        this.lock = lock;
        this.journalLock = journalLock;
        this.root = NioFileStore.open(directory);
        this.journalRoot = NioFileStore.open(journal);
    }

    /** Where the journal of the store in {@code directory} is if nothing else is said. */
    static Path journalIn(Path directory) {
        return directory.resolve(JOURNAL);
    }

    /** Where the ledger store of the store in {@code directory} is. */
    static Path ledgersIn(Path directory) {
        return directory.resolve(LEDGERS);
    }

    /**
     * Locks both, which exist.
     *
     * @throws StorageException when one is in use or missing; nothing is locked then
     */
    static StoreDirectories lock(Path directory, Path journal) {
        if (!Files.isDirectory(journal)) {
            throw new StorageException("the journal directory " + journal + " of the store in " + directory
                    + " is missing; is its disk there?");
        }
        DirectoryLock lock = DirectoryLock.acquire(directory);
        DirectoryLock journalLock = null;
        try {
            // Inside the store's own directory the store's lock covers it.
            journalLock = journal.equals(journalIn(directory)) ? null : DirectoryLock.acquire(journal);
            return new StoreDirectories(directory, journal, lock, journalLock);
        } catch (RuntimeException e) {
            if (journalLock != null) {
                journalLock.close();
            }
            lock.close();
            throw e;
        }
    }

    Path directory() {
        return directory;
    }

    Path journal() {
        return journal;
    }

    /** The files right in the store's own directory. */
    FileStore root() {
        return root;
    }

    /** Free bytes of the disk of the ledger store. */
    long ledgerFreeBytes() {
        return root.freeBytes();
    }

    /** Free bytes of the disk that has fewer. */
    long freeBytes() {
        return Math.min(root.freeBytes(), journalRoot.freeBytes());
    }

    /** The size of the disk that has fewer bytes free. */
    long totalBytes() {
        return journalRoot.freeBytes() < root.freeBytes() ? journalRoot.totalBytes() : root.totalBytes();
    }

    /** The size of the smaller disk. */
    long leastTotalBytes() {
        return Math.min(root.totalBytes(), journalRoot.totalBytes());
    }

    /** Both are free afterwards. */
    @Override
    public void close() {
        try (lock;
                journalLock;
                root) {
            journalRoot.close();
        }
    }
}
