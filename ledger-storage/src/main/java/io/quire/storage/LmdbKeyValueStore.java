package io.quire.storage;

import io.quire.storage.StorageException.DirectoryInUseException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.lmdbjava.Dbi;
import org.lmdbjava.Env;
import org.lmdbjava.EnvFlags;
import org.lmdbjava.LmdbException;
import org.lmdbjava.LmdbNativeException;
import org.lmdbjava.Stat;

/**
 * A map in LMDB: one environment per directory, its unnamed database, nothing else in it.
 *
 * <p>A commit returns after its pages and then its header are synced; no flag weakens that, and pages are written by
 * {@code pwrite}, never through the map, where a stray write of the process would reach the disk (P9). A file, once
 * grown, never shrinks; pages that an open snapshot sees are not reused, so that a long one makes the file grow (P10).
 * LMDB has no page checksums: values carry their own.
 *
 * <p>Two uses of one directory corrupt it (P11). A second one in this process is refused here; against other processes
 * whoever opens the store holds the {@link DirectoryLock}. A network file system is refused.
 *
 * <p>LMDB crashes the JVM when a handle is used after it is gone, or by a thread that is not its own. So each snapshot
 * and transaction checks that it is open and used by the thread that opened it, and {@link #close} waits for all of
 * them. LMDB itself ties a write transaction to its thread.
 *
 * <pre>
 * data.mdb   the pages
 * lock.mdb   LMDB's table of readers; holds nothing that outlives a process
 * creating/  a store being made, until its data.mdb is whole and moved up; whoever finds it may delete it
 * </pre>
 */
public final class LmdbKeyValueStore implements KeyValueStore {
    /**
     * The most that a store can grow to, unless it is opened with another size. Only addresses are taken, no disk and
     * no memory, so that it may be far above what is expected: the limit that is meant to be hit is the disk's.
     */
    public static final long MAP_BYTES_DEFAULT = 64L << 30;

    private static final int SNAPSHOTS_MAX = 512;
    private static final int META_PAGES = 2;
    private static final int FILE_MODE = 0640;
    private static final int ENOSPC = 28;
    private static final int EIO = 5;
    /** A disk with less free is taken for full. */
    private static final long FULL_BYTES = 1 << 20;

    private static final Duration CLOSE_WAIT = Duration.ofSeconds(30);
    private static final String DATA = "data.mdb";
    private static final String LOCK = "lock.mdb";
    private static final String CREATING = "creating";

    /** The directories open in this process: a second environment on one would drop the first one's file locks. */
    private static final Set<Object> OPEN = ConcurrentHashMap.newKeySet();

    private final Path directory;
    private final Object identity;
    private final Env<ByteBuffer> env;
    private final Dbi<ByteBuffer> database;
    private final Duration closeWait;
    private final ReentrantLock writer = new ReentrantLock();
    private final ReentrantLock gate = new ReentrantLock();
    private final Condition handleClosed = gate.newCondition();

    /** The owners of open handles and of those waiting for one, as often as they have one; guarded by the gate. */
    private final List<Thread> users = new ArrayList<>();
    /** No more handles; guarded by the gate. */
    private boolean closing;
    /** The environment is gone; guarded by the gate. */
    private boolean closed;

    private volatile boolean commitFailed;

    private LmdbKeyValueStore(
            Path directory, Object identity, Env<ByteBuffer> env, Dbi<ByteBuffer> database, Duration closeWait) {
        this.directory = directory;
        this.identity = identity;
        this.env = env;
        this.database = database;
        this.closeWait = closeWait;
    }

    /** Opens with a map of {@link #MAP_BYTES_DEFAULT}. */
    public static LmdbKeyValueStore open(Path directory) {
        return open(directory, MAP_BYTES_DEFAULT);
    }

    /**
     * Opens the store in {@code directory}, which exists; makes an empty one, durable on return, if it holds none.
     *
     * @param mapBytes the most that the store can grow to; a multiple of the page size, 4096 on most machines. A store
     *     that is larger already stays so
     * @throws DirectoryInUseException when this process has it open
     * @throws StorageException when the directory does not exist or lies on a network file system, or when its data
     *     file is damaged; the message says which and how
     */
    public static LmdbKeyValueStore open(Path directory, long mapBytes) {
        return open(directory, mapBytes, CLOSE_WAIT);
    }

    static LmdbKeyValueStore open(Path directory, long mapBytes, Duration closeWait) {
        DirectoryLock.requireLocal(directory);
        Object identity = DirectoryLock.identity(directory);
        if (!OPEN.add(identity)) {
            throw new DirectoryInUseException("the store in " + directory + " is open in this process already");
        }
        try {
            if (!Files.exists(directory.resolve(DATA)) || !Files.exists(directory.resolve(LOCK))) {
                createMissing(directory, mapBytes);
            }
            LmdbFile.requireWhole(directory.resolve(DATA));
            return openWhole(directory, identity, mapBytes, closeWait);
        } catch (RuntimeException e) {
            OPEN.remove(identity);
            throw e;
        }
    }

    /** Aside and then moved up, so that a crash leaves no store or a whole one, and an empty file is always damage. */
    private static void createMissing(Path directory, long mapBytes) {
        Path creating = directory.resolve(CREATING);
        try {
            requireRoom(directory);
            deleteCreating(creating);
            Files.createDirectory(creating);
            try (Env<ByteBuffer> env = openEnvironment(creating, mapBytes)) {
                env.sync(true);
            }
            fillWithZeros(creating.resolve(LOCK));
            Files.move(creating.resolve(LOCK), directory.resolve(LOCK), StandardCopyOption.ATOMIC_MOVE);
            if (!Files.exists(directory.resolve(DATA))) {
                Files.move(creating.resolve(DATA), directory.resolve(DATA), StandardCopyOption.ATOMIC_MOVE);
            }
            deleteCreating(creating);
        } catch (IOException e) {
            throw IoFailures.of("create a store in " + directory, e);
        } catch (LmdbException e) {
            throw failure("create a store in " + directory, e);
        }
        DirectorySync.sync(directory);
    }

    /**
     * LMDB makes its table of readers as a hole and writes it through a map: on a full disk that kills the JVM with
     * SIGBUS (H61).
     */
    private static void requireRoom(Path directory) throws IOException {
        if (Files.getFileStore(directory).getUsableSpace() < FULL_BYTES) {
            throw new OutOfSpaceException("no room for a store in " + directory + ": the disk is full", null);
        }
    }

    /** So that the table has its space for good, also when the disk is full at a later start or reader. */
    private static void fillWithZeros(Path lock) throws IOException {
        ByteBuffer zeros = ByteBuffer.allocate((int) Files.size(lock));
        try (FileChannel channel = FileChannel.open(lock, StandardOpenOption.WRITE)) {
            while (zeros.hasRemaining()) {
                channel.write(zeros);
            }
            channel.force(true);
        }
    }

    private static void deleteCreating(Path creating) throws IOException {
        Files.deleteIfExists(creating.resolve(DATA));
        Files.deleteIfExists(creating.resolve(LOCK));
        Files.deleteIfExists(creating);
    }

    private static LmdbKeyValueStore openWhole(Path directory, Object identity, long mapBytes, Duration closeWait) {
        Env<ByteBuffer> env;
        try {
            env = openEnvironment(directory, mapBytes);
        } catch (LmdbException e) {
            throw failure("open the store in " + directory, e);
        }
        try {
            env.readerCheck();
            return new LmdbKeyValueStore(directory, identity, env, env.openDbi((byte[]) null), closeWait);
        } catch (LmdbException e) {
            env.close();
            throw failure("open the store in " + directory, e);
        }
    }

    private static Env<ByteBuffer> openEnvironment(Path directory, long mapBytes) {
        return Env.create()
                .setMapSize(mapBytes)
                .setMaxDbs(0)
                .setMaxReaders(SNAPSHOTS_MAX)
                // NORDAHEAD: reads are random, and reading ahead evicts what is of use. NOTLS: a reader's slot belongs
                // to its transaction, so that a thread can have several.
                .open(directory.toFile(), FILE_MODE, EnvFlags.MDB_NORDAHEAD, EnvFlags.MDB_NOTLS);
    }

    /**
     * {@inheritDoc}
     *
     * @throws StorageException also when {@value #SNAPSHOTS_MAX} are open
     */
    @Override
    public Snapshot openSnapshot() {
        enter();
        try {
            return new LmdbSnapshot(this, database, env.txnRead());
        } catch (LmdbException e) {
            leave(Thread.currentThread());
            throw failure("open a snapshot of the store in " + directory, e);
        }
    }

    @Override
    public Transaction begin() {
        if (writer.isHeldByCurrentThread()) {
            throw new IllegalStateException("this thread has a transaction open on the store in " + directory);
        }
        enter();
        writer.lock();
        try {
            if (commitFailed) {
                throw new StorageException(
                        "a commit to the store in " + directory + " has failed before; its state is unknown");
            }
            return new LmdbTransaction(this, database, env.txnWrite());
        } catch (LmdbException e) {
            transactionEnded(Thread.currentThread());
            throw failure("begin a transaction on the store in " + directory, e);
        } catch (StorageException e) {
            transactionEnded(Thread.currentThread());
            throw e;
        }
    }

    @Override
    public long sizeBytes() {
        try {
            return Files.size(directory.resolve(DATA));
        } catch (IOException e) {
            throw IoFailures.of("ask for the size of the store in " + directory, e);
        }
    }

    @Override
    public long reusableBytes() {
        enter();
        try {
            Stat tree = env.stat();
            // LMDB's list of free pages takes some as well; it counts as free here.
            long used = META_PAGES + tree.branchPages + tree.leafPages + tree.overflowPages;
            return Math.max(0, env.info().lastPageNumber + 1 - used) * tree.pageSize;
        } catch (LmdbException e) {
            throw failure("ask the store in " + directory + " for its pages", e);
        } finally {
            leave(Thread.currentThread());
        }
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalStateException also when a handle of another thread is not closed within 30 s; the store then
     *     stays open and refuses new ones, and close may be called again
     */
    @Override
    public void close() {
        gate.lock();
        try {
            if (users.contains(Thread.currentThread())) {
                throw new IllegalStateException(
                        "this thread has a snapshot or transaction open on the store in " + directory);
            }
            closing = true;
            awaitHandles();
            if (!closed) {
                closed = true;
                env.close();
                OPEN.remove(identity);
            }
        } finally {
            gate.unlock();
        }
    }

    private void awaitHandles() {
        boolean interrupted = false;
        long remaining = closeWait.toNanos();
        while (!users.isEmpty() && remaining > 0) {
            try {
                remaining = handleClosed.awaitNanos(remaining);
            } catch (InterruptedException e) {
                // Going on without waiting would unmap what other threads are reading.
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (!users.isEmpty()) {
            throw new IllegalStateException("the store in " + directory + " stays open: handles of " + users
                    + " were not closed within " + closeWait);
        }
    }

    private void enter() {
        gate.lock();
        try {
            if (closing) {
                throw new IllegalStateException("the store in " + directory + " is closed");
            }
            users.add(Thread.currentThread());
        } finally {
            gate.unlock();
        }
    }

    private void leave(Thread user) {
        gate.lock();
        try {
            users.remove(user);
            handleClosed.signalAll();
        } finally {
            gate.unlock();
        }
    }

    void snapshotEnded(Thread owner) {
        leave(owner);
    }

    void transactionEnded(Thread owner) {
        writer.unlock();
        leave(owner);
    }

    /** Refuses further transactions; what to throw for the commit that failed. */
    StorageException commitFailed(LmdbException e) {
        commitFailed = true;
        StorageException failure = failure("commit to " + this, e);
        if (e instanceof LmdbNativeException cause && isFullDisk(cause.getResultCode(), directory)) {
            return new OutOfSpaceException(failure.getMessage() + "; the disk is full", e);
        }
        return failure;
    }

    /** LMDB reports a write that was cut short, which is how a disk begins to be full, as an I/O error. */
    private static boolean isFullDisk(int resultCode, Path directory) {
        try {
            return resultCode == EIO && Files.getFileStore(directory).getUsableSpace() < FULL_BYTES;
        } catch (IOException e) {
            return false;
        }
    }

    /** @param what completes "could not ..." */
    static StorageException failure(String what, LmdbException e) {
        String message = "could not " + what + ": " + e.getMessage();
        boolean outOfSpace = e instanceof Env.MapFullException
                || (e instanceof LmdbNativeException failure && failure.getResultCode() == ENOSPC);
        return outOfSpace ? new OutOfSpaceException(message, e) : new StorageException(message, e);
    }

    @Override
    public String toString() {
        return "LmdbKeyValueStore(" + directory + ")";
    }
}
