package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole bookie on a real disk that is filled by somebody else, and emptied again. */
class SmallDiskTest extends BookieStory {
    private static final long MEBIBYTE = 1 << 20;
    private static final BookieSettings SMALL =
            BookieSettings.from(ConfigFactory.parseString("""
                    quire.bookie {
                      status-interval = 50 ms
                      free-bytes-min = 2 MiB
                      journal { segment-bytes = 256 KiB, bytes-max = 4 MiB, spares-max = 2 }
                      memtable.bytes = 256 KiB
                      space {
                        read-only-below = 24 MiB
                        writable-above = 28 MiB
                        recovery-reserve = 12 MiB
                        fence-reserve = 4 MiB
                        flush-margin = 1 MiB
                        sample-interval = 20 ms
                        retry-interval = 20 ms
                      }
                    }
                    """).withFallback(CONFIG));
    private static final LedgerId CLOSED = new LedgerId(51);
    private static final LedgerId FENCED = new LedgerId(52);
    private static final LedgerId AFTERWARDS = new LedgerId(53);

    @TempDir
    private Path scratch;

    @Test
    @DisplayName(
            "H61, H62: on a real disk that fills, copies and fences go on; with room it is writable again by itself")
    void fillsAndIsEmptied() throws IOException {
        try (SmallDisk disk = SmallDisk.ext4(scratch, 64)) {
            fillsAndIsEmptied(disk);
        }
    }

    @Test
    @DisplayName("H61, H62: so it is in a file system in memory")
    void inMemory() throws IOException {
        try (SmallDisk disk = SmallDisk.inMemory(scratch, 64)) {
            fillsAndIsEmptied(disk);
        }
    }

    private void fillsAndIsEmptied(SmallDisk disk) throws IOException {
        Path place = disk.root().resolve("store");
        bookie = BookieBoot.format(place, "quire", SMALL);
        List.of(new LedgerId(50), CLOSED, FENCED, AFTERWARDS).forEach(this::registerLedger);
        Running running = start(place, SMALL);
        running.requireStarted(1);
        LedgerId open = new LedgerId(50);
        SessionId session = add(running, open, 0, 50);
        add(running, FENCED, 0, 5);
        add(running, CLOSED, 0, 5);
        long version = close(CLOSED);

        disk.fillUpTo(20 * MEBIBYTE);
        awaitStatus(BookieStatus.State.READ_ONLY, "DISK_FULL");
        assertThat(refusalOfBatch(running, batch(session, 51, open, 50))).isEqualTo(Refusal.READ_ONLY);
        assertThat(recover(running, version, 5)).isInstanceOf(BookieReply.EntriesRecovered.class);

        disk.fillUpTo(8 * MEBIBYTE);
        awaitRefusal(running, version);
        assertThat(fence(running, FENCED)).isInstanceOf(BookieReply.LedgerFenced.class);

        disk.fillUpTo(MEBIBYTE);
        Refusal refused;
        do {
            refused =
                    fence(running, AFTERWARDS) instanceof BookieReply.RequestRefused refusal ? refusal.refusal() : null;
        } while (refused == null && newestStatus().freeBytes() > 4 * MEBIBYTE);
        // What is fenced already is read as before, also by those who fence.
        assertThat(fence(running, FENCED)).isInstanceOf(BookieReply.LedgerFenced.class);

        disk.empty();
        awaitStatus(BookieStatus.State.WRITABLE);
        LedgerId later = new LedgerId(54);
        registerLedger(later);
        add(running, later, 0, 200);
        running.stop();

        running = start(place, SMALL);
        running.requireStarted(2);
        requireEntries(running, open, 50);
        requireEntries(running, FENCED, 5);
        requireEntries(running, CLOSED, 6);
        requireEntries(running, later, 200);
        running.stop();

        disk.fillUpTo(MEBIBYTE);
        running = start(place, SMALL);
        BookieActor.Event.Failed failed = (BookieActor.Event.Failed) running.next();
        assertThat(failed.outOfSpace()).isTrue();
        assertThat(failed.reason()).contains("bytes free", "quire.bookie.free-bytes-min");
        disk.empty();
        running = start(place, SMALL);
        running.requireStarted(3);
        requireEntries(running, later, 200);
        running.stop();
    }

    @Test
    @DisplayName(
            "H61: a bookie that writes until its disk is full refuses, keeps what it acknowledged, and boots again")
    void fillsByItself() throws IOException {
        try (SmallDisk disk = SmallDisk.ext4(scratch, 64)) {
            Path place = disk.root().resolve("store");
            bookie = BookieBoot.format(place, "quire", SMALL);
            LedgerId ledger = new LedgerId(60);
            registerLedger(ledger);
            Running running = start(place, SMALL);
            running.requireStarted(1);
            SessionId session = openSession(running, ledger);
            disk.fillUpTo(30 * MEBIBYTE);
            long acknowledged = 0;
            while (addOne(running, session, ledger, acknowledged + 1, acknowledged)) {
                acknowledged++;
            }
            assertThat(disk.freeBytes()).isGreaterThan(12 * MEBIBYTE);
            awaitStatus(BookieStatus.State.READ_ONLY, "DISK_FULL");
            running.kill();
            running = start(place, SMALL);
            running.requireStarted(2);
            requireEntries(running, ledger, acknowledged);
            running.stop();
        }
    }

    @Test
    @DisplayName(
            "H61: a bookie whose commit finds the disk full fails for want of room, and boots again with all it took")
    void commitFindsTheDiskFull() throws IOException {
        BookieSettings careless =
                BookieSettings.from(ConfigFactory.parseString("""
                        quire.bookie {
                          free-bytes-min = 0
                          journal { segment-bytes = 64 KiB, group-bytes-max = 16 KiB }
                          memtable { bytes = 512 KiB, flush-commits = 1 }
                          space {
                            read-only-below = 128 KiB
                            writable-above = 192 KiB
                            recovery-reserve = 64 KiB
                            fence-reserve = 64 KiB
                            flush-margin = 0
                          }
                        }
                        """).withFallback(CONFIG));
        try (SmallDisk disk = SmallDisk.ext4(scratch, 32)) {
            Path place = disk.root().resolve("store");
            bookie = BookieBoot.format(place, "quire", careless);
            LedgerId ledger = new LedgerId(61);
            registerLedger(ledger);
            Running running = start(place, careless);
            running.requireStarted(1);
            SessionId session = openSession(running, ledger);
            for (int i = 0; i < 20; i++) {
                assertThat(addOne(running, session, ledger, i + 1, 2L * i)).isTrue();
            }
            running.stop();
            running = start(place, careless);
            running.requireStarted(2);
            session = openSession(running, ledger);
            // Each goes between two that are there: the commit needs twice what it brings.
            for (int i = 0; i < 18; i++) {
                assertThat(addOne(running, session, ledger, i + 1, 2L * i + 1)).isTrue();
            }
            disk.fillUpTo(320 << 10);
            running.actor().tell(BookieActor.Stop.INSTANCE);
            BookieActor.Event.Failed failed = (BookieActor.Event.Failed) running.next();
            assertThat(failed.outOfSpace()).isTrue();
            assertThat(failed.reason()).contains("flusher", "no room");

            disk.empty();
            running = start(place, careless);
            running.requireStarted(3);
            requireEntries(running, ledger, 37);
            running.stop();
        }
    }

    @Test
    @DisplayName(
            "a disk that is smaller than the marks is refused before anything is written, with the settings' names")
    void tooSmall() throws IOException {
        try (SmallDisk disk = SmallDisk.inMemory(scratch, 20)) {
            Path place = disk.root().resolve("store");
            org.assertj.core.api.Assertions.assertThatThrownBy(() -> BookieBoot.format(place, "quire", SMALL))
                    .hasMessageContaining("quire.bookie.space.writable-above");
            assertThat(place.resolve("journal")).doesNotExist();
            assertThat(place.resolve("ledgers")).doesNotExist();
        }
    }

    /** One entry of 14 KiB; whether it is acknowledged, or else was refused. */
    private boolean addOne(Running running, SessionId session, LedgerId ledger, long number, long entryId) {
        Envelope.send(
                running.actor(),
                new BookieRequest.AddEntries(
                        bookie,
                        List.of(new BookieRequest.Batch(
                                session,
                                number,
                                number * 15_000,
                                entryId - 1,
                                EntryBatch.of(List.of(entry(ledger, entryId, 14_000)))))),
                client.getRef());
        BookieReply reply = client.receiveMessage(PATIENCE);
        if (reply instanceof BookieReply.BatchRefused refused) {
            assertThat(refused.refusal()).isEqualTo(Refusal.READ_ONLY);
            return false;
        }
        assertThat(reply).isInstanceOf(BookieReply.EntriesAdded.class);
        return true;
    }

    private Refusal refusalOfBatch(Running running, BookieRequest.Batch batch) {
        return ask(running, new BookieRequest.AddEntries(bookie, List.of(batch)), BookieReply.BatchRefused.class)
                .refusal();
    }

    private BookieReply recover(Running running, long version, long entryId) {
        return ask(
                running,
                new BookieRequest.RecoveryAddEntries(
                        bookie, 12, CLOSED, version, EntryBatch.of(List.of(entry(CLOSED, entryId, 100)))),
                BookieReply.class);
    }

    private void awaitRefusal(Running running, long version) {
        for (int i = 0; i < 500; i++) {
            if (recover(running, version, 5) instanceof BookieReply.RequestRefused refused) {
                assertThat(refused.refusal()).isEqualTo(Refusal.READ_ONLY);
                return;
            }
            client.expectNoMessage(java.time.Duration.ofMillis(10));
        }
        throw new AssertionError("copies are taken although the disk is nearly full");
    }

    private BookieReply fence(Running running, LedgerId ledger) {
        Envelope.send(running.actor(), new BookieRequest.FenceLedger(bookie, 4, ledger), client.getRef());
        List<BookieReply> replies = client.fishForMessage(
                PATIENCE,
                reply -> reply instanceof BookieReply.SessionEnded
                        ? FishingOutcomes.continueAndIgnore()
                        : FishingOutcomes.complete());
        return replies.get(0);
    }

    private long close(LedgerId ledger) {
        RegistryKey key = RegistryKey.ofLedger(ledger);
        var current = registry.read(key).toCompletableFuture().join();
        register(
                key,
                LedgerMetadata.decode(current.value())
                        .closed(9, 1000, List.of())
                        .encode());
        return current.version() + 1;
    }

    private BookieStatus newestStatus() {
        return feed.bookies().stream()
                .filter(status -> status.bookieId().equals(bookie))
                .findFirst()
                .orElseThrow();
    }

    private void awaitStatus(BookieStatus.State state, String... reasons) {
        for (int i = 0; i < 1000; i++) {
            BookieStatus status = newestStatus();
            if (status.state() == state && status.readOnlyReasons().equals(List.of(reasons))) {
                return;
            }
            client.expectNoMessage(java.time.Duration.ofMillis(10));
        }
        throw new AssertionError("still " + newestStatus());
    }

    private void requireEntries(Running running, LedgerId ledger, long count) {
        long next = 0;
        while (next < count) {
            BookieReply.EntriesRead read = ask(
                    running,
                    new BookieRequest.ReadEntries(bookie, 3, ledger, next, count, 100, 1 << 20, false),
                    BookieReply.EntriesRead.class);
            List<Long> ids = idsOf(read);
            assertThat(ids).isNotEmpty().startsWith(next);
            assertThat(ids).isEqualTo(range(next, next + ids.size()));
            next += ids.size();
        }
        assertThat(next).isEqualTo(count);
    }
}
