package io.quire.multijvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Whole directories. */
final class FileTrees {
    private FileTrees() {}

    /** Copies {@code from} with all that is in it to {@code to}, which does not exist. */
    static void copy(Path from, Path to) throws IOException {
        for (Path path : walk(from)) {
            Files.copy(path, to.resolve(from.relativize(path).toString()), StandardCopyOption.COPY_ATTRIBUTES);
        }
    }

    /** Deletes {@code tree} if it exists. */
    static void delete(Path tree) throws IOException {
        if (Files.exists(tree)) {
            for (Path path :
                    walk(tree).stream().sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    private static List<Path> walk(Path tree) throws IOException {
        try (Stream<Path> paths = Files.walk(tree)) {
            return paths.toList();
        }
    }
}
