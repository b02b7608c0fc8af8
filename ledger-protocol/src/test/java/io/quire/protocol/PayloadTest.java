package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** {@link Payload}. */
class PayloadTest {
    private static final byte[] ZERO_TO_NINE = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

    @Test
    @DisplayName("slices are bounded by what they are cut from, not by the array behind it")
    void slices() {
        Payload whole = Payload.copyOf(ZERO_TO_NINE);
        Payload middle = whole.slice(2, 6);
        assertThat(middle.toByteArray()).containsExactly(2, 3, 4, 5, 6, 7);
        assertThat(middle.slice(1, 2).toByteArray()).containsExactly(3, 4);
        assertThat(middle.slice(6, 0)).isEqualTo(Payload.EMPTY);
        assertThat(middle.byteAt(5)).isEqualTo((byte) 7);
        assertThatThrownBy(() -> middle.slice(0, 7)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> middle.slice(-1, 2)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> middle.slice(1, Integer.MAX_VALUE)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> middle.byteAt(6)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> middle.longAt(0)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> middle.intAt(3)).isInstanceOf(IndexOutOfBoundsException.class);
        assertThatThrownBy(() -> Payload.wrap(new byte[3], 1, 3)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    @Test
    @DisplayName("payloads are equal by their bytes, wherever these lie")
    void equality() {
        Payload whole = Payload.copyOf(ZERO_TO_NINE);
        Payload slice = whole.slice(3, 4);
        Payload copy = Payload.copyOf(slice.toByteArray());
        assertThat(slice).isEqualTo(copy).hasSameHashCodeAs(copy);
        assertThat(slice).isNotEqualTo(whole.slice(3, 3)).isNotEqualTo(whole.slice(2, 4));
        assertThat(slice).isNotEqualTo("3456");
        assertThat(Payload.EMPTY).isEqualTo(whole.slice(5, 0)).hasSameHashCodeAs(whole.slice(5, 0));
        assertThat(Payload.EMPTY.isEmpty()).isTrue();
    }

    @Test
    @DisplayName("copies do not change with their source, and nothing given out writes through")
    void immutability() {
        byte[] source = ZERO_TO_NINE.clone();
        Payload payload = Payload.copyOf(source);
        source[0] = 99;
        payload.toByteArray()[1] = 99;
        assertThat(payload.toByteArray()).isEqualTo(ZERO_TO_NINE);
        assertThatThrownBy(() -> payload.asByteBuffer().put(0, (byte) 99)).isInstanceOf(ReadOnlyBufferException.class);

        ByteBuffer buffer = ByteBuffer.wrap(ZERO_TO_NINE.clone()).position(2).limit(5);
        Payload copied = Payload.copyOf(buffer);
        buffer.put(3, (byte) 99);
        assertThat(copied.toByteArray()).containsExactly(2, 3, 4);
        assertThat(buffer.hasRemaining()).isFalse();
    }

    @Test
    @DisplayName("the view of a slice holds the slice alone, big endian")
    void views() {
        ByteBuffer view = Payload.copyOf(ZERO_TO_NINE).slice(1, 8).asByteBuffer();
        assertThat(view.order()).isEqualTo(ByteOrder.BIG_ENDIAN);
        assertThat(view.capacity()).isEqualTo(8);
        assertThat(view.getLong()).isEqualTo(0x0102030405060708L);
        assertThat(Payload.copyOf(ZERO_TO_NINE).slice(1, 9).longAt(1)).isEqualTo(0x0203040506070809L);
        assertThat(Payload.copyOf(ZERO_TO_NINE).slice(1, 9).intAt(5)).isEqualTo(0x06070809);
    }

    @Test
    @DisplayName("a slice is written, checked and shown like its bytes")
    void output() {
        Payload slice = Payload.ofUtf8("one größe two").slice(4, 7);
        ByteBuffer target = ByteBuffer.allocate(7);
        slice.writeTo(target);
        assertThat(target.array()).isEqualTo(slice.toByteArray());
        assertThat(slice.toUtf8()).isEqualTo("größe");
        assertThat(slice.toBase64()).isEqualTo("Z3LDtsOfZQ==");
        assertThat(slice).hasToString("Payload(7 bytes)");

        CRC32C direct = new CRC32C();
        direct.update(slice.toByteArray(), 1, 5);
        CRC32C throughPayload = new CRC32C();
        slice.updateCrc(throughPayload, 1, 5);
        assertThat(throughPayload.getValue()).isEqualTo(direct.getValue());
        assertThatThrownBy(() -> slice.updateCrc(throughPayload, 3, 5)).isInstanceOf(IndexOutOfBoundsException.class);
    }
}
