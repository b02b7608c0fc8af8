package io.quire.cli;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a command reads from and prints to. Results go to the output, everything else to the error stream; text is UTF-8
 * whatever the locale says. For one thread.
 */
final class Terminal {
    private final InputStream in;
    private final OutputStream out;
    private final PrintStream err;
    private final Set<Stream> interactive;
    private final Map<String, String> environment;

    /** The streams that may lead to a person. */
    enum Stream {
        IN,
        OUT,
        ERR
    }

    Terminal(
            InputStream in,
            OutputStream out,
            OutputStream err,
            Set<Stream> interactive,
            Map<String, String> environment) {
        this.in = in;
        this.out = out;
        this.err = new PrintStream(err, true, StandardCharsets.UTF_8);
        this.interactive = Set.copyOf(interactive);
        this.environment = Map.copyOf(environment);
    }

    /** This process's own. Which streams are terminals is told by the launcher: Java 17 cannot ask for each of them. */
    static Terminal ofProcess() {
        Set<Stream> interactive = Arrays.stream(
                        System.getProperty("quire.terminal", "").split(","))
                .filter(name -> !name.isEmpty())
                .map(name -> Stream.valueOf(name.toUpperCase(Locale.ROOT)))
                .collect(Collectors.toSet());
        return new Terminal(
                // Buffered also because a bare file stream seeks to read all at once, which a pipe refuses.
                new BufferedInputStream(new FileInputStream(FileDescriptor.in)),
                new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16),
                new FileOutputStream(FileDescriptor.err),
                interactive,
                System.getenv());
    }

    InputStream in() {
        return in;
    }

    PrintStream err() {
        return err;
    }

    boolean isInteractive(Stream stream) {
        return interactive.contains(stream);
    }

    String environment(String name, String fallback) {
        return environment.getOrDefault(name, fallback);
    }

    /** Prints a line of the result, and flushes. */
    void println(String line) {
        write(line.getBytes(StandardCharsets.UTF_8));
        write(new byte[] {'\n'});
        flush();
    }

    /** Writes bytes of the result; {@link #flush} follows at the end. */
    void write(byte[] bytes) {
        try {
            out.write(bytes);
        } catch (IOException e) {
            throw CommandFailure.of("cannot write to standard output: " + e.getMessage(), e);
        }
    }

    void flush() {
        try {
            out.flush();
        } catch (IOException e) {
            throw CommandFailure.of("cannot write to standard output: " + e.getMessage(), e);
        }
    }

    /** Prints one line for people, whatever breaks {@code message} contains. */
    void note(String message) {
        err.println("quire: " + message.replaceAll("\\s*[\\r\\n]+\\s*", " "));
    }
}
