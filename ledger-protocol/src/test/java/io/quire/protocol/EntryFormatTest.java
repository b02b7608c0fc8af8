package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.EntryFormat.DamagedEntryException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link EntryFormat} and {@link EntryBatch}. */
class EntryFormatTest {
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final LedgerKey KEY = LedgerPassword.of(new byte[] {1, 2, 3}).keyOf(LEDGER);

    @Test
    @DisplayName("R9: entries come back equal, and the same entry always has the same bytes")
    void roundTrip() {
        RandomValues values = new RandomValues(41);
        for (int i = 0; i < 1000; i++) {
            Entry entry = values.entry();
            DigestType digest = values.oneOf(DigestType.values());
            Payload encoded = EntryFormat.encode(entry, digest, KEY);
            assertThat(EntryFormat.decode(encoded)).isEqualTo(entry);
            assertThat(EntryFormat.decode(encoded, digest, KEY)).isEqualTo(entry);
            assertThat(EntryFormat.isGuardedBy(encoded, digest)).isTrue();
            assertThat(EntryFormat.encode(entry, digest, KEY)).isEqualTo(encoded);
            assertThat(encoded.length())
                    .isEqualTo(EntryFormat.encodedBytes(entry.payload().length(), digest));
            assertThat(EntryFormat.ledgerIdOf(encoded))
                    .isEqualTo(entry.ledgerId().value());
            assertThat(EntryFormat.entryIdOf(encoded)).isEqualTo(entry.entryId());
            assertThat(EntryFormat.lastAddConfirmedOf(encoded)).isEqualTo(entry.lastAddConfirmed());
            assertThat(EntryFormat.lengthOf(encoded)).isEqualTo(entry.length());
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0, CRC32C",
        "1, CRC32C",
        "77, CRC32C",
        "0, CRC32",
        "1, CRC32",
        "77, CRC32",
        "0, HMAC_SHA256",
        "77, HMAC_SHA256"
    })
    @DisplayName("H66: any other value of any single byte is damage, also of an HMAC entry to who has no key")
    void anyDamagedByte(int payloadBytes, DigestType digest) {
        byte[] sound = encode(payloadBytes, digest).toByteArray();
        for (int at = 0; at < sound.length; at++) {
            for (int flip = 1; flip < 256; flip++) {
                byte[] damaged = sound.clone();
                damaged[at] = (byte) (damaged[at] ^ flip);
                Payload bytes = Payload.wrap(damaged);
                assertThatThrownBy(() -> EntryFormat.verify(bytes))
                        .as("byte %d of %d", at, sound.length)
                        .isInstanceOf(DamagedEntryException.class);
                assertThatThrownBy(() -> EntryFormat.decode(bytes)).isInstanceOf(DamagedEntryException.class);
            }
        }
    }

    @Test
    @DisplayName(
            "an HMAC entry that was not made with the ledger's password is sound to a store and damage to a reader")
    void forgedEntry() {
        Payload payload = Payload.ofUtf8("mine");
        LedgerKey other = LedgerPassword.of(new byte[] {9}).keyOf(LEDGER);
        Payload forged = EntryFormat.encode(LEDGER, 5, 3, 100, payload, DigestType.HMAC_SHA256, other);
        EntryFormat.verify(forged);
        assertThat(EntryFormat.decode(forged, DigestType.HMAC_SHA256, other).payload())
                .isEqualTo(payload);
        assertThatThrownBy(() -> EntryFormat.decode(forged, DigestType.HMAC_SHA256, KEY))
                .isInstanceOf(DamagedEntryException.class)
                .hasMessageContaining("was not made with the ledger's password");

        byte[] patched = EntryFormat.encode(LEDGER, 5, 3, 100, payload, DigestType.HMAC_SHA256, KEY)
                .toByteArray();
        patched[EntryFormat.HEADER_BYTES] ^= 1;
        CRC32C crc = new CRC32C();
        crc.update(patched, 0, patched.length - 4);
        ByteBuffer.wrap(patched).putInt(patched.length - 4, (int) crc.getValue());
        EntryFormat.verify(Payload.wrap(patched));
        assertThatThrownBy(() -> EntryFormat.verify(Payload.wrap(patched), DigestType.HMAC_SHA256, KEY))
                .isInstanceOf(DamagedEntryException.class);
    }

    @ParameterizedTest
    @EnumSource(DigestType.class)
    @DisplayName("an entry whose digest is of another type than the ledger's is damage")
    void otherDigest(DigestType ledgers) {
        for (DigestType digest : DigestType.values()) {
            Payload encoded = encode(20, digest);
            if (digest == ledgers) {
                EntryFormat.verify(encoded, ledgers, KEY);
            } else {
                assertThatThrownBy(() -> EntryFormat.verify(encoded, ledgers, KEY))
                        .isInstanceOf(DamagedEntryException.class)
                        .hasMessageContaining("the ledger's is " + ledgers);
            }
        }
    }

    @Test
    @DisplayName("an HMAC cannot be made or checked without a password")
    void noKey() {
        assertThatThrownBy(() -> EntryFormat.encode(LEDGER, 0, -1, 0, Payload.EMPTY, DigestType.HMAC_SHA256))
                .isInstanceOf(IllegalStateException.class);
        Payload encoded = encode(3, DigestType.HMAC_SHA256);
        assertThatThrownBy(() -> EntryFormat.verify(encoded, DigestType.HMAC_SHA256, LedgerKey.NONE))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("an entry with bytes missing or too many is damage")
    void wrongSize() {
        byte[] sound = encode(20).toByteArray();
        for (int length = 0; length < sound.length; length++) {
            Payload shortened = Payload.wrap(sound, 0, length);
            assertThatThrownBy(() -> EntryFormat.verify(shortened)).isInstanceOf(DamagedEntryException.class);
        }
        Payload longer = Payload.wrap(Arrays.copyOf(sound, sound.length + 1));
        assertThatThrownBy(() -> EntryFormat.verify(longer))
                .isInstanceOf(DamagedEntryException.class)
                .hasMessage("entry of 64 bytes in 65");
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, Integer.MIN_VALUE, Integer.MAX_VALUE, EntryFormat.PAYLOAD_BYTES_MAX + 1, 21, 1 << 20})
    @DisplayName("a header that lies about the payload's size is damage, also with a right digest")
    void lyingSize(int payloadBytes) {
        Payload lying = forge(20, header -> header.putInt(32, payloadBytes));
        assertThatThrownBy(() -> EntryFormat.sizeAt(lying, 0)).isInstanceOf(DamagedEntryException.class);
        assertThatThrownBy(() -> EntryFormat.verify(lying)).isInstanceOf(DamagedEntryException.class);
        assertThatThrownBy(() -> EntryBatch.ofSlab(lying)).isInstanceOf(DamagedEntryException.class);
    }

    @ParameterizedTest
    @ValueSource(bytes = {0, 5, -1})
    @DisplayName("an unknown digest is damage")
    void unknownDigest(byte code) {
        Payload unknown = forge(20, header -> header.put(36, code));
        assertThatThrownBy(() -> EntryFormat.verify(unknown))
                .isInstanceOf(DamagedEntryException.class)
                .hasMessage("unknown digest type code " + code);
    }

    @ParameterizedTest
    @ValueSource(ints = {37, 38, 39})
    @DisplayName("reserved bytes are zero, also where the digest is right")
    void reservedBytes(int at) {
        Payload reserved = forge(20, header -> header.put(at, (byte) 1));
        assertThatThrownBy(() -> EntryFormat.verify(reserved)).isInstanceOf(DamagedEntryException.class);
    }

    @Test
    @DisplayName("fields that no writer makes are damage, also where the digest is right")
    void insaneFields() {
        List<Consumer<ByteBuffer>> insane = List.of(
                header -> header.putLong(0, -1),
                header -> header.putLong(8, -1),
                header -> header.putLong(8, Long.MAX_VALUE),
                header -> header.putLong(16, 5),
                header -> header.putLong(16, -2),
                header -> header.putLong(24, 19));
        for (Consumer<ByteBuffer> forgery : insane) {
            Payload forged = forge(20, forgery);
            EntryFormat.verify(forged);
            assertThatThrownBy(() -> EntryFormat.decode(forged))
                    .isInstanceOf(DamagedEntryException.class)
                    .hasMessageStartingWith("entry with a right digest and wrong fields: ");
        }
    }

    @Test
    @DisplayName("a payload over the limit is refused before anything is allocated for it")
    void tooLargePayload() {
        Payload large = Payload.wrap(new byte[EntryFormat.PAYLOAD_BYTES_MAX + 1]);
        assertThatThrownBy(() -> EntryFormat.encode(LEDGER, 0, -1, large.length(), large, DigestType.CRC32C))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("can be encoded");
    }

    @Test
    @DisplayName("an entry's fields are valid")
    void entryInvariants() {
        Payload payload = Payload.ofUtf8("abc");
        assertThat(new Entry(LEDGER, 0, EntryId.NONE, 3, payload).payload()).isEqualTo(payload);
        assertThatThrownBy(() -> new Entry(LEDGER, -1, -1, 3, payload)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Entry(LEDGER, 5, 5, 3, payload)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Entry(LEDGER, 5, -2, 3, payload)).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Entry(LEDGER, 5, 4, 2, payload)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    @DisplayName("a slab is cut into the entries that it was made of, unverified")
    void slabs() {
        RandomValues values = new RandomValues(42);
        for (int round = 0; round < 200; round++) {
            EntryBatch batch = values.batch();
            EntryBatch cut = EntryBatch.ofSlab(slabOf(batch));
            assertThat(cut).isEqualTo(batch).hasSameHashCodeAs(batch);
            assertThat(cut.count()).isEqualTo(batch.entries().size());
            assertThat(cut.isEmpty()).isEqualTo(batch.entries().isEmpty());
            assertThat(cut.byteSize()).isEqualTo(batch.byteSize());
        }
        assertThat(EntryBatch.ofSlab(Payload.EMPTY)).isSameAs(EntryBatch.EMPTY);
    }

    @Test
    @DisplayName("a slab that is not a whole number of entries is damage")
    void damagedSlabs() {
        Payload first = encode(3);
        Payload slab = slabOf(EntryBatch.of(List.of(first, encode(0), encode(9))));
        int whole = 0;
        for (int length = 0; length < slab.length(); length++) {
            Payload cut = slab.slice(0, length);
            if (length == 0
                    || length == first.length()
                    || length == first.length() + encode(0).length()) {
                assertThat(EntryBatch.ofSlab(cut).count()).isEqualTo(whole++);
            } else {
                assertThatThrownBy(() -> EntryBatch.ofSlab(cut)).isInstanceOf(DamagedEntryException.class);
            }
        }
        Payload trailing = Payload.wrap(Arrays.copyOf(slab.toByteArray(), slab.length() + 1));
        assertThatThrownBy(() -> EntryBatch.ofSlab(trailing)).isInstanceOf(DamagedEntryException.class);
    }

    @Test
    @DisplayName("a batch does not change with the list that it was made of")
    void batchIsImmutable() {
        List<Payload> entries = new ArrayList<>(List.of(encode(1)));
        EntryBatch batch = EntryBatch.of(entries);
        entries.clear();
        assertThat(batch.count()).isEqualTo(1);
        assertThatThrownBy(() -> batch.entries().clear()).isInstanceOf(UnsupportedOperationException.class);
    }

    private static Payload encode(int payloadBytes) {
        return encode(payloadBytes, DigestType.CRC32C);
    }

    private static Payload encode(int payloadBytes, DigestType digest) {
        Payload payload = Payload.wrap(new RandomValues(43).bytes(payloadBytes));
        return EntryFormat.encode(LEDGER, 5, 3, 100, payload, digest, KEY);
    }

    /** An entry whose header was changed before its digest was computed. */
    private static Payload forge(int payloadBytes, Consumer<ByteBuffer> forgery) {
        byte[] bytes = encode(payloadBytes).toByteArray();
        ByteBuffer header = ByteBuffer.wrap(bytes);
        forgery.accept(header);
        int covered = EntryFormat.HEADER_BYTES + payloadBytes;
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, covered);
        header.putInt(covered, (int) crc.getValue());
        return Payload.wrap(bytes);
    }

    private static Payload slabOf(EntryBatch batch) {
        ByteBuffer slab = ByteBuffer.allocate(batch.byteSize());
        batch.entries().forEach(entry -> entry.writeTo(slab));
        return Payload.wrap(slab.array());
    }
}
