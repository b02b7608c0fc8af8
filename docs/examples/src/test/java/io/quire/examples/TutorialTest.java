package io.quire.examples;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** The tutorial shows nothing but pieces of the examples, which run. */
class TutorialTest {
    private static final Path TUTORIAL = Path.of("..", "tutorial.md");
    private static final Path SOURCES = Path.of("src", "test", "java", "io", "quire", "examples");
    private static final Pattern BLOCK = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String withoutIndent(String code) {
        return code.lines().map(String::strip).filter(line -> !line.isEmpty()).collect(Collectors.joining("\n"));
    }

    @Test
    @DisplayName("each piece of code in the tutorial is a piece of an example")
    void piecesRun() throws IOException {
        List<String> blocks = BLOCK.matcher(read(TUTORIAL))
                .results()
                .map(MatchResult::group)
                .map(block -> withoutIndent(block.replace("```java\n", "").replace("```", "")))
                .toList();
        assertThat(blocks).hasSizeGreaterThan(5);
        try (Stream<Path> files = Files.list(SOURCES)) {
            List<String> sources = files.map(TutorialTest::read)
                    .map(TutorialTest::withoutIndent)
                    .toList();
            assertThat(blocks).allSatisfy(block -> assertThat(sources)
                    .as("the example with this piece:%n%s", block)
                    .anyMatch(source -> source.contains(block)));
        }
    }
}
