package io.quire.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Set;

/**
 * How one run of the command line ended.
 *
 * @param out what it printed as its result
 * @param err what it told people
 */
record CommandRun(int exitCode, String out, String err) {
    /** Runs with nothing to read, and no terminal anywhere. */
    static CommandRun of(String... arguments) {
        return of("", Set.of(), Map.of(), arguments);
    }

    static CommandRun withInput(String in, String... arguments) {
        return of(in, Set.of(), Map.of(), arguments);
    }

    static CommandRun of(
            String in, Set<Terminal.Stream> interactive, Map<String, String> environment, String... arguments) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Terminal terminal = new Terminal(
                new ByteArrayInputStream(in.getBytes(StandardCharsets.UTF_8)), out, err, interactive, environment);
        int exitCode = QuireCommand.commandLine(terminal).execute(arguments);
        return new CommandRun(exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }
}
