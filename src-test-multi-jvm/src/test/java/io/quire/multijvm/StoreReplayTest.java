package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Measures how fast a store boots that was killed with full memtables; docs/performance.md. */
@Tag("soak")
class StoreReplayTest {
    private static final Duration MOMENT = Duration.ofMinutes(5);
    private static final int RUNS = 3;
    private static final int HEAP_MIB = 1024;

    @TempDir
    private Path directory;

    @Test
    @DisplayName("R17, R20: a store that was killed with full memtables has all of them after its boot")
    void replay() {
        for (int run = 1; run <= RUNS; run++) {
            Path store = directory.resolve("store-" + run);
            String[] full = said(run, "fill", store, "full").split(" ", -1);
            String[] replayed = said(run, "replay", store, "replayed").split(" ", -1);
            assertThat(replayed[0]).as("entries").isEqualTo(full[0]);
            double megabytes = Long.parseLong(full[1]) / 1e6;
            double seconds = Long.parseLong(replayed[1]) / 1e9;
            System.out.printf(
                    Locale.ROOT, "replayed %.0f MB in %.2f s: %.0f MB/s%n", megabytes, seconds, megabytes / seconds);
        }
    }

    private String said(int run, String what, Path store, String word) {
        List<String> arguments = List.of(what, store.toString());
        try (ChildProcess child = ChildProcess.start(
                directory.resolve("logs"),
                directory,
                what + "-" + run,
                HEAP_MIB,
                List.of("-XX:+UseG1GC"),
                StoreReplayMain.class,
                arguments)) {
            String said = child.awaitSaid(word, MOMENT);
            child.kill();
            return said;
        }
    }
}
