package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Ids, boots and statuses. */
class IdentityTest {
    @Test
    @DisplayName("ledger ids are decimal numbers in [0, 2^63), ordered as such")
    void ledgerIds() {
        assertThat(LedgerId.parse("17")).isEqualTo(new LedgerId(17)).hasToString("17");
        assertThat(LedgerId.parse("0000000000000000017")).isEqualTo(new LedgerId(17));
        assertThat(LedgerId.parse("9223372036854775807")).isEqualTo(new LedgerId(Long.MAX_VALUE));
        assertThat(new LedgerId(9)).isLessThan(new LedgerId(10));
        assertThatThrownBy(() -> new LedgerId(-1)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "9223372036854775808", "\u0661"})
    @DisplayName("a text that is no decimal number is no id")
    void noNumbers(String text) {
        assertThatThrownBy(() -> LedgerId.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("ledger id");
        assertThatThrownBy(() -> EntryId.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("entry id");
    }

    @Test
    @DisplayName("entry ids lie in [0, 2^63 - 2], and -1 says that there is none")
    void entryIds() {
        assertThat(EntryId.requireValid(0)).isZero();
        assertThat(EntryId.requireValid(EntryId.MAX)).isEqualTo(EntryId.MAX);
        assertThat(EntryId.requireValidOrNone(EntryId.NONE)).isEqualTo(-1);
        assertThat(EntryId.parse("42")).isEqualTo(42);
        assertThatThrownBy(() -> EntryId.requireValid(EntryId.NONE)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> EntryId.requireValidOrNone(-2)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> EntryId.requireValid(Long.MAX_VALUE)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> EntryId.parse("9223372036854775807")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("identities are UUIDs in their full form")
    void identities() {
        UUID uuid = new UUID(0x0102030405060708L, 0x890a0b0c0d0e0f10L);
        assertThat(BookieId.parse(uuid.toString()))
                .isEqualTo(new BookieId(uuid))
                .hasToString(uuid.toString());
        assertThat(VoterId.parse(uuid.toString())).isEqualTo(new VoterId(uuid)).hasToString(uuid.toString());
        assertThat(ProposerId.parse(uuid.toString()))
                .isEqualTo(new ProposerId(uuid))
                .hasToString(uuid.toString());
        for (String text : new String[] {"", "1-1-1-1-1", "bookie-1", uuid + "0"}) {
            assertThatThrownBy(() -> BookieId.parse(text)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> VoterId.parse(text)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> ProposerId.parse(text)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    @DisplayName("R7: boots are counted, never wrapped")
    void bootEpochs() {
        assertThat(BootEpoch.NEVER_BOOTED.next()).isEqualTo(new BootEpoch(1));
        assertThat(new BootEpoch(9)).isLessThan(new BootEpoch(10));
        assertThatThrownBy(() -> new BootEpoch(-1)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new BootEpoch(Long.MAX_VALUE).next()).isInstanceOf(ArithmeticException.class);
    }

    @Test
    @DisplayName("a version of a register is positive")
    void versioned() {
        assertThat(new Versioned<>(1, "x").value()).isEqualTo("x");
        assertThatThrownBy(() -> new Versioned<>(0, "x")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("a later boot is newer than any status of an earlier one, then the sequence decides")
    void statuses() {
        BookieStatus first = new BookieStatus(
                new BookieId(new UUID(0, 1)),
                new BootEpoch(1),
                5,
                "bookie-1",
                "node",
                "address",
                BookieStatus.State.WRITABLE,
                10,
                20,
                Map.of("rack", "r1"));
        BookieStatus second = first.next(BookieStatus.State.READ_ONLY, 1, 20);
        BookieStatus rebooted = new BookieStatus(
                first.bookieId(),
                new BootEpoch(2),
                0,
                first.name(),
                first.node(),
                first.address(),
                first.state(),
                10,
                20,
                first.labels());
        assertThat(second.isNewerThan(first)).isTrue();
        assertThat(first.isNewerThan(second)).isFalse();
        assertThat(first.isNewerThan(first)).isFalse();
        assertThat(rebooted.isNewerThan(second)).isTrue();
        assertThat(second.isNewerThan(rebooted)).isFalse();
        assertThat(second.state()).isEqualTo(BookieStatus.State.READ_ONLY);
        assertThat(second.readOnlyReasons()).isEmpty();
        assertThat(second.next(BookieStatus.State.READ_ONLY, List.of("OPERATOR", "DISK_FULL"), 1, 20)
                        .readOnlyReasons())
                .containsExactly("DISK_FULL", "OPERATOR");
    }

    @Test
    @DisplayName("R7, H26: a registration moves to the next boot and address, and stays who it is")
    void registrations() {
        BookieRegistration formatted = new BookieRegistration(
                new BookieId(new UUID(0, 1)), "c0ffee", BootEpoch.NEVER_BOOTED, BookieLife.ACTIVE, "", "bookie-1");
        BookieRegistration booted = formatted.booted(new BootEpoch(1), "address", "renamed");
        assertThat(booted)
                .isEqualTo(new BookieRegistration(
                        formatted.bookieId(), "c0ffee", new BootEpoch(1), BookieLife.ACTIVE, "address", "renamed"));
    }

    @Test
    @DisplayName("the only digest is CRC32C, code 1, 4 bytes")
    void digests() {
        assertThat(DigestType.ofCode((byte) 1)).isEqualTo(DigestType.CRC32C);
        assertThat(DigestType.CRC32C.code()).isEqualTo((byte) 1);
        assertThat(DigestType.CRC32C.digestBytes()).isEqualTo(4);
        assertThatThrownBy(() -> DigestType.ofCode((byte) 0)).isInstanceOf(IllegalArgumentException.class);
    }
}
