package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.protocol.LedgerState;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code quire ledger}: the life of ledgers. Appending and reading, which stream, have files of their own. */
@Command(
        name = "ledger",
        description = "Creates, fills, reads and ends ledgers.",
        subcommands = {
            LedgerCommand.Create.class,
            LedgerAppendCommand.class,
            LedgerReadCommand.class,
            LedgerTailCommand.class,
            LedgerCommand.Show.class,
            LedgerCommand.ListLedgers.class,
            LedgerCommand.Seal.class,
            LedgerCommand.Recover.class,
            LedgerCommand.Delete.class,
            LedgerCommand.Undelete.class
        })
final class LedgerCommand {
    /** A command on one ledger. */
    abstract static class OnLedger extends QuireSubcommand {
        @Parameters(paramLabel = "ID", description = "The ledger.")
        private long ledgerId;

        /** Checked: not negative. */
        final long ledgerId() {
            require(ledgerId >= 0, "a ledger id is not negative: " + ledgerId);
            return ledgerId;
        }

        final String path() {
            return "/ledgers/" + ledgerId();
        }
    }

    @Command(name = "create", description = "Creates a ledger and prints its id.")
    static final class Create extends QuireSubcommand {
        @Option(
                names = {"-e", "--ensemble-size"},
                paramLabel = "E",
                description = "Over how many bookies it is spread; 3 unless given.")
        private Optional<Integer> ensembleSize;

        @Option(
                names = {"-w", "--write-quorum"},
                paramLabel = "W",
                description = "How many of them hold each entry; 3 unless given.")
        private Optional<Integer> writeQuorum;

        @Option(
                names = {"-a", "--ack-quorum"},
                paramLabel = "A",
                description = "How many of these must hold it durably before it is acknowledged; 2 unless given.")
        private Optional<Integer> ackQuorum;

        @Option(names = "--label", paramLabel = "KEY=VALUE", description = "A label; may be given many times.")
        private Map<String, String> labels = new LinkedHashMap<>();

        @Override
        public Integer call() {
            ObjectNode body = NodeConnection.JSON.createObjectNode();
            ensembleSize.ifPresent(size -> body.put("ensembleSize", size));
            writeQuorum.ifPresent(quorum -> body.put("writeQuorum", quorum));
            ackQuorum.ifPresent(quorum -> body.put("ackQuorum", quorum));
            ObjectNode labelsNode = body.putObject("labels");
            labels.forEach(labelsNode::put);
            JsonNode ledger = quire().connect()
                    .post(
                            "/ledgers",
                            BodyPublishers.ofString(body.toString(), StandardCharsets.UTF_8),
                            "application/json");
            if (quire().isJson()) {
                quire().printJson(ledger);
            } else {
                terminal().println(ledger.path("ledgerId").asText());
            }
            return 0;
        }
    }

    @Command(name = "show", description = "Prints a ledger's metadata.")
    static final class Show extends OnLedger {
        @Option(names = "--deleted", description = "Also of a ledger that is deleted, until nothing is left of it.")
        private boolean deleted;

        @Override
        public Integer call() {
            JsonNode ledger = quire().connect().get(path() + (deleted ? "?deleted=true" : ""));
            if (quire().isJson()) {
                quire().printJson(ledger);
                return 0;
            }
            Map<String, String> lines = LedgerText.of(ledger);
            int width = lines.keySet().stream().mapToInt(String::length).max().orElse(0);
            lines.forEach((key, value) ->
                    terminal().println((key + ":" + " ".repeat(width - key.length() + 1) + value).stripTrailing()));
            return 0;
        }
    }

    @Command(name = "list", description = "Prints ids and states, by ascending id.")
    static final class ListLedgers extends QuireSubcommand {
        private static final int PAGE = 1000;

        @Option(names = "--state", paramLabel = "STATE", description = "Only those: ${COMPLETION-CANDIDATES}.")
        private LedgerState state;

        @Option(names = "--after", paramLabel = "ID", description = "Only ids above this one.")
        private Optional<Long> after;

        @Option(
                names = "--limit",
                paramLabel = "N",
                defaultValue = "1000",
                description = "At most so many; ${DEFAULT-VALUE} unless given.")
        private int limit;

        @Override
        public Integer call() {
            require(limit > 0, "--limit must be positive: " + limit);
            NodeConnection node = quire().connect();
            Table table = new Table("ID", "STATE");
            ObjectNode all = NodeConnection.JSON.createObjectNode();
            ArrayNode ledgers = all.putArray("ledgers");
            Optional<Long> from = after;
            boolean more = true;
            while (more && ledgers.size() < limit) {
                JsonNode page = node.get(pathOf(from, Math.min(PAGE, limit - ledgers.size())));
                for (JsonNode ledger : page.path("ledgers")) {
                    ledgers.add(ledger);
                    table.add(
                            ledger.path("ledgerId").asText(),
                            ledger.path("state").asText());
                }
                more = page.hasNonNull("next");
                from = more ? Optional.of(page.get("next").asLong()) : from;
            }
            print(all, table, more ? from : Optional.empty());
            return 0;
        }

        private String pathOf(Optional<Long> from, int count) {
            return "/ledgers?limit=" + count
                    + (from.isPresent() ? "&after=" + from.get() : "")
                    + (state == null ? "" : "&state=" + state);
        }

        private void print(ObjectNode all, Table table, Optional<Long> next) {
            if (quire().isJson()) {
                next.ifPresent(id -> all.put("next", id));
                quire().printJson(all);
                return;
            }
            table.print(terminal());
            next.ifPresent(id -> terminal().note("there are more: --after " + id + ", or a larger --limit"));
        }
    }

    @Command(name = "seal", description = "Closes a ledger by its writer; prints its id, state and last entry.")
    static final class Seal extends OnLedger {
        @Override
        public Integer call() {
            JsonNode ledger = quire().connect().post(path() + "/seal");
            if (quire().isJson()) {
                quire().printJson(ledger);
            } else {
                terminal()
                        .println(ledgerId() + " " + ledger.path("state").asText() + " "
                                + ledger.path("lastEntryId").asText());
            }
            return 0;
        }
    }

    @Command(name = "delete", description = "Deletes a ledger with its entries.")
    static final class Delete extends OnLedger {
        @Option(
                names = {"-y", "--yes"},
                description = "Does not ask.")
        private boolean yes;

        @Override
        public Integer call() throws IOException {
            if (!yes) {
                confirm(
                        "Delete ledger " + ledgerId() + " with all its entries?",
                        "ledger " + ledgerId() + " was not deleted");
            }
            quire().connect().delete(path());
            if (quire().isJson()) {
                quire().printJson(NodeConnection.JSON
                        .createObjectNode()
                        .put("ledgerId", ledgerId())
                        .put("deleted", true));
            } else {
                terminal().println(ledgerId() + " DELETED");
            }
            return 0;
        }
    }

    @Command(
            name = "undelete",
            description =
                    "Takes a deletion back, as long as the ledger is not purged; prints its id and state. One that"
                            + " was not closed is in recovery then: recover it to close it.")
    static final class Undelete extends OnLedger {
        @Override
        public Integer call() {
            JsonNode ledger = quire().connect().post(path() + "/undelete");
            if (quire().isJson()) {
                quire().printJson(ledger);
            } else {
                terminal().println(ledgerId() + " " + ledger.path("state").asText());
            }
            return 0;
        }
    }

    @Command(
            name = "recover",
            description = "Fences a ledger, whoever writes it, finds its last entry and closes it there; prints its id,"
                    + " state and last entry.")
    static final class Recover extends OnLedger {
        @Option(
                names = "--accept-loss",
                paramLabel = "BOOKIE",
                split = ",",
                description = "Does without what only this bookie held; it has to be registered as destroyed.")
        private List<String> acceptLoss = List.of();

        @Override
        public Integer call() {
            String parameters = acceptLoss.isEmpty()
                    ? ""
                    : "?acceptLoss=" + URLEncoder.encode(String.join(",", acceptLoss), StandardCharsets.UTF_8);
            JsonNode ledger = quire().connect().post(path() + "/recover" + parameters);
            if (quire().isJson()) {
                quire().printJson(ledger);
                return 0;
            }
            terminal()
                    .println(ledgerId() + " " + ledger.path("state").asText() + " "
                            + ledger.path("lastEntryId").asText());
            JsonNode recovery = ledger.path("recovery");
            terminal()
                    .err()
                    .println("entries found: "
                            + recovery.path("entriesRecovered").asText() + ", copies written: "
                            + recovery.path("copiesWritten").asText());
            ledger.path("acceptedLosses")
                    .forEach(bookie -> terminal().err().println("loss accepted of bookie: " + bookie.asText()));
            recovery.path("bookiesUnheard")
                    .forEach(bookie -> terminal().err().println("bookie not heard: " + bookie.asText()));
            return 0;
        }
    }
}
