package io.quire.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The operating system's cache of files. Stateless. */
final class PageCache {
    private static final Path DROP = Path.of("/proc/sys/vm/drop_caches");

    private PageCache() {}

    /** Empties it, of what is on disk already, if this process may; whether it did. */
    static boolean drop() {
        try {
            Files.writeString(DROP, "1\n");
            return true;
        } catch (IOException e) {
            return false;
        }
    }
}
