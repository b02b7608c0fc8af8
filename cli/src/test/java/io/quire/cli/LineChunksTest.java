package io.quire.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LineChunksTest {
    private static List<String> chunks(InputStream in, int chunkBytes, int lineBytesMax) throws IOException {
        LineChunks chunks = new LineChunks(in, chunkBytes, 3, lineBytesMax);
        List<String> found = new ArrayList<>();
        for (Optional<ByteBuffer> next = chunks.next(); next.isPresent(); next = chunks.next()) {
            found.add(StandardCharsets.UTF_8.decode(next.get()).toString());
        }
        return found;
    }

    private static InputStream all(String text) {
        return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Gives one piece at each read and never says that more is there, as a slow pipe does. */
    private static InputStream slow(String... pieces) {
        Iterator<String> left = List.of(pieces).iterator();
        return new InputStream() {
            @Override
            public int read() {
                throw new UnsupportedOperationException("read in bulk");
            }

            @Override
            public int read(byte[] bytes, int offset, int length) {
                if (!left.hasNext()) {
                    return -1;
                }
                byte[] piece = left.next().getBytes(StandardCharsets.UTF_8);
                System.arraycopy(piece, 0, bytes, offset, piece.length);
                return piece.length;
            }
        };
    }

    @Test
    @DisplayName("pieces end after whole lines and are as large as allowed")
    void wholeLines() throws IOException {
        assertThat(chunks(all("aa\nbb\ncc\ndd\n"), 8, 8)).containsExactly("aa\nbb\n", "cc\ndd\n");
    }

    @Test
    @DisplayName("a piece has no more lines than allowed")
    void linesMax() throws IOException {
        assertThat(chunks(all("\n\n\n\na\nb\nc"), 100, 100)).containsExactly("\n\n\n", "\na\nb\n", "c");
    }

    @Test
    @DisplayName("a last line without LF counts, a final LF adds none, empty lines stay")
    void lastLine() throws IOException {
        assertThat(chunks(all("a\n\nb"), 100, 100)).containsExactly("a\n\n", "b");
        assertThat(chunks(all("a\n\n"), 100, 100)).containsExactly("a\n\n");
        assertThat(chunks(all("\n"), 100, 100)).containsExactly("\n");
        assertThat(chunks(all(""), 100, 100)).isEmpty();
    }

    @Test
    @DisplayName("a line longer than a piece makes the piece longer")
    void longLine() throws IOException {
        assertThat(chunks(all("aaaaaaaaa\nb\n"), 4, 16)).containsExactly("aaaaaaaaa\nb\n");
    }

    @Test
    @DisplayName("a line longer than allowed is refused, the lines before it are not")
    void tooLongLine() throws IOException {
        LineChunks chunks = new LineChunks(all("a\n" + "b".repeat(20) + "\n"), 4, 3, 16);
        assertThat(chunks.next()).isPresent();
        assertThatThrownBy(chunks::next).isInstanceOf(CommandFailure.class).hasMessageContaining("16 bytes");
    }

    @Test
    @DisplayName("what a slow source gives is passed on as soon as it is a line")
    void slowSource() throws IOException {
        assertThat(chunks(slow("a", "b\nc", "\nd\n", "e"), 100, 100)).containsExactly("ab\n", "c\nd\n", "e");
    }
}
