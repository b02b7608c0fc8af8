package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.LedgerException;
import java.util.OptionalLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class EntryRangeTest {
    @ParameterizedTest(name = "closed {0}, end {1}, from {2} to {3}: {4}")
    @DisplayName("where a range ends follows from what it asks for and how far the ledger can be read")
    @CsvSource({
        "true, 9, 0, 5, 5",
        "true, 9, 0, 9, 9",
        "true, 9, 0, 99, 9",
        "true, 9, 0, , 9",
        "true, 9, 10, , 9",
        "true, 9, 11, , NoSuchEntry",
        "true, 9, 10, 10, NoSuchEntry",
        "true, -1, 0, , -1",
        "true, -1, 1, , NoSuchEntry",
        "true, -1, 0, 99, NoSuchEntry",
        "false, 9, 0, 9, 9",
        "false, 9, 0, 10, NotConfirmed",
        "false, 9, 0, , 9",
        "false, 9, 10, , 9",
        "false, 9, 11, , NotConfirmed",
        "false, -1, 0, , -1",
        "false, -1, 0, 0, NotConfirmed"
    })
    void ends(boolean isClosed, long end, long from, Long to, String expected) {
        EntryRange.Bounds bounds = new EntryRange.Bounds(from, to == null ? OptionalLong.empty() : OptionalLong.of(to));
        if (expected.startsWith("N")) {
            assertThatThrownBy(() -> bounds.last("17", isClosed, end))
                    .isInstanceOfSatisfying(
                            LedgerException.class,
                            refused -> assertThat(refused.code().name()).isEqualTo(expected));
        } else {
            assertThat(bounds.last("17", isClosed, end)).isEqualTo(Long.parseLong(expected));
        }
    }
}
