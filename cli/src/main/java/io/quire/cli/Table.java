package io.quire.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Rows with aligned columns. The head is for people: it is left out where a program reads. */
final class Table {
    private final List<String> head;
    private final List<List<String>> rows = new ArrayList<>();

    Table(String... head) {
        this.head = List.of(head);
    }

    /** Adds one row of as many cells as the head has; an empty cell becomes a dash. */
    void add(String... cells) {
        rows.add(IntStream.range(0, head.size())
                .mapToObj(i -> cells[i].isEmpty() ? "-" : cells[i])
                .toList());
    }

    void print(Terminal terminal) {
        List<List<String>> all = new ArrayList<>();
        if (terminal.isInteractive(Terminal.Stream.OUT)) {
            all.add(head);
        }
        all.addAll(rows);
        int[] widths = IntStream.range(0, head.size())
                .map(column -> all.stream()
                        .mapToInt(row -> row.get(column).length())
                        .max()
                        .orElse(0))
                .toArray();
        for (List<String> row : all) {
            terminal.println(IntStream.range(0, widths.length)
                    .mapToObj(column -> padded(row.get(column), widths[column]))
                    .collect(Collectors.joining("  "))
                    .stripTrailing());
        }
    }

    private static String padded(String text, int width) {
        return text + " ".repeat(width - text.length());
    }
}
