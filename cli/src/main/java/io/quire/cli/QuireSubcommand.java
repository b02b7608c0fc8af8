package io.quire.cli;

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
}
