package io.quire.cli;

import java.nio.file.Path;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code quire standalone}: a whole cluster in this JVM. */
@Command(
        name = "standalone",
        description = {
            "Runs a whole cluster in one JVM: stores, registry and HTTP.",
            "The first start formats the directory if it does not exist or is empty; later ones continue with it."
        })
final class StandaloneCommand extends QuireSubcommand {
    private static final int BOOKIES_MAX = 64;
    private static final int PORT_MAX = 65_535;

    @Option(
            names = "--dir",
            paramLabel = "DIR",
            defaultValue = "./quire-data",
            description = "Where its data is; ${DEFAULT-VALUE} unless given.")
    private Path dir;

    @Option(
            names = "--bookies",
            paramLabel = "N",
            defaultValue = "3",
            description = "How many stores, 1 to 64; ${DEFAULT-VALUE} unless given.")
    private int bookies;

    @Option(
            names = "--http-port",
            paramLabel = "PORT",
            defaultValue = "8080",
            description = "Where HTTP is served on 127.0.0.1, 0 for any free port; ${DEFAULT-VALUE} unless given.")
    private int httpPort;

    @Override
    public Integer call() {
        require(bookies >= 1 && bookies <= BOOKIES_MAX, "--bookies must be 1 to " + BOOKIES_MAX + ": " + bookies);
        require(httpPort >= 0 && httpPort <= PORT_MAX, "--http-port must be 0 to " + PORT_MAX + ": " + httpPort);
        return new NodeProcess(terminal()).runStandalone(dir, bookies, httpPort);
    }
}
