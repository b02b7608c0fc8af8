package io.quire.bookie;

import io.quire.bookie.core.BootSequence;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BootRecord;
import io.quire.bookie.storage.DamagedJournalException;
import io.quire.bookie.storage.StoreIdentity;
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
    private static final String JOURNAL = "journal";
    private static final String LEDGERS = "ledgers";

    private final Place place;
    private final BookieSettings settings;
    private final Registry registry;
    private final Surroundings surroundings;
    private final Executor blocking;

    /**
     * Where a store is and what it is called.
     *
     * @param directory the store's own
     * @param clusterName as configured; must be the one the store was formatted for
     * @param clusterId of the registry that this node belongs to
     * @param address the actor path that others reach this store by
     * @param name what people call it
     */
    public record Place(Path directory, String clusterName, String clusterId, String address, String name) {}

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
            FileStore root,
            DirectoryLock lock) {
        /** The directory is free afterwards, whatever fails. Blocks until the store's readers are done. */
        void close(boolean clean) {
            try (lock;
                    root;
                    store) {
                if (clean) {
                    BootRecord.read(ledgerFiles).withClean(true).write(ledgerFiles);
                }
            }
        }
    }

    /** What is open before the register was asked. */
    private record Opened(
            StoreIdentity identity, BootRecord boot, KeyValueStore ledgers, FileStore root, DirectoryLock lock) {
        /** The directory is free afterwards, whatever fails. */
        void close() {
            try (lock;
                    root) {
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

    /** Whether {@code directory} holds a store, damaged or not. */
    public static boolean isFormatted(Path directory) {
        if (!Files.isDirectory(directory)) {
            return false;
        }
        try (FileStore root = NioFileStore.open(directory)) {
            return StoreIdentity.isFormatted(root);
        }
    }

    /**
     * Makes {@code directory} a new store with an identity of its own (H25).
     *
     * @throws StorageException when it holds a store already, or the data of one
     */
    public static BookieId format(Path directory, String clusterName, BookieSettings settings) {
        try {
            Files.createDirectories(directory);
        } catch (java.io.IOException e) {
            throw new StorageException("cannot create " + directory + ": " + e.getMessage(), e);
        }
        try (DirectoryLock lock = DirectoryLock.acquire(directory);
                FileStore root = NioFileStore.open(directory)) {
            if (StoreIdentity.isFormatted(root)) {
                throw new StorageException(directory + " holds a store already");
            }
            if (Files.exists(directory.resolve(JOURNAL)) || Files.exists(directory.resolve(LEDGERS))) {
                throw new StorageException(directory + " holds data but no identity; restore the file IDENTITY, or move"
                        + " the data away before formatting");
            }
            BookieId bookie = new BookieId(UUID.randomUUID());
            Files.createDirectory(directory.resolve(JOURNAL));
            Files.createDirectory(directory.resolve(LEDGERS));
            try (KeyValueStore ledgers = openLedgers(directory, settings)) {
                new StoreIdentity(bookie, clusterName).format(root, ledgers);
            }
            return bookie;
        } catch (java.io.IOException e) {
            throw new StorageException("cannot format " + directory + ": " + e.getMessage(), e);
        }
    }

    /** Boots the store; fails with a {@link StorageException} or {@link Registry.UnavailableException} that says why not. */
    CompletionStage<Booted> boot() {
        return CompletableFuture.supplyAsync(this::open, blocking).thenCompose(opened -> register(opened, 0)
                .thenApplyAsync(bootEpoch -> start(opened, bootEpoch), blocking)
                .whenComplete((booted, failure) -> {
                    if (failure != null) {
                        opened.close();
                    }
                }));
    }

    private Opened open() {
        if (!isFormatted(place.directory())) {
            throw new StorageException(place.directory() + " holds no store; format it first");
        }
        DirectoryLock lock = DirectoryLock.acquire(place.directory());
        FileStore root;
        try {
            root = NioFileStore.open(place.directory());
        } catch (RuntimeException e) {
            lock.close();
            throw e;
        }
        try {
            StoreIdentity identity = StoreIdentity.read(root);
            surroundings.identified().accept(identity.bookieId());
            if (!identity.clusterName().equals(place.clusterName())) {
                throw new StorageException(place.directory() + " was formatted for cluster '" + identity.clusterName()
                        + "', this is '" + place.clusterName() + "'");
            }
            if (root.freeBytes() < settings.freeBytesMin()) {
                throw new StorageException.OutOfSpaceException(
                        "the disk of " + place.directory() + " has " + root.freeBytes() + " bytes free, a bookie needs "
                                + settings.freeBytesMin() + " to start (quire.bookie.free-bytes-min)",
                        null);
            }
            KeyValueStore ledgers = openLedgers(place.directory(), settings);
            try {
                BootRecord boot = BootRecord.read(ledgers);
                if (!boot.bookieId().equals(identity.bookieId())) {
                    throw new StorageException(place.directory() + " is put together from two stores: its identity is "
                            + identity.bookieId() + ", its ledger store belongs to " + boot.bookieId());
                }
                if (boot.intent().isEmpty()) {
                    boot = boot.withIntent(new OpId(UUID.randomUUID()));
                    boot.write(ledgers);
                }
                return new Opened(identity, boot, ledgers, root, lock);
            } catch (RuntimeException e) {
                ledgers.close();
                throw e;
            }
        } catch (RuntimeException e) {
            root.close();
            lock.close();
            throw e;
        }
    }

    private CompletionStage<BootEpoch> register(Opened opened, int attempt) {
        if (attempt > 20) {
            return failed("the boot could not be registered in " + attempt + " attempts");
        }
        BookieId bookie = opened.identity().bookieId();
        return registry.read(RegistryKey.ofBookie(bookie)).thenCompose(value -> {
            Optional<BookieRegistration> registered =
                    value.isAbsent() ? Optional.empty() : Optional.of(BookieRegistration.decode(value.value()));
            BootSequence.Decision decision = BootSequence.decide(
                    situation(opened, value, registered),
                    new BookieRegistration(
                            bookie,
                            place.clusterId(),
                            BootEpoch.NEVER_BOOTED,
                            BookieLife.ACTIVE,
                            place.address(),
                            place.name()));
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
        FileStore journalFiles = NioFileStore.open(place.directory().resolve(JOURNAL));
        try {
            BookieStore store = openStore(bookie, bootEpoch, journalFiles, opened.ledgers());
            opened.boot().withConfirmedIntent(place.clusterId()).write(opened.ledgers());
            return new Booted(bookie, bootEpoch, store, opened.ledgers(), opened.root(), opened.lock());
        } catch (RuntimeException e) {
            journalFiles.close();
            throw e;
        }
    }

    /** A damaged journal does not keep the store from serving what it has: it goes into limbo (R21). */
    private BookieStore openStore(BookieId bookie, BootEpoch bootEpoch, FileStore journalFiles, KeyValueStore ledgers) {
        ReplayLog progress = new ReplayLog(System::nanoTime, line -> LOG.info("Bookie {}: {}", bookie, line));
        try {
            return BookieStore.open(bookie, bootEpoch, settings.store(), journalFiles, ledgers, progress);
        } catch (DamagedJournalException e) {
            LOG.error(
                    "Bookie {}: {}. What is left of the journal is saved; the store goes into limbo and is repaired from"
                            + " other bookies",
                    bookie,
                    e.getMessage());
            BookieStore.salvage(bookie, bootEpoch, settings.store(), journalFiles, ledgers, e.getMessage());
            return BookieStore.open(bookie, bootEpoch, settings.store(), journalFiles, ledgers);
        }
    }

    private static KeyValueStore openLedgers(Path directory, BookieSettings settings) {
        return LmdbKeyValueStore.open(directory.resolve(LEDGERS), settings.ledgerFileBytesMax());
    }

    private static <T> CompletionStage<T> failed(String reason) {
        return CompletableFuture.failedStage(new StorageException(reason));
    }
}
