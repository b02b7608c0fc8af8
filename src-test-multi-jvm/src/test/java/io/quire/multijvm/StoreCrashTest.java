package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A store on a real disk is killed again and again, and has to know each time what it had promised. */
class StoreCrashTest {
    private static final Duration MOMENT = Duration.ofSeconds(60);
    private static final int ROUNDS = 10;
    private static final int SOAK_ROUNDS = 100;
    private static final int LINES_MAX = 600;
    private static final int HEAP_MIB = 96;

    @TempDir
    private Path directory;

    private final long seed = Seeds.next(getClass());

    @Test
    @DisplayName(
            "R16, R17, R20, H53, H55: a store that is killed while it appends, flushes, recycles and drops keeps what"
                    + " it acknowledged")
    void killed() throws IOException {
        killAgainAndAgain(ROUNDS);
    }

    @Test
    @Tag("soak")
    @DisplayName("R16, R17, R20: a store that is killed for hours keeps what it acknowledged")
    void killedForHours() throws IOException {
        killAgainAndAgain(Integer.getInteger("soak.rounds", SOAK_ROUNDS));
    }

    private void killAgainAndAgain(int rounds) throws IOException {
        Random random = new Random(seed);
        Path said = Files.createFile(directory.resolve("said"));
        Path store = Files.createDirectory(directory.resolve("store"));
        long verified = 0;
        for (int round = 1; round <= rounds + 1; round++) {
            int lines = 1 + random.nextInt(LINES_MAX);
            List<String> arguments =
                    List.of(store.toString(), Long.toString(seed), Integer.toString(round), said.toString());
            try (ChildProcess child = ChildProcess.start(
                    directory.resolve("logs"),
                    directory,
                    "store-" + round,
                    HEAP_MIB,
                    StoreCrashMain.class,
                    arguments)) {
                verified = Long.parseLong(child.awaitSaid("verified", MOMENT));
                Await.until("round " + round + " says " + lines + " lines", MOMENT, () -> {
                    requireWell(child);
                    return child.output().lines().count() >= lines;
                });
                child.kill();
                requireWell(child);
                Files.writeString(said, wholeLines(round), StandardOpenOption.APPEND);
            } catch (AssertionError e) {
                throw new AssertionError("round " + round + ": " + e.getMessage() + "\n" + log(round), e);
            }
        }
        assertThat(verified).as("entries that were there in the last round").isPositive();
    }

    private static void requireWell(ChildProcess child) {
        assertThat(child.lastSaid("failed")).isEmpty();
    }

    /**
     * Without the end of a line that was cut short, but with every line that was not: whoever did not hear that a ledger
     * was to be dropped would miss it.
     */
    private String wholeLines(int round) throws IOException {
        String output = Files.readString(directory.resolve("logs").resolve("store-" + round + ".out"));
        return output.substring(0, output.lastIndexOf('\n') + 1);
    }

    private String log(int round) throws IOException {
        Path log = directory.resolve("logs").resolve("store-" + round + ".log");
        return Files.exists(log) ? Files.readString(log) : "";
    }
}
