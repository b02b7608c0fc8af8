package io.quire.bench;

import io.quire.bench.Comparison.Contender;
import io.quire.bench.ComparisonPlan.Figure;
import io.quire.bench.ComparisonPlan.Step;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Medians, and ratios of pairs of the same round. Not thread-safe. */
public final class ComparisonReport {
    private static final int BAR_WIDTH = 420;
    private static final int ROW_HEIGHT = 26;
    private static final int LABEL_WIDTH = 330;
    private static final double WIDEST_RATIO = 8;

    /** A line of the table: the figures of each system by round. */
    private record Row(String name, String unit, boolean moreIsBetter, Map<Contender, Map<Integer, Double>> figures) {
        /** Median of the rounds' ratios of Quire to a peer; NaN without a pair. */
        double ratio(Contender peer) {
            Map<Integer, Double> theirs = figures.getOrDefault(peer, Map.of());
            return median(figures.getOrDefault(Contender.QUIRE, Map.of()).entrySet().stream()
                    .filter(own -> theirs.containsKey(own.getKey()))
                    .map(own -> own.getValue() / theirs.get(own.getKey()))
                    .toList());
        }
    }

    private final Map<String, Row> rows = new LinkedHashMap<>();

    void add(Step step, Contender system, int round, BenchResult result) {
        for (Figure figure : step.figures()) {
            add(step.name(), figure.label, figure.moreIsBetter, system, round, figure.of(result));
        }
    }

    void add(String name, Contender system, int round, double figure) {
        add(name, "", false, system, round, figure);
    }

    private void add(String name, String unit, boolean moreIsBetter, Contender system, int round, double figure) {
        rows.computeIfAbsent(name + unit, key -> new Row(name, unit, moreIsBetter, new TreeMap<>()))
                .figures()
                .computeIfAbsent(system, key -> new TreeMap<>())
                .put(round, figure);
    }

    /** A Markdown table: for each system median, lowest and highest of the rounds; the ratios are medians of pairs. */
    public String table() {
        List<Contender> systems =
                Stream.of(Contender.values()).filter(this::appears).toList();
        StringBuilder table = new StringBuilder("| load | figure |");
        systems.forEach(system -> table.append(' ').append(system.label).append(" |"));
        systems.stream().filter(system -> system != Contender.QUIRE).forEach(system -> table.append(" ratio to ")
                .append(system.label)
                .append(" |"));
        table.append("\n|---|---|")
                .append("---|".repeat(2 * systems.size() - 1))
                .append('\n');
        for (Row row : rows.values()) {
            table.append("| ")
                    .append(row.name())
                    .append(" | ")
                    .append(row.unit())
                    .append(" |");
            for (Contender system : systems) {
                table.append(' ')
                        .append(figures(
                                row.figures().getOrDefault(system, Map.of()).values()))
                        .append(" |");
            }
            systems.stream()
                    .filter(system -> system != Contender.QUIRE)
                    .forEach(system -> table.append(String.format(Locale.ROOT, " %.2f |", row.ratio(system))));
            table.append('\n');
        }
        return table.toString();
    }

    /** The ratios of rates to a peer as bars, in SVG: a bar to the right of the line is a rate above the peer's. */
    public String plot() {
        Contender peer = appears(Contender.BOOKKEEPER_FLUSH) ? Contender.BOOKKEEPER_FLUSH : Contender.BOOKKEEPER;
        List<Row> bars = rows.values().stream()
                .filter(row -> row.moreIsBetter() && !Double.isNaN(row.ratio(peer)))
                .toList();
        StringBuilder svg = new StringBuilder(String.format(
                Locale.ROOT,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\""
                        + " font-size=\"13\">%n<text x=\"8\" y=\"18\">operations/s as multiples of %s</text>%n",
                LABEL_WIDTH + BAR_WIDTH + 70,
                (bars.size() + 2) * ROW_HEIGHT,
                peer.label));
        int y = ROW_HEIGHT;
        for (Row row : bars) {
            double ratio = row.ratio(peer);
            double width = Math.min(ratio, WIDEST_RATIO) / WIDEST_RATIO * BAR_WIDTH;
            svg.append(String.format(
                    Locale.ROOT,
                    "<text x=\"8\" y=\"%d\">%s</text><rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"16\" fill=\"%s\"/>"
                            + "<text x=\"%.1f\" y=\"%d\">%.2f</text>%n",
                    y + 17,
                    row.name(),
                    LABEL_WIDTH,
                    y + 4,
                    width,
                    ratio >= 1 ? "#2a7f62" : "#b04a3a",
                    LABEL_WIDTH + width + 6,
                    y + 17,
                    ratio));
            y += ROW_HEIGHT;
        }
        double one = LABEL_WIDTH + BAR_WIDTH / WIDEST_RATIO;
        svg.append(String.format(
                Locale.ROOT,
                "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"black\"/>%n</svg>%n",
                one,
                ROW_HEIGHT,
                one,
                y));
        return svg.toString();
    }

    private boolean appears(Contender system) {
        return rows.values().stream().anyMatch(row -> row.figures().containsKey(system));
    }

    private static String figures(Collection<Double> figures) {
        if (figures.isEmpty()) {
            return "-";
        }
        String median = shortened(median(figures));
        return figures.size() == 1
                ? median
                : median + " ["
                        + shortened(figures.stream().min(Double::compare).orElseThrow()) + " to "
                        + shortened(figures.stream().max(Double::compare).orElseThrow()) + "]";
    }

    private static String shortened(double figure) {
        return figure >= 100
                ? String.format(Locale.ROOT, "%,.0f", figure).replace(',', ' ')
                : String.format(Locale.ROOT, figure >= 10 ? "%.1f" : "%.2f", figure);
    }

    /** NaN for none. */
    static double median(Collection<Double> figures) {
        List<Double> sorted = new ArrayList<>(figures);
        sorted.sort(Double::compare);
        int middle = sorted.size() / 2;
        if (sorted.isEmpty()) {
            return Double.NaN;
        }
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }
}
