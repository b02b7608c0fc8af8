package io.quire.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.typesafe.config.ConfigFactory;
import io.quire.bookie.BookieSettings;
import io.quire.bootstrap.Doctor;
import io.quire.storage.Finding;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire doctor}: what a directory holds, what is wrong with it, and what to do. */
@Command(
        name = "doctor",
        description = {
            "Explains the state of a store, a registry voter or a standalone cluster that nobody uses; changes nothing.",
            "Exits with 0 when it can start, with 1 when it cannot or something is damaged. Blocks of entries are not"
                    + " read: that does 'quire store verify'."
        })
final class DoctorCommand extends QuireSubcommand {
    @Option(names = "--dir", paramLabel = "DIR", required = true, description = "The directory.")
    private Path dir;

    private Optional<Doctor.Place> last = Optional.empty();

    @Override
    public Integer call() {
        long freeBytesMin =
                BookieSettings.from(ConfigFactory.defaultReference()).freeBytesMin();
        boolean good = Doctor.examine(dir, freeBytesMin, this::print);
        if (quire().isJson()) {
            quire().printJson(NodeConnection.JSON
                    .createObjectNode()
                    .put("directory", dir.toString())
                    .put("good", good));
        } else {
            terminal().println(good ? "This can start." : "This cannot start as it is, or something is damaged.");
        }
        return good ? 0 : 1;
    }

    private void print(Doctor.Place place, Finding finding) {
        String kind = finding.kind().name().toLowerCase(Locale.ROOT);
        if (quire().isJson()) {
            ObjectNode line = NodeConnection.JSON
                    .createObjectNode()
                    .put("directory", place.directory().toString())
                    .put("is", place.kind().toString())
                    .put("kind", kind)
                    .put("part", finding.part())
                    .put("what", finding.what());
            if (!finding.advice().isEmpty()) {
                line.put("advice", finding.advice());
            }
            quire().printJson(line);
            return;
        }
        if (last.filter(place::equals).isEmpty()) {
            terminal().println(place.directory() + " (" + place.kind() + ")");
        }
        last = Optional.of(place);
        String word = finding.isWrong() ? "WRONG" : kind;
        terminal().println(String.format(Locale.ROOT, "  %-5s  %-9s  %s", word, finding.part(), finding.what()));
        if (!finding.advice().isEmpty()) {
            terminal().println("         to do:     " + finding.advice());
        }
    }
}
