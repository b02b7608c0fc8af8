package io.quire.storage;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The files of one directory, by plain names. Used by one thread at a time, except that {@link StoreFile#read} of an
 * open file may run beside everything else.
 *
 * <p>Every method throws {@link StorageException} when the disk fails it. After a failed {@link StoreFile#sync} the
 * content of that file since the last good sync is unknown, for ever: callers stop, they do not try again.
 */
public interface FileStore extends AutoCloseable {
    /** The file of {@link DirectoryLock}: not a file of the store, even when it lies in the same directory. */
    String LOCK_NAME = "LOCK";

    /** What a file may be called. */
    Pattern NAME = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}");

    /** Whether a file of a store may be called {@code name}. */
    static boolean isName(String name) {
        return NAME.matcher(name).matches() && !name.equals(LOCK_NAME);
    }

    /**
     * @return {@code name}
     * @throws IllegalArgumentException when no file of a store may be called so
     */
    static String requireName(String name) {
        if (!isName(name)) {
            throw new IllegalArgumentException("not a file name: '" + name
                    + "'; it takes 1 to 200 letters, digits, dots, dashes and underscores, the first no dot, and not "
                    + LOCK_NAME);
        }
        return name;
    }

    /**
     * Creates a file of {@code bytes} zeros, written and synced, so that later syncs within it move no metadata. It is
     * there after a crash once this returns; a crash before may leave a shorter one. Leaves no file when it throws.
     *
     * @param name see {@link #requireName}; must not exist
     */
    StoreFile create(String name, long bytes);

    /** Opens a file that exists. It has one user at a time; {@link StoreFile#read} may have more. */
    StoreFile open(String name);

    /** The names of all files, ascending. */
    List<String> list();

    /** Renames {@code from} to {@code to}, replacing it if it exists, atomically; durable on return. */
    void rename(String from, String to);

    /** Deletes a file that exists; durable on return. */
    void delete(String name);

    /** Bytes that may still be written to the disk. */
    long freeBytes();

    /** Bytes of the whole disk. */
    long totalBytes();

    @Override
    void close();

    /** One open file. */
    interface StoreFile extends AutoCloseable {
        String name();

        /** The current size in bytes. */
        long size();

        /**
         * Writes what remains in {@code buffers}, one behind the other, from {@code position} on; the file grows when
         * it must. Durable only after {@link #sync}: a crash before it may leave any part of it written.
         */
        void write(long position, ByteBuffer... buffers);

        /**
         * Reads from {@code position} until {@code into} is full or the file ends.
         *
         * @return the number of bytes read; 0 at or behind the end
         */
        int read(long position, ByteBuffer into);

        /** Returns once everything written before is on stable storage (fdatasync). */
        void sync();

        @Override
        void close();
    }
}
