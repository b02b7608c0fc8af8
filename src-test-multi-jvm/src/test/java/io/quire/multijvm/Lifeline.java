package io.quire.multijvm;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;

/**
 * What ties a process to the test that started it: commands come as lines on standard input, words for the test go out
 * as lines that start with {@link #MARK}. When the input ends, the test is gone, and so is the process.
 */
final class Lifeline {
    static final String MARK = "@";

    /** How a process ends that lost its test. */
    static final int ORPHANED = 3;

    private Lifeline() {}

    /** Hands every line to {@code commands}, on a thread of its own. */
    static void hold(Consumer<String> commands) {
        Thread thread = new Thread(() -> listen(commands), "lifeline");
        thread.setDaemon(true);
        thread.start();
    }

    /** Says something to the test. */
    static void say(String words) {
        System.out.println(MARK + words);
    }

    private static void listen(Consumer<String> commands) {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                commands.accept(line);
            }
        } catch (IOException e) {
            say("INPUT FAILED " + e.getMessage());
        }
        Runtime.getRuntime().halt(ORPHANED);
    }
}
