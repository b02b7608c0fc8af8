package io.quire.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bench.Comparison.Contender;
import io.quire.bench.ComparisonPlan.Figure;
import io.quire.bench.ComparisonPlan.Step;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ComparisonReportTest {
    private static final Step APPEND = new Step("append", "append out=1", List.of(Figure.RATE, Figure.P50));

    private static BenchResult result(double rate, double p50) {
        return new BenchResult(rate, 0, p50, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }

    @Test
    @DisplayName("a ratio is the median of the rounds' ratios, not the ratio of medians")
    void ratios() {
        ComparisonReport report = new ComparisonReport();
        report.add(APPEND, Contender.QUIRE, 1, result(100, 1));
        report.add(APPEND, Contender.BOOKKEEPER_FLUSH, 1, result(50, 2));
        report.add(APPEND, Contender.QUIRE, 2, result(300, 3));
        report.add(APPEND, Contender.BOOKKEEPER_FLUSH, 2, result(100, 2));
        report.add(APPEND, Contender.QUIRE, 3, result(200, 2));
        report.add(APPEND, Contender.BOOKKEEPER_FLUSH, 3, result(200, 2));
        assertThat(report.table().lines().skip(2))
                .containsExactly(
                        "| append | operations/s | 200 [100 to 300] | 100 [50.0 to 200] | 2.00 |",
                        "| append | p50 ms | 2.00 [1.00 to 3.00] | 2.00 [2.00 to 2.00] | 1.00 |");
    }

    @Test
    @DisplayName("a round that only one of them ran makes no pair")
    void lonelyRound() {
        ComparisonReport report = new ComparisonReport();
        report.add("start", Contender.QUIRE, 1, 10);
        report.add("start", Contender.QUIRE, 2, 20);
        report.add("start", Contender.BOOKKEEPER_FLUSH, 2, 40);
        assertThat(report.table()).contains("| start |  | 15.0 [10.0 to 20.0] | 40.0 | 0.50 |");
    }

    @Test
    @DisplayName("the plot has a bar for each rate, and none for what is better when it is less")
    void plot() {
        ComparisonReport report = new ComparisonReport();
        report.add(APPEND, Contender.QUIRE, 1, result(150, 1));
        report.add(APPEND, Contender.BOOKKEEPER_FLUSH, 1, result(100, 2));
        assertThat(report.plot()).contains(">append</text>", ">1.50</text>").containsOnlyOnce("<rect");
    }

    @Test
    @DisplayName("every load of the plan is a load that there is, with parameters that can be read")
    void planIsSound() {
        for (ComparisonPlan.Group group : ComparisonPlan.all()) {
            for (Step step : group.steps()) {
                LoadStep load = LoadStep.parse(step.line());
                assertThat(load.load())
                        .isIn(
                                "append",
                                "fill",
                                "readseq",
                                "readrand",
                                "createseal",
                                "recover",
                                "tail",
                                "rss",
                                "restart",
                                "dropcaches",
                                "start");
                assertThat(load.seconds()).isPositive();
            }
        }
    }

    @Test
    @DisplayName("a group that there is not, and a parameter without a value, are refused")
    void refusals() {
        Path here = Path.of(".");
        assertThatThrownBy(() ->
                        new Comparison.Options(List.of("sprints"), 1, here, here, false, false, "", Optional.empty()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("sprints");
        assertThatThrownBy(() -> LoadStep.parse("append out"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("out");
    }
}
