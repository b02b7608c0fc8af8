package io.quire.cli;

import java.nio.file.Path;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire node}: one node of a cluster. */
@Command(name = "node", description = "Runs one node of a cluster until it is told to stop (SIGTERM, Ctrl-C).")
final class NodeCommand extends QuireSubcommand {
    @Option(names = "--config", paramLabel = "FILE", required = true, description = "Its configuration (HOCON).")
    private Path config;

    @Option(names = "--name", paramLabel = "NAME", description = "Its name, instead of the configured one.")
    private Optional<String> name;

    @Override
    public Integer call() {
        return new NodeProcess(terminal()).runNode(config, name);
    }
}
