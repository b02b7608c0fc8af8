package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code quire bookie}: the stores of a cluster. */
@Command(
        name = "bookie",
        description = "Looks at bookies, and says what became of them.",
        subcommands = {BookieCommand.ListBookies.class, BookieCommand.MarkDestroyed.class})
final class BookieCommand {
    @Command(
            name = "list",
            description =
                    "One line per bookie: id, name, address, state, free and total bytes, and why it is read-only.")
    static final class ListBookies extends QuireSubcommand {
        @Override
        public Integer call() {
            JsonNode answer = quire().connect().get("/bookies");
            if (quire().isJson()) {
                quire().printJson(answer);
                return 0;
            }
            Table table = new Table("ID", "NAME", "ADDRESS", "STATE", "FREE", "TOTAL", "REASONS");
            for (JsonNode bookie : answer.path("bookies")) {
                table.add(
                        bookie.path("bookieId").asText(),
                        bookie.path("name").asText(),
                        bookie.path("address").asText(),
                        bookie.path("state").asText(),
                        bookie.path("freeBytes").asText(),
                        bookie.path("totalBytes").asText(),
                        reasonsOf(bookie));
            }
            table.print(terminal());
            return 0;
        }

        private static String reasonsOf(JsonNode bookie) {
            List<String> reasons = new ArrayList<>();
            bookie.path("readOnlyReasons").forEach(reason -> reasons.add(reason.asText()));
            return String.join(",", reasons);
        }
    }

    @Command(
            name = "mark-destroyed",
            description =
                    "Registers that a bookie's data is lost for ever. Its id never serves again; its ledgers can then"
                            + " be recovered without it ('quire ledger recover --accept-loss').")
    static final class MarkDestroyed extends QuireSubcommand {
        @Parameters(paramLabel = "BOOKIE", description = "The bookie's id.")
        private String bookie;

        @Option(names = "--yes", description = "Does not ask.")
        private boolean yes;

        @Override
        public Integer call() throws IOException {
            if (!yes) {
                confirm("Give up all data of bookie " + bookie + "?", "bookie " + bookie + " was left alone");
            }
            JsonNode answer = quire().connect()
                    .post("/bookies/" + URLEncoder.encode(bookie, StandardCharsets.UTF_8) + "/destroyed");
            if (quire().isJson()) {
                quire().printJson(answer);
            } else {
                terminal()
                        .println(answer.path("bookieId").asText() + " "
                                + answer.path("life").asText());
            }
            return 0;
        }
    }
}
