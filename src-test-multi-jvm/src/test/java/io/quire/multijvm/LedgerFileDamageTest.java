package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What LMDB and the ledger store make of a damaged file; docs/operations.md has the table. */
@Tag("soak")
class LedgerFileDamageTest {
    private static final Duration MOMENT = Duration.ofSeconds(60);
    private static final int ATTEMPTS = Integer.getInteger("soak.damages", 400);
    private static final int HEAP_MIB = 128;

    @TempDir
    private Path directory;

    private final long seed = Seeds.next(getClass());
    /** By damage, then by outcome. */
    private final Map<String, Map<String, Integer>> table = new TreeMap<>();

    @Test
    @DisplayName("P12: damage in the ledger store's file is survived, noticed or refused, and never ends the process")
    void table() {
        int next = 0;
        int child = 0;
        while (next < ATTEMPTS) {
            next = go(child, next);
            child++;
        }
        table.forEach((damage, outcomes) -> System.out.println(damage + " " + outcomes));
        int tried = table.values().stream()
                .flatMap(outcomes -> outcomes.values().stream())
                .mapToInt(Integer::intValue)
                .sum();
        assertThat(tried).isEqualTo(ATTEMPTS);
        assertThat(table.values())
                .allSatisfy(outcomes -> assertThat(outcomes.keySet()).isSubsetOf("WHOLE", "NOTICED", "REFUSED"));
    }

    /** Lets one process go as far as it lives; where the next one begins. */
    private int go(int number, int first) {
        List<String> arguments = List.of(
                directory.resolve("stores").toString(),
                Long.toString(seed),
                Integer.toString(first),
                Integer.toString(ATTEMPTS));
        try (ChildProcess child = ChildProcess.start(
                directory.resolve("logs"),
                directory,
                "damage-" + number,
                HEAP_MIB,
                LedgerFileDamageMain.class,
                arguments)) {
            Optional<Integer> exit = awaitEnd(child);
            String[] tried = child.lastSaid("trying")
                    .orElseThrow(() -> new AssertionError(child.tail(30)))
                    .split(" ", -1);
            int last = Integer.parseInt(tried[0]);
            child.output().lines().forEach(this::note);
            boolean found = child.lastSaid("found")
                    .filter(words -> words.startsWith(last + " "))
                    .isPresent();
            if (!found) {
                count(damageOf(last), exit.map(status -> "ENDED WITH " + status).orElse("HANGS"));
            }
            return last + 1;
        }
    }

    /** How it ended; empty when it says the same for long. */
    private static Optional<Integer> awaitEnd(ChildProcess child) {
        String before = "nothing yet";
        while (true) {
            if (child.lastSaid("done").isPresent()) {
                return Optional.of(0);
            }
            String now = child.lastSaid("trying").orElse("");
            if (now.equals(before)) {
                return Optional.empty();
            }
            try {
                return Optional.of(child.awaitExit(MOMENT));
            } catch (AssertionError e) {
                // It lives; whether it goes on shows in what it says.
                before = now;
            }
        }
    }

    private void note(String line) {
        String[] words = line.split(" ", -1);
        if (words[0].equals(Lifeline.MARK + "found")) {
            count(damageOf(Integer.parseInt(words[1])), words[2]);
        }
    }

    private static String damageOf(int number) {
        return LedgerFileDamageMain.damageOf(number)
                + (LedgerFileDamageMain.isInTree(number) ? " in LMDB's pages" : " anywhere");
    }

    private void count(String damage, String outcome) {
        table.computeIfAbsent(damage, key -> new TreeMap<>()).merge(outcome, 1, Integer::sum);
    }
}
