package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.storage.DirectoryLock;
import io.quire.storage.DirectorySync;
import io.quire.storage.FormatVersion;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.LmdbReader;
import io.quire.storage.ReadOnlyFileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import io.quire.storage.StorageException.NewerFormatException;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Gives a stopped store, whose ledger store cannot be opened any more, an empty one of the same identity and kind, in which
 * everything is in limbo (R21). The old files are set aside, nothing is deleted.
 *
 * <p>Design note. What the empty store holds from the beginning is that it has lost everything: it is in limbo as a whole,
 * its journal has to be saved into it ({@link BookieStore#salvage}), and its boots are those of the register (R7; {@link
 * BootRecord#rebuilt}). So it is the next boot that does all that needs the journal and the registry, with the means of any
 * other boot. With the applied position all records of the journal are unapplied again; each may be repeated, since entries
 * never change (R9), fences are never lifted, and a drop only takes what was journaled before it.
 *
 * <p>The segments of a store of kind SEGMENTS are set aside too: an index could be made from their records, but not the
 * states of the ledgers, nor which records are live.
 *
 * <pre>
 *   ledgers.rebuilding/    the empty ledger store, until it is whole
 *   segments.rebuilding/   always empty
 *   damaged-1/             ledgers and segments as they were; another number when there is one
 * </pre>
 *
 * <p>The empty ledger store comes into its place last, by one rename. Before that the store cannot be opened, and may be
 * rebuilt again; what a crash leaves half made means nothing.
 *
 * <p>One use, one thread; it blocks.
 */
public final class StoreRebuild {
    private static final String REBUILDING = ".rebuilding";
    private static final String ASIDE_PREFIX = "damaged-";

    private final Path directory;
    private final long ledgerFileBytesMax;

    /**
     * What was done.
     *
     * @param reason why the ledger store could not be opened
     * @param aside where its files are now; empty when there were none
     * @param journalSegments that the next start will read; -1 when the store has no journal in its own directory
     */
    public record Report(BookieId bookie, StoreKind kind, String reason, Optional<Path> aside, int journalSegments) {}

    /**
     * @param directory of the store
     * @param ledgerFileBytesMax the most that LMDB's file may grow to
     */
    public StoreRebuild(Path directory, long ledgerFileBytesMax) {
        this.directory = directory;
        this.ledgerFileBytesMax = ledgerFileBytesMax;
    }

    /**
     * @throws StorageException.DirectoryInUseException when the store is in use
     * @throws StorageException when it is no store, has no good identity, or can be opened; or when the disk fails. It may
     *     be repeated then
     */
    public Report rebuild() {
        requireStore();
        try (DirectoryLock lock = DirectoryLock.acquire(directory)) {
            StoreIdentity identity = StoreIdentity.read(ReadOnlyFileStore.open(directory));
            String reason = whyUnreadable(directory, identity)
                    .orElseThrow(() -> new StorageException("the ledger store of " + lock.directory()
                            + " can be opened: there is nothing to rebuild. What is damaged within it, and its journal,"
                            + " the next start takes care of"));
            StoreKind kind = kind();
            make(identity.bookieId(), kind, reason);
            Optional<Path> aside = setAside(kind);
            putInPlace(kind);
            return new Report(identity.bookieId(), kind, reason, aside, journalSegments());
        } catch (IOException e) {
            throw new StorageException("could not rebuild " + directory + ": " + e, e);
        }
    }

    private void requireStore() {
        if (!Files.isDirectory(directory)) {
            throw new StorageException(directory + " is not a directory");
        }
        if (!StoreIdentity.isFormatted(ReadOnlyFileStore.open(directory))) {
            if (StoreDoctor.isStore(directory)) {
                throw new StorageException(
                        directory + " has no identity, so that nobody can tell which bookie it is; put"
                                + " back a copy of the file IDENTITY, of any age, first");
            }
            throw new StorageException(directory + " holds no store");
        }
    }

    /**
     * Why the ledger store of a stopped store cannot be opened; empty when it can.
     *
     * @throws StorageException when it cannot, but is not damaged either: of a newer version, of another store, not to be
     *     read by this user
     */
    static Optional<String> whyUnreadable(Path directory, StoreIdentity identity) {
        Path place = directory.resolve(StoreChecks.LEDGERS);
        if (!Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
            return Optional.of("there is no ledger store in " + place);
        }
        if (!Files.isDirectory(place)) {
            throw new StorageException(place + " is no directory, or a link that leads nowhere; is its disk mounted?");
        }
        if (!LmdbReader.isThere(place)) {
            return Optional.of("the ledger store was emptied: there is no data.mdb in " + place);
        }
        try (LmdbReader files = LmdbReader.open(place)) {
            files.requireWholeTrees();
            StoreChecks.requireKnownFormat(files);
            BootRecord.read(files);
            StoreKind.read(files);
            new Limbo(files);
            new JournalWitness(files).require(Long.MAX_VALUE);
            try (Snapshot snapshot = files.openSnapshot()) {
                StoreKeys.readApplied(snapshot);
            }
        } catch (NewerFormatException e) {
            throw e;
        } catch (StorageException e) {
            if (e.getCause() instanceof AccessDeniedException) {
                throw e;
            }
            return Optional.of(e.getMessage());
        } catch (RuntimeException e) {
            // As the doctor: whatever bytes there are, the answer is that they cannot be read.
            return Optional.of("the ledger store cannot be read: " + e);
        }
        return whyUnusable(directory, identity, place);
    }

    /** Of a ledger store whose records can be read. */
    private static Optional<String> whyUnusable(Path directory, StoreIdentity identity, Path place) {
        try (LmdbReader files = LmdbReader.open(place)) {
            StoreChecks.bootRecordOf(directory, identity, files);
            StoreInspection.ledgersOf(directory, files);
            return Optional.empty();
        } catch (DamagedException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** As recorded, if that can be read; otherwise by whether there are segments. */
    private StoreKind kind() {
        Path place = directory.resolve(StoreChecks.LEDGERS);
        if (LmdbReader.isThere(place)) {
            try (LmdbReader files = LmdbReader.open(place)) {
                BootRecord.read(files);
                return StoreKind.read(files);
            } catch (RuntimeException e) {
                // That is why it is rebuilt; the segments tell.
            }
        }
        boolean segments = Files.exists(directory.resolve(StoreChecks.SEGMENTS))
                || Files.exists(directory.resolve(StoreChecks.SEGMENTS + REBUILDING));
        return segments ? StoreKind.SEGMENTS : StoreKind.LMDB;
    }

    private void make(BookieId bookie, StoreKind kind, String reason) throws IOException {
        Path made = directory.resolve(StoreChecks.LEDGERS + REBUILDING);
        remove(made);
        Files.createDirectory(made);
        if (kind == StoreKind.SEGMENTS) {
            Files.createDirectories(directory.resolve(StoreChecks.SEGMENTS + REBUILDING));
        }
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(made, ledgerFileBytesMax)) {
            try (Transaction transaction = ledgers.begin()) {
                FormatVersion.put(transaction);
                kind.put(transaction);
                transaction.commit();
            }
            new Limbo(ledgers).startSalvage("the ledger store was rebuilt: " + reason);
            BootRecord.lost(bookie).write(ledgers);
        }
        DirectorySync.sync(directory);
    }

    private Optional<Path> setAside(StoreKind kind) throws IOException {
        List<Path> old = Stream.of(StoreChecks.LEDGERS, StoreChecks.SEGMENTS)
                .filter(name -> kind == StoreKind.SEGMENTS || name.equals(StoreChecks.LEDGERS))
                .map(directory::resolve)
                .filter(path -> Files.exists(path, LinkOption.NOFOLLOW_LINKS))
                .toList();
        if (old.isEmpty()) {
            return Optional.empty();
        }
        Path aside = Files.createDirectory(freeName());
        for (Path path : old) {
            Files.move(path, aside.resolve(path.getFileName()), StandardCopyOption.ATOMIC_MOVE);
        }
        DirectorySync.sync(aside);
        DirectorySync.sync(directory);
        return Optional.of(aside);
    }

    private Path freeName() {
        int number = 1;
        while (Files.exists(directory.resolve(ASIDE_PREFIX + number), LinkOption.NOFOLLOW_LINKS)) {
            number++;
        }
        return directory.resolve(ASIDE_PREFIX + number);
    }

    private void putInPlace(StoreKind kind) throws IOException {
        if (kind == StoreKind.SEGMENTS) {
            move(StoreChecks.SEGMENTS);
        }
        move(StoreChecks.LEDGERS);
    }

    private void move(String name) throws IOException {
        Files.move(directory.resolve(name + REBUILDING), directory.resolve(name), StandardCopyOption.ATOMIC_MOVE);
        DirectorySync.sync(directory);
    }

    private int journalSegments() throws IOException {
        Path journal = directory.resolve(StoreChecks.JOURNAL);
        if (!Files.isDirectory(journal)) {
            return -1;
        }
        try (Stream<Path> files = Files.list(journal)) {
            return (int) files.filter(file -> file.getFileName().toString().startsWith(JournalScan.SEGMENT_PREFIX))
                    .count();
        }
    }

    private static void remove(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> content = Files.walk(path)) {
            for (Path file : content.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
