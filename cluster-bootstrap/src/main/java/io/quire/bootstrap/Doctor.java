package io.quire.bootstrap;

import io.quire.bookie.storage.StoreDoctor;
import io.quire.registry.storage.VoterDoctor;
import io.quire.storage.Finding;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/**
 * Explains a directory that nobody uses: a store, a registry voter, or the directory of a standalone cluster, part by
 * part. Changes nothing.
 */
public final class Doctor {
    private static final String PARTS = "(store|voter)-[0-9]+";

    private final long freeBytesMin;
    private final BiConsumer<Place, Finding> visitor;
    private boolean good = true;

    /** What was examined. */
    public record Place(Path directory, Kind kind) {}

    /** What a directory was taken for. */
    public enum Kind {
        STORE,
        VOTER,
        STANDALONE,
        UNKNOWN;

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    private Doctor(long freeBytesMin, BiConsumer<Place, Finding> visitor) {
        this.freeBytesMin = freeBytesMin;
        this.visitor = visitor;
    }

    /**
     * Examines {@code directory}, whatever it is.
     *
     * @param freeBytesMin what a bookie needs to start, {@code quire.bookie.free-bytes-min}
     * @param visitor sees every finding, those of one place in a row
     * @return whether what is there can start, and nothing of what was looked at is damaged
     */
    public static boolean examine(Path directory, long freeBytesMin, BiConsumer<Place, Finding> visitor) {
        Doctor doctor = new Doctor(freeBytesMin, visitor);
        doctor.examine(directory.toAbsolutePath().normalize());
        return doctor.good;
    }

    private void examine(Path directory) {
        if (!Files.isDirectory(directory)) {
            boolean there = Files.exists(directory);
            wrong(
                    Kind.UNKNOWN,
                    directory,
                    there ? directory + " is not a directory" : directory + " does not exist",
                    "name the directory of a store, of a voter or of a standalone cluster; mount its disk");
        } else if (StoreDoctor.isStore(directory)) {
            StoreDoctor.examine(directory, freeBytesMin).forEach(finding -> tell(Kind.STORE, directory, finding));
        } else if (VoterDoctor.isVoter(directory)) {
            VoterDoctor.examine(directory).forEach(finding -> tell(Kind.VOTER, directory, finding));
        } else {
            examineOther(directory);
        }
    }

    private void examineOther(Path directory) {
        try {
            List<Path> parts = partsOf(directory);
            if (Standalone.isMarked(directory) || !parts.isEmpty()) {
                standalone(directory);
                parts.forEach(this::examine);
            } else if (isEmpty(directory)) {
                wrong(
                        Kind.UNKNOWN,
                        directory,
                        directory + " is empty",
                        "if a store should be here, mount its disk; otherwise './quire format' or './quire standalone'"
                                + " makes a new one");
            } else {
                wrong(
                        Kind.UNKNOWN,
                        directory,
                        directory + " holds no store; format it first",
                        "name the directory of a store, of a voter or of a standalone cluster");
            }
        } catch (IOException | StorageException e) {
            wrong(
                    Kind.UNKNOWN,
                    directory,
                    "cannot look into " + directory + ": " + e.getMessage(),
                    "let the user that runs Quire own the directory");
        }
    }

    private void standalone(Path directory) {
        try {
            int bookies = Standalone.requireWhole(directory);
            tell(Kind.STANDALONE, directory, Finding.good("parts", "a standalone cluster of " + bookies + " bookies"));
        } catch (IOException | StorageException e) {
            wrong(
                    Kind.STANDALONE,
                    directory,
                    e.getMessage(),
                    "put back the part that is missing, whole and of the same stop; nothing is formatted again");
        }
    }

    private static List<Path> partsOf(Path directory) throws IOException {
        List<Path> parts = new ArrayList<>();
        try (Stream<Path> files = Files.list(directory)) {
            files.filter(path -> path.getFileName().toString().matches(PARTS)).forEach(parts::add);
        }
        parts.sort(null);
        return parts;
    }

    private static boolean isEmpty(Path directory) throws IOException {
        try (Stream<Path> files = Files.list(directory)) {
            return files.findAny().isEmpty();
        }
    }

    private void wrong(Kind kind, Path directory, String what, String advice) {
        tell(kind, directory, Finding.wrong("directory", what, advice));
    }

    private void tell(Kind kind, Path directory, Finding finding) {
        good &= !finding.isWrong();
        visitor.accept(new Place(directory, kind), finding);
    }
}
