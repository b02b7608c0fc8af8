package io.quire.cli;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Rows of any number, printed as they come: aligned columns with a head for people, or a line of JSON each. Unlike a
 * {@link Table} it does not wait for all of them, so that a column may be too narrow for a value. {@link #flush} follows
 * at the end.
 */
final class Rows {
    private final Terminal terminal;
    private final boolean json;
    private final List<Column> columns;
    private boolean headed;

    /**
     * @param key in JSON
     * @param width of most values; negative: to the left
     */
    record Column(String head, String key, int width) {}

    Rows(QuireCommand quire, Column... columns) {
        this.terminal = quire.terminal();
        this.json = quire.isJson();
        this.columns = List.of(columns);
    }

    static Column number(String head, String key, int width) {
        return new Column(head, key, width);
    }

    static Column text(String head, String key, int width) {
        return new Column(head, key, -width);
    }

    /** Adds one row of as many cells as there are columns: numbers, truth values or texts. An empty text is left out. */
    void add(Object... cells) {
        if (json) {
            ObjectNode row = NodeConnection.JSON.createObjectNode();
            for (int i = 0; i < cells.length; i++) {
                if (!cells[i].equals("")) {
                    row.putPOJO(columns.get(i).key(), cells[i]);
                }
            }
            print(row.toString());
            return;
        }
        if (!headed && terminal.isInteractive(Terminal.Stream.OUT)) {
            print(line(columns.stream().map(Column::head).toArray()));
        }
        headed = true;
        print(line(cells));
    }

    private String line(Object... cells) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < cells.length; i++) {
            int width = columns.get(i).width();
            String text = cells[i].equals("") ? "-" : word(cells[i]);
            String blanks = " ".repeat(Math.max(0, Math.abs(width) - text.length()));
            line.append(i == 0 ? "" : "  ");
            line.append(width < 0 ? text + blanks : blanks + text);
        }
        return line.toString().stripTrailing();
    }

    private static String word(Object cell) {
        return cell instanceof Boolean truth ? (truth ? "yes" : "no") : String.valueOf(cell);
    }

    private void print(String line) {
        terminal.write((line + "\n").getBytes(StandardCharsets.UTF_8));
    }

    void flush() {
        terminal.flush();
    }
}
