package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.storage.FileStore.StoreFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReadOnlyFileStoreTest {
    @TempDir
    private Path directory;

    @Test
    @DisplayName("files are listed and read as they are, and directories and the lock are not among them")
    void reads() throws IOException {
        Files.writeString(directory.resolve("b"), "hello");
        Files.writeString(directory.resolve("a"), "");
        Files.writeString(directory.resolve(FileStore.LOCK_NAME), "1\n");
        Files.createDirectory(directory.resolve("c"));
        FileStore files = ReadOnlyFileStore.open(directory);
        assertThat(files.list()).containsExactly("a", "b");
        try (StoreFile file = files.open("b")) {
            assertThat(file.name()).isEqualTo("b");
            assertThat(file.size()).isEqualTo(5);
            ByteBuffer into = ByteBuffer.allocate(10);
            assertThat(file.read(1, into)).isEqualTo(4);
            assertThat(StandardCharsets.UTF_8.decode(into.flip()).toString()).isEqualTo("ello");
            assertThat(file.read(9, into.clear())).isZero();
        }
        assertThat(files.freeBytes()).isLessThanOrEqualTo(files.totalBytes());
    }

    @Test
    @DisplayName("whatever would change something is refused, and a file that is not there is not made")
    void changesNothing() throws IOException {
        Files.writeString(directory.resolve("a"), "hello");
        FileStore files = ReadOnlyFileStore.open(directory);
        assertThatThrownBy(() -> files.create("b", 1)).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> files.rename("a", "b")).isInstanceOf(UnsupportedOperationException.class);
        assertThatThrownBy(() -> files.delete("a")).isInstanceOf(UnsupportedOperationException.class);
        try (StoreFile file = files.open("a")) {
            assertThatThrownBy(() -> file.write(0, ByteBuffer.allocate(1)))
                    .isInstanceOf(UnsupportedOperationException.class);
            assertThatThrownBy(file::sync).isInstanceOf(UnsupportedOperationException.class);
        }
        assertThatThrownBy(() -> files.open("b")).isInstanceOf(StorageException.class);
        assertThat(files.list()).containsExactly("a");
        assertThatThrownBy(() -> ReadOnlyFileStore.open(directory.resolve("b"))).isInstanceOf(StorageException.class);
    }
}
