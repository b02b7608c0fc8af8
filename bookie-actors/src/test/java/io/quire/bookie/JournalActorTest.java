package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.LedgerId;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JournalActorTest {
    private static final LedgerId LEDGER = new LedgerId(3);
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    private Path directory;

    private final AtomicBoolean syncsFail = new AtomicBoolean();
    private final AtomicLong queuedBytes = new AtomicLong();
    private ActorTestKit kit;
    private BookieStore store;

    @BeforeEach
    void open() throws IOException {
        kit = ActorTestKit.create();
        KeyValueStore ledgers = LmdbKeyValueStore.open(Files.createDirectory(directory.resolve("ledgers")), 64L << 20);
        store = BookieStore.open(
                new BookieId(new UUID(1, 2)),
                new BootEpoch(1),
                new BookieStore.Settings(1 << 20, 64 << 10, 2, 1 << 20, 3, 4),
                BookieStore.Files.ofLmdb(
                        new FailingFileStore(
                                NioFileStore.open(Files.createDirectory(directory.resolve("journal"))),
                                syncsFail,
                                new AtomicBoolean()),
                        ledgers));
    }

    @AfterEach
    void close() {
        kit.shutdownTestKit();
        store.close();
    }

    private ActorRef<JournalActor.Command> journal() {
        TestProbe<FlusherActor.Command> flusher = kit.createTestProbe();
        TestProbe<BookieActor.Command> bookie = kit.createTestProbe();
        return kit.spawn(JournalActor.create(
                new JournalActor.Parts(
                        store,
                        new BookieMetrics(new SimpleMeterRegistry(), new BookieId(new UUID(1, 2))),
                        queuedBytes,
                        new StoreRoom(BookieStory.SETTINGS.space(), () -> Long.MAX_VALUE, bookie.getRef())),
                flusher.getRef()));
    }

    @Test
    @DisplayName("H53: a failed sync stops the journal, and nobody is told that anything of that group is durable")
    void failedSync() {
        TestProbe<LedgerActor.Command> owner = kit.createTestProbe();
        TestProbe<Object> watcher = kit.createTestProbe();
        ActorRef<JournalActor.Command> journal = journal();
        JournalActor.Append append =
                new JournalActor.Append(new JournalRecord.Fenced(LEDGER), owner.getRef(), LedgerActor.Stop.INSTANCE);
        journal.tell(append);
        owner.expectMessage(PATIENCE, LedgerActor.Stop.INSTANCE);
        syncsFail.set(true);
        journal.tell(append);
        journal.tell(append);
        watcher.expectTerminated(journal, PATIENCE);
        owner.expectNoMessage();
    }

    @Test
    @DisplayName("a drained journal has made durable all that was appended before")
    void drain() {
        TestProbe<LedgerActor.Command> owner = kit.createTestProbe();
        TestProbe<JournalActor.Drained> drained = kit.createTestProbe();
        ActorRef<JournalActor.Command> journal = journal();
        for (int i = 0; i < 50; i++) {
            journal.tell(new JournalActor.Append(
                    new JournalRecord.Fenced(new LedgerId(i)), owner.getRef(), LedgerActor.Stop.INSTANCE));
        }
        journal.tell(new JournalActor.Drain(drained.getRef()));
        drained.expectMessage(PATIENCE, JournalActor.Drained.INSTANCE);
        for (int i = 0; i < 50; i++) {
            assertThat(store.ledger(new LedgerId(i)).orElseThrow().fenced()).isTrue();
        }
    }
}
