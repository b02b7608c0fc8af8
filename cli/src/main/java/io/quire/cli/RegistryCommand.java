package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.http.HttpRequest.BodyPublishers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire registry}: the voters that decide about metadata. */
@Command(
        name = "registry",
        description = "Looks at the registry's voters and changes them.",
        subcommands = {RegistryCommand.Show.class, RegistryCommand.Change.class})
final class RegistryCommand {
    @Command(name = "show", description = "One line per voter: id, whether it votes, state, config epoch, address.")
    static final class Show extends QuireSubcommand {
        @Override
        public Integer call() {
            JsonNode answer = quire().connect().get("/registry");
            if (quire().isJson()) {
                quire().printJson(answer);
                return 0;
            }
            Table table = new Table("ID", "VOTES", "STATE", "EPOCH", "ADDRESS");
            for (JsonNode voter : answer.path("voters")) {
                table.add(
                        voter.path("voterId").asText(),
                        voter.path("votes").asBoolean() ? "yes" : "no",
                        voter.path("state").asText(),
                        voter.path("epoch").asText(),
                        voter.path("address").asText());
            }
            table.print(terminal());
            return 0;
        }
    }

    @Command(
            name = "change",
            description = {
                "Changes who votes; the registry stands still for the moment that its registers are copied.",
                "Prints the result, the config epoch and its voters. Safe to repeat."
            })
    static final class Change extends QuireSubcommand {
        @Option(names = "--voters", paramLabel = "ID", split = ",", description = "The whole next set of voters.")
        private List<String> voters = new ArrayList<>();

        @Option(names = "--add", paramLabel = "ID", split = ",", description = "A formatted voter that shall vote.")
        private List<String> add = new ArrayList<>();

        @Option(names = "--remove", paramLabel = "ID", split = ",", description = "A voter that shall vote no more.")
        private List<String> remove = new ArrayList<>();

        @Option(names = "--dry-run", description = "Only checks, and says what would be.")
        private boolean dryRun;

        @Override
        public Integer call() {
            require(
                    voters.isEmpty() != (add.isEmpty() && remove.isEmpty()),
                    "either --voters, or --add or --remove, must be given");
            ObjectNode body = NodeConnection.JSON.createObjectNode();
            put(body, "voters", voters);
            put(body, "add", add);
            put(body, "remove", remove);
            body.put("dryRun", dryRun);
            JsonNode answer = quire().connect()
                    .post(
                            "/registry/change",
                            BodyPublishers.ofString(body.toString(), StandardCharsets.UTF_8),
                            "application/json");
            if (quire().isJson()) {
                quire().printJson(answer);
                return 0;
            }
            List<String> ids = new ArrayList<>();
            answer.path("voters").forEach(voter -> ids.add(voter.asText()));
            terminal()
                    .println(answer.path("result").asText() + " epoch "
                            + answer.path("epoch").asText() + ": " + String.join(", ", ids));
            if (answer.hasNonNull("reason")) {
                terminal().note(answer.path("reason").asText() + "; look with './quire registry show'");
            }
            return 0;
        }

        private static void put(ObjectNode body, String field, List<String> ids) {
            if (!ids.isEmpty()) {
                ArrayNode list = body.putArray(field);
                ids.forEach(list::add);
            }
        }
    }
}
