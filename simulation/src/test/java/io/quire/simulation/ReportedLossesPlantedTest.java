package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A replay is worth as much as the error that it notices: for each of {@link ReportedLossesTest} there is a file in {@code
 * src/test/resources/planted-reports} that puts the reported error, or the nearest to it, into the product's own source.
 */
class ReportedLossesPlantedTest {
    @ParameterizedTest(name = "{0}")
    @MethodSource("planted")
    @DisplayName("every reported error, planted, is noticed by its replay")
    void noticed(PlantedBug bug) {
        Optional<String> failure = EditedProduct.with(bug).failure(bug.scenario());
        assertThat(failure).as(bug.toString()).isPresent();
        assertThat(failure.get()).as(bug.toString()).containsPattern(bug.violation());
    }

    static List<PlantedBug> planted() {
        return PlantedBug.reported();
    }

    @Test
    @DisplayName("for every replay there is an error that it notices")
    void complete() {
        List<String> replays = Arrays.stream(ReportedLossesTest.class.getDeclaredMethods())
                .filter(method -> method.isAnnotationPresent(Test.class))
                .map(method -> ReportedLossesTest.class.getSimpleName() + "#" + method.getName())
                .toList();
        assertThat(planted().stream().map(PlantedBug::scenario).distinct())
                .containsExactlyInAnyOrderElementsOf(replays);
    }
}
