package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BootRecord;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.OpId;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How a bookie starts and ends, and what keeps it from starting. */
class BookieBootTest extends BookieStory {
    private final List<CountDownLatch> blocked = new ArrayList<>();

    @AfterEach
    void unblock() {
        blocked.forEach(CountDownLatch::countDown);
    }

    @Test
    @DisplayName("R7: a bookie whose boot epoch was superseded stops, and its directory is free again")
    void superseded() {
        Running running = started(1);
        add(running, LEDGER, 0, 5);
        register(
                RegistryKey.ofBookie(bookie),
                new BookieRegistration(bookie, "cluster-1", new BootEpoch(2), BookieLife.ACTIVE, "elsewhere", "b1")
                        .encode());
        assertThat(running.failure()).contains("superseded");

        Running again = start();
        assertThat(again.failure()).contains("clone");
    }

    @Test
    @DisplayName("H7: a bookie that was registered as destroyed stops when it learns it, and never boots again")
    void destroyed() {
        Running running = started(1);
        add(running, LEDGER, 0, 5);
        register(
                RegistryKey.ofBookie(bookie),
                new BookieRegistration(bookie, "cluster-1", new BootEpoch(1), BookieLife.DESTROYED, "here", "b1")
                        .encode());
        assertThat(running.failure()).contains("destroyed");

        Running again = start();
        assertThat(again.failure()).contains("never serve again");
    }

    @Test
    @DisplayName(
            "R7, H24, H29: a copy of a directory is refused while the original answers, also one made amid its boot")
    void cloneRefused(@TempDir Path elsewhere) throws IOException {
        Running running = started(1);
        running.stop();
        Path copy = elsewhere.resolve("copy");
        copy(directory, copy);
        // As if it had been copied between intent and registration of the boot that follows.
        OpId opId = new OpId(new UUID(8, 8));
        Path amid = elsewhere.resolve("amid");
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20)) {
            BootRecord.read(ledgers).withIntent(opId).write(ledgers);
        }
        copy(directory, amid);
        running = started(2);

        assertThat(start(amid).failure()).contains("is in use at");
        assertThat(start(copy).failure()).contains("clone");
        running.stop();
        assertThat(start(copy).failure()).contains("clone");

        Path late = elsewhere.resolve("late");
        copy(directory, late);
        running = started(3);
        assertThat(start(late).failure()).contains("clone");
        running.stop();
    }

    @Test
    @DisplayName("R7: a copy of a running store is refused while the original answers at its registered address")
    void copyOfRunningStore(@TempDir Path elsewhere) throws IOException {
        Running running = started(1);
        Path copy = elsewhere.resolve("copy");
        copy(directory, copy);
        assertThat(start(copy).failure()).contains("is in use at " + running.address());
        openSession(running, LEDGER);
        running.stop();
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(from.relativize(file)));
            }
        }
    }

    @Test
    @DisplayName("R7: a store with a damaged identity, of another cluster's name, or not formatted does not start")
    void badIdentity(@TempDir Path elsewhere) throws IOException {
        assertThat(start(elsewhere).failure()).contains("format it first");
        Path foreign = elsewhere.resolve("foreign");
        BookieBoot.format(foreign, "another", SETTINGS);
        assertThat(start(foreign).failure()).contains("another");

        Path identity = directory.resolve("IDENTITY");
        byte[] bytes = Files.readAllBytes(identity);
        bytes[25] ^= 1;
        Files.write(identity, bytes);
        assertThat(start().failure()).contains("damaged");
        bytes[25] ^= 1;
        Files.write(identity, bytes);
        started(1).stop();
    }

    @Test
    @DisplayName("R7, H24, H28: a directory put together from two stores does not start")
    void twoStoresInOne(@TempDir Path elsewhere) throws IOException {
        Path other = elsewhere.resolve("other");
        BookieBoot.format(other, "quire", SETTINGS);
        Files.copy(
                other.resolve("IDENTITY"),
                directory.resolve("IDENTITY"),
                java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        assertThat(start().failure()).contains("put together from two stores");
    }

    @Test
    @DisplayName("P11: a second boot of a directory in use is refused and does not disturb the first")
    void directoryInUse() {
        Running running = started(1);
        assertThat(start().failure()).contains("use");
        add(running, LEDGER, 0, 5);
        running.stop();
        started(2).stop();
    }

    @Test
    @DisplayName("a bookie that is stopped or killed while it boots gives its directory back")
    void stoppedWhileBooting() {
        Running running = start();
        running.actor().tell(BookieActor.Stop.INSTANCE);
        BookieActor.Event event = running.next();
        if (event instanceof BookieActor.Event.Started) {
            event = running.next();
        }
        assertThat(event).isInstanceOf(BookieActor.Event.Stopped.class);
        started(2).stop();
    }

    @Test
    @DisplayName("H6, H25: formatting mints a new identity once, and never over a store or its data")
    void format(@TempDir Path elsewhere) throws IOException {
        assertThat(BookieBoot.isFormatted(elsewhere.resolve("nowhere"))).isFalse();
        assertThat(BookieBoot.isFormatted(elsewhere)).isFalse();
        assertThat(BookieBoot.isFormatted(directory)).isTrue();
        assertThatThrownBy(() -> BookieBoot.format(directory, "quire", SETTINGS))
                .hasMessageContaining("already");
        Files.delete(directory.resolve("IDENTITY"));
        assertThatThrownBy(() -> BookieBoot.format(directory, "quire", SETTINGS))
                .hasMessageContaining("no identity");
        assertThat(BookieBoot.format(elsewhere.resolve("new"), "quire", SETTINGS))
                .isNotEqualTo(bookie);
    }

    @Test
    @DisplayName("R7: a copy is refused also while the original is only starting")
    void copyOfStartingStore(@TempDir Path elsewhere) throws IOException {
        Running running = started(1);
        Path copy = elsewhere.resolve("copy");
        copy(directory, copy);
        running.kill();
        registry.setDelayed(true);
        Running again = start(directory, SETTINGS, running.name());
        // The original waits for the registry.
        registry.awaitDelayed(1);
        registry.setDelayed(false);
        assertThat(start(copy).failure()).contains("is in use at " + running.address());
        registry.releaseDelayed();
        again.requireStarted(2);
        again.stop();
    }

    @Test
    @DisplayName("R7: another store that is starting at the last address does not keep a moved store from starting")
    void anotherStoreAtTheLastAddress(@TempDir Path elsewhere) {
        BookieBoot.format(elsewhere.resolve("other"), "quire", SETTINGS);
        Running running = started(1);
        running.kill();
        registry.setDelayed(true);
        Running other = start(elsewhere.resolve("other"), SETTINGS, running.name());
        registry.awaitDelayed(1);
        registry.setDelayed(false);
        started(2).stop();
        registry.releaseDelayed();
        other.requireStarted(1);
        other.stop();
    }

    @Test
    @DisplayName("P7: however a bookie ends, its store is closed on a thread that may block, and then the node is told")
    void closedOnBlockingThread() throws InterruptedException {
        Running running = started(1);
        add(running, LEDGER, 0, 5);
        CountDownLatch release = blockReads();
        TestProbe<Object> watcher = kit.createTestProbe();
        kit.stop(running.actor(), PATIENCE);
        watcher.expectTerminated(running.actor(), PATIENCE);
        running.events().expectNoMessage();
        release.countDown();
        assertThat(running.failure()).contains("stopped");

        running = started(2);
        CountDownLatch again = blockReads();
        register(
                RegistryKey.ofBookie(bookie),
                new BookieRegistration(bookie, "cluster-1", new BootEpoch(3), BookieLife.ACTIVE, "elsewhere", "b1")
                        .encode());
        running.events().expectNoMessage();
        assertThat(ask(running, new BookieRequest.IdentifyBookie(bookie, 1), BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.UNAVAILABLE);
        again.countDown();
        assertThat(running.failure()).contains("superseded");
    }

    /** Keeps all threads that may block busy until the result is counted down, or the test ends. */
    private CountDownLatch blockReads() throws InterruptedException {
        CountDownLatch release = new CountDownLatch(1);
        blocked.add(release);
        Executor blocking =
                kit.system().dispatchers().lookup(DispatcherSelector.fromConfig("quire.bookie.read-dispatcher"));
        CountDownLatch busy = new CountDownLatch(4);
        for (int i = 0; i < 4; i++) {
            blocking.execute(() -> {
                busy.countDown();
                try {
                    release.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            });
        }
        assertThat(busy.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
        return release;
    }

    @Test
    @DisplayName("P7: whatever fails while a store is closed, its directory is free afterwards")
    void directoryFreeAfterFailedClose() {
        StoreDirectories directories = StoreDirectories.lock(directory, directory.resolve("journal"));
        KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20);
        FileStore journal = new FailingFileStore(
                NioFileStore.open(directory.resolve("journal")), new AtomicBoolean(), new AtomicBoolean(true));
        BookieStore store = BookieStore.open(
                bookie, new BootEpoch(1), SETTINGS.store(), BookieStore.Files.ofLmdb(journal, ledgers));
        BookieBoot.Booted booted = new BookieBoot.Booted(bookie, new BootEpoch(1), store, ledgers, directories);
        assertThatThrownBy(() -> booted.close(true)).hasMessageContaining("did not close");
        started(1).stop();
    }

    @Test
    @DisplayName("R17: after an orderly stop a store is marked as clean and has nothing to replay; after a kill it has")
    void nothingToReplayAfterStop() {
        Running running = started(1);
        add(running, LEDGER, 0, 40);
        running.stop();
        assertThat(cleanAndReplayed(2)).isEqualTo("clean, 0 records");

        running = started(2);
        add(running, LEDGER, 40, 60);
        running.kill();
        assertThat(cleanAndReplayed(3)).startsWith("not clean").doesNotEndWith(", 0 records");
    }

    /** What the next boot finds; it is not confirmed. */
    private String cleanAndReplayed(long bootEpoch) {
        KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20);
        FileStore journal = NioFileStore.open(directory.resolve("journal"));
        boolean clean = BootRecord.read(ledgers).clean();
        try (BookieStore store = BookieStore.open(
                bookie, new BootEpoch(bootEpoch), SETTINGS.store(), BookieStore.Files.ofLmdb(journal, ledgers))) {
            return (clean ? "clean, " : "not clean, ") + store.replayedRecords() + " records";
        }
    }
}
