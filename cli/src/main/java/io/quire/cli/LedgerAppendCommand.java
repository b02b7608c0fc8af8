package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * {@code quire ledger append}: lines become entries, in order. Large input goes in several requests, one after the
 * other: the next is sent only when the one before is acknowledged. What was acknowledged is printed even when a later
 * request fails.
 */
@Command(
        name = "append",
        description = {
            "Appends one entry per line of standard input or of a file.",
            "Prints the ledger's id, the first and the last entry id, once all are durable."
        })
final class LedgerAppendCommand extends LedgerCommand.OnLedger {
    private static final String OCTETS = "application/octet-stream";
    private static final int CHUNK_BYTES = 1 << 20;
    private static final int CHUNK_LINES_MAX = 20_000;
    private static final int ENTRY_BYTES_MAX = 32 << 20;

    @Option(names = "--file", paramLabel = "FILE", description = "Reads this file instead of standard input.")
    private Optional<Path> file;

    @Option(names = "--whole", description = "The whole input is one entry.")
    private boolean whole;

    private long firstEntryId = -1;
    private long lastEntryId = -1;

    @Override
    public Integer call() throws IOException {
        String path = path() + "/entries";
        try (InputStream in = open()) {
            if (whole) {
                appendWhole(quire().connect(), path, in);
            } else {
                appendLines(quire().connect(), path + "?split=lines", in);
            }
        } catch (ServerFailure e) {
            e.acknowledgedTo().ifPresent(last -> lastEntryId = Math.max(lastEntryId, last));
            throw withAcknowledged(e);
        } catch (CommandFailure e) {
            throw withAcknowledged(e);
        } catch (IOException e) {
            throw withAcknowledged(CommandFailure.of("cannot read the input: " + e.getMessage(), e));
        }
        printAcknowledged();
        return 0;
    }

    private InputStream open() throws IOException {
        if (file.isEmpty()) {
            return terminal().in();
        }
        try {
            return Files.newInputStream(file.get());
        } catch (NoSuchFileException e) {
            throw CommandFailure.of("cannot read " + file.get() + ": there is no such file", e);
        }
    }

    private void appendWhole(NodeConnection node, String path, InputStream in) throws IOException {
        byte[] entry = in.readNBytes(ENTRY_BYTES_MAX + 1);
        if (entry.length > ENTRY_BYTES_MAX) {
            throw CommandFailure.of(
                    "the input is longer than " + ENTRY_BYTES_MAX + " bytes, which no entry may be; split it");
        }
        acknowledged(node.post(path, BodyPublishers.ofByteArray(entry), OCTETS));
    }

    private void appendLines(NodeConnection node, String path, InputStream in) throws IOException {
        LineChunks chunks = new LineChunks(in, CHUNK_BYTES, CHUNK_LINES_MAX, ENTRY_BYTES_MAX);
        long sentBytes = 0;
        try (Progress progress = new Progress(terminal(), true, file.isPresent() ? Files.size(file.get()) : 0)) {
            for (Optional<ByteBuffer> next = chunks.next(); next.isPresent(); next = chunks.next()) {
                ByteBuffer chunk = next.get();
                acknowledged(node.post(
                        path,
                        BodyPublishers.ofByteArray(chunk.array(), chunk.arrayOffset(), chunk.remaining()),
                        OCTETS));
                sentBytes += chunk.remaining();
                progress.update(sentBytes, sentBytes + " bytes, last entry " + lastEntryId);
            }
        }
        if (sentBytes == 0) {
            throw CommandFailure.of("nothing was appended: the input is empty (--whole appends it as one entry)");
        }
    }

    private void acknowledged(JsonNode answer) {
        if (!answer.path("firstEntryId").isIntegralNumber()
                || !answer.path("lastEntryId").isIntegralNumber()) {
            throw CommandFailure.of("the node's answer names no entries: " + answer);
        }
        long first = answer.get("firstEntryId").asLong();
        if (firstEntryId < 0) {
            firstEntryId = first;
        } else if (first != lastEntryId + 1) {
            terminal().note("somebody else appended too: entries " + (lastEntryId + 1) + " to " + (first - 1));
        }
        lastEntryId = answer.get("lastEntryId").asLong();
    }

    private void printAcknowledged() {
        if (quire().isJson()) {
            quire().printJson(NodeConnection.JSON
                    .createObjectNode()
                    .put("ledgerId", ledgerId())
                    .put("firstEntryId", firstEntryId)
                    .put("lastEntryId", lastEntryId));
        } else {
            terminal().println(ledgerId() + " " + firstEntryId + " " + lastEntryId);
        }
    }

    private CommandFailure withAcknowledged(CommandFailure failure) {
        if (lastEntryId < 0) {
            return failure;
        }
        if (firstEntryId >= 0) {
            printAcknowledged();
        }
        return new CommandFailure(
                failure.exitCode(), failure.getMessage() + "; acknowledged up to entry " + lastEntryId, failure);
    }
}
