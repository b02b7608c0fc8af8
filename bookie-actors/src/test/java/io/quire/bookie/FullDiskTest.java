package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.bookie.core.DiskSpace.Waiter;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Journal and flusher on a disk that has no room for a while. */
class FullDiskTest {
    private static final BookieId SELF = new BookieId(new UUID(1, 2));
    private static final LedgerId LEDGER = new LedgerId(3);
    private static final Duration PATIENCE = Duration.ofSeconds(20);
    private static final int PAYLOAD_BYTES = 8000;
    private static final BookieStore.Settings STORE =
            new BookieStore.Settings(64 << 10, 16 << 10, 2, 64 << 10, 2, 4).withJournalBytesMax(1 << 20);
    private static final SpaceSettings SPACE = BookieSettings.from(
                    ConfigFactory.parseString("quire.bookie.space { retry-interval = 20 ms, flush-margin = 1 MiB }")
                            .withFallback(BookieStory.CONFIG))
            .space();

    @TempDir
    private Path directory;

    private final AtomicBoolean full = new AtomicBoolean();
    private final AtomicLong freeBytes = new AtomicLong(Long.MAX_VALUE);
    private final AtomicLong queuedBytes = new AtomicLong();
    private final BookieMetrics metrics = new BookieMetrics(new SimpleMeterRegistry(), SELF);
    private ActorTestKit kit;
    private BookieStore store;
    private TestProbe<BookieActor.Command> bookie;
    private TestProbe<LedgerActor.Command> owner;
    private ActorRef<JournalActor.Command> journal;
    private long lastEntry = -1;

    @BeforeEach
    void open() throws IOException {
        kit = ActorTestKit.create();
        bookie = kit.createTestProbe();
        owner = kit.createTestProbe();
        store = BookieStore.open(
                SELF,
                new BootEpoch(1),
                STORE,
                BookieStore.Files.ofLmdb(
                        new FailingFileStore(
                                NioFileStore.open(Files.createDirectory(directory.resolve("journal"))),
                                new AtomicBoolean(),
                                new AtomicBoolean(),
                                full),
                        LmdbKeyValueStore.open(Files.createDirectory(directory.resolve("ledgers")), 64L << 20)));
    }

    @AfterEach
    void close() {
        kit.shutdownTestKit();
        store.close();
    }

    private ActorRef<FlusherActor.Command> start() {
        StoreRoom room = new StoreRoom(SPACE, freeBytes::get, bookie.getRef());
        ActorRef<FlusherActor.Command> flusher = kit.spawn(FlusherActor.create(store, 1 << 20, metrics, room));
        journal = kit.spawn(JournalActor.create(new JournalActor.Parts(store, metrics, queuedBytes, room), flusher));
        flusher.tell(new FlusherActor.Tell(journal));
        return flusher;
    }

    private static Payload entry(long entryId) {
        return EntryFormat.encode(
                LEDGER,
                entryId,
                -1,
                PAYLOAD_BYTES,
                Payload.wrap(new byte[PAYLOAD_BYTES]),
                io.quire.protocol.DigestType.CRC32C);
    }

    /** Appends one more entry; whether it is durable, or else was refused. */
    private boolean append() {
        JournalRecord record = new JournalRecord.Added(LEDGER, -1, EntryBatch.of(List.of(entry(lastEntry + 1))));
        LedgerActor.Command durable = new LedgerActor.BatchJournaled(1, lastEntry + 2, -1);
        queuedBytes.addAndGet(record.entries().byteSize());
        journal.tell(new JournalActor.Append(record, owner.getRef(), durable));
        LedgerActor.Command answer = owner.receiveMessage(PATIENCE);
        if (answer.equals(durable)) {
            lastEntry++;
            return true;
        }
        assertThat(answer)
                .isInstanceOfSatisfying(LedgerActor.NotJournaled.class, refused -> assertThat(refused.commands())
                        .containsExactly(durable));
        return false;
    }

    private void appendUntilRefused() {
        for (int i = 0; i < 1000; i++) {
            if (!append()) {
                return;
            }
        }
        throw new AssertionError("nothing was refused");
    }

    private void awaitNews(BookieActor.Command expected) {
        bookie.fishForMessage(
                PATIENCE,
                news -> news.equals(expected) ? FishingOutcomes.complete() : FishingOutcomes.continueAndIgnore());
    }

    private void requireAll() {
        BookieStore.EntryRange range = store.read(LEDGER, 0, lastEntry + 5, 10_000, 1 << 30);
        assertThat(range.entries()).hasSize((int) lastEntry + 1);
        assertThat(store.conflicts()).isZero();
    }

    @Test
    @DisplayName(
            "H61, H53: a group for which no journal segment can be made is refused un-acked, and the journal goes on")
    void noSegment() {
        start();
        assertThat(append()).isTrue();
        full.set(true);
        freeBytes.set(1 << 20);
        appendUntilRefused();
        awaitNews(new BookieActor.FoundNoRoom(Waiter.JOURNAL));
        assertThat(append()).isFalse();
        assertThat(queuedBytes.get()).isZero();
        requireAll();

        // It finds room by itself, without anything to write.
        full.set(false);
        awaitNews(new BookieActor.FoundRoom(Waiter.JOURNAL));
        freeBytes.set(64 << 20);
        awaitNews(new BookieActor.FoundRoom(Waiter.FLUSHER));
        for (int i = 0; i < 20; i++) {
            assertThat(append()).isTrue();
        }
        requireAll();
    }

    @Test
    @DisplayName("H61: a journal that finds no room for another segment goes on in one that a flush gives back")
    void segmentGivenBack() throws IOException {
        store.close();
        store = BookieStore.open(
                SELF,
                new BootEpoch(1),
                new BookieStore.Settings(64 << 10, 16 << 10, 2, 1 << 20, 2, 4).withJournalBytesMax(1 << 20),
                BookieStore.Files.ofLmdb(
                        new FailingFileStore(
                                NioFileStore.open(Files.createDirectory(directory.resolve("journal-1"))),
                                new AtomicBoolean(),
                                new AtomicBoolean(),
                                full),
                        LmdbKeyValueStore.open(Files.createDirectory(directory.resolve("ledgers-1")), 64L << 20)));
        start();
        while (store.journalBytes() < 3 * (64 << 10)) {
            assertThat(append()).isTrue();
        }
        full.set(true);
        appendUntilRefused();
        awaitNews(new BookieActor.FoundNoRoom(Waiter.JOURNAL));
        awaitNews(new BookieActor.FoundRoom(Waiter.JOURNAL));
        assertThat(append()).isTrue();
        requireAll();
    }

    @Test
    @DisplayName(
            "H61: a journal that finds no segment can be drained, and everything that was acknowledged is replayed")
    void drainWithoutSegment() {
        start();
        full.set(true);
        freeBytes.set(1 << 20);
        appendUntilRefused();
        TestProbe<JournalActor.Drained> drained = kit.createTestProbe();
        journal.tell(new JournalActor.Drain(drained.getRef()));
        drained.expectMessage(PATIENCE, JournalActor.Drained.INSTANCE);
        full.set(false);
        requireAll();
    }

    @Test
    @DisplayName("H61: a flush without room waits, memtables fill up, appends are refused, and all goes on by itself")
    void noRoomForFlush() {
        start();
        freeBytes.set(1 << 20);
        appendUntilRefused();
        awaitNews(new BookieActor.FoundNoRoom(Waiter.FLUSHER));
        assertThat(append()).isFalse();
        requireAll();

        freeBytes.set(64 << 20);
        awaitNews(new BookieActor.FoundRoom(Waiter.FLUSHER));
        for (int i = 0; i < 10; i++) {
            assertThat(append()).isTrue();
        }
        requireAll();
    }

    @Test
    @DisplayName("H61: a flush at the end says that it found no room, and the journal has what is not flushed")
    void stopWithoutRoom() {
        ActorRef<FlusherActor.Command> flusher = start();
        freeBytes.set(1 << 20);
        appendUntilRefused();
        TestProbe<JournalActor.Drained> drained = kit.createTestProbe();
        journal.tell(new JournalActor.Drain(drained.getRef()));
        drained.expectMessage(PATIENCE, JournalActor.Drained.INSTANCE);
        TestProbe<FlusherActor.AllFlushed> flushed = kit.createTestProbe();
        flusher.tell(new FlusherActor.FlushAll(flushed.getRef()));
        flushed.expectMessage(PATIENCE, FlusherActor.AllFlushed.NO_ROOM);
        kit.stop(flusher);
        store.close();
        store = BookieStore.open(
                SELF,
                new BootEpoch(2),
                STORE,
                BookieStore.Files.ofLmdb(
                        NioFileStore.open(directory.resolve("journal")),
                        LmdbKeyValueStore.open(directory.resolve("ledgers"), 64L << 20)));
        requireAll();
    }

    @Test
    @DisplayName("H61, H53: a commit that finds the disk full stops the flusher; opened anew with room nothing is lost")
    void commitWithoutRoom() throws IOException {
        try (SmallDisk disk = SmallDisk.ext4(directory, 16)) {
            store.close();
            Path journalPlace = Files.createDirectory(directory.resolve("journal-1"));
            Path ledgersPlace = Files.createDirectory(disk.root().resolve("ledgers"));
            store = BookieStore.open(
                    SELF,
                    new BootEpoch(1),
                    STORE,
                    BookieStore.Files.ofLmdb(
                            NioFileStore.open(journalPlace), LmdbKeyValueStore.open(ledgersPlace, 64L << 20)));
            TestProbe<Object> watcher = kit.createTestProbe();
            disk.fillUpTo(0);
            // The figures lie: there is room without end.
            ActorRef<FlusherActor.Command> flusher = start();
            while (lastEntry < 7) {
                assertThat(append()).isTrue();
            }
            journal.tell(new JournalActor.Append(
                    new JournalRecord.Fenced(LEDGER), owner.getRef(), LedgerActor.FenceJournaled.INSTANCE));
            owner.expectMessage(PATIENCE, LedgerActor.FenceJournaled.INSTANCE);
            flusher.tell(new FlusherActor.FlushAll(
                    kit.<FlusherActor.AllFlushed>createTestProbe().getRef()));
            watcher.expectTerminated(flusher, PATIENCE);
            kit.stop(journal);
            store.close();

            disk.empty();
            store = BookieStore.open(
                    SELF,
                    new BootEpoch(2),
                    STORE,
                    BookieStore.Files.ofLmdb(
                            NioFileStore.open(journalPlace), LmdbKeyValueStore.open(ledgersPlace, 64L << 20)));
            requireAll();
            assertThat(store.ledger(LEDGER).orElseThrow().fenced()).isTrue();
            store.close();
        }
    }

    @Test
    @DisplayName("H61: records without entries do not let the journal grow beyond its bytes")
    void tinyRecords() {
        start();
        for (int i = 0; i < 2000; i++) {
            LedgerActor.Command durable = new LedgerActor.BatchJournaled(1, i, i);
            journal.tell(new JournalActor.Append(
                    new JournalRecord.Added(LEDGER, i, EntryBatch.EMPTY), owner.getRef(), durable));
            owner.expectMessage(PATIENCE, durable);
            assertThat(store.journalBytes()).isLessThanOrEqualTo(STORE.journalBytesMax());
        }
        assertThat(store.journalBytes()).isLessThanOrEqualTo(STORE.journalBytesMax() * 3 / 4);
        assertThat(store.ledger(LEDGER).orElseThrow().lastAddConfirmed()).isEqualTo(1999);
    }
}
