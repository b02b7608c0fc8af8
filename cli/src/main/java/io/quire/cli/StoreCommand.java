package io.quire.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code quire store}: works on the directory of a store that nobody uses. */
@Command(
        name = "store",
        description = "Works on the directory of a store that is stopped.",
        subcommands = StoreConvertCommand.class)
final class StoreCommand implements Runnable {
    @Spec
    private picocli.CommandLine.Model.CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing: convert");
    }
}
