package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Prints entries as a node sends them, each followed by LF: raw bytes, base64, or the line of JSON itself. */
final class EntryPrinter {
    private static final byte[] LF = {'\n'};

    private final Terminal terminal;
    private final boolean json;
    private final boolean base64;

    EntryPrinter(Terminal terminal, boolean json, boolean base64) {
        this.terminal = terminal;
        this.json = json;
        this.base64 = base64;
    }

    /**
     * Prints one entry.
     *
     * @throws CommandFailure when it is not entry {@code expected} but something else, such as a problem of the node
     */
    void print(JsonNode entry, long expected) throws IOException {
        if (entry.hasNonNull("code")) {
            throw ServerFailure.of(entry, "");
        }
        if (!entry.path("entryId").isIntegralNumber()
                || entry.get("entryId").asLong() != expected
                || !entry.path("payload").isTextual()) {
            throw CommandFailure.of("the node sent something else instead of entry " + expected);
        }
        if (json) {
            terminal.write(entry.toString().getBytes(StandardCharsets.UTF_8));
        } else if (base64) {
            terminal.write(entry.get("payload").asText().getBytes(StandardCharsets.US_ASCII));
        } else {
            terminal.write(entry.get("payload").binaryValue());
        }
        terminal.write(LF);
    }
}
