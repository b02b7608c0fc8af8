package io.quire.admin;

import io.quire.protocol.Payload;
import java.util.ArrayList;
import java.util.List;

/**
 * Splits a body into entries: LF ends an entry, a last line without LF counts, a final LF adds none. Every other byte, CR
 * too, belongs to its entry. Stateless.
 */
final class EntryLines {
    private EntryLines() {}

    /**
     * The lines of {@code body}, which share its bytes.
     *
     * @param linesMax more are refused
     * @param entryBytesMax a longer line is refused
     * @throws io.quire.protocol.LedgerException InvalidRequest when there are none or too many, EntryTooLarge when one is
     *     too long
     */
    static List<Payload> split(byte[] body, int linesMax, int entryBytesMax) {
        if (body.length == 0) {
            throw Problem.invalid("there are no lines in an empty body");
        }
        List<Payload> lines = new ArrayList<>();
        int start = 0;
        while (start < body.length) {
            int end = start;
            while (end < body.length && body[end] != '\n') {
                end++;
            }
            if (lines.size() == linesMax) {
                throw Problem.invalid("more than " + linesMax + " lines in one request; send several");
            }
            if (end - start > entryBytesMax) {
                throw new BodyTooLargeException(
                        "line " + (lines.size() + 1) + " has " + (end - start) + " bytes, an entry has at most "
                                + entryBytesMax,
                        false);
            }
            lines.add(Payload.wrap(body, start, end - start));
            start = end + 1;
        }
        return lines;
    }
}
