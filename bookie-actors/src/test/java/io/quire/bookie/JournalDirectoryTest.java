package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.storage.StoreRebuild;
import io.quire.protocol.BookieId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Stores whose journal lies elsewhere. */
class JournalDirectoryTest extends BookieStory {
    @TempDir
    private Path scratch;

    private Running start(Path place, Path journal) {
        String name = "bookie-" + ++names;
        String address = "pekko://bookies/user/" + name;
        TestProbe<BookieActor.Event> events = kit.createTestProbe();
        ActorRef<Object> actor = kit.spawn(
                BookieActor.create(new BookieActor.Setup(
                        new BookieBoot.Place(place, journal, "quire", "cluster-1", address, name),
                        "node-1",
                        Map.of(),
                        SETTINGS,
                        registry,
                        feed,
                        meters,
                        events.getRef())),
                name);
        return new Running(actor, events, address);
    }

    private static BookieId format(Path place, Path journal) {
        return BookieBoot.format(place, journal, "quire", SETTINGS);
    }

    @Test
    @DisplayName("a store writes its journal where it was told to, and finds it there again")
    void elsewhere() {
        Path place = scratch.resolve("store");
        Path journal = scratch.resolve("fast/journal");
        bookie = format(place, journal);
        registerLedger(LEDGER_HERE);
        Running running = start(place, journal);
        running.requireStarted(1);
        add(running, LEDGER_HERE, 0, 5);
        running.kill();
        assertThat(place.resolve("journal")).doesNotExist();
        assertThat(journal.resolve("segment-00000000")).exists();
        running = start(place, journal);
        running.requireStarted(2);
        running.stop();
    }

    private static final io.quire.protocol.LedgerId LEDGER_HERE = new io.quire.protocol.LedgerId(71);

    @Test
    @DisplayName(
            "R7, H24: swapped journal directories are refused with the names of both stores, and nothing is written")
    void swapped() {
        Path first = scratch.resolve("first");
        Path second = scratch.resolve("second");
        Path firstJournal = scratch.resolve("journals/first");
        Path secondJournal = scratch.resolve("journals/second");
        BookieId firstId = format(first, firstJournal);
        BookieId secondId = format(second, secondJournal);
        start(first, firstJournal, 1).stop();
        start(second, secondJournal, 1).stop();
        assertThat(start(first, secondJournal).failure())
                .contains("belongs to bookie " + secondId, "is bookie " + firstId, "swapped");
        start(first, firstJournal, 2).stop();
        start(second, secondJournal, 2).stop();
    }

    private Running start(Path place, Path journal, long bootEpoch) {
        Running running = start(place, journal);
        running.requireStarted(bootEpoch);
        return running;
    }

    @Test
    @DisplayName("R20: a store that is pointed at another journal directory, an empty or a missing one, does not start")
    void anotherDirectory() throws IOException {
        Path place = scratch.resolve("store");
        Path journal = scratch.resolve("journal");
        format(place, journal);
        start(place, journal, 1).stop();
        assertThat(start(place, Files.createDirectory(scratch.resolve("empty"))).failure())
                .contains("journal is gone");
        assertThat(start(place, scratch.resolve("nowhere")).failure())
                .contains("the journal directory", "nowhere", "is missing");
        start(place, journal, 2).stop();
    }

    @Test
    @DisplayName(
            "R20, R21: a rebuilt store whose journal directory is empty does not start: what is left of its journal has"
                    + " still to be saved")
    void rebuilt() throws IOException {
        Path place = scratch.resolve("store");
        Path journal = scratch.resolve("journal");
        format(place, journal);
        start(place, journal, 1).stop();
        Files.write(place.resolve("ledgers/data.mdb"), new byte[8192]);
        assertThat(new StoreRebuild(place, 64 << 20).rebuild().journalSegments())
                .isEqualTo(-1);
        assertThat(start(place, Files.createDirectory(scratch.resolve("empty"))).failure())
                .contains("is empty", "is its disk mounted");
        // The boot that was registered then is this one: it never served.
        start(place, journal, 2).stop();
    }

    @Test
    @DisplayName("P11: two stores cannot use one journal directory at a time, nor be formatted with one in use")
    void locked() {
        Path first = scratch.resolve("first");
        Path second = scratch.resolve("second");
        Path journal = scratch.resolve("journal");
        format(first, journal);
        Running running = start(first, journal, 1);
        assertThatThrownBy(() -> format(second, journal)).hasMessageContaining("is not empty");
        BookieBoot.format(second, "quire", SETTINGS);
        assertThat(start(second, journal).failure()).contains("use");
        running.stop();
    }
}
