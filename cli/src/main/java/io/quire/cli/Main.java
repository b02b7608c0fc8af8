package io.quire.cli;

/** Where the JVM begins; ends it with 0 (done), 1 (failed) or 2 (wrong usage). */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(QuireCommand.commandLine(Terminal.ofProcess()).execute(args));
    }
}
