package io.quire.bootstrap;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieSettings;
import io.quire.storage.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A whole cluster in one JVM: stores with a voter each under one directory.
 *
 * <pre>
 *   DIR/quire-standalone      how many stores; its presence says that DIR was formatted as a whole
 *   DIR/store-0 ...           stores
 *   DIR/voter-0 ...           registry voters
 * </pre>
 *
 * <p>The directory is formatted beside its place and then renamed, so that a crash never leaves half of it; one with a
 * part missing is refused, not formatted again (R6).
 */
public final class Standalone {
    private static final String MARKER = "quire-standalone";
    private static final Pattern MARKED = Pattern.compile("bookies ([0-9]{1,2})\n");
    private static final int VOTERS_MAX = 5;

    private Standalone() {}

    /**
     * The configuration of a standalone node in {@code directory}, which is formatted if it does not exist or is empty.
     *
     * @param bookies how many stores; must be what the directory was formatted with
     * @param port for the actor system, 0 for a free one
     * @param httpPort 0 for a free one
     * @throws StorageException when the directory is something else, or damaged
     */
    public static Config prepare(Path directory, int bookies, int port, int httpPort) {
        if (bookies < 1 || bookies > 64) {
            throw new StorageException("a standalone cluster has 1 to 64 bookies: " + bookies);
        }
        Path absolute = directory.toAbsolutePath().normalize();
        try {
            if (isAbsentOrEmpty(absolute)) {
                format(absolute, bookies, httpPort);
            }
            requireWhole(absolute, bookies);
        } catch (IOException e) {
            throw new StorageException("cannot use " + absolute + ": " + e.getMessage(), e);
        }
        return QuireNode.configOf(config(absolute, bookies, port, httpPort));
    }

    private static Config config(Path directory, int bookies, int port, int httpPort) {
        List<String> stores = IntStream.range(0, bookies)
                .mapToObj(i -> "{ directory = " + quoted(directory.resolve("store-" + i)) + " }")
                .toList();
        List<String> voters = IntStream.range(0, voters(bookies))
                .mapToObj(i -> quoted(directory.resolve("voter-" + i)))
                .toList();
        return ConfigFactory.parseString("quire.node { name = standalone, host = 127.0.0.1, formation = self, port = "
                + port + ", stores = [" + String.join(", ", stores)
                + "], registry { auto-init = true, founding-voters = "
                + voters.size() + ", directories = [" + String.join(", ", voters) + "] } }\n"
                + "quire.http.port = " + httpPort + "\nquire.placement.distinct = store\n");
    }

    private static int voters(int bookies) {
        return Math.min(bookies, VOTERS_MAX);
    }

    private static void format(Path directory, int bookies, int httpPort) throws IOException {
        Path parent = directory.getParent();
        Files.createDirectories(parent);
        Path temporary = Files.createTempDirectory(parent, directory.getFileName() + ".formatting-");
        try {
            Config config = QuireNode.configOf(config(temporary, bookies, 0, httpPort));
            Formatting.format(NodeSettings.from(config), BookieSettings.from(config), false);
            Files.writeString(temporary.resolve(MARKER), "bookies " + bookies + "\n");
            Files.move(temporary, directory, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            deleteIfPresent(temporary);
        }
    }

    private static void requireWhole(Path directory, int bookies) throws IOException {
        Path marker = directory.resolve(MARKER);
        if (!Files.isRegularFile(marker)) {
            throw new StorageException(directory + " is not empty and holds no standalone cluster; give another --dir");
        }
        String expected = "bookies " + bookies + "\n";
        String found = Files.readString(marker);
        if (!found.equals(expected)) {
            throw new StorageException(directory + " was formatted with '" + found.strip() + "', not with " + bookies
                    + "; give --bookies accordingly");
        }
        for (int i = 0; i < bookies; i++) {
            requireDirectory(directory.resolve("store-" + i));
        }
        for (int i = 0; i < voters(bookies); i++) {
            requireDirectory(directory.resolve("voter-" + i));
        }
    }

    /** Whether {@code directory} was formatted as a standalone cluster. */
    static boolean isMarked(Path directory) {
        return Files.exists(directory.resolve(MARKER));
    }

    /**
     * Checks that all parts of a standalone cluster are there.
     *
     * @return how many bookies it has
     * @throws StorageException when something is missing
     */
    static int requireWhole(Path directory) throws IOException {
        Path marker = directory.resolve(MARKER);
        Matcher bookies = MARKED.matcher(Files.isRegularFile(marker) ? Files.readString(marker) : "");
        if (!bookies.matches()) {
            throw new StorageException(marker + " is missing or damaged: it says how many bookies there are");
        }
        int count = Integer.parseInt(bookies.group(1));
        requireWhole(directory, count);
        return count;
    }

    private static void requireDirectory(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new StorageException(
                    directory + " is missing: the standalone cluster is damaged and is not formatted again");
        }
    }

    private static boolean isAbsentOrEmpty(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return true;
        }
        if (!Files.isDirectory(directory)) {
            throw new StorageException(directory + " is not a directory");
        }
        try (Stream<Path> content = Files.list(directory)) {
            return content.findAny().isEmpty();
        }
    }

    private static void deleteIfPresent(Path directory) throws IOException {
        if (!Files.exists(directory)) {
            return;
        }
        try (Stream<Path> content = Files.walk(directory)) {
            for (Path path : content.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static String quoted(Path path) {
        return com.typesafe.config.ConfigUtil.quoteString(path.toString());
    }
}
