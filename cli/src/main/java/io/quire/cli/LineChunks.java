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
    private final int lineBytesMax;
    private byte[] buffer;
    private int start;
    private int end;
    private boolean ended;

    /**
     * @param chunkBytes about how large a piece becomes; only one long line makes it larger
     * @param lineBytesMax the longest line, with its LF; at least {@code chunkBytes}
     */
    LineChunks(InputStream in, int chunkBytes, int lineBytesMax) {
        if (chunkBytes < 1 || lineBytesMax < chunkBytes) {
            throw new IllegalArgumentException("chunkBytes " + chunkBytes + ", lineBytesMax " + lineBytesMax);
        }
        this.in = in;
        this.chunkBytes = chunkBytes;
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
        int linesEnd = 0;
        while (!ended) {
            linesEnd = Math.max(linesEnd, endOfLastLine(searched));
            searched = end;
            boolean full = end == buffer.length;
            if (linesEnd > 0 && (full || in.available() == 0)) {
                return piece(linesEnd);
            }
            if (full) {
                grow();
            }
            int read = in.read(buffer, end, buffer.length - end);
            if (read < 0) {
                ended = true;
            } else {
                end += read;
            }
        }
        return end == 0 ? Optional.empty() : piece(end);
    }

    private Optional<ByteBuffer> piece(int until) {
        start = until;
        return Optional.of(ByteBuffer.wrap(buffer, 0, until));
    }

    private int endOfLastLine(int from) {
        for (int i = end; i > from; i--) {
            if (buffer[i - 1] == '\n') {
                return i;
            }
        }
        return 0;
    }

    private void grow() {
        if (buffer.length == lineBytesMax) {
            throw CommandFailure.of("a line is longer than " + lineBytesMax
                    + " bytes, which no entry may be; split it, or append a file with --whole");
        }
        buffer = Arrays.copyOf(buffer, (int) Math.min(lineBytesMax, Math.max(chunkBytes, 2L * buffer.length)));
    }
}
