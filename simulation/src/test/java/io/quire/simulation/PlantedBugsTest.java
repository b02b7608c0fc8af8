package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The simulator is worth as much as the errors that it finds: each error in {@code src/test/resources/planted}, put into
 * the product's own source, is found within its number of seeds, and without it the same seeds find nothing. {@code
 * -Dplanted=} picks those whose name begins so.
 */
class PlantedBugsTest {
    private static final Map<String, String> FOUND = new ConcurrentSkipListMap<>();

    @ParameterizedTest(name = "{0}")
    @MethodSource("planted")
    @DisplayName("every planted error is found")
    void found(PlantedBug bug) {
        EditedProduct product = EditedProduct.with(bug);
        for (long seed = bug.firstSeed(); seed < bug.endSeed(); seed++) {
            Optional<String> violation = product.violation(bug.scenario(), seed);
            if (violation.isPresent()) {
                FOUND.put(bug.name(), String.format(Locale.ROOT, "%5d %5d  %s", seed, bug.endSeed(), bug));
                assertThat(violation.get()).as(bug.toString()).containsPattern(bug.violation());
                return;
            }
        }
        FOUND.put(bug.name(), String.format(Locale.ROOT, "    - %5d  %s", bug.endSeed(), bug));
        assertThat(bug)
                .as("found by %s before seed %d", bug.scenario(), bug.endSeed())
                .isNull();
    }

    static List<PlantedBug> planted() {
        String chosen = System.getProperty("planted", "");
        return PlantedBug.all().stream()
                .filter(bug -> bug.name().startsWith(chosen))
                .toList();
    }

    @Tag("soak")
    @ParameterizedTest(name = "{0}")
    @MethodSource("scenarios")
    @DisplayName("without an error the same seeds find nothing")
    void unedited(String scenario) {
        EditedProduct product = EditedProduct.unedited();
        long[] seeds = planted().stream()
                .filter(bug -> bug.scenario().equals(scenario))
                .flatMapToLong(bug -> LongStream.range(bug.firstSeed(), bug.endSeed()))
                .distinct()
                .toArray();
        for (long seed : seeds) {
            assertThat(product.violation(scenario, seed)).isEmpty();
        }
    }

    static Stream<String> scenarios() {
        return planted().stream().map(PlantedBug::scenario).distinct();
    }

    @Test
    @DisplayName("an error whose place is gone, or is not one place, is refused")
    void place() {
        PlantedBug bug = PlantedBug.parse("99-place", """
                what: a sentence
                source: some-module/src/main/java/io/quire/some/Thing.java
                scenario: LedgerScenario
                seeds: 1
                violation: I7
                --- old
                one
                --- new
                two
                """);
        assertThat(bug.className()).isEqualTo("io.quire.some.Thing");
        assertThat(bug.edited("no one knows")).isEqualTo("no two knows");
        assertThatThrownBy(() -> bug.edited("nobody knows")).isInstanceOf(AssertionError.class);
        assertThatThrownBy(() -> bug.edited("one by one")).isInstanceOf(AssertionError.class);
    }

    @AfterAll
    static void table() {
        System.out.println("Planted errors: the seed that found each, of how many");
        FOUND.values().forEach(System.out::println);
    }
}
