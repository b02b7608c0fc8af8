package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.storage.StorageException.DirectoryInUseException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DirectoryLockTest {
    @TempDir
    private Path directory;

    @TempDir
    private Path temporary;

    @Test
    @DisplayName("P11: a directory is locked once in a process, whatever path leads to it, until it is released")
    void exclusiveInProcess() throws IOException {
        Path link = directory.resolveSibling(directory.getFileName() + "-link");
        Files.createSymbolicLink(link, directory);
        DirectoryLock lock = DirectoryLock.acquire(directory);
        try {
            assertThatThrownBy(() -> DirectoryLock.acquire(directory))
                    .isInstanceOf(DirectoryInUseException.class)
                    .hasMessageContaining(directory.toString())
                    .hasMessageContaining("this process");
            assertThatThrownBy(() -> DirectoryLock.acquire(link)).isInstanceOf(DirectoryInUseException.class);
            lock.close();
            DirectoryLock.acquire(link).close();
        } finally {
            lock.close();
            Files.delete(link);
        }
    }

    @Test
    @DisplayName("the file of the lock holds the process id")
    void holdsProcessId() throws IOException {
        DirectoryLock.acquire(directory).close();
        assertThat(Files.readString(directory.resolve(FileStore.LOCK_NAME)))
                .isEqualTo(ProcessHandle.current().pid() + "\n");
    }

    @Test
    @DisplayName("P11: another process is kept out, also after a failed second try here, and let in afterwards")
    void exclusiveAcrossProcesses() throws Exception {
        DirectoryLock lock = DirectoryLock.acquire(directory);
        try {
            assertThatThrownBy(() -> DirectoryLock.acquire(directory)).isInstanceOf(DirectoryInUseException.class);
            try (ChildJvm child = ChildJvm.start(temporary, StorageChild.class, "lock", directory.toString())) {
                assertThat(child.readLine())
                        .contains("in use by process " + ProcessHandle.current().pid());
                lock.close();
                child.writeLine("again");
                assertThat(child.readLine()).isEqualTo("locked");
                assertThatThrownBy(() -> DirectoryLock.acquire(directory))
                        .isInstanceOf(DirectoryInUseException.class)
                        .hasMessageContaining("process " + child.pid());
                child.kill();
            }
        } finally {
            lock.close();
        }
        DirectoryLock.acquire(directory).close();
    }

    @Test
    @DisplayName("P11: whoever only reads is kept out by a user and keeps users out, and changes nothing")
    void forReading() throws Exception {
        try (DirectoryLock unused = DirectoryLock.acquireForReading(directory)) {
            assertThat(unused.lastUser()).isEmpty();
            assertThatThrownBy(() -> DirectoryLock.acquire(directory)).isInstanceOf(DirectoryInUseException.class);
        }
        assertThat(directory).isEmptyDirectory();
        Files.writeString(directory.resolve(FileStore.LOCK_NAME), "17\n");
        try (DirectoryLock lock = DirectoryLock.acquireForReading(directory);
                ChildJvm child = ChildJvm.start(temporary, StorageChild.class, "lock", directory.toString())) {
            assertThat(lock.lastUser()).contains("17");
            assertThat(child.readLine()).contains("in use by process 17");
            assertThat(Files.readString(directory.resolve(FileStore.LOCK_NAME))).isEqualTo("17\n");
            lock.close();
            child.writeLine("again");
            assertThat(child.readLine()).isEqualTo("locked");
            assertThatThrownBy(() -> DirectoryLock.acquireForReading(directory))
                    .isInstanceOf(DirectoryInUseException.class)
                    .hasMessageContaining("process " + child.pid());
            child.kill();
        }
        DirectoryLock.acquireForReading(directory).close();
    }

    @Test
    @DisplayName("a directory that does not exist is refused")
    void missingDirectory() {
        assertThatThrownBy(() -> DirectoryLock.acquire(directory.resolve("missing")))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("missing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"nfs", "nfs4", "NFS", "cifs", "smb3", "smbfs", "fuse.sshfs", "ceph", "fuse.glusterfs"})
    @DisplayName("P11: network file systems are known by their type")
    void networkTypes(String type) {
        assertThat(DirectoryLock.isNetworkType(type)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "NTFS", "fuseblk", "9p"})
    @DisplayName("local file systems are let through")
    void localTypes(String type) {
        assertThat(DirectoryLock.isNetworkType(type)).isFalse();
    }
}
