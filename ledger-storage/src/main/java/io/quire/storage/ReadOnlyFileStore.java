package io.quire.storage;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The files of a directory, for reading: it opens them so that nothing can be written, and works where nothing may be.
 * Whatever would change something throws {@link UnsupportedOperationException}. Files must be closed one by one.
 */
public final class ReadOnlyFileStore implements FileStore {
    private final Path directory;

    private ReadOnlyFileStore(Path directory) {
        this.directory = directory;
    }

    /**
     * Opens the files of {@code directory}, which exists.
     *
     * @throws StorageException when it does not exist or is no directory
     */
    public static ReadOnlyFileStore open(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new StorageException(directory + " is not a directory");
        }
        return new ReadOnlyFileStore(directory);
    }

    @Override
    public StoreFile open(String name) {
        Path path = directory.resolve(FileStore.requireName(name));
        try {
            return new ReadOnlyFile(name, path, FileChannel.open(path, StandardOpenOption.READ));
        } catch (IOException e) {
            throw IoFailures.of("open " + path, e);
        }
    }

    @Override
    public List<String> list() {
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory)) {
            for (Path path : paths) {
                String name = path.getFileName().toString();
                if (FileStore.isName(name) && Files.isRegularFile(path)) {
                    names.add(name);
                }
            }
        } catch (IOException e) {
            throw IoFailures.of("list " + directory, e);
        } catch (UncheckedIOException | DirectoryIteratorException e) {
            throw new StorageException("could not list " + directory, e);
        }
        names.sort(null);
        return names;
    }

    @Override
    public long freeBytes() {
        try {
            return Files.getFileStore(directory).getUsableSpace();
        } catch (IOException e) {
            throw IoFailures.of("ask for the free space of " + directory, e);
        }
    }

    @Override
    public long totalBytes() {
        try {
            return Files.getFileStore(directory).getTotalSpace();
        } catch (IOException e) {
            throw IoFailures.of("ask for the size of the disk of " + directory, e);
        }
    }

    @Override
    public StoreFile create(String name, long bytes) {
        throw readOnly();
    }

    @Override
    public void rename(String from, String to) {
        throw readOnly();
    }

    @Override
    public void delete(String name) {
        throw readOnly();
    }

    @Override
    public void close() {}

    private UnsupportedOperationException readOnly() {
        return new UnsupportedOperationException("the files of " + directory + " are open for reading only");
    }

    private final class ReadOnlyFile implements StoreFile {
        private final String name;
        private final Path path;
        private final FileChannel channel;

        ReadOnlyFile(String name, Path path, FileChannel channel) {
            this.name = name;
            this.path = path;
            this.channel = channel;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long size() {
            try {
                return channel.size();
            } catch (IOException e) {
                throw IoFailures.of("ask for the size of " + path, e);
            }
        }

        @Override
        public int read(long position, ByteBuffer into) {
            int total = 0;
            try {
                while (into.hasRemaining()) {
                    int count = channel.read(into, position + total);
                    if (count < 0) {
                        break;
                    }
                    total += count;
                }
            } catch (IOException e) {
                throw IoFailures.of("read " + path + " at " + position, e);
            }
            return total;
        }

        @Override
        public void write(long position, ByteBuffer... buffers) {
            throw readOnly();
        }

        @Override
        public void sync() {
            throw readOnly();
        }

        @Override
        public void close() {
            try {
                channel.close();
            } catch (IOException e) {
                throw IoFailures.of("close " + path, e);
            }
        }
    }
}
