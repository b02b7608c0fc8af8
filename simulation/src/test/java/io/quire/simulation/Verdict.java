package io.quire.simulation;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.Optional;

/**
 * How a scenario that ends with an exception went.
 *
 * @param violation what is wrong, if anything
 */
record Verdict(long seed, Optional<String> violation) {
    /** Plays it. */
    static Verdict of(long seed, Runnable play) {
        try {
            play.run();
            return new Verdict(seed, Optional.empty());
        } catch (RuntimeException | AssertionError e) {
            StringWriter trace = new StringWriter();
            e.printStackTrace(new PrintWriter(trace));
            return new Verdict(seed, Optional.of("seed " + seed + ": " + trace));
        }
    }
}
