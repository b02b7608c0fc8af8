package io.quire.storage;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Makes the names in a directory durable: syncing a file says nothing about the entry that leads to it. */
public final class DirectorySync {
    private DirectorySync() {}

    /**
     * Returns once every creation, rename and deletion in {@code directory} is on stable storage.
     *
     * @throws StorageException when the disk fails it; the names are then unknown
     */
    public static void sync(Path directory) {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (IOException e) {
            throw IoFailures.of("sync the directory " + directory, e);
        }
    }
}
