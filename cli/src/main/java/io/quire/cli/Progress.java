package io.quire.cli;

/** A bar on the error stream when that is a terminal, and nothing otherwise. For one thread. */
final class Progress implements AutoCloseable {
    private static final int WIDTH = 30;
    private static final String CLEAR_LINE = "\r\u001b[K";

    private final Terminal terminal;
    private final boolean shown;
    private final long total;
    private int lastPermille = -1;

    /**
     * @param total what {@link #update}'s {@code done} ends at; 0 when that is not known: only the text is shown then
     */
    Progress(Terminal terminal, boolean wanted, long total) {
        this.terminal = terminal;
        this.shown = wanted && terminal.isInteractive(Terminal.Stream.ERR);
        this.total = total;
    }

    void update(long done, String text) {
        if (!shown) {
            return;
        }
        int permille = total == 0 ? lastPermille + 1 : (int) (1000 * Math.min(done, total) / total);
        if (permille == lastPermille) {
            return;
        }
        lastPermille = permille;
        terminal.err().print(CLEAR_LINE + (total == 0 ? "" : bar(permille)) + text);
        terminal.err().flush();
    }

    private static String bar(int permille) {
        int filled = WIDTH * permille / 1000;
        return "[" + "#".repeat(filled) + ".".repeat(WIDTH - filled) + "] " + permille / 10 + "% ";
    }

    /** Takes the bar away. */
    @Override
    public void close() {
        if (shown) {
            terminal.err().print(CLEAR_LINE);
            terminal.err().flush();
        }
    }
}
