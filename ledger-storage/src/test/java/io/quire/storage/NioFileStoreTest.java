package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NioFileStoreTest extends FileStoreContract {
    private static final Path FULL_DEVICE = Path.of("/dev/full");

    @TempDir
    private Path directory;

    @Override
    protected FileStore open() {
        return NioFileStore.open(directory);
    }

    @Override
    protected void crash(FileStore store) {
        // The kernel outlives us: only a machine that loses power would lose what was not synced.
    }

    @Test
    @DisplayName("a directory that does not exist is refused, not made")
    void missingDirectory() {
        Path missing = directory.resolve("missing");
        assertThatThrownBy(() -> NioFileStore.open(missing))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("missing");
        assertThat(missing).doesNotExist();
    }

    @Test
    @DisplayName("sub-directories, the lock and names of others are not listed")
    void foreignFilesAreNotListed() throws IOException {
        Files.createDirectory(directory.resolve("sub"));
        Files.createFile(directory.resolve(".hidden"));
        Files.createFile(directory.resolve("not ours"));
        try (DirectoryLock lock = DirectoryLock.acquire(directory);
                FileStore store = open()) {
            store.create("ours", 1).close();
            assertThat(store.list()).containsExactly("ours");
            assertThat(lock.directory()).isEqualTo(directory);
        }
    }

    @Test
    @DisplayName("H61: a full device is reported as out of space")
    void fullDevice() throws IOException {
        assumeTrue(Files.exists(FULL_DEVICE));
        Path link = Files.createSymbolicLink(directory.resolve("full"), FULL_DEVICE);
        try (FileStore store = open();
                StoreFile file = store.open("full")) {
            assertThatThrownBy(() -> file.write(0, ByteBuffer.allocate(10)))
                    .isInstanceOf(OutOfSpaceException.class)
                    .hasMessageContaining("full");
        }
        Files.delete(link);
    }

    @Test
    @DisplayName("H53: after a failed sync a file refuses every write and sync")
    void failedSyncPoisonsTheFile() throws IOException {
        assumeTrue(Files.exists(FULL_DEVICE));
        // fsync of a character device without one fails (EINVAL), which is as good as EIO here.
        Path link = Files.createSymbolicLink(directory.resolve("no-sync"), FULL_DEVICE);
        try (FileStore store = open();
                StoreFile file = store.open("no-sync")) {
            assertThatThrownBy(file::sync).isInstanceOf(StorageException.class);
            assertThatThrownBy(file::sync).hasMessageContaining("has failed before");
            assertThatThrownBy(() -> file.write(0, ByteBuffer.allocate(1))).hasMessageContaining("has failed before");
            assertThat(file.read(0, ByteBuffer.allocate(1))).isEqualTo(1);
        }
        Files.delete(link);
    }

    @Test
    @DisplayName("H61: the system's words for a full disk or quota are told from other failures")
    void outOfSpaceIsRecognised() {
        assertThat(IoFailures.of("write", new IOException("No space left on device")))
                .isInstanceOf(OutOfSpaceException.class);
        assertThat(IoFailures.of("create", new FileSystemException("a", null, "No space left on device")))
                .isInstanceOf(OutOfSpaceException.class);
        assertThat(IoFailures.of("write", new IOException("Disk quota exceeded")))
                .isInstanceOf(OutOfSpaceException.class);
        assertThat(IoFailures.of("write", new IOException("Input/output error")))
                .isNotInstanceOf(OutOfSpaceException.class)
                .hasMessage("could not write: Input/output error");
    }
}
