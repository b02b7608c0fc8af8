package io.quire.multijvm;

import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * One JVM with the class path of this one. What it says to the test goes to {@code NAME.out}, its log to {@code
 * NAME.log}. It ends by itself when this JVM does, see {@link Lifeline}.
 */
final class ChildProcess implements AutoCloseable {
    private static final Duration DEATH = Duration.ofSeconds(20);

    /** Many of them share a machine, and live for seconds. */
    private static final List<String> SMALL = List.of("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

    private final String name;
    private final Path output;
    private final Path log;
    private final Process process;
    private final BufferedWriter commands;

    private ChildProcess(String name, Path output, Path log, Process process) {
        this.name = name;
        this.output = output;
        this.log = log;
        this.process = process;
        this.commands = new BufferedWriter(new OutputStreamWriter(process.getOutputStream(), StandardCharsets.UTF_8));
    }

    /**
     * @param logs where its output goes; a name is used once
     * @param temporary where it keeps what it would clean up only if it were not killed
     * @param heapMib its largest heap, in MiB
     */
    static ChildProcess start(
            Path logs, Path temporary, String name, int heapMib, Class<?> main, List<String> arguments) {
        return start(logs, temporary, name, heapMib, SMALL, main, arguments);
    }

    /**
     * As above, with other options of the JVM.
     *
     * @param options those that production has, for measurements
     */
    static ChildProcess start(
            Path logs,
            Path temporary,
            String name,
            int heapMib,
            List<String> options,
            Class<?> main,
            List<String> arguments) {
        Path output = logs.resolve(name + ".out");
        Path log = logs.resolve(name + ".log");
        List<String> command = new ArrayList<>();
        command.add(ProcessHandle.current().info().command().orElse("java"));
        ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                .filter(argument -> argument.startsWith("--add-opens"))
                .forEach(command::add);
        command.addAll(options);
        command.addAll(List.of("-Xmx" + heapMib + "m", "-XX:+ExitOnOutOfMemoryError", "-Djava.io.tmpdir=" + temporary));
        command.addAll(
                List.of("-cp", System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))));
        command.add(main.getName());
        command.addAll(arguments);
        try {
            Files.createDirectories(logs);
            return new ChildProcess(
                    name,
                    output,
                    log,
                    new ProcessBuilder(command)
                            .redirectOutput(output.toFile())
                            .redirectError(log.toFile())
                            .start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    String name() {
        return name;
    }

    void tell(String command) {
        try {
            commands.write(command);
            commands.newLine();
            commands.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** What it said last behind {@code word}, if it said that word. */
    Optional<String> lastSaid(String word) {
        String start = Lifeline.MARK + word;
        return lines(output).stream()
                .filter(line -> line.equals(start) || line.startsWith(start + " "))
                .reduce((earlier, later) -> later)
                .map(line -> line.substring(start.length()).strip());
    }

    /** Waits until it says {@code word}; fails when it ends before. */
    String awaitSaid(String word, Duration deadline) {
        return Await.get(name + " says " + word, deadline, () -> {
            boolean alive = process.isAlive();
            Optional<String> said = lastSaid(word);
            if (said.isEmpty() && !alive) {
                throw new AssertionError(name + " ended with " + process.exitValue() + " and did not say " + word);
            }
            return said;
        });
    }

    /** kill -9; returns once it is dead. */
    void kill() {
        die();
        awaitDeath("kill -9");
    }

    /** SIGSTOP: it stands still until {@link #resume}. */
    void pause() {
        signal("STOP");
    }

    /** SIGCONT. */
    void resume() {
        signal("CONT");
    }

    private void signal(String signal) {
        try {
            int exit = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
                    .inheritIO()
                    .start()
                    .waitFor();
            if (exit != 0) {
                throw new AssertionError("kill -" + signal + " of " + name + " ended with " + exit);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while " + name + " got SIG" + signal, e);
        }
    }

    /** SIGTERM; does not wait. */
    void terminate() {
        // Not through the process itself, which would close its input too: the lifeline would cut the stop short.
        process.toHandle().destroy();
    }

    /** Waits until it has ended, and returns how. */
    int awaitExit(Duration deadline) {
        Await.until(name + " ends", deadline, () -> !process.isAlive());
        return process.exitValue();
    }

    /** All that it said. */
    String output() {
        return String.join("\n", lines(output));
    }

    /** All that it logged. */
    String log() {
        return String.join("\n", lines(log));
    }

    /** The last lines of what it said and logged. */
    String tail(int count) {
        StringBuilder text = new StringBuilder();
        for (Path file : List.of(output, log)) {
            List<String> lines = lines(file);
            text.append("--- ").append(file).append('\n');
            lines.subList(Math.max(0, lines.size() - count), lines.size())
                    .forEach(line -> text.append(line).append('\n'));
        }
        return text.toString();
    }

    /** kill -9; does not wait. */
    void die() {
        process.toHandle().destroyForcibly();
    }

    /** Kills it if it still lives; never fails because of an interrupt. */
    @Override
    public void close() {
        die();
        boolean interrupted = Thread.interrupted();
        try {
            awaitDeath("closing");
            commands.close();
        } catch (IOException e) {
            // The process is gone, and what was not read by it does not matter.
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void awaitDeath(String why) {
        try {
            if (!process.waitFor(DEATH.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError(name + " survives " + why);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new AssertionError("interrupted while " + name + " was to die", e);
        }
    }

    private static List<String> lines(Path file) {
        try {
            return Files.exists(file) ? Files.readString(file).lines().toList() : List.of();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
