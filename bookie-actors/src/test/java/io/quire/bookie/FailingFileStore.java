package io.quire.bookie;

import io.quire.storage.FileStore;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;

/** Real files whose syncs and whose end fail when told so, and for which there is no room when told so. */
final class FailingFileStore implements FileStore {
    private final FileStore files;
    private final AtomicBoolean syncsFail;
    private final AtomicBoolean closeFails;
    private final AtomicBoolean full;

    FailingFileStore(FileStore files, AtomicBoolean syncsFail, AtomicBoolean closeFails) {
        this(files, syncsFail, closeFails, new AtomicBoolean());
    }

    /**
     * @param full whether no file can be created
     */
    FailingFileStore(FileStore files, AtomicBoolean syncsFail, AtomicBoolean closeFails, AtomicBoolean full) {
        this.files = files;
        this.syncsFail = syncsFail;
        this.closeFails = closeFails;
        this.full = full;
    }

    @Override
    public StoreFile create(String name, long bytes) {
        if (full.get()) {
            throw new StorageException.OutOfSpaceException("no room for " + name, null);
        }
        return new FailingFile(files.create(name, bytes));
    }

    @Override
    public StoreFile open(String name) {
        return new FailingFile(files.open(name));
    }

    @Override
    public List<String> list() {
        return files.list();
    }

    @Override
    public void rename(String from, String to) {
        files.rename(from, to);
    }

    @Override
    public void delete(String name) {
        files.delete(name);
    }

    @Override
    public long freeBytes() {
        return files.freeBytes();
    }

    @Override
    public long totalBytes() {
        return files.totalBytes();
    }

    @Override
    public void close() {
        files.close();
        if (closeFails.get()) {
            throw new StorageException("the files did not close");
        }
    }

    private final class FailingFile implements FileStore.StoreFile {
        private final FileStore.StoreFile file;

        FailingFile(FileStore.StoreFile file) {
            this.file = file;
        }

        @Override
        public String name() {
            return file.name();
        }

        @Override
        public long size() {
            return file.size();
        }

        @Override
        public void write(long position, ByteBuffer... buffers) {
            file.write(position, buffers);
        }

        @Override
        public int read(long position, ByteBuffer into) {
            return file.read(position, into);
        }

        @Override
        public void sync() {
            if (syncsFail.get()) {
                throw new StorageException("the disk did not sync");
            }
            file.sync();
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
