package io.quire.cli;

import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire format}: mints the identities of a node's stores and registry voters. */
@Command(
        name = "format",
        description = {
            "Mints the identity of the stores and registry voters that a configuration names.",
            "One that has an identity is refused. An emptied disk becomes a new bookie, never the old one."
        })
final class FormatCommand extends QuireSubcommand {
    @Option(names = "--config", paramLabel = "FILE", required = true, description = "The node's configuration (HOCON).")
    private Path config;

    @Option(names = "--if-unformatted", description = "Leaves alone what is formatted already.")
    private boolean ifUnformatted;

    @Override
    public Integer call() {
        new NodeProcess(terminal()).format(config, ifUnformatted).forEach(terminal()::println);
        return 0;
    }
}
