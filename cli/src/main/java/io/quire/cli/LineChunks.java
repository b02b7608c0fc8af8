package io.quire.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/**
 * Cuts a stream into pieces of whole lines, in order: LF ends a line, a last line without LF counts, a final LF adds
 * none. A piece is what is there without waiting, but at least one line; so a slow source is passed on as it comes and
 * a fast one in large pieces. Memory is bounded by the longest line allowed. Not thread-safe.
 */
final class LineChunks {
    private final InputStream in;
    private final int chunkBytes;
    private final int chunkLinesMax;
    private final int lineBytesMax;
    private byte[] buffer;
    private int start;
    private int end;
    private boolean ended;

    /**
     * @param chunkBytes about how large a piece becomes; only one long line makes it larger
     * @param chunkLinesMax how many lines a piece has at most
     * @param lineBytesMax the longest line, with its LF; at least {@code chunkBytes}
     */
    LineChunks(InputStream in, int chunkBytes, int chunkLinesMax, int lineBytesMax) {
        if (chunkBytes < 1 || chunkLinesMax < 1 || lineBytesMax < chunkBytes) {
            throw new IllegalArgumentException(
                    "chunkBytes " + chunkBytes + ", chunkLinesMax " + chunkLinesMax + ", lineBytesMax " + lineBytesMax);
        }
        this.in = in;
        this.chunkBytes = chunkBytes;
        this.chunkLinesMax = chunkLinesMax;
        this.lineBytesMax = lineBytesMax;
        this.buffer = new byte[chunkBytes];
    }

    /**
     * The next piece, never empty, valid until the next call; nothing at the end of the stream.
     *
     * @throws IOException when the stream fails
     * @throws CommandFailure when a line is longer than allowed
     */
    Optional<ByteBuffer> next() throws IOException {
        System.arraycopy(buffer, start, buffer, 0, end - start);
        end -= start;
        start = 0;
        int searched = 0;
        int lines = 0;
        int linesEnd = 0;
        while (true) {
            for (; searched < end && lines < chunkLinesMax; searched++) {
                if (buffer[searched] == '\n') {
                    lines++;
                    linesEnd = searched + 1;
                }
            }
            boolean full = end == buffer.length;
            if (lines == chunkLinesMax || (lines > 0 && (full || ended || in.available() == 0))) {
                return piece(linesEnd);
            } else if (ended) {
                return end == 0 ? Optional.empty() : piece(end);
            } else if (full) {
                grow();
            }
            int read = in.read(buffer, end, buffer.length - end);
            ended = read < 0;
            end += Math.max(read, 0);
        }
    }

    private Optional<ByteBuffer> piece(int until) {
        start = until;
        return Optional.of(ByteBuffer.wrap(buffer, 0, until));
    }

    private void grow() {
        if (buffer.length == lineBytesMax) {
            throw CommandFailure.of("a line is longer than " + lineBytesMax
                    + " bytes, which no entry may be; split it, or append a file with --whole");
        }
        buffer = Arrays.copyOf(buffer, (int) Math.min(lineBytesMax, Math.max(chunkBytes, 2L * buffer.length)));
    }
}
