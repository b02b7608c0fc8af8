package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A ledger's actor whose store answers when the test lets it. */
class LedgerActorTest {
    private static final BookieId SELF = new BookieId(new UUID(1, 2));
    private static final BootEpoch BOOT = new BootEpoch(1);
    private static final LedgerId LEDGER = new LedgerId(3);
    private static final int STASH_MAX = 10_000;
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    @TempDir
    private Path directory;

    private final LinkedBlockingQueue<Runnable> blocking = new LinkedBlockingQueue<>();
    private ActorTestKit kit;
    private BookieStore store;

    @BeforeEach
    void open() throws IOException {
        kit = ActorTestKit.create();
        store = BookieStore.open(
                SELF,
                BOOT,
                new BookieStore.Settings(1 << 20, 64 << 10, 2, 1 << 20, 3, 4),
                BookieStore.Files.ofLmdb(
                        NioFileStore.open(Files.createDirectory(directory.resolve("journal"))),
                        LmdbKeyValueStore.open(Files.createDirectory(directory.resolve("ledgers")), 64L << 20)));
    }

    @AfterEach
    void close() {
        kit.shutdownTestKit();
        store.close();
    }

    @Test
    @DisplayName("H63: what comes to a ledger that is being loaded is dropped beyond a limit, and the ledger lives")
    void fullStash() throws InterruptedException {
        TestProbe<BookieActor.Command> bookie = kit.createTestProbe();
        TestProbe<BookieReply> client = kit.createTestProbe();
        ActorRef<LedgerActor.Command> ledger = kit.spawn(LedgerActor.create(
                new LedgerActor.Store(
                        SELF,
                        BOOT,
                        store,
                        BookieStory.SETTINGS,
                        new AtomicInteger(),
                        new InMemoryRegistry(),
                        kit.<JournalActor.Command>createTestProbe().getRef(),
                        new AtomicLong(),
                        bookie.getRef(),
                        blocking::add),
                LEDGER));
        for (int i = 0; i < STASH_MAX; i++) {
            ledger.tell(new LedgerActor.CloseSession(i));
        }
        ledger.tell(new LedgerActor.Probe(new SessionId(SELF, BOOT, 8), client.getRef()));
        ledger.tell(new LedgerActor.Open(9, new BookieRequest.OpenSession(SELF, 1, LEDGER, 1), client.getRef()));
        // A session whose opening was dropped is not waited for.
        bookie.expectMessage(PATIENCE, new BookieActor.SessionEnded(9));

        Runnable load = blocking.poll(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        assertThat(load).isNotNull();
        load.run();
        ledger.tell(new LedgerActor.Probe(new SessionId(SELF, BOOT, 10), client.getRef()));
        bookie.expectMessage(PATIENCE, new BookieActor.SessionEnded(10));
        BookieActor.ReplyReady ready = bookie.expectMessageClass(BookieActor.ReplyReady.class, PATIENCE);
        assertThat(ready.client()).isEqualTo(client.getRef());
        assertThat(((BookieReply.SessionEnded) ready.reply()).session().counter())
                .isEqualTo(10);
    }
}
