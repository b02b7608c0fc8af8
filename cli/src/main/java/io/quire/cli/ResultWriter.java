package io.quire.cli;

import java.io.Writer;
import java.nio.charset.StandardCharsets;

/** Text to the terminal's output, for what picocli prints by itself: help and version. */
final class ResultWriter extends Writer {
    private final Terminal terminal;

    ResultWriter(Terminal terminal) {
        this.terminal = terminal;
    }

    @Override
    public void write(char[] chars, int offset, int length) {
        terminal.write(new String(chars, offset, length).getBytes(StandardCharsets.UTF_8));
    }

    @Override
    public void flush() {
        terminal.flush();
    }

    @Override
    public void close() {
        flush();
    }
}
