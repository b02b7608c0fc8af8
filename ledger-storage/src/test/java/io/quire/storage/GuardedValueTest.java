package io.quire.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Payload;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class GuardedValueTest {
    private static final Payload KEY = Payload.ofUtf8("m/key");
    private static final Payload VALUE =
            GuardedValue.encode(KEY, 1, out -> out.putLong(7).putLong(8));

    @Test
    @DisplayName("P10: a value is read as it was written, from a buffer's position on too")
    void roundTrip() {
        assertThat(read(KEY, VALUE)).isEqualTo(15);
        ByteBuffer behind =
                ByteBuffer.allocate(3 + VALUE.length()).put(new byte[3]).put(VALUE.asByteBuffer());
        assertThat(GuardedValue.<Long>decode(KEY, behind.flip().position(3), "it", in -> in.getLong() + in.getLong()))
                .isEqualTo(15);
    }

    @Test
    @DisplayName("P10: a flipped bit anywhere, missing or further bytes, and another value's key are found")
    void damage() {
        for (int bit = 0; bit < 8 * VALUE.length(); bit++) {
            byte[] bytes = VALUE.toByteArray();
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            assertDamaged(KEY, Payload.wrap(bytes));
        }
        for (int length = 0; length < VALUE.length(); length++) {
            assertDamaged(KEY, VALUE.slice(0, length));
        }
        byte[] longer = java.util.Arrays.copyOf(VALUE.toByteArray(), VALUE.length() + 1);
        assertDamaged(KEY, Payload.wrap(longer));
        assertDamaged(Payload.ofUtf8("m/kez"), VALUE);
    }

    @Test
    @DisplayName("fields that do not follow their format are damage, too")
    void malformed() {
        Payload value = GuardedValue.encode(KEY, 4, out -> out.putInt(7));
        assertDamaged(KEY, value);
    }

    private static long read(Payload key, Payload value) {
        return GuardedValue.decode(key, value, "it", in -> in.getLong() + in.getLong());
    }

    private static void assertDamaged(Payload key, Payload value) {
        assertThatThrownBy(() -> read(key, value))
                .isInstanceOf(StorageException.class)
                .hasMessageStartingWith("it is damaged");
    }
}
