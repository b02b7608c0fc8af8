package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine.Command;

/** {@code quire bookie}: the stores of a cluster. */
@Command(
        name = "bookie",
        description = "Looks at bookies.",
        subcommands = {BookieCommand.ListBookies.class})
final class BookieCommand {
    @Command(name = "list", description = "One line per bookie: id, name, address, state, free and total bytes.")
    static final class ListBookies extends QuireSubcommand {
        @Override
        public Integer call() {
            JsonNode answer = quire().connect().get("/bookies");
            if (quire().isJson()) {
                quire().printJson(answer);
                return 0;
            }
            Table table = new Table("ID", "NAME", "ADDRESS", "STATE", "FREE", "TOTAL");
            for (JsonNode bookie : answer.path("bookies")) {
                table.add(
                        bookie.path("bookieId").asText(),
                        bookie.path("name").asText(),
                        bookie.path("address").asText(),
                        bookie.path("state").asText(),
                        bookie.path("freeBytes").asText(),
                        bookie.path("totalBytes").asText());
            }
            table.print(terminal());
            return 0;
        }
    }
}
