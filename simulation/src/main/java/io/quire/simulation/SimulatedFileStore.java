package io.quire.simulation;

import io.quire.simulation.SimulatedDisk.Change;
import io.quire.simulation.SimulatedDisk.Operation;
import io.quire.storage.FileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A {@link FileStore} on a {@link SimulatedDisk}. After a crash of the disk it throws IllegalStateException. */
public final class SimulatedFileStore implements FileStore {
    private final SimulatedDisk disk;
    private final String storeName;
    private final Map<String, SimulatedFile> files;
    private final int crashes;
    private int openFiles;
    private boolean closed;

    SimulatedFileStore(SimulatedDisk disk, String storeName, Map<String, SimulatedFile> files) {
        this.disk = disk;
        this.storeName = storeName;
        this.files = files;
        this.crashes = disk.crashes();
    }

    @Override
    public StoreFile create(String name, long bytes) {
        FileStore.requireName(name);
        if (bytes < 0) {
            throw new IllegalArgumentException("a file of " + bytes + " bytes");
        }
        requireOpen();
        if (files.containsKey(name)) {
            throw new StorageException("could not create " + name + ": it exists");
        }
        disk.requireFree(bytes);
        disk.operate(change(Operation.CREATE, name), () -> put(name, 0));
        disk.operate(
                change(Operation.ZERO_FILL, name),
                () -> put(name, bytes == 0 ? 0 : disk.chanceBelow(bytes)),
                () -> put(name, bytes));
        disk.use(bytes);
        return new OpenFile(name, files.get(name));
    }

    private Change change(Operation operation, String name) {
        return new Change(operation, storeName, name, 0);
    }

    private void put(String name, long zeros) {
        files.put(name, new SimulatedFile(zeros));
    }

    @Override
    public StoreFile open(String name) {
        return new OpenFile(FileStore.requireName(name), file(name));
    }

    @Override
    public List<String> list() {
        requireOpen();
        return List.copyOf(files.keySet());
    }

    @Override
    public void rename(String from, String to) {
        FileStore.requireName(to);
        SimulatedFile file = file(FileStore.requireName(from));
        disk.operate(change(Operation.RENAME, from), () -> {
            files.remove(from);
            SimulatedFile replaced = files.put(to, file);
            if (replaced != null && replaced != file) {
                disk.use(-replaced.size());
            }
        });
    }

    @Override
    public void delete(String name) {
        SimulatedFile file = file(FileStore.requireName(name));
        disk.operate(change(Operation.DELETE, name), () -> {
            files.remove(name);
            disk.use(-file.size());
        });
    }

    /** How often files were opened and not closed; a deleted file takes its room as long as it is open. */
    public int openFiles() {
        return openFiles;
    }

    private SimulatedFile file(String name) {
        requireOpen();
        SimulatedFile file = files.get(name);
        if (file == null) {
            throw new StorageException("no file " + name);
        }
        return file;
    }

    @Override
    public long freeBytes() {
        requireOpen();
        return disk.freeBytes();
    }

    @Override
    public long totalBytes() {
        requireOpen();
        return disk.totalBytes();
    }

    @Override
    public void close() {
        closed = true;
    }

    private void requireOpen() {
        if (crashes != disk.crashes()) {
            throw new IllegalStateException("the disk has crashed since this was opened");
        }
        if (closed) {
            throw new IllegalStateException("the file store is closed");
        }
    }

    private final class OpenFile implements StoreFile {
        private final String name;
        private final SimulatedFile file;
        private boolean fileClosed;
        private boolean syncFailed;

        private OpenFile(String name, SimulatedFile file) {
            this.name = name;
            this.file = file;
            openFiles++;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public long size() {
            requireFileOpen();
            return file.size();
        }

        @Override
        public void write(long position, ByteBuffer... buffers) {
            requireWritable();
            if (position < 0) {
                throw new IllegalArgumentException("position " + position);
            }
            int count = 0;
            for (ByteBuffer buffer : buffers) {
                count = Math.addExact(count, buffer.remaining());
            }
            byte[] bytes = new byte[count];
            int done = 0;
            for (ByteBuffer buffer : buffers) {
                int part = buffer.remaining();
                buffer.get(bytes, done, part);
                done += part;
            }
            write(position, bytes);
        }

        private void write(long position, byte[] bytes) {
            long most = file.size() + disk.freeBytes();
            if (bytes.length == 0 || position + bytes.length <= most) {
                writeFitting(position, bytes);
                return;
            }
            // As on a real disk: what still fits is written.
            writeFitting(position, Arrays.copyOf(bytes, (int) Math.max(0, most - position)));
            throw new OutOfSpaceException("could not write " + name + " at " + position + ": no space", null);
        }

        private void writeFitting(long position, byte[] bytes) {
            disk.operate(new Change(Operation.WRITE, storeName, name, position), () -> {
                long before = file.size();
                file.write(position, bytes);
                disk.use(file.size() - before);
            });
        }

        @Override
        public int read(long position, ByteBuffer into) {
            requireFileOpen();
            if (position < 0) {
                throw new IllegalArgumentException("position " + position);
            }
            byte[] bytes = new byte[(int) Math.max(0, Math.min(into.remaining(), file.size() - position))];
            int count = file.read(position, bytes, bytes.length);
            into.put(bytes, 0, count);
            return count;
        }

        @Override
        public void sync() {
            requireWritable();
            if (disk.nextSyncFails()) {
                syncFailed = true;
                file.failSync();
                throw new StorageException("could not sync " + name + ": simulated failure");
            }
            disk.operate(change(Operation.SYNC, name), file::sync);
        }

        private void requireWritable() {
            requireFileOpen();
            if (syncFailed) {
                throw new StorageException("a sync of " + name + " has failed before; its content is unknown");
            }
        }

        private void requireFileOpen() {
            requireOpen();
            if (fileClosed) {
                throw new IllegalStateException(name + " is closed");
            }
        }

        @Override
        public void close() {
            if (!fileClosed) {
                fileClosed = true;
                openFiles--;
            }
        }
    }
}
