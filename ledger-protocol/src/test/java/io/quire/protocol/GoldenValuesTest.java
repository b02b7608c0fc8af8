package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The bytes of registered values, of gossip and of entries, as they are kept for years. */
class GoldenValuesTest {
    private static final BookieId BOOKIE_1 = new BookieId(new UUID(0x0102030405060708L, 0x090a0b0c0d0e0f10L));
    private static final BookieId BOOKIE_2 = new BookieId(new UUID(0x1112131415161718L, 0x191a1b1c1d1e1f20L));
    private static final BookieId BOOKIE_3 = new BookieId(new UUID(0x2122232425262728L, 0x292a2b2c2d2e2f30L));

    private static final LedgerKey KEY =
            LedgerPassword.of("open sesame".getBytes(StandardCharsets.UTF_8)).keyOf(new LedgerId(17));

    @Test
    @DisplayName("ledger metadata has the bytes of its golden file, both ways")
    void ledgerMetadata() {
        LedgerMetadata metadata = new LedgerMetadata(
                new LedgerId(17),
                "default",
                new Replication(2, 2, 1),
                DigestType.CRC32C,
                Payload.EMPTY,
                LedgerState.CLOSED,
                Deletion.DELETED,
                List.of(
                        new Fragment(0, 1, new Ensemble(List.of(BOOKIE_1, BOOKIE_2))),
                        new Fragment(42, 3, new Ensemble(List.of(BOOKIE_3, BOOKIE_2)))),
                99,
                123_456,
                1_700_000_000_000L,
                Map.of("team", "orders", "größe", "3"),
                List.of(new IncompleteRange(BOOKIE_1, 40, 41)),
                List.of());
        byte[] golden = GoldenFiles.require("LedgerMetadata", metadata.encode().toByteArray());
        assertThat(LedgerMetadata.decode(Payload.wrap(golden))).isEqualTo(metadata);

        LedgerMetadata guarded = metadata.guardedBy(DigestType.HMAC_SHA256, KEY.verifier());
        byte[] withVerifier =
                GoldenFiles.require("LedgerMetadata-password", guarded.encode().toByteArray());
        assertThat(LedgerMetadata.decode(Payload.wrap(withVerifier))).isEqualTo(guarded);

        LedgerMetadata withLoss = metadata.withAcceptedLosses(List.of(BOOKIE_2, BOOKIE_1));
        byte[] lost =
                GoldenFiles.require("LedgerMetadata-loss", withLoss.encode().toByteArray());
        assertThat(LedgerMetadata.decode(Payload.wrap(lost))).isEqualTo(withLoss);
        assertThat(withLoss.acceptedLosses()).containsExactly(BOOKIE_1, BOOKIE_2);
    }

    @Test
    @DisplayName("a bookie's registration has the bytes of its golden file, both ways")
    void bookieRegistration() {
        BookieRegistration registration = new BookieRegistration(
                BOOKIE_1,
                "c0ffee",
                new BootEpoch(7),
                BookieLife.RETIRED,
                "pekko://quire@10.0.0.1:25520/user/bookie-1",
                "bookie-1");
        byte[] golden =
                GoldenFiles.require("BookieRegistration", registration.encode().toByteArray());
        assertThat(BookieRegistration.decode(Payload.wrap(golden))).isEqualTo(registration);
    }

    @Test
    @DisplayName("a bookie's status has the bytes of its golden file, both ways")
    void bookieStatus() {
        BookieStatus status = new BookieStatus(
                BOOKIE_1,
                new BootEpoch(7),
                12,
                "bookie-1",
                "pekko://quire@10.0.0.1:25520",
                "pekko://quire@10.0.0.1:25520/user/bookie-1",
                BookieStatus.State.DRAINING,
                1L << 30,
                1L << 40,
                Map.of("zone", "b", "rack", "r1"),
                List.of("OPERATOR", "DISK_FULL"));
        byte[] golden = GoldenFiles.require("BookieStatus", encode(status::encode));
        assertThat(Fields.decodeAll(ByteBuffer.wrap(golden), BookieStatus::decode))
                .isEqualTo(status);
    }

    @Test
    @DisplayName("a registry config has the bytes of its golden file, both ways")
    void registryConfig() {
        RegistryConfig config = RegistryConfig.founding(
                "orders", List.of(new VoterId(BOOKIE_3.value()), new VoterId(BOOKIE_1.value())));
        byte[] golden = GoldenFiles.require("RegistryConfig", encode(config::encode));
        assertThat(Fields.decodeAll(ByteBuffer.wrap(golden), RegistryConfig::decode))
                .isEqualTo(config);
    }

    @Test
    @DisplayName("a register's value has the bytes of its golden file, both ways")
    void registerValue() {
        RegisterValue value = RegisterValue.ABSENT
                .changedTo(Payload.ofUtf8("one"), new OpId(BOOKIE_1.value()))
                .changedTo(Payload.ofUtf8("two"), new OpId(BOOKIE_2.value()));
        byte[] golden = GoldenFiles.require("RegisterValue", encode(value::encode));
        assertThat(Fields.decodeAll(ByteBuffer.wrap(golden), RegisterValue::decode))
                .isEqualTo(value);
    }

    @Test
    @DisplayName("R9: an entry has the bytes of its golden file, both ways")
    void entry() {
        Entry entry = new Entry(new LedgerId(17), 5, 3, 105, Payload.ofUtf8("hello, ledger"));
        byte[] golden = GoldenFiles.require(
                "Entry", EntryFormat.encode(entry, DigestType.CRC32C).toByteArray());
        assertThat(EntryFormat.decode(Payload.wrap(golden))).isEqualTo(entry);
    }

    @ParameterizedTest
    @EnumSource(value = DigestType.class, mode = EnumSource.Mode.EXCLUDE, names = "CRC32C")
    @DisplayName("R9: an entry has the bytes of its golden file with every digest, both ways")
    void entry(DigestType digest) {
        Entry entry = new Entry(new LedgerId(17), 5, 3, 105, Payload.ofUtf8("hello, ledger"));
        byte[] golden = GoldenFiles.require(
                "Entry-" + digest, EntryFormat.encode(entry, digest, KEY).toByteArray());
        assertThat(EntryFormat.decode(Payload.wrap(golden), digest, KEY)).isEqualTo(entry);
    }

    @Test
    @DisplayName("proof and verifier of a password have the bytes of their golden files")
    void proofs() {
        GoldenFiles.require("LedgerKey-proof", KEY.proof().toByteArray());
        GoldenFiles.require("LedgerKey-verifier", KEY.verifier().toByteArray());
    }

    private static byte[] encode(Consumer<ByteBuffer> encode) {
        return Fields.encode(64, encode).toByteArray();
    }
}
