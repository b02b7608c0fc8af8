package io.quire.storage;

import io.quire.storage.StorageException.DirectoryInUseException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The sole use of a directory, against other processes and against this one (P11). It ends with {@link #close} or with
 * the process, however that dies. The lock is one of the operating system on the file {@value FileStore#LOCK_NAME},
 * which stays behind and holds, for people, the id of the process that locked last.
 *
 * <p>Such locks belong to a process: closing <em>any</em> descriptor of the file would drop this one. Nothing else may
 * open it, and a second try in this process is refused before it does. Safe for use by many threads.
 */
public final class DirectoryLock implements AutoCloseable {
    /** Types of file systems reached over a network, where neither locks nor mapped files can be relied on. */
    private static final Set<String> NETWORK_TYPES = Set.of(
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "davfs",
            "glusterfs",
            "gpfs",
            "lustre",
            "ncpfs",
            "nfs",
            "nfs4",
            "smb2",
            "smb3",
            "smbfs");

    private static final Set<String> NETWORK_FUSE_TYPES =
            Set.of("ceph", "davfs", "davfs2", "gcsfuse", "glusterfs", "rclone", "s3fs", "sshfs");

    /** The directories locked by this process, by what tells them apart whatever path leads to them. */
    private static final Set<Object> HELD = ConcurrentHashMap.newKeySet();

    private final Path directory;
    private final Object identity;
    /** Empty when there is no file to lock, and none may be made. */
    private final Optional<FileChannel> channel;

    private boolean closed;

    private DirectoryLock(Path directory, Object identity, Optional<FileChannel> channel) {
        this.directory = directory;
        this.identity = identity;
        this.channel = channel;
    }

    /**
     * Locks {@code directory}, which exists; never waits.
     *
     * @throws DirectoryInUseException when it is locked
     * @throws StorageException when it lies on a network file system, or cannot be locked at all
     */
    public static DirectoryLock acquire(Path directory) {
        requireLocal(directory);
        Object identity = identity(directory);
        if (!HELD.add(identity)) {
            throw inUse(directory, "this process");
        }
        try {
            FileChannel channel = lock(
                    directory, false, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            DirectoryLock lock = new DirectoryLock(directory, identity, Optional.of(channel));
            lock.writeProcessId(channel);
            return lock;
        } catch (StorageException e) {
            HELD.remove(identity);
            throw e;
        }
    }

    /**
     * Keeps everybody from using {@code directory} while it is only read, but not other processes from reading it; never
     * waits. Changes nothing there, so that it works where nothing may be written: a directory without the file {@value
     * FileStore#LOCK_NAME}, which nobody uses, is not locked.
     *
     * @throws DirectoryInUseException when it is in use
     * @throws StorageException when it does not exist or cannot be locked at all
     */
    public static DirectoryLock acquireForReading(Path directory) {
        Object identity = identity(directory);
        if (!HELD.add(identity)) {
            throw inUse(directory, "this process");
        }
        try {
            boolean lockable = Files.isRegularFile(directory.resolve(FileStore.LOCK_NAME));
            Optional<FileChannel> channel =
                    lockable ? Optional.of(lock(directory, true, StandardOpenOption.READ)) : Optional.empty();
            return new DirectoryLock(directory, identity, channel);
        } catch (StorageException e) {
            HELD.remove(identity);
            throw e;
        }
    }

    /** The id of the process that used the directory last; empty when none ever did. */
    public Optional<String> lastUser() {
        return channel.map(file -> {
            try {
                return readProcessId(file);
            } catch (IOException e) {
                throw IoFailures.of("read " + directory.resolve(FileStore.LOCK_NAME), e);
            }
        });
    }

    /** What {@code directory} is known by, whatever path leads to it. */
    static Object identity(Path directory) {
        try {
            Object key =
                    Files.readAttributes(directory, BasicFileAttributes.class).fileKey();
            return key == null ? directory.toRealPath() : key;
        } catch (IOException e) {
            throw IoFailures.of("find the directory " + directory, e);
        }
    }

    private static FileChannel lock(Path directory, boolean shared, OpenOption... options) {
        Path file = directory.resolve(FileStore.LOCK_NAME);
        FileChannel channel;
        try {
            channel = FileChannel.open(file, options);
        } catch (IOException e) {
            throw IoFailures.of("open " + file, e);
        }
        try {
            FileLock lock = channel.tryLock(0, Long.MAX_VALUE, shared);
            if (lock == null) {
                DirectoryInUseException inUse = inUse(directory, "process " + readProcessId(channel));
                channel.close();
                throw inUse;
            }
            return channel;
        } catch (OverlappingFileLockException e) {
            // Another class loader's copy of this class holds it. Closing our channel would drop that lock: leave it.
            throw inUse(directory, "this process");
        } catch (IOException e) {
            StorageException failure = IoFailures.of("lock " + file, e);
            try {
                channel.close();
            } catch (IOException close) {
                failure.addSuppressed(close);
            }
            throw failure;
        }
    }

    private static DirectoryInUseException inUse(Path directory, String user) {
        return new DirectoryInUseException(directory + " is in use by " + user);
    }

    private static String readProcessId(FileChannel channel) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(32);
        channel.read(bytes, 0);
        String pid = StandardCharsets.US_ASCII.decode(bytes.flip()).toString().strip();
        return pid.chars().allMatch(Character::isDigit) && !pid.isEmpty() ? pid : "(unknown)";
    }

    private void writeProcessId(FileChannel channel) {
        String line = ProcessHandle.current().pid() + "\n";
        try {
            channel.truncate(0);
            channel.write(ByteBuffer.wrap(line.getBytes(StandardCharsets.US_ASCII)), 0);
        } catch (IOException e) {
            closeChannel();
            throw IoFailures.of("write " + directory.resolve(FileStore.LOCK_NAME), e);
        }
    }

    /**
     * @throws StorageException when {@code directory} lies on a network file system, whose type it names, or does not
     *     exist
     */
    public static void requireLocal(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new StorageException(directory + " is not a directory");
        }
        String type;
        try {
            type = Files.getFileStore(directory).type();
        } catch (IOException e) {
            throw IoFailures.of("ask for the file system of " + directory, e);
        }
        if (isNetworkType(type)) {
            throw new StorageException(directory + " lies on a network file system (" + type
                    + "), which loses data under locks and mapped files; use a local disk");
        }
    }

    static boolean isNetworkType(String type) {
        String name = type.toLowerCase(Locale.ROOT);
        return name.startsWith("fuse.")
                ? NETWORK_FUSE_TYPES.contains(name.substring("fuse.".length()))
                : NETWORK_TYPES.contains(name) || name.startsWith("nfs") || name.startsWith("smb");
    }

    /** The directory that is locked. */
    public Path directory() {
        return directory;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try {
                closeChannel();
            } finally {
                HELD.remove(identity);
            }
        }
    }

    private void closeChannel() {
        try {
            if (channel.isPresent()) {
                channel.get().close();
            }
        } catch (IOException e) {
            throw IoFailures.of("close " + directory.resolve(FileStore.LOCK_NAME), e);
        }
    }
}
