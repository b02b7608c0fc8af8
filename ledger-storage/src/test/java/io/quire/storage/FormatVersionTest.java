package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.StorageException.NewerFormatException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FormatVersionTest {
    private static final Payload KEY = Payload.ofUtf8("m/format");

    @TempDir
    private Path directory;

    private KeyValueStore store;

    @BeforeEach
    void open() {
        store = LmdbKeyValueStore.open(directory, 1 << 20);
    }

    @AfterEach
    void close() {
        store.close();
    }

    private void put(Payload value) {
        try (Transaction transaction = store.begin()) {
            transaction.put(KEY, value);
            transaction.commit();
        }
    }

    @Test
    @DisplayName(
            "a store that was formatted now has the current version, one from before there was a note has version 1")
    void current() {
        assertThat(FormatVersion.require(store, "the store")).isEqualTo(1);
        try (Transaction transaction = store.begin()) {
            FormatVersion.put(transaction);
            transaction.commit();
        }
        assertThat(FormatVersion.require(store, "the store")).isEqualTo(FormatVersion.CURRENT);
    }

    @Test
    @DisplayName("a newer version is refused with both numbers")
    void newer() {
        put(GuardedValue.encode(KEY, 4, out -> out.putInt(2)));
        assertThatThrownBy(() -> FormatVersion.require(store, "the ledger store"))
                .isInstanceOf(NewerFormatException.class)
                .hasMessageContaining("the ledger store was written by a newer version of Quire (format 2, this one");
    }

    @Test
    @DisplayName("P10: a damaged note is damage, not another version")
    void damaged() {
        put(Payload.ofUtf8("damaged"));
        assertThatThrownBy(() -> FormatVersion.require(store, "the ledger store"))
                .isInstanceOf(StorageException.class)
                .isNotInstanceOf(NewerFormatException.class)
                .hasMessageContaining("damaged");
    }
}
