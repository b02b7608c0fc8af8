package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.bookie.storage.BootRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.apache.pekko.actor.typed.ActorRef;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What a bookie does for the clients of its ledgers. */
class BookieActorTest extends BookieStory {
    @Test
    @DisplayName(
            "R10, R25: a session opens, batches are acknowledged when durable, and can then be read with their LAC")
    void addAndRead() {
        Running running = started(1);
        add(running, LEDGER, 0, 10);

        assertThat(idsOf(read(running, 0, 9, 100, false))).isEqualTo(range(0, 10));
        BookieReply.LastAddConfirmedRead lac = ask(
                running,
                new BookieRequest.ReadLastAddConfirmed(bookie, 8, LEDGER),
                BookieReply.LastAddConfirmedRead.class);
        assertThat(lac.lastAddConfirmed()).isEqualTo(8);
        assertThat(lac.bootEpoch()).isEqualTo(new BootEpoch(1));
        BookieReply.BookieIdentified identified =
                ask(running, new BookieRequest.IdentifyBookie(bookie, 9), BookieReply.BookieIdentified.class);
        assertThat(identified.bookie()).isEqualTo(bookie);
        assertThat(feed.bookies()).singleElement().satisfies(status -> {
            assertThat(status.state()).isEqualTo(BookieStatus.State.WRITABLE);
            assertThat(status.address()).isEqualTo(running.address());
        });
        running.stop();
        assertThat(feed.bookies()).singleElement().satisfies(status -> assertThat(status.state())
                .isEqualTo(BookieStatus.State.DOWN));
    }

    @Test
    @DisplayName("B0: an answer is negative for an id only if that id was asked for and is not held")
    void negatives() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 30);
        Envelope.send(running.actor(), new BookieRequest.CloseSession(bookie, session), client.getRef());

        BookieReply.EntriesRead cut = read(running, 0, 29, 5, false);
        assertThat(idsOf(cut)).isEqualTo(range(0, 5));
        assertThat(cut.coveredTo()).isEqualTo(5);
        BookieReply.EntriesRead byBookie = read(running, 0, 29, 100, false);
        assertThat(byBookie.coveredTo()).isEqualTo(20);
        BookieReply.EntriesRead all = read(running, 25, 29, 100, true);
        assertThat(idsOf(all)).isEqualTo(range(25, 30));
        assertThat(all.coveredTo()).isEqualTo(30);
        BookieReply.EntriesRead behind = read(running, 28, 35, 100, true);
        assertThat(idsOf(behind)).isEqualTo(range(28, 30));
        assertThat(behind.coveredTo()).isEqualTo(36);
        BookieReply.EntriesRead nothing = read(running, 30, Long.MAX_VALUE, 100, true);
        assertThat(nothing.entries().isEmpty()).isTrue();
        assertThat(nothing.coveredTo()).isEqualTo(Long.MAX_VALUE);
        running.stop();
    }

    @Test
    @DisplayName("H63: a session that is silent for long is forgotten; its writer is told so and opens another")
    void silentSession() {
        Running running = start(
                directory,
                BookieSettings.from(ConfigFactory.parseString("quire.bookie.ledger-idle-timeout = 20 ms")
                        .withFallback(CONFIG)));
        running.requireStarted(1);
        SessionId session = add(running, LEDGER, 0, 3);
        BookieReply reply = new BookieReply.EntriesAdded(List.of());
        for (int i = 0; i < 100 && reply instanceof BookieReply.EntriesAdded; i++) {
            client.expectNoMessage(Duration.ofMillis(100)); // a question would count as a sign of life
            reply = ask(running, new BookieRequest.ProbeSession(bookie, session), BookieReply.class);
        }
        assertThat(reply).isInstanceOfSatisfying(BookieReply.SessionEnded.class, ended -> assertThat(ended.refusal())
                .isEqualTo(BookieReply.Refusal.UNKNOWN_SESSION));
        add(running, LEDGER, 3, 6);
        assertThat(idsOf(read(running, 0, 5, 100, false))).isEqualTo(range(0, 6));
        running.stop();
    }

    @Test
    @DisplayName("R16, H11: a fence ends sessions, tells the LAC of all that was added before, and outlives restarts")
    void fence() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 3);

        Envelope.send(running.actor(), new BookieRequest.FenceLedger(bookie, 4, LEDGER), client.getRef());
        BookieReply.SessionEnded ended = client.expectMessageClass(BookieReply.SessionEnded.class, PATIENCE);
        assertThat(ended.session()).isEqualTo(session);
        assertThat(ended.refusal()).isEqualTo(Refusal.FENCED);
        BookieReply.LedgerFenced fenced = client.expectMessageClass(BookieReply.LedgerFenced.class, PATIENCE);
        assertThat(fenced.lastAddConfirmed()).isEqualTo(1);
        assertThat(fenced.requestId()).isEqualTo(4);

        for (int boot = 1; boot < 3; boot++) {
            BookieReply.SessionRefused refused =
                    ask(running, new BookieRequest.OpenSession(bookie, 6, LEDGER, 1), BookieReply.SessionRefused.class);
            assertThat(refused.refusal()).isEqualTo(Refusal.FENCED);
            Envelope.send(
                    running.actor(),
                    new BookieRequest.AddEntries(bookie, List.of(batch(session, 4, LEDGER, 3))),
                    client.getRef());
            client.expectMessageClass(BookieReply.SessionEnded.class, PATIENCE);
            assertThat(idsOf(read(running, 0, 10, 100, true))).isEqualTo(range(0, 3));
            running.kill();
            running = started(boot + 1L);
        }
        running.stop();
    }

    @Test
    @DisplayName(
            "R17, R20: after an orderly stop and after a kill everything acknowledged is there, at the next boot epoch")
    void restarts() {
        LedgerId other = new LedgerId(6);
        registerLedger(other);
        Running running = started(1);
        add(running, LEDGER, 0, 300);
        add(running, other, 0, 500);
        running.kill();

        running = started(2);
        add(running, LEDGER, 300, 340);
        assertThat(meters.get("bookie.memtable.bytes").gauge().value()).isPositive();
        running.stop();
        assertThat(meters.find("bookie.memtable.bytes").gauge()).isNull();
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20)) {
            assertThat(BootRecord.read(ledgers).clean()).isTrue();
            assertThat(BootRecord.read(ledgers).confirmed()).isEqualTo(new BootEpoch(2));
        }
        running = started(3);
        for (long first = 0; first < 340; first += 20) {
            assertThat(idsOf(read(running, first, first + 19, 100, false))).isEqualTo(range(first, first + 20));
        }
        running.kill();
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20)) {
            assertThat(BootRecord.read(ledgers).clean()).isFalse();
        }
    }

    @Test
    @DisplayName("H29, R10: requests for another bookie and sessions that are not known are answered at once")
    void wrongTargetAndSession() {
        Running running = started(1);
        BookieId wrong = new BookieId(new UUID(4, 4));
        SessionId session = new SessionId(bookie, new BootEpoch(1), 900);
        List<BookieRequest> foreign = List.of(
                new BookieRequest.ReadEntries(wrong, 1, LEDGER, 0, 1, 1, 1, true),
                new BookieRequest.FenceLedger(wrong, 1, LEDGER),
                new BookieRequest.ReadLastAddConfirmed(wrong, 1, LEDGER),
                new BookieRequest.RecoveryAddEntries(wrong, 1, LEDGER, 1, EntryBatch.EMPTY),
                new BookieRequest.IdentifyBookie(wrong, 1));
        for (BookieRequest request : foreign) {
            BookieReply.RequestRefused refused = ask(running, request, BookieReply.RequestRefused.class);
            assertThat(refused.refusal()).isEqualTo(Refusal.WRONG_BOOKIE);
        }
        assertThat(ask(running, new BookieRequest.OpenSession(wrong, 1, LEDGER, 1), BookieReply.SessionRefused.class)
                        .refusal())
                .isEqualTo(Refusal.WRONG_BOOKIE);
        assertThat(ask(
                                running,
                                new BookieRequest.AddEntries(wrong, List.of(batch(session, 1, LEDGER, 0))),
                                BookieReply.BatchRefused.class)
                        .refusal())
                .isEqualTo(Refusal.WRONG_BOOKIE);
        assertThat(ask(running, new BookieRequest.ProbeSession(wrong, session), BookieReply.SessionEnded.class)
                        .refusal())
                .isEqualTo(Refusal.WRONG_BOOKIE);

        SessionId opened = openSession(running, LEDGER);
        for (SessionId unknown : List.of(
                session,
                new SessionId(bookie, new BootEpoch(2), opened.counter()),
                new SessionId(wrong, new BootEpoch(1), opened.counter()))) {
            assertThat(ask(
                                    running,
                                    new BookieRequest.AddEntries(bookie, List.of(batch(unknown, 1, LEDGER, 0))),
                                    BookieReply.SessionEnded.class)
                            .refusal())
                    .isEqualTo(Refusal.UNKNOWN_SESSION);
            assertThat(ask(running, new BookieRequest.ProbeSession(bookie, unknown), BookieReply.SessionEnded.class)
                            .refusal())
                    .isEqualTo(Refusal.UNKNOWN_SESSION);
        }
        Envelope.send(running.actor(), new BookieRequest.CloseSession(bookie, opened), client.getRef());
        ask(running, new BookieRequest.ProbeSession(bookie, opened), BookieReply.SessionEnded.class);
        running.stop();
    }

    @Test
    @DisplayName("R10: answers go to whoever spoke last for the session")
    void answersToTheLastSender() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 1);
        ReplyProbe later = new ReplyProbe(kit);

        BookieReply.EntriesAdded probed =
                ask(running, new BookieRequest.ProbeSession(bookie, session), BookieReply.EntriesAdded.class, later);
        assertThat(probed.acks()).singleElement().satisfies(ack -> assertThat(ack.cumulative())
                .isEqualTo(1));
        Envelope.send(
                running.actor(),
                new BookieRequest.AddEntries(bookie, List.of(batch(session, 2, LEDGER, 1))),
                later.getRef());
        awaitCumulative(later, session, 2);
        running.stop();
    }

    @Test
    @DisplayName(
            "H63: what waits for the journal is counted when it comes and when it goes; a batch too large is refused")
    void journalQueue() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 50);
        assertThat(meters.get("bookie.journal.queue.bytes").gauge().value()).isZero();

        BookieRequest.Batch large =
                new BookieRequest.Batch(session, 51, 60_000, -1, EntryBatch.of(List.of(entry(LEDGER, 50, 17_000))));
        BookieReply.BatchRefused refused =
                ask(running, new BookieRequest.AddEntries(bookie, List.of(large)), BookieReply.BatchRefused.class);
        assertThat(refused.refusal()).isEqualTo(Refusal.OVERLOADED);
        assertThat(refused.number()).isEqualTo(51);
        assertThat(idsOf(read(running, 40, 60, 100, false))).isEqualTo(range(40, 50));
        running.stop();
    }

    @Test
    @DisplayName(
            "R14: without a register's answer, or with one that is not understood, no session opens and the bookie lives")
    void registerTrouble() {
        Running running = started(1);
        registry.setAvailable(false);
        assertThat(refusedSession(running, LEDGER)).isEqualTo(Refusal.UNAVAILABLE);
        registry.setAvailable(true);
        assertThat(refusedSession(running, new LedgerId(1234))).isEqualTo(Refusal.NO_SUCH_LEDGER);
        register(RegistryKey.ofLedger(new LedgerId(1235)), Payload.ofUtf8("of a newer version"));
        assertThat(refusedSession(running, new LedgerId(1235))).isEqualTo(Refusal.UNAVAILABLE);
        openSession(running, LEDGER);
        running.stop();
    }

    private Refusal refusedSession(Running running, LedgerId ledgerId) {
        return ask(running, new BookieRequest.OpenSession(bookie, 1, ledgerId, 1), BookieReply.SessionRefused.class)
                .refusal();
    }

    @Test
    @DisplayName(
            "R19: when a block was lost, fencing reads of its ledger are refused instead of answered with negatives")
    void lostBlock() {
        Running running = started(1);
        add(running, LEDGER, 0, 3);
        running.stop();
        try (KeyValueStore ledgers = LmdbKeyValueStore.open(directory.resolve("ledgers"), 64 << 20);
                KeyValueStore.Transaction transaction = ledgers.begin()) {
            assertThat(transaction.delete(Fields.encode(
                            17, out -> out.put((byte) 'b').putLong(5).putLong(0))))
                    .isTrue();
            transaction.commit();
        }
        running = started(2);
        BookieReply.RequestRefused refused = ask(
                running,
                new BookieRequest.ReadEntries(bookie, 3, LEDGER, 0, 0, 1, 1000, true),
                BookieReply.RequestRefused.class);
        assertThat(refused.refusal()).isEqualTo(Refusal.IN_LIMBO);
        assertThat(refused.detail()).contains("lost");
        running.stop();
    }

    @Test
    @DisplayName("H63: sessions that are refused, ended by a fence or by newer ones are not remembered")
    void endedSessionsAreForgotten() {
        Running running = started(1);
        for (int i = 0; i < 30; i++) {
            askAndSkipTo(running, new BookieRequest.OpenSession(bookie, i, LEDGER, 1), BookieReply.SessionOpened.class);
            assertThat(askAndSkipTo(
                                    running,
                                    new BookieRequest.OpenSession(bookie, i, new LedgerId(1234), 1),
                                    BookieReply.SessionRefused.class)
                            .refusal())
                    .isEqualTo(Refusal.NO_SUCH_LEDGER);
        }
        assertThat(sessions(running)).isEqualTo(SETTINGS.replica().sessionsMax());

        askAndSkipTo(running, new BookieRequest.FenceLedger(bookie, 4, LEDGER), BookieReply.LedgerFenced.class);
        assertThat(sessions(running)).isZero();
        for (int i = 0; i < 30; i++) {
            assertThat(refusedSession(running, LEDGER)).isEqualTo(Refusal.FENCED);
        }
        assertThat(sessions(running)).isZero();
        running.stop();
    }

    private double sessions(Running running) {
        // An answer shows that the bookie has seen what was sent to it before.
        askAndSkipTo(running, new BookieRequest.IdentifyBookie(bookie, 9), BookieReply.BookieIdentified.class);
        return meters.get("bookie.sessions").gauge().value();
    }

    @Test
    @DisplayName("H63: a ledger with too many sessions in the making refuses more, and goes on when they are decided")
    void tooManyOpenings() {
        Running running = started(1);
        int sessionsMax = SETTINGS.replica().sessionsMax() + SETTINGS.replica().openingsMax();
        registry.setDelayed(true);
        for (int i = 0; i < 3 * sessionsMax; i++) {
            Envelope.send(running.actor(), new BookieRequest.OpenSession(bookie, i, LEDGER, 1), client.getRef());
        }
        assertThat(sessions(running)).isLessThanOrEqualTo(sessionsMax);
        registry.releaseDelayed();
        askAndSkipTo(running, new BookieRequest.OpenSession(bookie, 99, LEDGER, 1), BookieReply.SessionOpened.class);
        running.stop();
    }

    @Test
    @DisplayName("R16: that a ledger's actor was idle says nothing about the one that took its place")
    void idleOfAPredecessor() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 3);
        ActorRef<LedgerActor.Command> predecessor =
                kit.<LedgerActor.Command>createTestProbe().getRef();
        for (int messages = 0; messages < 20; messages++) {
            running.actor().tell(new BookieActor.LedgerIdle(LEDGER, predecessor, messages));
        }
        ask(running, new BookieRequest.ProbeSession(bookie, session), BookieReply.EntriesAdded.class);
        running.stop();
    }

    /** Closes the ledger, so that copies of its entries may come; returns the register's version. */
    private long closeLedger() {
        RegisterValue open = registry.read(RegistryKey.ofLedger(LEDGER))
                .toCompletableFuture()
                .join();
        register(
                RegistryKey.ofLedger(LEDGER),
                LedgerMetadata.decode(open.value()).closed(9, 1000, List.of()).encode());
        return open.version() + 1;
    }

    private BookieRequest.RecoveryAddEntries recoveryAdd(long version, long entryId, int payloadBytes) {
        return new BookieRequest.RecoveryAddEntries(
                bookie, 12, LEDGER, version, EntryBatch.of(List.of(entry(LEDGER, entryId, payloadBytes))));
    }

    @Test
    @DisplayName("R24, H12: a fenced ledger takes what its recovery brings, and keeps it over a restart")
    void recoveryAdds() {
        Running running = started(1);
        add(running, LEDGER, 0, 3);
        assertThat(ask(running, recoveryAdd(1, 3, 100), BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.NOT_RECOVERING);
        long version = closeLedger();
        askAndSkipTo(running, new BookieRequest.FenceLedger(bookie, 4, LEDGER), BookieReply.LedgerFenced.class);
        assertThat(ask(running, recoveryAdd(version + 1, 3, 100), BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.NOT_RECOVERING);

        for (int i = 0; i < 2; i++) {
            BookieReply.EntriesRecovered recovered =
                    ask(running, recoveryAdd(version, 3, 100), BookieReply.EntriesRecovered.class);
            assertThat(recovered).isEqualTo(new BookieReply.EntriesRecovered(bookie, new BootEpoch(1), 12, LEDGER));
        }
        ask(running, recoveryAdd(version, 2, 100), BookieReply.EntriesRecovered.class);
        running.kill();
        running = started(2);
        assertThat(idsOf(read(running, 0, 10, 100, true))).isEqualTo(range(0, 4));
        ask(running, recoveryAdd(version, 4, 100), BookieReply.EntriesRecovered.class);
        running.stop();
    }

    @Test
    @DisplayName(
            "H13, H38: other bytes for an entry that is held are refused, alarmed and not kept, whoever brings them")
    void conflictingBytes() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 3);
        BookieRequest.Batch other =
                new BookieRequest.Batch(session, 4, 2000, -1, EntryBatch.of(List.of(entry(LEDGER, 1, 99))));
        assertThat(ask(running, new BookieRequest.AddEntries(bookie, List.of(other)), BookieReply.BatchRefused.class)
                        .refusal())
                .isEqualTo(Refusal.CONFLICTING_BYTES);
        long version = closeLedger();
        assertThat(ask(running, recoveryAdd(version, 1, 99), BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.CONFLICTING_BYTES);
        assertThat(meters.get("bookie.entry.conflicts").gauge().value()).isEqualTo(2);
        assertThat(read(running, 1, 1, 1, false).entries().entries()).containsExactly(entry(LEDGER, 1, 100));
        running.stop();
    }

    @Test
    @DisplayName("R24: an add that the register, its size or the ledger's deletion forbids is refused with the reason")
    void recoveryAddsRefused() {
        Running running = started(1);
        long version = closeLedger();
        registry.setAvailable(false);
        assertThat(ask(running, recoveryAdd(version, 0, 100), BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.UNAVAILABLE);
        registry.setAvailable(true);
        assertThat(ask(running, recoveryAdd(version, 0, 17_000), BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.OVERLOADED);
        assertThat(ask(
                                running,
                                new BookieRequest.RecoveryAddEntries(
                                        bookie,
                                        12,
                                        new LedgerId(1234),
                                        1,
                                        EntryBatch.of(List.of(entry(new LedgerId(1234), 0, 10)))),
                                BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.NO_SUCH_LEDGER);
        assertThat(ask(
                                running,
                                new BookieRequest.RecoveryAddEntries(
                                        bookie,
                                        12,
                                        LEDGER,
                                        version,
                                        EntryBatch.of(List.of(entry(new LedgerId(1234), 0, 10)))),
                                BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.DAMAGED);
        running.stop();
    }

    @Test
    @DisplayName(
            "R16: fence answers and fencing reads name the boot epoch of now, also of a ledger that was fenced before")
    void fencedBefore() {
        Running running = started(1);
        add(running, LEDGER, 0, 3);
        askAndSkipTo(running, new BookieRequest.FenceLedger(bookie, 4, LEDGER), BookieReply.LedgerFenced.class);
        for (int boot = 1; boot < 3; boot++) {
            BookieReply.LedgerFenced fenced =
                    ask(running, new BookieRequest.FenceLedger(bookie, 5, LEDGER), BookieReply.LedgerFenced.class);
            assertThat(fenced).isEqualTo(new BookieReply.LedgerFenced(bookie, new BootEpoch(boot), 5, LEDGER, 1));
            BookieReply.EntriesRead read = read(running, 0, 5, 10, true);
            assertThat(read.bootEpoch()).isEqualTo(new BootEpoch(boot));
            assertThat(idsOf(read)).isEqualTo(range(0, 3));
            running.kill();
            running = started(boot + 1L);
        }
        running.stop();
    }
}
