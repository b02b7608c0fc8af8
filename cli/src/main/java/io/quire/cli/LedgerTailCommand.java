package io.quire.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire ledger tail}: prints entries as they are confirmed, in order, until the ledger is closed. */
@Command(
        name = "tail",
        description =
                "Follows a ledger until it is sealed, and prints its entries, each followed by LF: raw bytes, or a"
                        + " line of JSON each with --output json.")
final class LedgerTailCommand extends LedgerCommand.OnLedger {
    @Option(
            names = "--from",
            paramLabel = "N",
            defaultValue = "0",
            description = "The first entry; ${DEFAULT-VALUE} unless given.")
    private long from;

    @Option(names = "--base64", description = "Prints entries in base64, for binary ones.")
    private boolean base64;

    @Override
    public Integer call() {
        require(from >= 0, "--from must not be negative: " + from);
        NodeConnection node = quire().connect();
        EntryPrinter printer = new EntryPrinter(terminal(), quire().isJson(), base64);
        long next = from;
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                node.stream(path() + "/entries?from=" + from + "&follow=true"), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                // An empty line only says that the node is there.
                if (!line.isEmpty()) {
                    printer.print(NodeConnection.JSON.readTree(line), next);
                    next++;
                }
                if (!lines.ready()) {
                    terminal().flush();
                }
            }
        } catch (JsonProcessingException e) {
            throw broken(next, "the answer is cut off or no JSON", e);
        } catch (IOException e) {
            throw broken(next, "the connection broke: " + e.getMessage(), e);
        } finally {
            terminal().flush();
        }
        JsonNode ledger = node.get(path());
        if (!ledger.hasNonNull("lastEntryId") || ledger.get("lastEntryId").asLong() >= next) {
            throw broken(next, "the answer ended, but not the ledger", null);
        }
        return 0;
    }

    private static CommandFailure broken(long next, String why, IOException cause) {
        return CommandFailure.of("entry " + next + " did not come: " + why + "; go on with --from " + next, cause);
    }
}
