package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Properties;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;

/**
 * {@code quire}: the root of all commands, with the options that each of them takes. A command reaches it through
 * {@link QuireSubcommand#quire()}.
 */
@Command(
        name = "quire",
        description = "Replicated, durable, append-only ledgers.",
        scope = ScopeType.INHERIT,
        mixinStandardHelpOptions = true,
        versionProvider = QuireCommand.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            StandaloneCommand.class,
            NodeCommand.class,
            FormatCommand.class,
            LedgerCommand.class,
            BookieCommand.class,
            RegistryCommand.class,
            StoreCommand.class,
            DoctorCommand.class,
            BenchCommand.class,
            SimCommand.class
        })
final class QuireCommand {
    private static final String DEFAULT_URL = "http://127.0.0.1:8080";

    private final Terminal terminal;

    @Option(
            names = "--url",
            paramLabel = "URL",
            scope = ScopeType.INHERIT,
            description = "The node to talk to; else QUIRE_URL, else " + DEFAULT_URL + ".")
    private String url;

    @Option(
            names = "--output",
            paramLabel = "FORMAT",
            scope = ScopeType.INHERIT,
            defaultValue = "table",
            description = "How results are printed: ${COMPLETION-CANDIDATES}.")
    private Output output;

    @Option(names = "--verbose", scope = ScopeType.INHERIT, description = "Errors come with their stack traces.")
    private boolean verbose;

    /** How results are printed; the names are what people type. */
    enum Output {
        table,
        json
    }

    /** The version that was built. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() throws IOException {
            Properties properties = new Properties();
            try (InputStream file = QuireCommand.class.getResourceAsStream("version.properties")) {
                properties.load(file);
            }
            return new String[] {"quire " + properties.getProperty("version")};
        }
    }

    QuireCommand(Terminal terminal) {
        this.terminal = terminal;
    }

    /** The whole command line over {@code terminal}; its {@code execute} never throws and returns the exit code. */
    static CommandLine commandLine(Terminal terminal) {
        QuireCommand quire = new QuireCommand(terminal);
        PrintWriter results = new PrintWriter(new ResultWriter(terminal), true);
        return new CommandLine(quire)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setAbbreviatedOptionsAllowed(false)
                .setOut(results)
                .setErr(new PrintWriter(terminal.err(), true, StandardCharsets.UTF_8))
                .setParameterExceptionHandler((failure, args) -> quire.onWrongUsage(failure))
                .setExecutionExceptionHandler((failure, command, parsed) -> quire.onFailure(failure));
    }

    Terminal terminal() {
        return terminal;
    }

    boolean isJson() {
        return output == Output.json;
    }

    NodeConnection connect() {
        return new NodeConnection(url == null ? terminal.environment("QUIRE_URL", DEFAULT_URL) : url);
    }

    /** The node that was named with {@code --url}. */
    Optional<URI> givenUrl() {
        try {
            return Optional.ofNullable(url).map(URI::create);
        } catch (IllegalArgumentException e) {
            throw CommandFailure.of("--url is no address: " + url, e);
        }
    }

    void printJson(JsonNode value) {
        terminal.println(value.toString());
    }

    private int onWrongUsage(ParameterException failure) {
        String command = failure.getCommandLine().getCommandSpec().qualifiedName();
        terminal.note(failure.getMessage() + "; see './" + command + " --help'");
        return CommandLine.ExitCode.USAGE;
    }

    private int onFailure(Exception failure) {
        if (failure instanceof CommandFailure expected) {
            terminal.note(expected.getMessage());
        } else {
            terminal.note("internal error: " + failure + (verbose ? "" : "; --verbose shows where"));
        }
        if (verbose) {
            failure.printStackTrace(terminal.err());
        }
        return failure instanceof CommandFailure expected ? expected.exitCode() : CommandLine.ExitCode.SOFTWARE;
    }
}
