package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Transaction;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is looked at before LMDB may have its file, of which LMDB believes everything. */
class LmdbFileTest {
    private static final int PAGE = 4096;
    private static final int FREE_TREE = 40;
    private static final int MAIN_TREE = 88;
    private static final int FLIPS = 20_000;

    @TempDir
    Path directory;

    private byte[] whole;
    private int meta;

    /** Branches, leaves, values in pages of their own, and lists of free pages. */
    @BeforeEach
    void fill() throws IOException {
        Random random = new Random(5);
        try (KeyValueStore store = LmdbKeyValueStore.open(directory)) {
            for (int round = 0; round < 12; round++) {
                try (Transaction transaction = store.begin()) {
                    for (int i = 0; i < 250; i++) {
                        byte[] value = new byte[random.nextInt(8) == 0 ? 3000 + random.nextInt(20_000) : 150];
                        transaction.put(key(random.nextInt(2500)), Payload.wrap(value));
                        transaction.delete(key(random.nextInt(2500)));
                    }
                    transaction.commit();
                }
            }
        }
        whole = Files.readAllBytes(data());
        meta = longAt(144) < longAt(PAGE + 144) ? PAGE : 0;
        assertThat(longAt(meta + MAIN_TREE + 8)).as("branches").isPositive();
        assertThat(longAt(meta + FREE_TREE + 16)).as("lists of free pages").isPositive();
    }

    @Test
    @DisplayName("P12: a store is refused when any page of its trees is gone, and not for any other page")
    void zeroedPages() throws IOException {
        long inTrees = 0;
        for (int tree : new int[] {FREE_TREE, MAIN_TREE}) {
            inTrees += longAt(meta + tree + 8) + longAt(meta + tree + 16);
        }
        long refused = 0;
        for (int page = 2; page < whole.length / PAGE; page++) {
            byte[] before = slice(page * PAGE, PAGE);
            write(page * PAGE, new byte[PAGE]);
            refused += isRefused() ? 1 : 0;
            write(page * PAGE, before);
        }
        assertThat(refused).isEqualTo(inTrees);
    }

    @Test
    @DisplayName("P12: whichever bit of its heads and trees is wrong, a store opens, or is refused with a reason")
    void flippedBits() throws IOException {
        Random random = new Random(7);
        long refused = 0;
        for (int i = 0; i < FLIPS; i++) {
            int page = random.nextInt(whole.length / PAGE);
            int at = page * PAGE + random.nextInt(random.nextBoolean() ? 16 : PAGE);
            write(at, new byte[] {(byte) (whole[at] ^ 1 << random.nextInt(8))});
            refused += isRefused() ? 1 : 0;
            write(at, new byte[] {whole[at]});
        }
        assertThat(refused).isGreaterThan(FLIPS / 50);
        LmdbFile.requireWhole(data());
    }

    @Test
    @DisplayName("P12: a page that is in use and free would be overwritten: the store is refused")
    void freePageInUse() throws IOException {
        long root = longAt(meta + MAIN_TREE + 40);
        ByteBuffer pages = ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN);
        int leaf = Math.toIntExact(longAt(meta + FREE_TREE + 40)) * PAGE;
        assertThat(pages.getShort(leaf + 10)).as("a leaf").isEqualTo((short) 2);
        int node = leaf + pages.getShort(leaf + 16);
        int firstFree = node + 8 + pages.getShort(node + 6) + 8;

        write(
                firstFree,
                ByteBuffer.allocate(8)
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .putLong(root)
                        .array());

        assertThatThrownBy(() -> LmdbFile.requireWhole(data()))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("page " + root + " is in use and free");
    }

    @Test
    @DisplayName("P12: heads of different times do not belong together: the store is refused")
    void headsApart() throws IOException {
        write(meta + 144, new byte[] {(byte) (whole[meta + 144] + 4)});

        assertThatThrownBy(() -> LmdbFile.requireWhole(data()))
                .isInstanceOf(StorageException.class)
                .hasMessageContaining("5 commits apart");
    }

    private boolean isRefused() {
        try {
            LmdbFile.requireWhole(data());
            return false;
        } catch (StorageException e) {
            assertThat(e.getMessage()).contains("is damaged").doesNotContain("\n");
            return true;
        }
    }

    private long longAt(int position) {
        return ByteBuffer.wrap(whole).order(ByteOrder.LITTLE_ENDIAN).getLong(position);
    }

    private byte[] slice(int from, int bytes) {
        byte[] slice = new byte[bytes];
        System.arraycopy(whole, from, slice, 0, bytes);
        return slice;
    }

    private void write(int position, byte[] bytes) throws IOException {
        try (FileChannel channel = FileChannel.open(data(), StandardOpenOption.WRITE)) {
            channel.write(ByteBuffer.wrap(bytes), position);
        }
    }

    private Path data() {
        return directory.resolve("data.mdb");
    }

    private static Payload key(int number) {
        return Payload.wrap(ByteBuffer.allocate(4).putInt(number).array());
    }
}
