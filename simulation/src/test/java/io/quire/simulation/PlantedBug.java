package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * An error that is planted into the product, and who has to find it. Each is a file in {@code src/test/resources/planted}:
 *
 * <pre>
 *   what: a sentence
 *   source: path of a source file from the root of the repository
 *   scenario: class in this package; new Scenario(seed).run().violation()
 *   seeds: how many, from 0 on, it may take; or, where only a rare seed finds it, FIRST..END, without the end
 *   violation: a regular expression, found in what the scenario says
 *   --- old
 *   text that occurs exactly once in the source
 *   --- new
 *   text that takes its place
 * </pre>
 *
 * @param name the file's, without its end
 * @param source from the root of the repository
 */
record PlantedBug(
        String name,
        String what,
        Path source,
        String oldText,
        String newText,
        String scenario,
        int firstSeed,
        int endSeed,
        Pattern violation) {
    /** Tests run in the directory of their module. */
    private static final Path ROOT = Path.of("..");

    private static final Path DIRECTORY = Path.of("src", "test", "resources", "planted");
    private static final Path REPORTED = Path.of("src", "test", "resources", "planted-reports");
    private static final String SUFFIX = ".txt";
    private static final String OLD = "\n--- old\n";
    private static final String NEW = "\n--- new\n";
    private static final String SOURCES = "src/main/java/";

    /** All that a scenario has to find, by name. */
    static List<PlantedBug> all() {
        return in(DIRECTORY);
    }

    /** Those that stood behind a report, by name; their scenario is {@code Class#method} of its replay. */
    static List<PlantedBug> reported() {
        return in(REPORTED);
    }

    private static List<PlantedBug> in(Path directory) {
        try (Stream<Path> files = Files.list(directory)) {
            return files.filter(file -> file.toString().endsWith(SUFFIX))
                    .sorted()
                    .map(PlantedBug::read)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static PlantedBug read(Path file) {
        String name = file.getFileName().toString().replace(SUFFIX, "");
        return parse(name, readString(file));
    }

    static PlantedBug parse(String name, String text) {
        int oldAt = text.indexOf(OLD);
        int newAt = text.indexOf(NEW);
        assertThat(oldAt).as("%s has a line '--- old'", name).isPositive();
        assertThat(newAt).as("%s has a line '--- new' behind it", name).isGreaterThan(oldAt);
        Map<String, String> fields = new TreeMap<>();
        text.substring(0, oldAt).lines().forEach(line -> {
            int colon = line.indexOf(": ");
            assertThat(colon).as("the colon in '%s' of %s", line, name).isPositive();
            fields.put(line.substring(0, colon), line.substring(colon + 2).strip());
        });
        assertThat(fields.keySet()).as(name).containsExactly("scenario", "seeds", "source", "violation", "what");
        String[] seeds = fields.get("seeds").split("\\.\\.", -1);
        return new PlantedBug(
                name,
                fields.get("what"),
                Path.of(fields.get("source")),
                text.substring(oldAt + OLD.length(), newAt).strip(),
                text.substring(newAt + NEW.length()).strip(),
                fields.get("scenario"),
                seeds.length == 1 ? 0 : Integer.parseInt(seeds[0]),
                Integer.parseInt(seeds[seeds.length - 1]),
                Pattern.compile(fields.get("violation")));
    }

    /** The source with the error in it. */
    String editedSource() {
        return edited(readString(ROOT.resolve(source)));
    }

    /** {@code text} with the error in it. */
    String edited(String text) {
        int at = text.indexOf(oldText);
        assertThat(at).as("the old text of %s in %s", name, source).isNotNegative();
        assertThat(text.indexOf(oldText, at + 1))
                .as("a second place of the old text of %s in %s", name, source)
                .isNegative();
        return text.substring(0, at) + newText + text.substring(at + oldText.length());
    }

    /** The class that the source declares. */
    String className() {
        String path = source.toString().replace('\\', '/');
        return path.substring(path.indexOf(SOURCES) + SOURCES.length())
                .replace(".java", "")
                .replace('/', '.');
    }

    @Override
    public String toString() {
        return name + ": " + what;
    }

    private static String readString(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
