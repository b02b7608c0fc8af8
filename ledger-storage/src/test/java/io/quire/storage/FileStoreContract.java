package io.quire.storage;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every {@link FileStore} does. */
public abstract class FileStoreContract {
    private FileStore store;

    /** Opens the one store of this test, with what it held before. */
    protected abstract FileStore open();

    /**
     * Ends {@code store} without a close, as a crash does; what was not durable may be gone. An implementation that
     * cannot lose anything just leaves it.
     */
    protected abstract void crash(FileStore store);

    @BeforeEach
    final void openStore() {
        store = open();
    }

    @AfterEach
    final void closeStore() {
        store.close();
    }

    private void reopen() {
        store.close();
        store = open();
    }

    private void crashAndOpen() {
        crash(store);
        store = open();
    }

    @Test
    @DisplayName("a created file has its size and reads as zeros")
    void createdFileIsZeros() {
        int bytes = (2 << 20) + 77;
        try (StoreFile file = store.create("segment-1.log", bytes)) {
            assertThat(file.name()).isEqualTo("segment-1.log");
            assertThat(file.size()).isEqualTo(bytes);
            assertThat(read(file, 0, bytes)).isEqualTo(new byte[bytes]);
        }
    }

    @Test
    @DisplayName("an empty file can be created and grows when written")
    void emptyFileGrows() {
        try (StoreFile file = store.create("a", 0)) {
            assertThat(file.size()).isZero();
            file.write(0, utf8("hello"));
            assertThat(file.size()).isEqualTo(5);
            assertThat(read(file, 0, 5)).isEqualTo("hello".getBytes(UTF_8));
        }
    }

    @Test
    @DisplayName("a write behind the end leaves zeros between")
    void gapReadsAsZeros() {
        try (StoreFile file = store.create("a", 3)) {
            file.write(10_000, utf8("x"));
            assertThat(file.size()).isEqualTo(10_001);
            byte[] expected = new byte[10_001];
            expected[10_000] = 'x';
            assertThat(read(file, 0, 10_001)).isEqualTo(expected);
        }
    }

    @Test
    @DisplayName("a gathering write puts what remains of all buffers behind each other and consumes them")
    void gatheringWrite() {
        try (StoreFile file = store.create("a", 100)) {
            ByteBuffer direct =
                    ByteBuffer.allocateDirect(4).put("-two".getBytes(UTF_8)).flip();
            ByteBuffer partial = utf8("xx-three-xx").position(2).limit(8);
            ByteBuffer[] buffers = {utf8("one"), ByteBuffer.allocate(0), direct, partial.asReadOnlyBuffer()};
            file.write(7, buffers);
            assertThat(buffers).allMatch(buffer -> !buffer.hasRemaining());
            assertThat(read(file, 7, 13)).isEqualTo("one-two-three".getBytes(UTF_8));
            assertThat(file.size()).isEqualTo(100);
        }
    }

    @Test
    @DisplayName("a write of more buffers than the system takes at once is complete")
    void manyBuffers() {
        ByteBuffer[] buffers = new ByteBuffer[3000];
        for (int i = 0; i < buffers.length; i++) {
            buffers[i] = ByteBuffer.wrap(new byte[] {(byte) i, (byte) (i >> 8), 1});
        }
        try (StoreFile file = store.create("a", 0)) {
            file.write(0, buffers);
            byte[] content = read(file, 0, 9000);
            for (int i = 0; i < buffers.length; i++) {
                assertThat(content[3 * i]).isEqualTo((byte) i);
                assertThat(content[3 * i + 1]).isEqualTo((byte) (i >> 8));
            }
        }
    }

    @Test
    @DisplayName("a read ends where the file ends")
    void readEndsAtEnd() {
        try (StoreFile file = store.create("a", 0)) {
            file.write(0, utf8("0123456789"));
            ByteBuffer into = ByteBuffer.allocate(20);
            assertThat(file.read(6, into)).isEqualTo(4);
            assertThat(into.flip()).isEqualTo(utf8("6789"));
            assertThat(file.read(10, ByteBuffer.allocate(1))).isZero();
            assertThat(file.read(1000, ByteBuffer.allocate(1))).isZero();
            assertThat(file.read(0, ByteBuffer.allocate(0))).isZero();
        }
    }

    @Test
    @DisplayName("a read fills what remains of its buffer, heap or direct")
    void readFillsRemaining() {
        try (StoreFile file = store.create("a", 0)) {
            file.write(0, utf8("0123456789"));
            ByteBuffer into = ByteBuffer.allocateDirect(8).position(2).limit(5);
            assertThat(file.read(3, into)).isEqualTo(3);
            assertThat(into.position()).isEqualTo(5);
            assertThat(into.flip().position(2)).isEqualTo(utf8("345"));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3})
    @DisplayName("random writes read back as from an array, also after reopening")
    void randomWrites(long seed) {
        Random random = new Random(seed);
        byte[] model = new byte[70_000];
        int size = 20_000;
        StoreFile file = store.create("a", size);
        for (int i = 0; i < 200; i++) {
            byte[] bytes = new byte[random.nextInt(i % 10 == 0 ? 20_000 : 700)];
            random.nextBytes(bytes);
            int position = random.nextInt(50_000);
            file.write(position, ByteBuffer.wrap(bytes));
            System.arraycopy(bytes, 0, model, position, bytes.length);
            size = bytes.length == 0 ? size : Math.max(size, position + bytes.length);
            if (random.nextInt(10) == 0) {
                file.sync();
            }
            if (random.nextInt(30) == 0) {
                file.close();
                reopen();
                file = store.open("a");
            }
            int from = random.nextInt(size);
            int count = random.nextInt(size - from);
            assertThat(file.size()).isEqualTo(size);
            assertThat(read(file, from, count)).isEqualTo(Arrays.copyOfRange(model, from, from + count));
        }
        file.close();
    }

    @Test
    @DisplayName("I7: what was written before a sync survives a crash")
    void syncedSurvivesCrash() {
        StoreFile file = store.create("a", 5000);
        file.write(4000, utf8("synced"));
        file.sync();
        file.write(4200, utf8("not synced"));
        file.write(6000, utf8("not synced"));
        crashAndOpen();
        try (StoreFile after = store.open("a")) {
            assertThat(after.size()).isGreaterThanOrEqualTo(5000);
            assertThat(read(after, 4000, 6)).isEqualTo("synced".getBytes(UTF_8));
            assertThat(read(after, 0, 4000)).isEqualTo(new byte[4000]);
        }
    }

    @Test
    @DisplayName("creating, renaming and deleting survive a crash")
    void namesSurviveCrash() {
        store.create("kept", 10).close();
        store.create("renamed", 20).close();
        store.create("deleted", 30).close();
        store.rename("renamed", "new-name");
        store.delete("deleted");
        crashAndOpen();
        assertThat(store.list()).containsExactly("kept", "new-name");
        try (StoreFile kept = store.open("kept");
                StoreFile renamed = store.open("new-name")) {
            assertThat(kept.size()).isEqualTo(10);
            assertThat(renamed.size()).isEqualTo(20);
        }
    }

    @Test
    @DisplayName("names are listed in ascending order")
    void listIsSorted() {
        assertThat(store.list()).isEmpty();
        for (String name : new String[] {"b", "a.log", "_x", "B", "a-1", "10", "9"}) {
            store.create(name, 0).close();
        }
        assertThat(store.list()).containsExactly("10", "9", "B", "_x", "a-1", "a.log", "b");
    }

    @Test
    @DisplayName("renaming replaces a file of that name with the content of the other")
    void renameReplaces() {
        try (StoreFile file = store.create("new", 0)) {
            file.write(0, utf8("new"));
            file.sync();
        }
        store.create("old", 1000).close();
        store.rename("new", "old");
        assertThat(store.list()).containsExactly("old");
        try (StoreFile file = store.open("old")) {
            assertThat(file.size()).isEqualTo(3);
            assertThat(read(file, 0, 3)).isEqualTo("new".getBytes(UTF_8));
        }
    }

    @Test
    @DisplayName("creating what exists and opening, renaming or deleting what does not is refused")
    void existenceIsChecked() {
        try (StoreFile file = store.create("a", 10)) {
            file.write(0, utf8("content"));
            assertThatThrownBy(() -> store.create("a", 5)).isInstanceOf(StorageException.class);
            assertThat(read(file, 0, 7)).isEqualTo("content".getBytes(UTF_8));
        }
        assertThatThrownBy(() -> store.open("b")).isInstanceOf(StorageException.class);
        assertThatThrownBy(() -> store.rename("b", "c")).isInstanceOf(StorageException.class);
        assertThatThrownBy(() -> store.delete("b")).isInstanceOf(StorageException.class);
        assertThat(store.list()).containsExactly("a");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", ".", "..", ".hidden", "a/b", "../a", "a b", "a\0b", "\u00e4", "LOCK"})
    @DisplayName("a name that could leave the directory, hide in it or clash is refused")
    void namesAreChecked(String name) {
        assertThatThrownBy(() -> store.create(name, 0)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store.open(name)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store.delete(name)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store.rename(name, "a")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> store.rename("a", name)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("H61: a file that does not fit on the disk is reported as out of space and leaves nothing")
    void tooLargeForTheDisk() {
        long tooMuch = store.totalBytes() + 1;
        assertThatThrownBy(() -> store.create("a", tooMuch)).isInstanceOf(OutOfSpaceException.class);
        assertThat(store.list()).isEmpty();
    }

    @Test
    @DisplayName("free bytes are between none and all")
    void freeBytes() {
        assertThat(store.freeBytes()).isBetween(1L, store.totalBytes());
    }

    @Test
    @DisplayName("a closed file and a closed store refuse to be used; closing twice is harmless")
    void closedRefuses() {
        StoreFile file = store.create("a", 10);
        StoreFile left = store.create("b", 10);
        file.close();
        file.close();
        assertThatThrownBy(() -> file.write(0, utf8("x"))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> file.read(0, ByteBuffer.allocate(1))).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(file::sync).isInstanceOf(IllegalStateException.class);
        FileStore closed = store;
        closed.close();
        closed.close();
        assertThatThrownBy(closed::list).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> closed.open("a")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(left::sync).isInstanceOf(IllegalStateException.class);
        store = open();
    }

    private static ByteBuffer utf8(String text) {
        return ByteBuffer.wrap(text.getBytes(UTF_8));
    }

    private static byte[] read(StoreFile file, long position, int count) {
        ByteBuffer into = ByteBuffer.allocate(count);
        assertThat(file.read(position, into)).isEqualTo(count);
        return into.array();
    }
}
