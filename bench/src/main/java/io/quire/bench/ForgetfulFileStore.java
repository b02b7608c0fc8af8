package io.quire.bench;

import io.quire.storage.FileStore;
import java.nio.ByteBuffer;
import java.util.List;

/** Files that keep nothing, for a journal that is left out of a measurement. One thread. */
final class ForgetfulFileStore implements FileStore {
    @Override
    public StoreFile create(String name, long bytes) {
        return new ForgetfulFile(name, bytes);
    }

    /** Only spares are opened again, and those are what they were. */
    @Override
    public StoreFile open(String name) {
        return new ForgetfulFile(name, 0);
    }

    @Override
    public List<String> list() {
        return List.of();
    }

    @Override
    public void rename(String from, String to) {
        throw new UnsupportedOperationException("a journal renames nothing");
    }

    @Override
    public void delete(String name) {
        // There is nothing to delete.
    }

    @Override
    public long freeBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public long totalBytes() {
        return Long.MAX_VALUE;
    }

    @Override
    public void close() {
        // There is nothing to close.
    }

    private record ForgetfulFile(String name, long size) implements StoreFile {
        @Override
        public void write(long position, ByteBuffer... buffers) {
            for (ByteBuffer buffer : buffers) {
                buffer.position(buffer.limit());
            }
        }

        @Override
        public int read(long position, ByteBuffer into) {
            return 0;
        }

        @Override
        public void sync() {
            // There is nothing to sync.
        }

        @Override
        public void close() {
            // There is nothing to close.
        }
    }
}
