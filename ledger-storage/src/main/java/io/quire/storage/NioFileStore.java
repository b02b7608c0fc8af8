package io.quire.storage;

import io.quire.storage.StorageException.OutOfSpaceException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The files of a directory of the local file system. Sub-directories, {@value #LOCK_NAME} and files whose name is no
 * {@link FileStore#isName file name} are not its own: it neither lists nor touches them.
 *
 * <p>It does not lock the directory; whoever opens it holds the {@link DirectoryLock}. Interrupting a thread that reads
 * or writes closes the file under everyone (as {@link FileChannel} does): threads that work here are not interrupted.
 */
public final class NioFileStore implements FileStore {
    private static final int ZEROS_BYTES = 1 << 20;

    private final Path directory;
    private final Set<NioStoreFile> openFiles = ConcurrentHashMap.newKeySet();
    private volatile boolean closed;

    private NioFileStore(Path directory) {
        this.directory = directory;
    }

    /**
     * Opens the store of {@code directory}, which exists.
     *
     * @throws StorageException when it does not exist or is no directory
     */
    public static NioFileStore open(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new StorageException(directory + " is not a directory");
        }
        return new NioFileStore(directory);
    }

    @Override
    public StoreFile create(String name, long bytes) {
        FileStore.requireName(name);
        if (bytes < 0) {
            throw new IllegalArgumentException("a file of " + bytes + " bytes");
        }
        requireOpen();
        // Filling the disk to the brim only to find that it does not fit would starve everything else on it (H61).
        if (bytes > freeBytes()) {
            throw new OutOfSpaceException("no room for " + directory.resolve(name) + " of " + bytes + " bytes", null);
        }
        NioStoreFile file = openFile(
                name, "create", StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            file.fillWithZeros(bytes);
            DirectorySync.sync(directory);
        } catch (StorageException e) {
            file.close();
            deletePartial(name, e);
            throw e;
        }
        return file;
    }

    private void deletePartial(String name, StorageException cause) {
        try {
            Files.deleteIfExists(directory.resolve(name));
        } catch (IOException e) {
            cause.addSuppressed(e);
        }
    }

    @Override
    public StoreFile open(String name) {
        FileStore.requireName(name);
        requireOpen();
        return openFile(name, "open", StandardOpenOption.READ, StandardOpenOption.WRITE);
    }

    private NioStoreFile openFile(String name, String verb, OpenOption... options) {
        Path path = directory.resolve(name);
        try {
            NioStoreFile file = new NioStoreFile(name, path, FileChannel.open(path, options));
            openFiles.add(file);
            return file;
        } catch (IOException e) {
            throw IoFailures.of(verb + " " + path, e);
        }
    }

    @Override
    public List<String> list() {
        requireOpen();
        List<String> names = new ArrayList<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(directory)) {
            for (Path path : paths) {
                String name = path.getFileName().toString();
                if (FileStore.isName(name) && !Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS)) {
                    names.add(name);
                }
            }
        } catch (IOException e) {
            throw IoFailures.of("list " + directory, e);
        } catch (UncheckedIOException | java.nio.file.DirectoryIteratorException e) {
            throw new StorageException("could not list " + directory, e);
        }
        names.sort(null);
        return names;
    }

    @Override
    public void rename(String from, String to) {
        FileStore.requireName(from);
        FileStore.requireName(to);
        requireOpen();
        try {
            Files.move(
                    directory.resolve(from),
                    directory.resolve(to),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw IoFailures.of("rename " + directory.resolve(from) + " to " + to, e);
        }
        DirectorySync.sync(directory);
    }

    @Override
    public void delete(String name) {
        FileStore.requireName(name);
        requireOpen();
        try {
            Files.delete(directory.resolve(name));
        } catch (IOException e) {
            throw IoFailures.of("delete " + directory.resolve(name), e);
        }
        DirectorySync.sync(directory);
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

    /** Closes the files that are still open, without a sync. */
    @Override
    public void close() {
        closed = true;
        List.copyOf(openFiles).forEach(NioStoreFile::close);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the file store of " + directory + " is closed");
        }
    }

    @Override
    public String toString() {
        return "NioFileStore(" + directory + ")";
    }

    private final class NioStoreFile implements StoreFile {
        private final String name;
        private final Path path;
        private final FileChannel channel;
        private volatile boolean fileClosed;
        /** After a failed sync the kernel may report the next one as good although the pages are lost (H53). */
        private boolean syncFailed;

        private NioStoreFile(String name, Path path, FileChannel channel) {
            this.name = name;
            this.path = path;
            this.channel = channel;
        }

        /** Really written: within allocated but unwritten extents each sync would have to journal metadata. */
        private void fillWithZeros(long bytes) {
            ByteBuffer zeros = ByteBuffer.allocateDirect((int) Math.min(bytes, ZEROS_BYTES));
            try {
                long position = 0;
                while (position < bytes) {
                    zeros.clear().limit((int) Math.min(zeros.capacity(), bytes - position));
                    position += channel.write(zeros, position);
                }
                channel.force(true);
            } catch (IOException e) {
                throw IoFailures.of("fill " + path + " with " + bytes + " zeros", e);
            }
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long size() {
            requireFileOpen();
            try {
                return channel.size();
            } catch (IOException e) {
                throw IoFailures.of("ask for the size of " + path, e);
            }
        }

        @Override
        public void write(long position, ByteBuffer... buffers) {
            requireWritable();
            long remaining = 0;
            for (ByteBuffer buffer : buffers) {
                remaining += buffer.remaining();
            }
            try {
                // There is no gathering write at a position; the channel's own is free, as a file has one writer.
                channel.position(position);
                while (remaining > 0) {
                    remaining -= channel.write(buffers);
                }
            } catch (IOException e) {
                throw IoFailures.of("write " + path + " at " + position, e);
            }
        }

        @Override
        public int read(long position, ByteBuffer into) {
            requireFileOpen();
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
        public void sync() {
            requireWritable();
            try {
                channel.force(false);
            } catch (IOException e) {
                syncFailed = true;
                // Never a mere want of room: whatever the reason, what the sync should have covered is unknown.
                throw new StorageException(IoFailures.of("sync " + path, e).getMessage(), e);
            }
        }

        private void requireWritable() {
            requireFileOpen();
            if (syncFailed) {
                throw new StorageException("a sync of " + path + " has failed before; its content is unknown");
            }
        }

        private void requireFileOpen() {
            if (fileClosed) {
                throw new IllegalStateException(path + " is closed");
            }
        }

        @Override
        public void close() {
            fileClosed = true;
            openFiles.remove(this);
            try {
                channel.close();
            } catch (IOException e) {
                throw IoFailures.of("close " + path, e);
            }
        }

        @Override
        public String toString() {
            return path.toString();
        }
    }
}
