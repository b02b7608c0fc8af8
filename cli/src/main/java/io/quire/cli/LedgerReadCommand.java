package io.quire.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MappingIterator;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire ledger read}: prints entries as they come; every one of the range, in order, or it fails. */
@Command(
        name = "read",
        description = "Prints entries, each followed by LF: raw bytes, or a line of JSON each with --output json.")
final class LedgerReadCommand extends LedgerCommand.OnLedger {
    @Option(
            names = "--from",
            paramLabel = "N",
            defaultValue = "0",
            description = "The first entry; ${DEFAULT-VALUE} unless given.")
    private long from;

    @Option(
            names = "--to",
            paramLabel = "M",
            description =
                    "The last entry; unless given, the last of a closed ledger, the last confirmed of an open one.")
    private Optional<Long> to;

    @Option(names = "--base64", description = "Prints entries in base64, for binary ones.")
    private boolean base64;

    @Override
    public Integer call() {
        require(from >= 0, "--from must not be negative: " + from);
        require(to.isEmpty() || to.get() >= from, "--to must not be below --from");
        NodeConnection node = quire().connect();
        long last = to.isPresent() ? to.get() : lastReadable(node.get(path()));
        if (last >= from) {
            read(node, last);
        }
        return 0;
    }

    private static long lastReadable(JsonNode ledger) {
        JsonNode last = ledger.hasNonNull("lastEntryId") ? ledger.get("lastEntryId") : ledger.path("lastAddConfirmed");
        return last.asLong(-1);
    }

    private void read(NodeConnection node, long last) {
        long next = from;
        EntryPrinter printer = new EntryPrinter(terminal(), quire().isJson(), base64);
        boolean toFile = !terminal().isInteractive(Terminal.Stream.OUT);
        try (InputStream body = node.stream(path() + "/entries?from=" + from + "&to=" + last);
                MappingIterator<JsonNode> entries =
                        NodeConnection.JSON.readerFor(JsonNode.class).readValues(body);
                Progress progress = new Progress(terminal(), toFile, last - from + 1)) {
            while (entries.hasNextValue()) {
                JsonNode entry = entries.nextValue();
                printer.print(entry, next);
                next++;
                progress.update(next - from, "entry " + entry.get("entryId").asText());
            }
        } catch (JsonProcessingException e) {
            throw endedEarly(next, last, "the answer is cut off or no JSON", e);
        } catch (IOException e) {
            throw endedEarly(next, last, "the connection broke: " + e.getMessage(), e);
        } finally {
            terminal().flush();
        }
        if (next <= last && !endsBefore(next, node.get(path()))) {
            throw endedEarly(next, last, "the answer ended", null);
        }
    }

    /** Whether the ledger is closed and has no entry {@code next}: then no more than the answer was to be had. */
    private static boolean endsBefore(long next, JsonNode ledger) {
        return ledger.hasNonNull("lastEntryId") && ledger.get("lastEntryId").asLong() < next;
    }

    private static CommandFailure endedEarly(long next, long last, String why, IOException cause) {
        return CommandFailure.of(
                "entries " + next + " to " + last + " are missing: " + why + "; read on with --from " + next, cause);
    }
}
