package io.quire.bootstrap;

import io.quire.bookie.BookieBoot;
import io.quire.bookie.BookieSettings;
import io.quire.protocol.VoterId;
import io.quire.registry.storage.AcceptorStore;
import io.quire.registry.storage.VoterDoctor;
import io.quire.storage.DirectoryLock;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Mints the identities of a node's stores and voters; nothing else ever does (H25). */
public final class Formatting {
    private static final long VOTER_BYTES_MAX = 64L << 30;

    private Formatting() {}

    /**
     * Formats every store and voter directory that {@code settings} name.
     *
     * @param leaveFormatted whether one that is formatted already is left alone; otherwise it is an error, found before
     *     anything is changed
     * @return one line for each directory
     * @throws StorageException when something cannot be formatted
     */
    public static List<String> format(NodeSettings settings, BookieSettings bookies, boolean leaveFormatted) {
        List<String> lines = new ArrayList<>();
        if (!leaveFormatted) {
            settings.stores()
                    .forEach(store ->
                            requireUnformatted(store.directory(), BookieBoot.isFormatted(store.directory()), "store"));
            settings.voterDirectories()
                    .forEach(directory -> requireUnformatted(directory, isVoter(directory), "registry voter"));
        }
        for (NodeSettings.Store store : settings.stores()) {
            if (BookieBoot.isFormatted(store.directory())) {
                lines.add(store.directory() + ": holds a store already, left alone");
            } else {
                lines.add(store.directory() + ": formatted as bookie "
                        + BookieBoot.format(
                                store.directory(), store.journalDirectory(), settings.clusterName(), bookies));
            }
        }
        for (Path directory : settings.voterDirectories()) {
            lines.add(
                    isVoter(directory)
                            ? directory + ": holds a registry voter already, left alone"
                            : directory + ": formatted as registry voter " + formatVoter(directory));
        }
        return lines;
    }

    /** Whether {@code directory} holds a registry voter. */
    static boolean isVoter(Path directory) {
        if (!Files.isDirectory(directory.resolve(VoterDoctor.REGISTERS))) {
            return false;
        }
        try (DirectoryLock lock = DirectoryLock.acquire(directory);
                KeyValueStore store = openVoter(directory)) {
            return AcceptorStore.isFormatted(store);
        }
    }

    static KeyValueStore openVoter(Path directory) {
        return LmdbKeyValueStore.open(directory.resolve(VoterDoctor.REGISTERS), VOTER_BYTES_MAX);
    }

    private static VoterId formatVoter(Path directory) {
        try {
            Files.createDirectories(directory.resolve(VoterDoctor.REGISTERS));
        } catch (IOException e) {
            throw new StorageException("cannot create " + directory + ": " + e.getMessage(), e);
        }
        try (DirectoryLock lock = DirectoryLock.acquire(directory);
                KeyValueStore store = openVoter(directory)) {
            VoterId voter = new VoterId(UUID.randomUUID());
            AcceptorStore.format(store, voter);
            return voter;
        }
    }

    private static void requireUnformatted(Path directory, boolean formatted, String what) {
        if (formatted) {
            throw new StorageException(directory + " holds a " + what
                    + " already; formatting would throw its identity away (--if-unformatted leaves it alone)");
        }
    }
}
