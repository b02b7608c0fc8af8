package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * Holds the tables of hazards and rules against the tests: who covers one says so in its display name, or in what a planted
 * error is about. {@code -Dtables.rewrite=true} writes the last column of both tables anew.
 */
class HazardTablesTest {
    private static final Path ROOT = Path.of("..");
    private static final boolean REWRITE = Boolean.getBoolean("tables.rewrite");
    private static final Pattern NAME = Pattern.compile("@DisplayName\\(\\s*((?:\"(?:[^\"\\\\]|\\\\.)*\"[\\s+]*)+)\\)");
    private static final Pattern IDS = Pattern.compile("\\b([HPR])(\\d+)(?:-\\1(\\d+))?\\b");
    private static final Pattern ROW = Pattern.compile("\\| ([HPR]\\d+) \\|.*\\|");

    @Test
    @DisplayName(
            "every hazard stands in the table with exactly the tests that name it, or with the reason why there is none")
    void hazards() throws IOException {
        List<String> expected = new ArrayList<>();
        IntStream.rangeClosed(1, 52).filter(h -> h != 44).forEach(h -> expected.add("H" + h));
        IntStream.rangeClosed(84, 91).forEach(h -> expected.add("H" + h));
        IntStream.rangeClosed(97, 100).forEach(h -> expected.add("H" + h));
        IntStream.rangeClosed(1, 13).forEach(p -> expected.add("P" + p));
        Map<String, Set<String>> tests = testsById();
        Path file = ROOT.resolve("docs/hazards.md");
        rewrite(file, (id, columns) -> tests.containsKey(id) ? String.join(", ", tests.get(id)) : "-");
        Map<String, String[]> rows = rows(file);
        assertThat(rows.keySet()).containsAll(expected);
        rows.forEach((id, columns) -> {
            String named = columns[columns.length - 1];
            assertThat(named)
                    .as("the tests of %s", id)
                    .isEqualTo(tests.containsKey(id) ? String.join(", ", tests.get(id)) : "-");
            if (named.equals("-")) {
                assertThat(columns[columns.length - 2])
                        .as("why no test names %s", id)
                        .matches("(later|by construction): .*");
            }
        });
    }

    @Test
    @DisplayName("every rule is named by a test, and stands in the table with all tests that name it")
    void rules() throws IOException {
        Map<String, Set<String>> tests = testsById();
        Path file = ROOT.resolve("docs/protocol.md");
        rewrite(file, (id, columns) -> {
            String kept = Pattern.compile("`\\w+` \\(I[^)]*\\)")
                    .matcher(columns[columns.length - 1])
                    .results()
                    .map(match -> match.group())
                    .filter(match -> !tests.getOrDefault(id, Set.of()).contains(match.replaceAll(" .*", "")))
                    .collect(Collectors.joining(", "));
            String found = String.join(", ", tests.getOrDefault(id, Set.of()));
            return found + (found.isEmpty() || kept.isEmpty() ? "" : ", ") + kept;
        });
        Map<String, String[]> rows = rows(file);
        IntStream.rangeClosed(1, 27).forEach(rule -> assertThat(rows).containsKey("R" + rule));
        rows.forEach((id, columns) -> {
            String cell = columns[columns.length - 1];
            Set<String> named = tests.getOrDefault(id, Set.of());
            boolean later = columns[columns.length - 2].startsWith("later");
            assertThat(later || !named.isEmpty()).as("a test that names %s", id).isTrue();
            named.forEach(test -> assertThat(cell).as("the tests of %s", id).contains(test));
            for (String listed : cell.split(", (?=`|planted)", -1)) {
                assertThat(listed.contains(" (I") || named.contains(listed) || (later && listed.isEmpty()))
                        .as("%s names %s", listed, id)
                        .isTrue();
            }
        });
    }

    private interface LastColumn {
        String of(String id, String[] columns);
    }

    private static void rewrite(Path file, LastColumn last) throws IOException {
        if (!REWRITE) {
            return;
        }
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                String[] columns = columns(line);
                columns[columns.length - 1] = last.of(row.group(1), columns);
                lines.add("| " + String.join(" | ", columns) + " |");
            } else {
                lines.add(line);
            }
        }
        Files.writeString(file, String.join("\n", lines) + "\n", StandardCharsets.UTF_8);
    }

    private static Map<String, String[]> rows(Path file) throws IOException {
        Map<String, String[]> rows = new TreeMap<>();
        for (String line : Files.readAllLines(file)) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                assertThat(rows.put(row.group(1), columns(line)))
                        .as("%s stands twice", row.group(1))
                        .isNull();
            }
        }
        return rows;
    }

    private static String[] columns(String line) {
        String inner = line.substring(1, line.lastIndexOf('|'));
        return Stream.of(inner.split("\\|", -1)).map(String::strip).toArray(String[]::new);
    }

    /** What names each hazard and rule: test classes in backquotes, and planted errors by their number. */
    private static Map<String, Set<String>> testsById() throws IOException {
        Map<String, Set<String>> tests = new TreeMap<>();
        try (Stream<Path> files = Files.walk(ROOT)) {
            for (Path file : files.filter(HazardTablesTest::isTestSource).toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".java")) {
                    Matcher displayed = NAME.matcher(Files.readString(file));
                    while (displayed.find()) {
                        addIds(displayed.group(1), "`" + name.replace(".java", "") + "`", tests);
                    }
                } else {
                    String what = Files.readAllLines(file).get(0);
                    addIds(what, "planted " + name.substring(0, name.indexOf('-')), tests);
                }
            }
        }
        return tests;
    }

    private static boolean isTestSource(Path file) {
        String path = file.toString().replace('\\', '/');
        String inModule = path.replaceFirst("^\\.\\./[^/]+/", "");
        return inModule.matches("src/test/java/.*\\.java")
                || inModule.matches("src/test/resources/planted/.*\\.txt")
                || inModule.matches("src/testFixtures/java/.*\\.java");
    }

    private static void addIds(String text, String test, Map<String, Set<String>> tests) {
        Matcher ids = IDS.matcher(text);
        while (ids.find()) {
            int first = Integer.parseInt(ids.group(2));
            int last = ids.group(3) == null ? first : Integer.parseInt(ids.group(3));
            for (int number = first; number <= last; number++) {
                tests.computeIfAbsent(ids.group(1) + number, id -> new TreeSet<>(Comparator.naturalOrder()))
                        .add(test);
            }
        }
    }
}
