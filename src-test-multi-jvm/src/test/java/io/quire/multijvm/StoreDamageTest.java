package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.multijvm.DamagedStore.Behaviour;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A store's files are damaged in every way there is, in processes of their own, since LMDB may end them. Prints how often
 * the store behaved how. {@code -Dseed=} repeats a run.
 */
class StoreDamageTest {
    private static final Duration MOMENT = Duration.ofSeconds(60);
    private static final Duration CASE = Duration.ofMillis(500);
    private static final int HEAP_MIB = 128;
    private static final int CASES_OF_A_KIND = 4;
    private static final int SOAK_CASES_OF_A_KIND = 300;

    @TempDir
    private Path directory;

    private final long seed = Seeds.next(getClass());
    private final Map<String, Map<Behaviour.Kind, Integer>> table = new TreeMap<>();
    private final List<String> wrong = new ArrayList<>();
    private int processes;

    @BeforeEach
    void make() {
        try (ChildProcess child = start("make", List.of("make", directory.toString()))) {
            child.awaitSaid("made", MOMENT);
        }
    }

    @AfterEach
    void print() {
        table.forEach((damage, behaviours) -> System.out.println(damage + " " + behaviours));
    }

    @Test
    @DisplayName(
            "R7, R19, R20, R21, H4, H5, H24, H25, H54, P10, P12: a store with damaged, missing, foreign or old files"
                    + " serves what it acknowledged or says that it is damaged, and never ends its process")
    void damaged() throws IOException {
        judge(CASES_OF_A_KIND);
    }

    @Test
    @Tag("soak")
    @DisplayName("R19, R20, R21, P10, P12: a store whose files are damaged for hours never lies")
    void damagedForHours() throws IOException {
        judge(Integer.getInteger("soak.damages", SOAK_CASES_OF_A_KIND));
    }

    private void judge(int casesOfAKind) throws IOException {
        int cases = casesOfAKind * StoreDamage.ALL.size();
        int next = 0;
        while (next < cases) {
            next = judge(next, cases);
        }
        assertThat(wrong).isEmpty();
        assertThat(table).hasSize(StoreDamage.ALL.size());
        table.forEach((damage, behaviours) -> {
            boolean inTheJournal = damage.endsWith(":JOURNAL_FLIPPED") || damage.endsWith(":JOURNAL_ZEROED");
            assertThat(behaviours.containsKey(Behaviour.Kind.TAIL_LOST) && !inTheJournal)
                    .as("%s takes for a torn tail what is none", damage)
                    .isFalse();
        });
    }

    /** Lets one process judge until it ends; returns the case to go on with. */
    private int judge(int from, int to) throws IOException {
        String name = "judge-" + processes++;
        List<String> arguments = List.of(
                "judge", directory.toString(), Long.toString(seed), Integer.toString(from), Integer.toString(to));
        try (ChildProcess child = start(name, arguments)) {
            int exit = child.awaitExit(MOMENT.plus(CASE.multipliedBy(to - from)));
            return note(child, exit, to);
        }
    }

    private int note(ChildProcess child, int exit, int to) throws IOException {
        Map<Integer, String> begun = new TreeMap<>();
        child.output().lines().forEach(line -> {
            String[] words = line.split(" ", 4);
            if (words[0].equals(Lifeline.MARK + "begun")) {
                begun.put(Integer.valueOf(words[1]), words[2] + " " + words[3]);
            } else if (words[0].equals(Lifeline.MARK + "done")) {
                note(begun.remove(Integer.valueOf(words[1])), Behaviour.Kind.valueOf(words[2]), line);
            }
        });
        if (begun.isEmpty() && child.lastSaid("finished").isPresent()) {
            return to;
        }
        // LMDB ended it, in the middle of a case.
        assertThat(begun)
                .as(child.name() + " ended with " + exit + "\n" + child.tail(20))
                .hasSize(1);
        int killed = begun.keySet().iterator().next();
        wrong.add("ended its process with " + exit + ": " + begun.get(killed) + "\n" + child.tail(5));
        return killed + 1;
    }

    private void note(String damage, Behaviour.Kind behaviour, String line) {
        String what = damage.substring(0, damage.indexOf(' '));
        table.computeIfAbsent(what, key -> new EnumMap<>(Behaviour.Kind.class)).merge(behaviour, 1, Integer::sum);
        if (behaviour == Behaviour.Kind.WRONG) {
            wrong.add(damage + ": " + line);
        }
    }

    private ChildProcess start(String name, List<String> arguments) {
        Path logs = directory.resolve("logs");
        try {
            return ChildProcess.start(
                    logs, Files.createDirectories(logs), name, HEAP_MIB, StoreDamageMain.class, arguments);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
