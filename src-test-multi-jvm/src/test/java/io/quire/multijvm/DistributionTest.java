package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The distribution as it is shipped, through its launcher; the example uses its own fixed ports, as written. */
class DistributionTest {
    private static final Duration START = Duration.ofSeconds(90);
    private static final Duration STOP = Duration.ofSeconds(40);

    @TempDir
    private Path directory;

    private final List<Process> processes = new ArrayList<>();

    /** What a command ended with. */
    private record Ended(int code, String out, String err) {}

    @AfterEach
    void nothingIsLeftRunning() {
        processes.forEach(Process::destroyForcibly);
    }

    private static Path distribution() throws IOException {
        try (Stream<Path> built = Files.list(Path.of("..", "deploy", "target"))) {
            return built.filter(path -> Files.isExecutable(path.resolve("bin").resolve("quire")))
                    .findFirst()
                    .orElseThrow()
                    .toRealPath();
        }
    }

    private Process start(String name, String... arguments) throws IOException {
        List<String> command = new ArrayList<>();
        command.add(distribution().resolve("bin/quire").toString());
        command.addAll(List.of(arguments));
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(directory.toFile())
                .redirectOutput(directory.resolve(name + ".out").toFile())
                .redirectError(directory.resolve(name + ".err").toFile());
        builder.environment().put("QUIRE_HEAP", "256m");
        Process process = builder.start();
        processes.add(process);
        return process;
    }

    private Ended run(String name, String... arguments) throws IOException, InterruptedException {
        Process process = start(name, arguments);
        process.getOutputStream().close();
        assertThat(process.waitFor(START.toSeconds(), TimeUnit.SECONDS)).isTrue();
        return new Ended(process.exitValue(), read(name + ".out"), read(name + ".err"));
    }

    private String read(String file) {
        try {
            return Files.readString(directory.resolve(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void awaitReady(String name, Process process) {
        Await.until(name + " is ready", START, () -> {
            if (!process.isAlive()) {
                throw new AssertionError(name + " ended: " + read(name + ".err"));
            }
            return read(name + ".out").contains("quire ready");
        });
    }

    private static void stop(Process process) throws InterruptedException {
        process.toHandle().destroy();
        assertThat(process.waitFor(STOP.toSeconds(), TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
    }

    @Test
    @DisplayName("the three-node example starts as written, serves over any node, and stops with 0")
    void threeNodeExample() throws IOException, InterruptedException {
        Path examples = distribution().resolve("conf/three-node");
        List<Process> nodes = new ArrayList<>();
        for (int i = 1; i <= 3; i++) {
            String file = examples.resolve("node-" + i + ".conf").toString();
            assertThat(run("format-" + i, "format", "--config", file).code()).isZero();
            nodes.add(start("node-" + i, "node", "--config", file));
        }
        for (int i = 1; i <= 3; i++) {
            awaitReady("node-" + i, nodes.get(i - 1));
            assertThat(read("node-" + i + ".out"))
                    .contains("http=http://127.0.0.1:808" + i)
                    .contains("bookies=1");
        }
        String first = "http://127.0.0.1:8081";
        String second = "http://127.0.0.1:8082";
        String id = run("create", "--url", first, "ledger", "create").out().strip();
        Path lines = directory.resolve("lines");
        String text = String.join(
                        "\n",
                        IntStream.range(0, 1000).mapToObj(i -> "line " + i).toList()) + "\n";
        Files.writeString(lines, text, StandardCharsets.UTF_8);
        assertThat(run("append", "--url", second, "ledger", "append", id, "--file", lines.toString())
                        .out())
                .isEqualTo(id + " 0 999\n");
        assertThat(run("seal", "--url", second, "ledger", "seal", id).code()).isZero();
        assertThat(run("read", "--url", "http://127.0.0.1:8083", "ledger", "read", id)
                        .out())
                .isEqualTo(text);
        assertThat(run("bookies", "--url", first, "bookie", "list").out().lines())
                .hasSize(3);
        Ended unknown = run("unknown", "--url", first, "ledger", "show", "4711");
        assertThat(unknown.code()).isEqualTo(1);
        assertThat(unknown.err().lines()).singleElement().asString().contains("NoSuchLedger");
        for (Process node : nodes) {
            stop(node);
        }
    }

    @Test
    @DisplayName("standalone: a directory in use and a taken port are refused in one line, and the first goes on")
    void refusals() throws IOException, InterruptedException {
        Process first = start("first", "standalone", "--dir", "one", "--bookies", "1", "--http-port", "0");
        awaitReady("first", first);
        String url = read("first.out").replaceAll("(?s).*http=(\\S+) .*", "$1");
        String port = url.substring(url.lastIndexOf(':') + 1);
        Ended inUse = run("in-use", "standalone", "--dir", "one", "--bookies", "1", "--http-port", "0");
        assertThat(inUse.code()).isEqualTo(1);
        assertThat(errors(inUse)).singleElement().asString().contains("in use");
        Ended taken = run("taken", "standalone", "--dir", "two", "--bookies", "1", "--http-port", port);
        assertThat(taken.code()).isEqualTo(1);
        assertThat(errors(taken)).singleElement().asString().contains(port);
        assertThat(run("usage", "standalone", "--bookies", "none").code()).isEqualTo(2);
        assertThat(run("alive", "--url", url, "ledger", "create", "-e", "1", "-w", "1", "-a", "1")
                        .code())
                .isZero();
        stop(first);
    }

    @ParameterizedTest
    @CsvSource({
        "node, 1g, '', -XX:+UseParallelGC",
        "node, 4096m, '', -XX:+UseParallelGC",
        "node, 5g, '', -XX:+UseG1GC",
        "node, 1g, -Xmx16g, -XX:+UseG1GC",
        "node, 1g, -XX:+UseZGC, -XX:+UseZGC",
        "ledger, 1g, '', -XX:+UseSerialGC",
        "ledger, 1g, -XX:+UseZGC, -XX:+UseZGC",
    })
    @DisplayName("the launcher chooses one collector, by the heap, unless another is asked for")
    void collector(String command, String heap, String options, String expected)
            throws IOException, InterruptedException {
        Path java = Files.createDirectories(directory.resolve("jdk/bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n");
        assertThat(java.toFile().setExecutable(true)).isTrue();
        ProcessBuilder builder =
                new ProcessBuilder(distribution().resolve("bin/quire").toString(), command);
        builder.environment()
                .putAll(Map.of(
                        "JAVA_HOME", directory.resolve("jdk").toString(),
                        "QUIRE_HEAP", heap,
                        "QUIRE_JAVA_OPTS", options));
        Process process = builder.start();
        processes.add(process);
        assertThat(process.inputReader().lines().filter(line -> line.matches("-XX:\\+Use\\w+GC")))
                .containsExactly(expected);
        assertThat(process.waitFor()).isZero();
    }

    /** What the command line itself says on standard error; the rest is the node's log. */
    private static List<String> errors(Ended ended) {
        return ended.err().lines().filter(line -> line.startsWith("quire: ")).toList();
    }
}
