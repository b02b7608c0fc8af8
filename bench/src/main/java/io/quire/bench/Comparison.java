package io.quire.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.quire.bench.ComparisonPlan.Group;
import io.quire.bench.ComparisonPlan.Step;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Runs the same loads on Quire and on Apache BookKeeper, turn about, each on fresh servers, with the client in a JVM of its
 * own. Not thread-safe.
 */
public final class Comparison {
    /** The systems, in the order of their turns. */
    enum Contender {
        QUIRE("quire"),
        BOOKKEEPER("bookkeeper"),
        /** With the setting that is better for all loads on a fast disk: no waiting for a group when nothing queues. */
        BOOKKEEPER_FLUSH("bookkeeper, journalFlushWhenQueueEmpty");

        final String label;

        Contender(String label) {
            this.label = label;
        }
    }

    /**
     * @param groups whose loads are run; empty for all
     * @param rounds of turns
     * @param directory under which data goes; must lie on a real disk
     * @param jars folder with BookKeeper and its driver
     * @param withDefault whether BookKeeper runs with all its defaults, too
     * @param settings further configuration of Quire's nodes
     * @param profiles folder for a JFR recording of each JVM, if wanted
     */
    public record Options(
            List<String> groups,
            int rounds,
            Path directory,
            Path jars,
            boolean withDefault,
            boolean withPeer,
            String settings,
            Optional<Path> profiles) {
        public Options {
            groups = List.copyOf(groups);
            if (rounds < 1) {
                throw new IllegalArgumentException("rounds must be positive: " + rounds);
            }
            for (String group : groups) {
                if (ComparisonPlan.all().stream()
                        .noneMatch(known -> known.name().equals(group))) {
                    throw new IllegalArgumentException("a group is one of "
                            + ComparisonPlan.all().stream().map(Group::name).toList() + ": " + group);
                }
            }
        }
    }

    private final Options options;
    private final Consumer<String> lines;
    private final Consumer<String> progress;
    private final ComparisonReport report = new ComparisonReport();

    private Comparison(Options options, Consumer<String> lines, Consumer<String> progress) {
        this.options = options;
        this.lines = lines;
        this.progress = progress;
    }

    /**
     * Runs it.
     *
     * @param lines gets a line of JSON for each load
     * @param progress told what is going on, in lines
     * @throws IllegalStateException when a server or a client fails
     */
    public static ComparisonReport run(Options options, Consumer<String> lines, Consumer<String> progress) {
        Comparison comparison = new Comparison(options, lines, progress);
        for (int round = 1; round <= options.rounds(); round++) {
            for (Group group : ComparisonPlan.all()) {
                if (options.groups().isEmpty() || options.groups().contains(group.name())) {
                    for (Contender system : Contender.values()) {
                        comparison.turn(round, group, system);
                    }
                }
            }
        }
        return comparison.report;
    }

    private void turn(int round, Group group, Contender system) {
        if ((system == Contender.BOOKKEEPER && !options.withDefault())
                || (system != Contender.QUIRE && !options.withPeer())) {
            return;
        }
        progress.accept("round " + round + ", " + group.name() + ", " + system.label);
        try (Servers servers = start(system)) {
            for (Step step : group.steps()) {
                run(round, system, servers, step);
            }
        }
    }

    private Servers start(Contender system) {
        List<String> jvm = profiling(system);
        return switch (system) {
            case QUIRE -> SpawnedCluster.start(3, options.directory(), options.settings(), jvm);
            case BOOKKEEPER -> BookKeeperServers.start(3, options.directory(), options.jars(), Map.of(), jvm);
            case BOOKKEEPER_FLUSH ->
                BookKeeperServers.start(
                        3, options.directory(), options.jars(), Map.of("journalFlushWhenQueueEmpty", "true"), jvm);
        };
    }

    private List<String> profiling(Contender system) {
        return options.profiles()
                .map(folder -> List.of("-XX:StartFlightRecording=settings=profile,dumponexit=true,filename="
                        + folder.resolve(system.name().toLowerCase(Locale.ROOT) + "-%n.jfr")))
                .orElse(List.of());
    }

    private void run(int round, Contender system, Servers servers, Step step) {
        String[] words = step.line().split(" ", 2);
        switch (words[0]) {
            case "restart" -> {
                servers.stop();
                servers.launch();
                servers.awaitReady();
            }
            case "dropcaches" -> dropCaches();
            case "rss" -> {
                Pump.sleep(Duration.ofSeconds(8));
                add(round, system, step, residentMib(servers));
            }
            case "start" -> add(round, system, step, startMillis(servers));
            default -> load(round, system, servers, step);
        }
    }

    private void add(int round, Contender system, Step step, double figure) {
        lines.accept(json(Map.of("system", system.label, "round", round, "name", step.name(), "figure", figure)));
        report.add(step.name(), system, round, figure);
    }

    private void load(int round, Contender system, Servers servers, Step step) {
        String line = client(
                servers,
                step.line(),
                profiling(system).stream()
                        .map(option ->
                                option.replace("%n", "client-" + step.line().replaceAll("[^a-z0-9]+", "-")))
                        .toList());
        BenchResult result;
        try {
            result = new ObjectMapper().readValue(line, BenchResult.class);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("no result: " + line, e);
        }
        lines.accept(json(Map.of(
                "system", system.label, "round", round, "name", step.name(), "load", step.line(), "result", result)));
        report.add(step, system, round, result);
    }

    /** Runs a client JVM; what it prints. */
    private String client(Servers servers, String load, List<String> jvmOptions) {
        Servers.Client client = servers.client();
        Path errors = servers.directory().resolve("client.log");
        List<String> options = new ArrayList<>(client.jvmOptions());
        options.addAll(jvmOptions);
        Process process = JavaProcess.start(
                "1g",
                options,
                client.classPath(),
                errors,
                List.of(
                        LoadProcess.class.getName(),
                        client.driver(),
                        client.connection(),
                        String.join(
                                ",",
                                servers.pids().stream().map(Object::toString).toList()),
                        servers.directory().toString(),
                        load));
        try (BufferedReader output =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            String result = null;
            for (String line = output.readLine(); line != null; line = output.readLine()) {
                result = line;
            }
            if (process.waitFor() != 0 || result == null) {
                throw new IllegalStateException("the client failed: " + load + "\n" + Files.readString(errors));
            }
            return result;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** From launching servers that had stopped in order, and a client, to the client's first acknowledged append. */
    private double startMillis(Servers servers) {
        servers.stop();
        long start = System.currentTimeMillis();
        servers.launch();
        long acknowledged = Long.parseLong(client(servers, LoadProcess.FIRST_ADD, List.of()));
        servers.awaitReady();
        return acknowledged - start;
    }

    private static double residentMib(Servers servers) {
        long kib = 0;
        for (long pid : servers.pids()) {
            try {
                kib += Files.readAllLines(Path.of("/proc/" + pid + "/status")).stream()
                        .filter(line -> line.startsWith("VmRSS:"))
                        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
                        .sum();
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return kib / 1024.0;
    }

    private void dropCaches() {
        try {
            new ProcessBuilder("sync").start().waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (!PageCache.drop()) {
            progress.accept("the page cache could not be dropped: cold reads are warm");
        }
    }

    private static String json(Map<String, ?> fields) {
        try {
            return new ObjectMapper().writeValueAsString(new TreeMap<>(fields));
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Which groups there are. */
    public static List<String> groups() {
        return new ArrayList<>(ComparisonPlan.all().stream().map(Group::name).toList());
    }
}
