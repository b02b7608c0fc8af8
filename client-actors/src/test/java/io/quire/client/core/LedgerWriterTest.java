package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.client.core.LedgerWriter.Rejection;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LedgerWriterTest {
    private static final long RESEND = 100;
    private static final long APPEND_TIMEOUT = 10_000;
    private static final long GRACE = 500;
    private static final long BOOKIE_TIMEOUT = 2_000;
    private static final long OPEN_TIMEOUT = 1000;
    private static final long RETRY = 50;
    private static final long MUCH_CREDIT = 1 << 30;
    private static final Replication THREE = Replication.DEFAULT;

    private record Sent(
            int position, SessionId session, long number, long endOffset, long lastAddConfirmed, EntryBatch entries) {
        List<Long> ids() {
            return entries.entries().stream().map(EntryFormat::entryIdOf).toList();
        }
    }

    private record Proposal(long expectedVersion, LedgerMetadata value) {}

    /** Notes what the writer wants; the end of each append as the answer or the failure's outcome. */
    private static final class Outbox implements WriterOutbox {
        private final List<Integer> opening = new ArrayList<>();
        private final List<Sent> sent = new ArrayList<>();
        private final List<SessionId> probed = new ArrayList<>();
        private final List<SessionId> closed = new ArrayList<>();
        private final List<Long> ended = new ArrayList<>();
        private final List<Long> appended = new ArrayList<>();
        private final List<Integer> ackMasks = new ArrayList<>();
        private final List<Failure> failures = new ArrayList<>();
        private final List<Proposal> proposals = new ArrayList<>();
        private final List<LedgerMetadata> sealed = new ArrayList<>();
        private final List<Failure> sealFailures = new ArrayList<>();
        private final List<Boolean> receipts = new ArrayList<>();
        private final List<Long> forced = new ArrayList<>();
        private final List<Failure> forceFailures = new ArrayList<>();
        private final List<BookieId> spares = new ArrayList<>();
        private final List<LedgerMetadata> changes = new ArrayList<>();
        private int registerReads;

        @Override
        public void openSession(int position) {
            opening.add(position);
        }

        @Override
        public void sendBatch(
                int position,
                SessionId session,
                long number,
                long endOffset,
                long confirmed,
                EntryBatch entries,
                boolean receipt) {
            receipts.add(receipt);
            sent.add(new Sent(position, session, number, endOffset, confirmed, entries));
        }

        @Override
        public void probe(int position, SessionId session) {
            probed.add(session);
        }

        @Override
        public void closeSession(int position, SessionId session) {
            closed.add(session);
        }

        @Override
        public void appended(long entryId, int ackMask) {
            ended.add(entryId);
            appended.add(entryId);
            ackMasks.add(ackMask);
        }

        @Override
        public void appendFailed(long entryId, Failure failure) {
            ended.add(entryId);
            failures.add(failure);
        }

        @Override
        public void readRegister() {
            registerReads++;
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return spares.stream().filter(spare -> !ensemble.contains(spare)).findFirst();
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata value) {
            proposals.add(new Proposal(expectedVersion, value));
        }

        @Override
        public void ensembleChanged(LedgerMetadata metadata, long version) {
            changes.add(metadata);
        }

        @Override
        public void forced(long token) {
            forced.add(token);
        }

        @Override
        public void forceFailed(long token, Failure failure) {
            forceFailures.add(failure);
        }

        @Override
        public void sealed(LedgerMetadata metadata, long version) {
            sealed.add(metadata);
        }

        @Override
        public void sealFailed(Failure failure) {
            sealFailures.add(failure);
        }

        private List<Sent> to(int position) {
            return sent.stream().filter(batch -> batch.position == position).toList();
        }
    }

    private final Outbox outbox = new Outbox();
    private LedgerMetadata created;
    private LedgerWriter writer;
    private long sessions;

    private static WriterSettings settings(int inFlight, long pendingBytes, long retainedBytes) {
        return new WriterSettings(
                100,
                4,
                1000,
                inFlight,
                pendingBytes,
                retainedBytes,
                APPEND_TIMEOUT,
                RESEND,
                OPEN_TIMEOUT,
                RETRY,
                GRACE,
                5000,
                new WriterSettings.Members(BOOKIE_TIMEOUT, false));
    }

    private void create(Replication replication, WriterSettings settings) {
        createUnstarted(replication, settings);
        writer.start(0);
    }

    private void createUnstarted(Replication replication, WriterSettings settings) {
        List<BookieId> bookies = new ArrayList<>();
        for (int i = 0; i < replication.ensembleSize(); i++) {
            bookies.add(new BookieId(new UUID(0, i + 1)));
        }
        created = LedgerMetadata.create(new LedgerId(7), replication, new Ensemble(bookies), Map.of(), 0);
        writer = new LedgerWriter(new Versioned<>(1, created), LedgerKey.NONE, settings, outbox, 0);
    }

    private SessionId open(int position, long credit, long now) {
        SessionId session = new SessionId(created.lastFragment().ensemble().at(position), new BootEpoch(1), ++sessions);
        writer.sessionOpened(position, session, credit, now);
        return session;
    }

    private SessionId[] opened(Replication replication) {
        return opened(replication, settings(8, 1 << 20, 1 << 20));
    }

    private SessionId[] opened(Replication replication, WriterSettings settings) {
        create(replication, settings);
        SessionId[] all = new SessionId[replication.ensembleSize()];
        for (int position = 0; position < all.length; position++) {
            all[position] = open(position, MUCH_CREDIT, 0);
        }
        return all;
    }

    private void append(long now) {
        append(Durability.SYNCED, now);
    }

    private void append(Durability durability, long now) {
        assertThat(writer.refusalOf(1)).isEmpty();
        writer.append(Payload.ofUtf8("x"), durability, now);
        writer.pump(now);
    }

    private void ack(int position, SessionId session, long cumulative, long now) {
        writer.batchesAdded(position, session, cumulative, List.of(), MUCH_CREDIT, now);
    }

    @Test
    @DisplayName("R13: entries complete in order, each by an ack quorum of its own write set")
    void completesInOrderByWriteSet() {
        SessionId[] session = opened(new Replication(4, 3, 2));
        append(0); // 0, 1, 2
        append(0); // 1, 2, 3
        ack(3, session[3], 1, 0);
        ack(2, session[2], 2, 0);
        assertThat(outbox.appended).isEmpty();
        ack(1, session[1], 1, 0);
        assertThat(outbox.appended).containsExactly(0L, 1L);
        assertThat(outbox.ackMasks).containsExactly(0b0110, 0b1100);
        assertThat(writer.lastAddConfirmed()).isEqualTo(1);
    }

    @Test
    @DisplayName("R10: acks of another session count for nothing")
    void foreignAcksAreIgnored() {
        SessionId[] session = opened(THREE);
        append(0);
        ack(0, session[1], 1, 0);
        ack(1, session[0], 1, 0);
        assertThat(outbox.appended).isEmpty();
    }

    @Test
    @DisplayName("R10: a gap in the acks is sent again after a probe, as it was")
    void gapIsSentAgainAsItWas() {
        SessionId[] session = opened(THREE);
        append(0);
        append(0);
        append(0);
        writer.batchesAdded(0, session[0], 1, List.of(new long[] {3, 3}), MUCH_CREDIT, 0);
        writer.tick(RESEND);
        assertThat(outbox.probed).contains(session[0]);
        int before = outbox.to(0).size();
        writer.batchesAdded(0, session[0], 1, List.of(new long[] {3, 3}), MUCH_CREDIT, RESEND);
        List<Sent> again = outbox.to(0).subList(before, outbox.to(0).size());
        assertThat(again).containsExactly(outbox.to(0).get(1));
    }

    @Test
    @DisplayName("R10: a lost batch is sent again also while later ones keep being acknowledged")
    void lostBatchIsSentAgainUnderLoad() {
        SessionId[] session = opened(THREE);
        append(0);
        Sent lost = outbox.to(0).get(0);
        for (int number = 2; number < 40; number++) {
            long now = number * 10L;
            append(now);
            writer.tick(now);
            writer.batchesAdded(0, session[0], 0, List.of(new long[] {2, number}), MUCH_CREDIT, now);
        }
        assertThat(outbox.to(0).stream().filter(lost::equals).count()).isBetween(2L, 5L);
    }

    @Test
    @DisplayName("R15: nothing is sent beyond the credit, and more credit sends the rest")
    void creditIsRespected() {
        create(THREE, settings(8, 1 << 20, 1 << 20));
        int size = EntryFormat.encodedBytes(1, created.digest());
        SessionId session = open(0, size, 0);
        append(0);
        append(0);
        assertThat(outbox.to(0)).extracting(Sent::endOffset).containsExactly((long) size);
        writer.batchesAdded(0, session, 1, List.of(), 2L * size, 0);
        assertThat(outbox.to(0)).extracting(Sent::endOffset).containsExactly((long) size, 2L * size);
    }

    @Test
    @DisplayName("batches in flight are bounded; what waits becomes the next batch")
    void batchesInFlightAreBounded() {
        SessionId[] session = opened(THREE, settings(2, 1 << 20, 1 << 20));
        for (int i = 0; i < 5; i++) {
            append(0);
        }
        assertThat(outbox.to(0)).hasSize(2);
        ack(0, session[0], 1, 0);
        assertThat(outbox.to(0)).hasSize(3);
        assertThat(outbox.to(0).get(2).ids()).containsExactly(2L, 3L, 4L);
    }

    @Test
    @DisplayName("a session that opens after it was waited for is taken all the same; another one is closed")
    void lateSessionIsTaken() {
        create(THREE, settings(8, 1 << 20, 1 << 20));
        append(0);
        writer.tick(OPEN_TIMEOUT);
        assertThat(outbox.opening).containsOnlyOnce(0);
        open(0, MUCH_CREDIT, OPEN_TIMEOUT + 1);
        assertThat(outbox.closed).isEmpty();
        assertThat(outbox.to(0)).extracting(Sent::ids).containsExactly(List.of(0L));
        writer.tick(OPEN_TIMEOUT + RETRY);
        assertThat(outbox.opening).containsOnlyOnce(0);
        SessionId second = open(0, MUCH_CREDIT, OPEN_TIMEOUT + RETRY);
        assertThat(outbox.closed).containsExactly(second);
    }

    @Test
    @DisplayName("a member that stays silent gets a new session with all it has not acknowledged, and no more")
    void silentMemberGetsNewSession() {
        SessionId[] session = opened(THREE);
        append(0);
        append(0);
        ack(0, session[0], 1, 0);
        long now = 0;
        while (!outbox.closed.contains(session[0])) {
            now += RESEND;
            assertThat(now).isLessThan(10 * RESEND);
            writer.tick(now);
        }
        assertThat(outbox.probed.stream().filter(session[0]::equals)).hasSize(3);
        writer.tick(now + 1);
        SessionId next = open(0, MUCH_CREDIT, now + 1);
        List<Sent> anew =
                outbox.to(0).stream().filter(b -> b.session.equals(next)).toList();
        assertThat(anew).extracting(Sent::number).containsExactly(1L);
        assertThat(anew.get(0).ids()).containsExactly(1L);
    }

    @Test
    @DisplayName("R10: an unknown session is replaced at once")
    void unknownSessionReopens() {
        SessionId[] session = opened(THREE);
        writer.sessionEnded(1, session[1], Rejection.UNKNOWN_SESSION, 5);
        assertThat(outbox.opening).containsExactly(0, 1, 2, 1);
        assertThat(outbox.registerReads).isZero();
    }

    @Test
    @DisplayName("R11: fenced at one bookie and still open in the register is a failed member")
    void fencedMemberOfOpenLedger() {
        SessionId[] session = opened(THREE);
        append(0);
        writer.sessionEnded(0, session[0], Rejection.NOT_WRITABLE, 0);
        assertThat(outbox.registerReads).isEqualTo(1);
        writer.registerRead(Optional.of(new Versioned<>(1, created)), 0);
        ack(1, session[1], 1, 0);
        ack(2, session[2], 1, 0);
        assertThat(outbox.appended).containsExactly(0L);
    }

    @Test
    @DisplayName("R11, H20: a lost ledger ends pending appends with UNKNOWN and refuses more")
    void lostLedger() {
        SessionId[] session = opened(THREE);
        append(0);
        writer.sessionEnded(0, session[0], Rejection.NOT_WRITABLE, 0);
        writer.registerRead(Optional.of(new Versioned<>(2, created.closed(-1, 0, List.of()))), 0);
        assertThat(outbox.failures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
        ack(1, session[1], 1, 0);
        ack(2, session[2], 1, 0);
        assertThat(outbox.ended).containsExactly(0L);
        assertThat(writer.refusalOf(1).orElseThrow().outcome()).isEqualTo(Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("H97, H42: a deadline ends an append once; later acks still move the last-add-confirmed")
    void deadlineEndsOnce() {
        SessionId[] session = opened(THREE);
        append(0);
        ack(0, session[0], 1, 0);
        ack(0, session[0], 1, 0);
        writer.tick(APPEND_TIMEOUT - 1);
        assertThat(outbox.ended).isEmpty();
        writer.tick(APPEND_TIMEOUT);
        assertThat(outbox.failures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
        ack(1, session[1], 1, APPEND_TIMEOUT);
        assertThat(writer.lastAddConfirmed()).isZero();
        assertThat(outbox.ended).containsExactly(0L);
    }

    @Test
    @DisplayName("too large entries and too many pending bytes are refused as not applied")
    void refusals() {
        opened(THREE, settings(8, 60, 1000));
        append(0);
        assertThat(writer.refusalOf(101).orElseThrow().code()).isEqualTo(Code.EntryTooLarge);
        Failure full = writer.refusalOf(100).orElseThrow();
        assertThat(full.code()).isEqualTo(Code.Overloaded);
        assertThat(full.outcome()).isEqualTo(Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("R12, H36: what the budget does not keep for a member is registered as incomplete with the seal")
    void budgetMakesIncomplete() {
        SessionId[] session = opened(THREE, settings(8, 60, 60));
        for (int number = 1; number <= 5; number++) {
            append(0);
            ack(0, session[0], number, 0);
            ack(1, session[1], number, 0);
        }
        writer.seal(0);
        assertThat(outbox.proposals).isEmpty();
        writer.tick(GRACE);
        assertThat(outbox.proposals.get(0).value.incomplete())
                .containsExactly(
                        new IncompleteRange(created.lastFragment().ensemble().at(2), 0, 4));
    }

    @Test
    @DisplayName("R25: an idle writer sends the last-add-confirmed alone, once, to members that lack it")
    void idleLastAddConfirmed() {
        SessionId[] session = opened(THREE);
        append(0);
        for (int position = 0; position < 3; position++) {
            ack(position, session[position], 1, 0);
        }
        writer.tick(1);
        writer.tick(2);
        writer.tick(3);
        assertThat(outbox.sent.stream().filter(batch -> batch.entries.entries().isEmpty()))
                .hasSize(3)
                .allMatch(batch -> batch.lastAddConfirmed == 0);
    }

    @Test
    @DisplayName("R11: a seal waits for pending appends, then nothing completes; a retry carries the same value")
    void sealFreezesAndRetriesTheSame() {
        SessionId[] session = opened(THREE);
        append(0);
        writer.seal(0);
        assertThat(writer.refusalOf(1).orElseThrow().code()).isEqualTo(Code.LedgerClosed);
        writer.tick(GRACE);
        assertThat(outbox.proposals).isEmpty();
        ack(0, session[0], 1, GRACE);
        ack(1, session[1], 1, GRACE);
        assertThat(outbox.proposals).hasSize(1);
        writer.registerUnknown("no answer", GRACE);
        ack(2, session[2], 1, GRACE);
        writer.tick(GRACE + 50);
        assertThat(outbox.proposals).hasSize(2);
        assertThat(outbox.proposals.get(1)).isEqualTo(outbox.proposals.get(0));
        writer.registered(2, GRACE + 60);
        assertThat(outbox.sealed).containsExactly(outbox.proposals.get(0).value);
    }

    @Test
    @DisplayName("a seal at another last entry than the ledger has changes nothing, and the writer goes on")
    void sealAtWrongEntry() {
        SessionId[] session = opened(THREE);
        append(0);
        writer.seal(3L, 0);
        assertThat(outbox.sealFailures).extracting(Failure::outcome).containsExactly(Outcome.NOT_APPLIED);
        append(0);
        for (int position = 0; position < 3; position++) {
            ack(position, session[position], 2, 0);
        }
        assertThat(outbox.appended).containsExactly(0L, 1L);
        writer.seal(1L, 0);
        assertThat(outbox.proposals).hasSize(1);
    }

    @Test
    @DisplayName("a seal that does not mind the end is not held to what another one expected, before or beside it")
    void plainSealMindsNothing() {
        opened(THREE);
        append(0);
        writer.seal(0L, 0);
        writer.seal(0);
        writer.tick(APPEND_TIMEOUT);
        writer.tick(APPEND_TIMEOUT + GRACE);
        assertThat(outbox.sealFailures).isEmpty();
        assertThat(outbox.proposals.get(0).value.lastEntryId()).isEqualTo(-1);
    }

    @Test
    @DisplayName("a seal at an expected end does not bind one that is under way and did not mind")
    void expectationJoins() {
        opened(THREE);
        append(0);
        writer.seal(0);
        writer.seal(0L, 0);
        writer.tick(APPEND_TIMEOUT);
        writer.tick(APPEND_TIMEOUT + GRACE);
        assertThat(outbox.sealFailures).isEmpty();
        assertThat(outbox.proposals.get(0).value.lastEntryId()).isEqualTo(-1);
    }

    @Test
    @DisplayName("a seal at an entry that is never confirmed changes nothing, and the writer goes on")
    void sealAtUnconfirmedEntry() {
        opened(THREE);
        append(0);
        writer.seal(0L, 0);
        writer.tick(APPEND_TIMEOUT);
        assertThat(outbox.proposals).isEmpty();
        assertThat(outbox.sealFailures).extracting(Failure::outcome).containsExactly(Outcome.NOT_APPLIED);
        assertThat(writer.refusalOf(1)).isEmpty();
    }

    private void receive(int position, SessionId session, long number) {
        writer.batchesReceived(position, session, List.of(new long[] {number, number}), 0);
    }

    @Test
    @DisplayName(
            "R13: an append to memory ends when an ack quorum has received it; the last-add-confirmed waits for disks")
    void memoryQuorum() {
        SessionId[] session = opened(THREE);
        append(Durability.MEMORY_QUORUM, 0);
        assertThat(outbox.receipts).containsOnly(true);
        receive(0, session[0], 1);
        assertThat(outbox.appended).isEmpty();
        receive(1, session[1], 1);
        assertThat(outbox.appended).containsExactly(0L);
        assertThat(writer.lastAddConfirmed()).isEqualTo(-1);
        ack(0, session[0], 1, 0);
        ack(2, session[2], 1, 0);
        assertThat(writer.lastAddConfirmed()).isZero();
        assertThat(outbox.ended).containsExactly(0L);
    }

    @Test
    @DisplayName("R13: a synced append behind one in memory completes only when the last-add-confirmed reaches it")
    void syncedBehindMemory() {
        SessionId[] session = opened(THREE);
        append(Durability.MEMORY_QUORUM, 0);
        append(Durability.SYNCED, 0);
        assertThat(outbox.receipts.subList(3, 6)).containsOnly(false);
        for (int position = 0; position < 3; position++) {
            receive(position, session[position], 1);
            writer.batchesAdded(position, session[position], 0, List.of(new long[] {2, 2}), MUCH_CREDIT, 0);
        }
        assertThat(outbox.appended).containsExactly(0L);
        ack(0, session[0], 1, 0);
        ack(1, session[1], 1, 0);
        assertThat(outbox.appended).containsExactly(0L, 1L);
    }

    @Test
    @DisplayName("R13: what a member had in memory only does not count when its session is gone")
    void memoryOfLostSessionIsVoid() {
        SessionId[] session = opened(THREE);
        append(Durability.MEMORY_QUORUM, 0);
        receive(0, session[0], 1);
        writer.sessionEnded(0, session[0], Rejection.UNKNOWN_SESSION, 0);
        receive(1, session[1], 1);
        assertThat(outbox.appended).isEmpty();
        receive(2, session[2], 1);
        assertThat(outbox.appended).containsExactly(0L);
    }

    @Test
    @DisplayName("H40: a force ends when everything before it is durable")
    void force() {
        SessionId[] session = opened(THREE);
        append(Durability.MEMORY_QUORUM, 0);
        receive(0, session[0], 1);
        receive(1, session[1], 1);
        writer.force(7, 0);
        assertThat(outbox.forced).isEmpty();
        ack(0, session[0], 1, 0);
        assertThat(outbox.forced).isEmpty();
        ack(1, session[1], 1, 0);
        assertThat(outbox.forced).containsExactly(7L);
        writer.force(8, 0);
        assertThat(outbox.forced).containsExactly(7L, 8L);
    }

    @Test
    @DisplayName("H97: a force that cannot be kept ends with UNKNOWN: at its deadline, and when the ledger is lost")
    void forceFails() {
        SessionId[] session = opened(THREE);
        append(Durability.MEMORY_QUORUM, 0);
        writer.force(1, 0);
        writer.tick(APPEND_TIMEOUT);
        writer.force(2, APPEND_TIMEOUT);
        writer.sessionEnded(0, session[0], Rejection.NOT_WRITABLE, APPEND_TIMEOUT);
        writer.registerRead(Optional.of(new Versioned<>(2, created.inRecovery())), APPEND_TIMEOUT);
        assertThat(outbox.forceFailures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN, Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("H97: a force that waits for an entry which the seal leaves out ends with the seal")
    void forceEndsWithTheSeal() {
        opened(THREE);
        append(0);
        writer.force(1, APPEND_TIMEOUT - 1);
        writer.tick(APPEND_TIMEOUT);
        writer.seal(APPEND_TIMEOUT);
        writer.tick(APPEND_TIMEOUT + GRACE);
        assertThat(outbox.forceFailures).isEmpty();
        writer.registered(2, APPEND_TIMEOUT + GRACE);
        assertThat(outbox.sealed).hasSize(1);
        assertThat(outbox.forceFailures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("H40: a seal waits until what was acknowledged from memory is durable")
    void sealForces() {
        SessionId[] session = opened(THREE);
        append(Durability.MEMORY_QUORUM, 0);
        receive(0, session[0], 1);
        receive(1, session[1], 1);
        writer.seal(0);
        writer.tick(GRACE);
        assertThat(outbox.proposals).isEmpty();
        ack(0, session[0], 1, GRACE);
        ack(1, session[1], 1, GRACE);
        assertThat(outbox.proposals.get(0).value.lastEntryId()).isZero();
    }

    private void freezeAtOne() {
        SessionId[] session = opened(THREE);
        append(0);
        for (int position = 0; position < 3; position++) {
            ack(position, session[position], 1, 0);
        }
        writer.seal(0);
        assertThat(outbox.proposals).hasSize(1);
    }

    @Test
    @DisplayName("H85: a conflict with the very same close is success")
    void conflictWithSameClose() {
        freezeAtOne();
        writer.registerConflict(Optional.of(new Versioned<>(2, outbox.proposals.get(0).value)), 0);
        assertThat(outbox.sealed).hasSize(1);
        assertThat(outbox.sealFailures).isEmpty();
    }

    @Test
    @DisplayName("R11: a conflict with the ledger still open is applied again to the current version")
    void conflictWithOpen() {
        freezeAtOne();
        writer.registerConflict(Optional.of(new Versioned<>(5, created)), 0);
        assertThat(outbox.proposals).extracting(Proposal::expectedVersion).containsExactly(1L, 5L);
    }

    @Test
    @DisplayName("R11: a conflict with another close fails the seal")
    void conflictWithOther() {
        freezeAtOne();
        writer.registerConflict(Optional.of(new Versioned<>(2, created.closed(-1, 0, List.of()))), 0);
        assertThat(outbox.sealFailures).extracting(Failure::code).containsExactly(Code.LedgerFenced);
        writer.seal(0);
        assertThat(outbox.sealFailures).hasSize(2);
    }

    @Test
    @DisplayName("H97: closing the writer ends pending appends with UNKNOWN, once")
    void closeEndsPending() {
        SessionId[] session = opened(THREE);
        append(0);
        writer.close();
        writer.close();
        ack(0, session[0], 1, 0);
        ack(1, session[1], 1, 0);
        assertThat(outbox.failures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
        assertThat(outbox.closed).containsExactly(session);
    }

    @Test
    @DisplayName("H97: closing the writer ends a seal that waits with NOT_APPLIED")
    void closeEndsWaitingSeal() {
        opened(THREE);
        append(0);
        writer.seal(0);
        writer.close();
        assertThat(outbox.sealFailures).extracting(Failure::outcome).containsExactly(Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("H97: closing the writer ends a seal that was proposed with UNKNOWN")
    void closeEndsProposedSeal() {
        freezeAtOne();
        writer.close();
        assertThat(outbox.sealFailures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
    }

    private static final BookieId SPARE = new BookieId(new UUID(9, 1));

    private BookieId member(int position) {
        return created.lastFragment().ensemble().at(position);
    }

    /** The member at 2 says that it takes no entries, at 10. */
    private long failThird(SessionId[] session) {
        writer.batchRefused(2, session[2], Rejection.CLOSED_TO_ENTRIES, 10);
        assertThat(outbox.proposals).hasSize(1);
        return 10;
    }

    @Test
    @DisplayName(
            "R11: a member that gets nowhere is replaced behind the last-add-confirmed, with a fragment of its own")
    void silentMemberIsReplaced() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        ack(0, session[0], 1, 0);
        ack(1, session[1], 1, 0);
        long now = 0;
        while (outbox.proposals.isEmpty()) {
            now += RESEND;
            assertThat(now).isLessThan(3 * BOOKIE_TIMEOUT);
            ack(0, session[0], 10, now);
            ack(1, session[1], 10, now);
            writer.tick(now);
        }
        LedgerMetadata proposed = outbox.proposals.get(0).value;
        assertThat(outbox.proposals.get(0).expectedVersion).isEqualTo(1);
        assertThat(proposed.fragments()).hasSize(2);
        assertThat(proposed.lastFragment().firstEntryId()).isEqualTo(1);
        assertThat(proposed.lastFragment().fragmentVersion()).isEqualTo(2);
        assertThat(proposed.lastFragment().ensemble().bookies()).containsExactly(member(0), member(1), SPARE);
        assertThat(proposed.incomplete()).containsExactly(new IncompleteRange(member(2), 0, 0));
        assertThat(now).isBetween(BOOKIE_TIMEOUT, BOOKIE_TIMEOUT + RESEND);
    }

    @Test
    @DisplayName(
            "H33: a new member gets nothing before its fragment is registered, then everything from its first entry")
    void newMemberGetsEntriesFromItsFirst() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        ack(0, session[0], 1, 0);
        ack(1, session[1], 1, 0);
        append(0);
        long now = failThird(session);
        int opened = outbox.opening.size();
        append(now);
        assertThat(outbox.opening).hasSize(opened);
        writer.registered(2, now);
        assertThat(outbox.opening).hasSize(opened + 1).last().isEqualTo(2);
        SessionId next = new SessionId(SPARE, new BootEpoch(1), 77);
        writer.sessionOpened(2, next, MUCH_CREDIT, now);
        assertThat(outbox.to(2).stream().filter(batch -> batch.session.equals(next)))
                .extracting(Sent::ids)
                .containsExactly(List.of(1L, 2L));
        assertThat(outbox.changes).containsExactly(outbox.proposals.get(0).value);
    }

    @Test
    @DisplayName("R11, H30: nothing completes while a change of the ensemble is not resolved, and no deadline thaws it")
    void nothingCompletesDuringTheChange() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        long now = failThird(session);
        ack(0, session[0], 1, now);
        ack(1, session[1], 1, now);
        assertThat(outbox.appended).isEmpty();
        writer.registerUnknown("no answer", now);
        writer.tick(now + 60);
        assertThat(outbox.proposals).hasSize(2);
        assertThat(outbox.proposals.get(1)).isEqualTo(outbox.proposals.get(0));
        writer.tick(APPEND_TIMEOUT);
        assertThat(outbox.failures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
        assertThat(writer.lastAddConfirmed()).isEqualTo(-1);
        writer.registered(2, APPEND_TIMEOUT);
        assertThat(writer.lastAddConfirmed()).isZero();
        assertThat(outbox.ended).containsExactly(0L);
    }

    @Test
    @DisplayName("R8, H31: the acknowledgement of a replaced member is void for every pending entry")
    void acksOfReplacedMembersAreVoid() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        append(0);
        writer.batchesAdded(2, session[2], 0, List.of(new long[] {2, 2}), MUCH_CREDIT, 0);
        long now = failThird(session);
        ack(0, session[0], 2, now);
        ack(2, session[2], 2, now);
        writer.registered(2, now);
        assertThat(outbox.appended).isEmpty();
        ack(2, session[2], 2, now);
        assertThat(outbox.appended).isEmpty();
        SessionId next = new SessionId(SPARE, new BootEpoch(1), 77);
        writer.sessionOpened(2, next, MUCH_CREDIT, now);
        ack(2, next, 1, now);
        assertThat(outbox.appended).containsExactly(0L, 1L);
    }

    @Test
    @DisplayName("R8, H34: a fragment that nothing is confirmed in is replaced in place, with another version")
    void emptyFragmentIsReplacedInPlace() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        failThird(session);
        LedgerMetadata proposed = outbox.proposals.get(0).value;
        assertThat(proposed.fragments()).hasSize(1);
        assertThat(proposed.lastFragment().firstEntryId()).isZero();
        assertThat(proposed.lastFragment().fragmentVersion()).isEqualTo(2);
    }

    @Test
    @DisplayName("R11: a lost compare-and-set with the ledger open is applied again to what is registered")
    void changeConflictWithOpen() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        long now = failThird(session);
        writer.registerConflict(Optional.of(new Versioned<>(4, created)), now);
        assertThat(outbox.proposals).extracting(Proposal::expectedVersion).containsExactly(1L, 4L);
        assertThat(outbox.proposals.get(1).value.lastFragment().fragmentVersion())
                .isEqualTo(5);
    }

    @Test
    @DisplayName("R11, H20: a change that finds the ledger in recovery ends what is pending with UNKNOWN")
    void changeConflictWithRecovery() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        long now = failThird(session);
        ack(0, session[0], 1, now);
        ack(1, session[1], 1, now);
        writer.registerConflict(Optional.of(new Versioned<>(2, created.inRecovery())), now);
        assertThat(outbox.failures).extracting(Failure::outcome).containsExactly(Outcome.UNKNOWN);
        assertThat(outbox.appended).isEmpty();
        assertThat(writer.refusalOf(1).orElseThrow().code()).isEqualTo(Code.LedgerFenced);
    }

    @Test
    @DisplayName("without a replacement the writer goes on with an ack quorum, and changes when a bookie comes")
    void goesOnWithoutReplacement() {
        SessionId[] session = opened(THREE);
        append(0);
        ack(0, session[0], 1, 0);
        ack(1, session[1], 1, 0);
        assertThat(outbox.appended).containsExactly(0L);
        long now = 0;
        while (now < 2 * BOOKIE_TIMEOUT) {
            now += RESEND;
            writer.tick(now);
        }
        assertThat(outbox.proposals).isEmpty();
        outbox.spares.add(SPARE);
        for (int i = 0; i < 10; i++) {
            now += RESEND;
            writer.tick(now);
        }
        assertThat(outbox.proposals).hasSize(1);
    }

    @Test
    @DisplayName("a bookie that takes no entries is replaced at once")
    void readOnlyMemberIsReplaced() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        writer.sessionEnded(1, session[1], Rejection.CLOSED_TO_ENTRIES, 5);
        assertThat(outbox.proposals).hasSize(1);
        assertThat(outbox.proposals.get(0).value.lastFragment().ensemble().at(1))
                .isEqualTo(SPARE);
    }

    @Test
    @DisplayName("R11: a member that is fenced while the register says OPEN is replaced at once")
    void fencedMemberIsReplaced() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        writer.sessionEnded(0, session[0], Rejection.NOT_WRITABLE, 0);
        assertThat(outbox.proposals).isEmpty();
        writer.registerRead(Optional.of(new Versioned<>(1, created)), 0);
        assertThat(outbox.proposals).hasSize(1);
    }

    @Test
    @DisplayName("a register that was read before the last change does not end the writer")
    void staleRegisterRead() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        writer.sessionEnded(0, session[0], Rejection.CLOSED_TO_ENTRIES, 0);
        writer.sessionEnded(1, session[1], Rejection.NOT_WRITABLE, 0);
        writer.registered(2, 0);
        writer.registerRead(Optional.of(new Versioned<>(1, created)), 0);
        assertThat(outbox.failures).isEmpty();
        assertThat(writer.refusalOf(1)).isEmpty();
    }

    @Test
    @DisplayName("a writer that stood still itself blames no bookie")
    void ownPauseIsNobodysFault() {
        outbox.spares.add(SPARE);
        opened(THREE);
        append(0);
        writer.tick(RESEND);
        writer.tick(RESEND + 10 * BOOKIE_TIMEOUT);
        assertThat(outbox.proposals).isEmpty();
    }

    @Test
    @DisplayName("a member is not blamed for the time in which it had nothing to do")
    void idleTimeIsNobodysFault() {
        outbox.spares.add(SPARE);
        outbox.spares.add(new BookieId(new UUID(0, 100)));
        SessionId[] session = opened(THREE);
        long later = 10 * BOOKIE_TIMEOUT;
        append(later);
        writer.batchRefused(2, session[2], Rejection.CLOSED_TO_ENTRIES, later);
        assertThat(outbox.proposals.get(0).value.lastFragment().ensemble().bookies())
                .containsExactly(member(0), member(1), SPARE);
    }

    @Test
    @DisplayName("a member that fails after an idle time is replaced as soon as any other")
    void idleTimeIsNoCredit() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        long start = 10 * BOOKIE_TIMEOUT;
        append(start);
        long now = start;
        while (outbox.proposals.isEmpty()) {
            now += RESEND;
            assertThat(now).isLessThan(start + 3 * BOOKIE_TIMEOUT);
            ack(0, session[0], 10, now);
            ack(1, session[1], 10, now);
            writer.tick(now);
        }
        assertThat(now - start).isBetween(BOOKIE_TIMEOUT, BOOKIE_TIMEOUT + RESEND);
    }

    @Test
    @DisplayName("a ledger without entries is sealed without a word to its bookies")
    void nothingIsOpenedForNothing() {
        createUnstarted(THREE, settings(8, 1 << 20, 1 << 20));
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.NONE);
        writer.tick(10 * BOOKIE_TIMEOUT);
        writer.seal(10 * BOOKIE_TIMEOUT);
        writer.registered(2, 10 * BOOKIE_TIMEOUT);
        assertThat(outbox.sealed).hasSize(1);
        assertThat(outbox.opening).isEmpty();
    }

    @Test
    @DisplayName("the first append asks every member for a session, once")
    void firstAppendOpensSessions() {
        createUnstarted(THREE, settings(8, 1 << 20, 1 << 20));
        append(0);
        append(0);
        assertThat(outbox.opening).containsExactly(0, 1, 2);
    }

    @Test
    @DisplayName("how soon a writer is to be looked after")
    void attention() {
        SessionId[] session = opened(THREE);
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.NONE);
        append(0);
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.SOMETIME);
        ack(0, session[0], 1, 0);
        ack(1, session[1], 1, 0);
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.WHEN_QUIET);
        writer.force(1, 0);
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.WHEN_QUIET);
        append(0);
        writer.force(2, 0);
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.SOON);
        writer.sessionEnded(2, session[2], Rejection.UNKNOWN_SESSION, 0);
        ack(0, session[0], 2, 0);
        ack(1, session[1], 2, 0);
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.SOON);
        writer.close();
        assertThat(writer.attention()).isEqualTo(LedgerWriter.Attention.NONE);
    }

    @Test
    @DisplayName("R11: a seal waits for a change of the ensemble to be resolved")
    void sealWaitsForTheChange() {
        outbox.spares.add(SPARE);
        SessionId[] session = opened(THREE);
        append(0);
        long now = failThird(session);
        writer.seal(now);
        ack(0, session[0], 1, now);
        ack(1, session[1], 1, now);
        assertThat(outbox.proposals).hasSize(1);
        writer.registered(2, now);
        writer.tick(now + GRACE);
        assertThat(outbox.proposals).hasSize(2);
        assertThat(outbox.proposals.get(1).expectedVersion).isEqualTo(2);
        assertThat(outbox.proposals.get(1).value.isClosed()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10})
    @DisplayName("H97: in a storm of inputs every append ends once, in order, and acknowledged only by an ack quorum")
    void storm(long seed) {
        Random random = new Random(seed);
        Replication replication = new Replication(5, 3, 2);
        SessionId[] session = opened(replication, settings(3, 2000, 3000));
        List<Integer> held = new ArrayList<>();
        long now = 0;
        for (int step = 0; step < 3000; step++) {
            now += random.nextInt(40);
            int position = random.nextInt(5);
            switch (random.nextInt(10)) {
                case 0, 1, 2, 3 -> {
                    if (writer.refusalOf(1).isEmpty()) {
                        held.add(0);
                        append(now);
                    }
                }
                case 4, 5, 6 -> {
                    SessionId own = session[position];
                    List<Sent> batches = outbox.to(position).stream()
                            .filter(batch -> batch.session.equals(own))
                            .toList();
                    if (!batches.isEmpty()) {
                        Sent batch = batches.get(random.nextInt(batches.size()));
                        batch.ids().forEach(id -> held.set(id.intValue(), held.get(id.intValue()) | 1 << position));
                        writer.batchesAdded(
                                position, own, 0, List.of(new long[] {batch.number, batch.number}), MUCH_CREDIT, now);
                    }
                }
                case 7 -> writer.tick(now);
                case 8 -> session[position] = open(position, MUCH_CREDIT, now);
                default -> {
                    if (random.nextInt(10) == 0) {
                        writer.sessionEnded(position, session[position], Rejection.UNKNOWN_SESSION, now);
                    } else {
                        writer.batchRefused(position, session[position], Rejection.BUSY, now);
                    }
                }
            }
            if (step == 2900) {
                writer.seal(now);
            }
        }
        writer.close();
        assertThat(outbox.ended).hasSize(held.size()).isSorted().doesNotHaveDuplicates();
        assertThat(outbox.appended).isNotEmpty().allMatch(id -> replication.isAckQuorum(id, held.get(id.intValue())));
    }

    @Test
    @DisplayName("H99: a writer whose password is refused before it could send has applied nothing; later nobody knows")
    void unauthorized() {
        for (boolean sent : new boolean[] {false, true}) {
            outbox.failures.clear();
            create(Replication.DEFAULT, settings(8, 1 << 20, 1 << 20));
            if (sent) {
                open(1, MUCH_CREDIT, 0);
            }
            append(0);
            writer.sessionRefused(0, LedgerWriter.Rejection.UNAUTHORIZED, 0);
            LedgerException.Outcome expected =
                    sent ? LedgerException.Outcome.UNKNOWN : LedgerException.Outcome.NOT_APPLIED;
            assertThat(outbox.failures)
                    .singleElement()
                    .satisfies(failure -> assertThat(failure.outcome()).isEqualTo(expected))
                    .satisfies(failure -> assertThat(failure.code()).isEqualTo(LedgerException.Code.Unauthorized));
            assertThat(writer.refusalOf(1).orElseThrow().code()).isEqualTo(LedgerException.Code.Unauthorized);
        }
    }

    @Test
    @DisplayName("R9: a writer encodes with its ledger's digest and key")
    void encodesWithKey() {
        opened(Replication.DEFAULT);
        LedgerKey key = LedgerPassword.of(new byte[] {1}).keyOf(created.ledgerId());
        created = created.guardedBy(DigestType.HMAC_SHA256, key.verifier());
        writer = new LedgerWriter(new Versioned<>(1, created), key, settings(8, 1 << 20, 1 << 20), outbox, 0);
        writer.start(0);
        open(0, MUCH_CREDIT, 0);
        append(0);
        Payload encoded = outbox.to(0).get(0).entries.entries().get(0);
        assertThat(EntryFormat.decode(encoded, DigestType.HMAC_SHA256, key).payload())
                .isEqualTo(Payload.ofUtf8("x"));
    }
}
