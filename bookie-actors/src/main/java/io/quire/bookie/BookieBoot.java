package io.quire.bookie;

import io.quire.bookie.core.BootSequence;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BootRecord;
import io.quire.bookie.storage.DamagedJournalException;
import io.quire.bookie.storage.StoreChecks;
import io.quire.bookie.storage.StoreIdentity;
import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.OpId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.storage.DirectoryLock;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Formats a directory as a store, and boots one: lock, identity, boot epoch in the register, journal replay, in this
 * order (R7). Every step that blocks runs on the given executor.
 */
public final class BookieBoot {
    private static final Logger LOG = LoggerFactory.getLogger(BookieBoot.class);

    private final Place place;
    private final BookieSettings settings;
    private final Registry registry;
    private final Surroundings surroundings;
    private final Executor blocking;

    /**
     * Where a store is and what it is called.
     *
     * @param directory the store's own
     * @param journal the directory of its journal, within its own or anywhere else
     * @param clusterName as configured; must be the one the store was formatted for
     * @param clusterId of the registry that this node belongs to
     * @param address the actor path that others reach this store by
     * @param name what people call it
     */
    public record Place(
            Path directory, Path journal, String clusterName, String clusterId, String address, String name) {
        /** A store with its journal in its own directory. */
        public Place(Path directory, String clusterName, String clusterId, String address, String name) {
            this(directory, StoreDirectories.journalIn(directory), clusterName, clusterId, address, name);
        }
    }

    /**
     * What a boot has to do with other bookies (R7).
     *
     * @param identified told which store this is, before others are asked for it
     * @param answersAs whether the bookie of that id answers at that address, be it that it is only starting
     */
    record Surroundings(
            Consumer<BookieId> identified, BiFunction<String, BookieId, CompletionStage<Boolean>> answersAs) {}

    /** A store that may serve. Closing it gives the directory back. */
    record Booted(
            BookieId bookie,
            BootEpoch bootEpoch,
            BookieStore store,
            KeyValueStore ledgerFiles,
            StoreDirectories directories) {
        /** The directory is free afterwards, whatever fails. Blocks until the store's readers are done. */
        void close(boolean clean) {
            try (directories;
                    store) {
                if (clean) {
                    markClean();
                }
            }
        }

        private void markClean() {
            try {
                BootRecord.read(ledgerFiles).withClean(true).write(ledgerFiles);
            } catch (StorageException.OutOfSpaceException e) {
                // Without the mark the next boot asks once more whether the store answers elsewhere; nothing is lost.
                LOG.warn("Bookie {} stops without the mark of an orderly stop: {}", bookie, e.getMessage());
            }
        }
    }

    /** What is open before the register was asked. */
    private record Opened(
            StoreIdentity identity, BootRecord boot, KeyValueStore ledgers, StoreDirectories directories) {
        /** The directory is free afterwards, whatever fails. */
        void close() {
            try (directories) {
                ledgers.close();
            }
        }
    }

    BookieBoot(Place place, BookieSettings settings, Registry registry, Surroundings surroundings, Executor blocking) {
        this.place = place;
        this.settings = settings;
        this.registry = registry;
        this.surroundings = surroundings;
        this.blocking = blocking;
    }

    /** Where the journal of the store in {@code directory} is if nothing else is said. */
    public static Path journalIn(Path directory) {
        return StoreDirectories.journalIn(directory);
    }

    /** Whether {@code directory} holds a store, damaged or not. */
    public static boolean isFormatted(Path directory) {
        if (!Files.isDirectory(directory)) {
            return false;
        }
        try (FileStore root = NioFileStore.open(directory)) {
            return StoreIdentity.isFormatted(root);
        }
    }

    /** Formats a store with its journal in its own directory. */
    public static BookieId format(Path directory, String clusterName, BookieSettings settings) {
        return format(directory, StoreDirectories.journalIn(directory), clusterName, settings);
    }

    /**
     * Makes {@code directory} a new store with an identity of its own (H25), whose journal is in {@code journal}.
     *
     * @throws StorageException when it holds a store already, or the data of one; when the journal directory is not empty;
     *     when a disk is too small for the settings. Nothing was written then
     */
    public static BookieId format(Path directory, Path journal, String clusterName, BookieSettings settings) {
        try {
            boolean separate = !journal.equals(StoreDirectories.journalIn(directory));
            requireEmptyJournal(journal, directory, separate);
            Files.createDirectories(directory);
            try (DirectoryLock lock = DirectoryLock.acquire(directory);
                    FileStore root = NioFileStore.open(directory)) {
                requireUnformatted(directory, root);
                requireFit(directory, root.totalBytes(), settings);
                if (separate) {
                    Files.createDirectories(journal);
                    try (DirectoryLock journalLock = DirectoryLock.acquire(journal);
                            FileStore files = NioFileStore.open(journal)) {
                        requireFit(journal, files.totalBytes(), settings);
                        return mint(directory, root, clusterName, settings);
                    }
                }
                Files.createDirectory(journal);
                return mint(directory, root, clusterName, settings);
            }
        } catch (java.io.IOException e) {
            throw new StorageException("cannot format " + directory + ": " + e.getMessage(), e);
        }
    }

    private static BookieId mint(Path directory, FileStore root, String clusterName, BookieSettings settings)
            throws java.io.IOException {
        BookieId bookie = new BookieId(UUID.randomUUID());
        Files.createDirectory(StoreDirectories.ledgersIn(directory));
        if (settings.kind() == StoreKind.SEGMENTS) {
            Files.createDirectory(directory.resolve(StoreChecks.SEGMENTS));
        }
        try (KeyValueStore ledgers = openLedgers(directory, settings)) {
            settings.kind().write(ledgers);
            new StoreIdentity(bookie, clusterName).format(root, ledgers);
        }
        return bookie;
    }

    private static void requireUnformatted(Path directory, FileStore root) {
        if (StoreIdentity.isFormatted(root)) {
            throw new StorageException(directory + " holds a store already");
        }
        StoreChecks.requireNoData(directory);
    }

    /** The journal of another store, or of this one before, must not become that of a new one. */
    private static void requireEmptyJournal(Path journal, Path directory, boolean separate) {
        if (!separate || !Files.isDirectory(journal)) {
            return;
        }
        try (FileStore files = NioFileStore.open(journal)) {
            if (!files.list().isEmpty()) {
                throw new StorageException("the journal directory " + journal + " of the store to be made in "
                        + directory + " is not empty; it belongs to another store, or did");
            }
        }
    }

    private static void requireFit(Path directory, long totalBytes, BookieSettings settings) {
        settings.space().marks().misfit(totalBytes).ifPresent(misfit -> {
            throw new StorageException("the disk of " + directory + " is too small: " + misfit);
        });
    }

    /** Boots the store; fails with a {@link StorageException} or {@link Registry.UnavailableException} that says why not. */
    CompletionStage<Booted> boot() {
        return CompletableFuture.supplyAsync(this::open, blocking).thenCompose(opened -> adopt(opened)
                .thenCompose(known -> register(known, 0).thenApplyAsync(bootEpoch -> start(known, bootEpoch), blocking))
                .whenComplete((booted, failure) -> {
                    if (failure != null) {
                        opened.close();
                    }
                }));
    }

    private Opened open() {
        StoreChecks.requireFormatted(place.directory(), isFormatted(place.directory()));
        StoreDirectories directories = StoreDirectories.lock(place.directory(), place.journal());
        try {
            StoreIdentity identity = StoreIdentity.read(directories.root());
            surroundings.identified().accept(identity.bookieId());
            if (!identity.clusterName().equals(place.clusterName())) {
                throw new StorageException(place.directory() + " was formatted for cluster '" + identity.clusterName()
                        + "', this is '" + place.clusterName() + "'");
            }
            requireOwnJournal(identity.bookieId());
            requireFit(place.directory(), directories.leastTotalBytes(), settings);
            StoreChecks.requireRoom(place.directory(), directories.freeBytes(), settings.freeBytesMin());
            KeyValueStore ledgers = openLedgers(place.directory(), settings);
            try {
                BootRecord boot = StoreChecks.bootRecordOf(place.directory(), identity, ledgers);
                if (boot.intent().isEmpty()) {
                    boot = boot.withIntent(new OpId(UUID.randomUUID()));
                    boot.write(ledgers);
                }
                return new Opened(identity, boot, ledgers, directories);
            } catch (RuntimeException e) {
                ledgers.close();
                throw e;
            }
        } catch (RuntimeException e) {
            directories.close();
            throw e;
        }
    }

    /** Directories of journals are easily swapped; it must be found out before anything is written. */
    private void requireOwnJournal(BookieId bookie) {
        try (FileStore files = NioFileStore.open(place.journal())) {
            BookieStore.journalOwners(files).stream()
                    .filter(owner -> !owner.equals(bookie))
                    .findFirst()
                    .ifPresent(owner -> {
                        throw new StorageException("the journal directory " + place.journal() + " belongs to bookie "
                                + owner + ", the store in " + place.directory() + " is bookie " + bookie
                                + "; are journal directories swapped?");
                    });
        }
    }

    /**
     * A store that was rebuilt goes on behind the boot that is registered, whichever that is. It writes that down before it
     * asks for the next one: from then on a copy of it is found out like any other.
     */
    private CompletionStage<Opened> adopt(Opened opened) {
        if (!opened.boot().rebuilt()) {
            return CompletableFuture.completedStage(opened);
        }
        BookieId bookie = opened.identity().bookieId();
        return registry.read(RegistryKey.ofBookie(bookie))
                .thenApplyAsync(
                        value -> {
                            BootSequence.Decision decision = BootSequence.decideRebuilt(
                                    journaledBoot(bookie), registrationOf(value), self(bookie));
                            if (decision instanceof BootSequence.Decision.Adopt adopt) {
                                BootRecord adopted = opened.boot().withAdopted(adopt.registered());
                                adopted.write(opened.ledgers());
                                return new Opened(opened.identity(), adopted, opened.ledgers(), opened.directories());
                            }
                            throw new StorageException(((BootSequence.Decision.Refuse) decision).reason());
                        },
                        blocking);
    }

    private BootEpoch journaledBoot(BookieId bookie) {
        try (FileStore files = NioFileStore.open(place.journal())) {
            return BookieStore.journalBoot(files, bookie);
        }
    }

    private static Optional<BookieRegistration> registrationOf(RegisterValue value) {
        return value.isAbsent() ? Optional.empty() : Optional.of(BookieRegistration.decode(value.value()));
    }

    /** What the store registers, but for its boot. */
    private BookieRegistration self(BookieId bookie) {
        return new BookieRegistration(
                bookie, place.clusterId(), BootEpoch.NEVER_BOOTED, BookieLife.ACTIVE, place.address(), place.name());
    }

    private CompletionStage<BootEpoch> register(Opened opened, int attempt) {
        if (attempt > 20) {
            return failed("the boot could not be registered in " + attempt + " attempts");
        }
        BookieId bookie = opened.identity().bookieId();
        return registry.read(RegistryKey.ofBookie(bookie)).thenCompose(value -> {
            Optional<BookieRegistration> registered = registrationOf(value);
            BootSequence.Decision decision = BootSequence.decide(situation(opened, value, registered), self(bookie));
            if (decision instanceof BootSequence.Decision.Boot boot) {
                // A copy made between intent and confirmation has our operation id too.
                return requireSilence(bookie, registered).thenApply(silent -> boot.bootEpoch());
            } else if (decision instanceof BootSequence.Decision.Refuse refuse) {
                return failed(refuse.reason());
            }
            BootSequence.Decision.Register change = (BootSequence.Decision.Register) decision;
            // After an orderly stop nobody can serve this boot epoch any more; the register catches a later one.
            CompletionStage<Boolean> silence =
                    opened.boot().clean() ? CompletableFuture.completedStage(true) : requireSilence(bookie, registered);
            return silence.thenCompose(silent -> registry.compareAndSet(
                            RegistryKey.ofBookie(bookie),
                            change.expectedVersion(),
                            change.registration().encode(),
                            opened.boot().intent().orElseThrow()))
                    .thenCompose(result -> register(opened, attempt + 1));
        });
    }

    private static BootSequence.Situation situation(
            Opened opened, RegisterValue value, Optional<BookieRegistration> registered) {
        OpId opId = opened.boot().intent().orElseThrow();
        // Later versions may have changed other things, such as the name; each boot moves the epoch by one.
        boolean writtenByUs = value.versionWrittenBy(opId).isPresent();
        return new BootSequence.Situation(opened.boot().confirmed(), opId, value.version(), registered, writtenByUs);
    }

    /** Fails when the store still answers where it was last: then this directory is a copy of one in use. */
    private CompletionStage<Boolean> requireSilence(BookieId bookie, Optional<BookieRegistration> registered) {
        String last = registered.map(BookieRegistration::address).orElse("");
        if (last.isEmpty() || last.equals(place.address())) {
            return CompletableFuture.completedStage(true);
        }
        return surroundings.answersAs().apply(last, bookie).thenApply(answers -> {
            if (answers) {
                throw new StorageException(
                        "bookie " + bookie + " is in use at " + last + ": " + place.directory() + " is a copy of it");
            }
            return true;
        });
    }

    private Booted start(Opened opened, BootEpoch bootEpoch) {
        BookieId bookie = opened.identity().bookieId();
        FileStore journalFiles = NioFileStore.open(place.journal());
        Optional<FileStore> segments = Optional.empty();
        try {
            segments = openSegments(opened.ledgers());
            BookieStore store =
                    openStore(bookie, bootEpoch, new BookieStore.Files(journalFiles, opened.ledgers(), segments));
            opened.boot().withConfirmedIntent(place.clusterId()).write(opened.ledgers());
            return new Booted(bookie, bootEpoch, store, opened.ledgers(), opened.directories());
        } catch (RuntimeException e) {
            segments.ifPresent(FileStore::close);
            journalFiles.close();
            throw e;
        }
    }

    /** A damaged journal does not keep the store from serving what it has: it goes into limbo (R21). */
    private BookieStore openStore(BookieId bookie, BootEpoch bootEpoch, BookieStore.Files files) {
        ReplayLog progress = new ReplayLog(System::nanoTime, line -> LOG.info("Bookie {}: {}", bookie, line));
        try {
            return BookieStore.open(bookie, bootEpoch, settings.store(), files, progress);
        } catch (DamagedJournalException e) {
            // What is left of the journal of a rebuilt store has still to be saved: it must not be missed.
            boolean gone = e.isGone() || files.journal().list().isEmpty();
            if (gone && !place.journal().equals(StoreDirectories.journalIn(place.directory()))) {
                throw new StorageException("the journal directory " + place.journal() + " is empty: " + e.getMessage()
                        + "; is its disk mounted, and is it the right directory?");
            }
            LOG.error(
                    "Bookie {}: {}. What is left of the journal is saved; the store goes into limbo and is repaired from"
                            + " other bookies",
                    bookie,
                    e.getMessage());
            BookieStore.salvage(bookie, bootEpoch, settings.store(), files, e.getMessage());
            return BookieStore.open(bookie, bootEpoch, settings.store(), files);
        }
    }

    /** The kind that the store was formatted with counts, whatever the settings say now. */
    private Optional<FileStore> openSegments(KeyValueStore ledgers) {
        StoreKind kind = StoreKind.read(ledgers);
        if (kind != settings.kind()) {
            LOG.info(
                    "{} was formatted with quire.bookie.store = {} and stays so; the setting {} is for new stores,"
                            + " './quire store convert' changes one",
                    place.directory(),
                    kind.text(),
                    settings.kind().text());
        }
        return kind == StoreKind.SEGMENTS
                ? Optional.of(NioFileStore.open(place.directory().resolve(StoreChecks.SEGMENTS)))
                : Optional.empty();
    }

    private static KeyValueStore openLedgers(Path directory, BookieSettings settings) {
        return LmdbKeyValueStore.open(StoreDirectories.ledgersIn(directory), settings.ledgerFileBytesMax());
    }

    private static <T> CompletionStage<T> failed(String reason) {
        return CompletableFuture.failedStage(new StorageException(reason));
    }
}
