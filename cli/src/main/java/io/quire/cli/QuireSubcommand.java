package io.quire.cli;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A command that does something: {@link #call} returns the exit code, or throws a {@link CommandFailure}. */
abstract class QuireSubcommand implements Callable<Integer> {
    @Spec
    private CommandSpec spec;

    /** The root, which holds the options that all commands share. */
    final QuireCommand quire() {
        return (QuireCommand) spec.root().userObject();
    }

    final Terminal terminal() {
        return quire().terminal();
    }

    /** Refuses the command line as one that means nothing. */
    final void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new ParameterException(spec.commandLine(), otherwise);
        }
    }

    /** Asks {@code question} and ends the command with {@code otherwise} unless the answer is yes. */
    final void confirm(String question, String otherwise) throws IOException {
        require(
                terminal().isInteractive(Terminal.Stream.IN),
                "this asks first, and standard input is no terminal: add --yes");
        terminal().err().print(question + " [y/N] ");
        terminal().err().flush();
        String answer = new BufferedReader(new InputStreamReader(terminal().in(), StandardCharsets.UTF_8)).readLine();
        String word = answer == null ? "" : answer.strip().toLowerCase(Locale.ROOT);
        if (!word.equals("y") && !word.equals("yes")) {
            throw CommandFailure.of(otherwise);
        }
    }
}
