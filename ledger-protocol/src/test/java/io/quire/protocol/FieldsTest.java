package io.quire.protocol;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Fields.MalformedException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@link Fields}: hostile bytes end in one exception. */
class FieldsTest {
    @ParameterizedTest
    @ValueSource(strings = {"c3", "80", "ff", "c080", "eda080", "f4908080", "e282", "efbfbdff", "41c3"})
    @DisplayName("a text that is not UTF-8 is malformed, also beside a replacement character")
    void malformedText(String hex) {
        byte[] text = HexFormat.of().parseHex(hex);
        ByteBuffer in = ByteBuffer.allocate(4 + text.length)
                .putInt(text.length)
                .put(text)
                .flip();
        assertThatThrownBy(() -> Fields.decodeAll(in, Fields::getString))
                .isInstanceOf(MalformedException.class)
                .hasMessage("a text is not UTF-8");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "ledger", "größe", "\u65e5\u672c", "\ud83d\udcd6", "\ufffd", "a\u0000b", "\ufeffx"})
    @DisplayName("texts come back as they were")
    void texts(String text) {
        Payload encoded = Fields.encode(1, out -> Fields.putString(out, text));
        assertThat(Fields.decodeAll(encoded.asByteBuffer(), Fields::getString)).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, Integer.MIN_VALUE, Integer.MAX_VALUE, 3})
    @DisplayName("a count that cannot fit into what follows is malformed")
    void lyingCounts(int count) {
        ByteBuffer in = ByteBuffer.allocate(4 + 16).putInt(count).rewind();
        assertThatThrownBy(() -> Fields.decode(in, i -> Fields.getCount(i, 8)))
                .isInstanceOf(MalformedException.class)
                .hasMessage("a count of " + count + " does not fit into the 16 bytes that follow");
    }

    @Test
    @DisplayName("a count that fits is taken")
    void fittingCount() {
        ByteBuffer in = ByteBuffer.allocate(4 + 16).putInt(2).rewind();
        assertThat(Fields.getCount(in, 8)).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(bytes = {2, -1, 127})
    @DisplayName("a truth value is 0 or 1")
    void truthValues(byte value) {
        assertThatThrownBy(() -> Fields.decode(ByteBuffer.wrap(new byte[] {value}), Fields::getBoolean))
                .isInstanceOf(MalformedException.class);
    }

    @ParameterizedTest
    @ValueSource(bytes = {3, -1, 127})
    @DisplayName("a code that no constant has is malformed")
    void enums(byte code) {
        assertThatThrownBy(() -> Fields.decode(
                        ByteBuffer.wrap(new byte[] {code}), in -> Fields.getEnum(in, LedgerState.values())))
                .isInstanceOf(MalformedException.class)
                .hasMessage("no LedgerState " + code);
    }

    @Test
    @DisplayName("labels are written ascending, and read in no other order and only once")
    void labels() {
        Payload encoded = Fields.encode(1, out -> Fields.putLabels(out, Map.of("b", "2", "a", "1")));
        assertThat(Fields.decodeAll(encoded.asByteBuffer(), Fields::getLabels)).isEqualTo(Map.of("a", "1", "b", "2"));
        for (List<String> keys : List.of(List.of("b", "a"), List.of("a", "a"))) {
            Payload wrong = Fields.encode(
                    1,
                    out -> Fields.putList(out, keys, (o, key) -> {
                        Fields.putString(o, key);
                        Fields.putString(o, "value");
                    }));
            assertThatThrownBy(() -> Fields.decodeAll(wrong.asByteBuffer(), Fields::getLabels))
                    .isInstanceOf(MalformedException.class)
                    .hasMessage("the keys of labels must ascend");
        }
    }

    @Test
    @DisplayName("bytes that end too early or too late are malformed")
    void tooFewAndTooMany() {
        assertThatThrownBy(() -> Fields.decode(ByteBuffer.allocate(7), ByteBuffer::getLong))
                .isInstanceOf(MalformedException.class)
                .hasMessage("the bytes end too early");
        assertThatThrownBy(() -> Fields.decodeAll(ByteBuffer.allocate(9), ByteBuffer::getLong))
                .isInstanceOf(MalformedException.class)
                .hasMessage("1 bytes too many");
    }

    @Test
    @DisplayName("encoding grows as far as it needs to")
    void growth() {
        byte[] bytes = new RandomValues(51).bytes(100_000);
        assertThat(Fields.encode(1, out -> out.put(bytes)).toByteArray()).isEqualTo(bytes);
    }
}
