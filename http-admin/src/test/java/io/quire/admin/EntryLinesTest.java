package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.Payload;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class EntryLinesTest {
    @Test
    @DisplayName("LF ends an entry, a last line without LF counts, a final LF adds none, CR is data")
    void rules() {
        assertThat(split("a\nb\n")).containsExactly("a", "b");
        assertThat(split("a\nb")).containsExactly("a", "b");
        assertThat(split("\n")).containsExactly("");
        assertThat(split("\n\n")).containsExactly("", "");
        assertThat(split("a\n\nb")).containsExactly("a", "", "b");
        assertThat(split("a\r\nb\r")).containsExactly("a\r", "b\r");
    }

    @ParameterizedTest
    @DisplayName("lines joined by LF split into the same lines, with or without a final LF")
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void roundTrip(long seed) {
        Random random = new Random(seed);
        for (int run = 0; run < 200; run++) {
            List<Payload> lines = new ArrayList<>();
            ByteArrayOutputStream body = new ByteArrayOutputStream();
            int count = 1 + random.nextInt(20);
            for (int i = 0; i < count; i++) {
                byte[] line = new byte[random.nextInt(8)];
                random.nextBytes(line);
                for (int j = 0; j < line.length; j++) {
                    line[j] = line[j] == '\n' ? (byte) '\r' : line[j];
                }
                lines.add(Payload.copyOf(line));
                body.writeBytes(line);
                // An empty last line exists only through its LF.
                if (i < count - 1 || line.length == 0 || random.nextBoolean()) {
                    body.write('\n');
                }
            }
            assertThat(EntryLines.split(body.toByteArray(), count, 8)).isEqualTo(lines);
        }
    }

    @Test
    @DisplayName("no lines, too many and too long ones are refused")
    void limits() {
        assertThat(refusal("", 10, 10)).isEqualTo(Code.InvalidRequest);
        assertThat(refusal("a\nb\nc", 2, 10)).isEqualTo(Code.InvalidRequest);
        assertThat(refusal("a\nbbb", 10, 2)).isEqualTo(Code.EntryTooLarge);
        assertThat(EntryLines.split(utf8("a\nb\n"), 2, 1)).hasSize(2);
    }

    private static List<String> split(String body) {
        return EntryLines.split(utf8(body), 100, 100).stream()
                .map(Payload::toUtf8)
                .toList();
    }

    private static Code refusal(String body, int linesMax, int entryBytesMax) {
        List<Code> codes = new ArrayList<>();
        assertThatThrownBy(() -> EntryLines.split(utf8(body), linesMax, entryBytesMax))
                .isInstanceOfSatisfying(LedgerException.class, refused -> codes.add(refused.code()));
        return codes.get(0);
    }

    private static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
