package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.ReplicaEffect.Ack;
import io.quire.bookie.core.ReplicaEffect.BatchRefused;
import io.quire.bookie.core.ReplicaEffect.Fenced;
import io.quire.bookie.core.ReplicaEffect.JournalBatch;
import io.quire.bookie.core.ReplicaEffect.JournalFence;
import io.quire.bookie.core.ReplicaEffect.LookUp;
import io.quire.bookie.core.ReplicaEffect.Range;
import io.quire.bookie.core.ReplicaEffect.ReadRegister;
import io.quire.bookie.core.ReplicaEffect.ReadTerms;
import io.quire.bookie.core.ReplicaEffect.SessionEnded;
import io.quire.bookie.core.ReplicaEffect.SessionOpened;
import io.quire.bookie.core.ReplicaEffect.SessionRefused;
import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerReplicaTest {
    private static final BookieId SELF = new BookieId(new UUID(1, 1));
    private static final BookieId OTHER = new BookieId(new UUID(1, 2));
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final LedgerReplica.Limits LIMITS = new LedgerReplica.Limits(1000, 2, 3);
    private static final LedgerMetadata OPEN = open(SELF);

    private final LedgerReplica replica = new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, LIMITS);

    private static LedgerMetadata open(BookieId member) {
        return LedgerMetadata.create(LEDGER, new Replication(1, 1, 1), new Ensemble(List.of(member)), Map.of(), 5);
    }

    private static Payload entry(long ledgerId, long entryId) {
        return EntryFormat.encode(
                new LedgerId(ledgerId), entryId, -1, 100, Payload.ofUtf8("entry " + entryId), DigestType.CRC32C);
    }

    private static EntryBatch batch(long... entryIds) {
        return EntryBatch.of(Arrays.stream(entryIds)
                .mapToObj(id -> entry(LEDGER.value(), id))
                .toList());
    }

    private void openSession(long counter) {
        replica.openSession(counter, 1, Payload.EMPTY);
        assertThat(replica.registerRead(counter, Optional.of(OPEN))).contains(new SessionOpened(counter, 1000));
    }

    /** A fence, with the register read for it if that is needed. */
    private static List<ReplicaEffect> fence(LedgerReplica replica, long token) {
        List<ReplicaEffect> effects = replica.fence(token, Payload.EMPTY);
        return effects.equals(List.of(new ReadTerms(token))) ? replica.termsRead(token, Optional.of(OPEN)) : effects;
    }

    private static ReplicaRefusal refusalOf(List<ReplicaEffect> effects) {
        ReplicaEffect effect = effects.get(effects.size() - 1);
        return effect instanceof SessionRefused refused
                ? refused.refusal()
                : effect instanceof SessionEnded ended ? ended.refusal() : ((BatchRefused) effect).refusal();
    }

    @Test
    @DisplayName(
            "R14: a session opens after the register was read, if the ledger is open and this store in the fragment")
    void opens() {
        assertThat(replica.openSession(7, 1, Payload.EMPTY)).containsExactly(new ReadRegister(7));
        assertThat(replica.isIdle()).isFalse();
        assertThat(replica.registerRead(7, Optional.of(OPEN))).containsExactly(new SessionOpened(7, 1000));
        assertThat(replica.isIdle()).isTrue();
        assertThat(replica.registerRead(7, Optional.of(OPEN))).isEmpty();
    }

    @Test
    @DisplayName(
            "R8, R14: no session for a ledger that is gone, closed, recovering, deleted, foreign or in another fragment")
    void refusesByRegister() {
        assertThat(refused(1, Optional.empty())).isEqualTo(ReplicaRefusal.NO_SUCH_LEDGER);
        assertThat(refused(1, Optional.of(OPEN.closed(-1, 0, List.of())))).isEqualTo(ReplicaRefusal.NOT_OPEN);
        assertThat(refused(1, Optional.of(OPEN.withDeletion(Deletion.DELETED)))).isEqualTo(ReplicaRefusal.NOT_OPEN);
        assertThat(refused(1, Optional.of(OPEN.withDeletion(Deletion.PURGED)))).isEqualTo(ReplicaRefusal.NOT_OPEN);
        assertThat(refused(1, Optional.of(open(OTHER)))).isEqualTo(ReplicaRefusal.NOT_A_MEMBER);
        assertThat(refused(2, Optional.of(OPEN))).isEqualTo(ReplicaRefusal.NOT_A_MEMBER);
        replica.openSession(50, 1, Payload.EMPTY);
        assertThat(refusalOf(replica.registerUnavailable(50, "no majority"))).isEqualTo(ReplicaRefusal.UNAVAILABLE);
        assertThat(replica.registerUnavailable(50, "no majority")).isEmpty();
        assertThat(replica.isIdle()).isTrue();
    }

    private ReplicaRefusal refused(long fragmentVersion, Optional<LedgerMetadata> metadata) {
        replica.openSession(40, fragmentVersion, Payload.EMPTY);
        return refusalOf(replica.registerRead(40, metadata));
    }

    @Test
    @DisplayName("R14: a fence between the reading of the register and its answer keeps the session from opening")
    void fenceOvertakesOpening() {
        replica.openSession(7, 1, Payload.EMPTY);
        fence(replica, 1);
        assertThat(refusalOf(replica.registerRead(7, Optional.of(OPEN)))).isEqualTo(ReplicaRefusal.FENCED);
        replica.fenceJournaled();
        assertThat(refusalOf(replica.openSession(8, 1, Payload.EMPTY))).isEqualTo(ReplicaRefusal.FENCED);
        assertThat(replica.isIdle()).isTrue();

        LedgerReplica other = new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, LIMITS);
        other.openSession(7, 1, Payload.EMPTY);
        fence(other, 1);
        other.fenceJournaled();
        assertThat(refusalOf(other.registerRead(7, Optional.of(OPEN)))).isEqualTo(ReplicaRefusal.FENCED);
        assertThat(refusalOf(new LedgerReplica(SELF, LEDGER, new LedgerReplica.Known(true, 4, 4, 0), LIMITS)
                        .openSession(1, 1, Payload.EMPTY)))
                .isEqualTo(ReplicaRefusal.FENCED);
    }

    @Test
    @DisplayName(
            "R10: batches may come out of order, with gaps and again; each is journaled once and acknowledged when durable")
    void anyOrder() {
        for (int seed = 0; seed < 200; seed++) {
            anyOrder(new Random(seed));
        }
    }

    private static void anyOrder(Random random) {
        LedgerReplica replica =
                new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, new LedgerReplica.Limits(1_000_000, 2, 3));
        replica.openSession(1, 1, Payload.EMPTY);
        replica.registerRead(1, Optional.of(OPEN));
        TreeMap<Long, Boolean> durable = new TreeMap<>(); // false: in the journal
        for (int i = 0; i < 60; i++) {
            long number = 1L + random.nextInt(12);
            Boolean before = durable.get(number);
            if (random.nextBoolean()) {
                List<ReplicaEffect> effects = lookedUp(
                        replica, replica.addBatch(1, number, number * 100, number - 2, batch(number)), Map.of());
                if (before == null) {
                    assertThat(effects).containsExactly(new JournalBatch(1, number, number - 2, batch(number)));
                    durable.put(number, false);
                } else if (before) {
                    assertAcked(effects, durable);
                } else {
                    assertThat(effects).isEmpty();
                }
            } else if (Boolean.FALSE.equals(before)) {
                durable.put(number, true);
                assertAcked(replica.batchJournaled(1, number, number - 2), durable);
            }
            assertAcked(replica.probe(1), durable);
            assertThat(replica.isIdle()).isEqualTo(!durable.containsValue(false));
        }
    }

    /** Answers a look-up, if one is asked for. */
    private static List<ReplicaEffect> lookedUp(
            LedgerReplica replica, List<ReplicaEffect> effects, Map<Long, Payload> durable) {
        return !effects.isEmpty() && effects.get(0) instanceof LookUp lookUp
                ? replica.lookedUp(lookUp.number(), durable)
                : effects;
    }

    private static void assertAcked(List<ReplicaEffect> effects, Map<Long, Boolean> durable) {
        assertThat(effects).hasSize(1);
        Ack ack = (Ack) effects.get(0);
        for (long number = 1; number < 20; number++) {
            long wanted = number;
            boolean acked = number <= ack.cumulative()
                    || ack.ranges().stream().anyMatch(range -> range.first() <= wanted && wanted <= range.last());
            assertThat(acked).isEqualTo(durable.getOrDefault(number, false));
        }
        assertThat(ack.creditLimit()).isEqualTo(ack.cumulative() * 100 + 1_000_000);
    }

    @Test
    @DisplayName("R15: credit is an absolute offset that moves with the cumulative number, and a resend needs none")
    void credits() {
        openSession(1);
        assertThat(replica.addBatch(1, 1, 1000, -1, batch(0))).hasOnlyElementsOfType(JournalBatch.class);
        assertThat(refusalOf(replica.addBatch(1, 2, 1001, -1, batch(1)))).isEqualTo(ReplicaRefusal.OVERLOADED);
        assertThat(replica.batchJournaled(1, 1, -1)).containsExactly(new Ack(1, 1, List.of(), 2000));
        assertThat(replica.addBatch(1, 3, 1900, -1, batch(2))).hasOnlyElementsOfType(JournalBatch.class);
        assertThat(replica.batchJournaled(1, 3, -1)).containsExactly(new Ack(1, 1, List.of(new Range(3, 3)), 2000));
        assertThat(replica.addBatch(1, 3, 1900, -1, batch(2))).hasOnlyElementsOfType(Ack.class);
        assertThat(lookedUp(replica, replica.addBatch(1, 2, 1500, -1, batch(1)), Map.of()))
                .hasOnlyElementsOfType(JournalBatch.class);
        assertThat(replica.batchJournaled(1, 2, -1)).containsExactly(new Ack(1, 3, List.of(), 2900));
        assertThat(replica.probe(1)).containsExactly(new Ack(1, 3, List.of(), 2900));
    }

    @Test
    @DisplayName("R10: a session that is not known is answered, never with silence")
    void unknownSession() {
        assertThat(refusalOf(replica.addBatch(9, 1, 10, -1, batch(0)))).isEqualTo(ReplicaRefusal.UNKNOWN_SESSION);
        assertThat(refusalOf(replica.probe(9))).isEqualTo(ReplicaRefusal.UNKNOWN_SESSION);
        fence(replica, 1);
        assertThat(refusalOf(replica.addBatch(9, 1, 10, -1, batch(0)))).isEqualTo(ReplicaRefusal.FENCED);
        assertThat(refusalOf(replica.probe(9))).isEqualTo(ReplicaRefusal.FENCED);
    }

    @Test
    @DisplayName(
            "R16, H11: a fence is answered once durable, a second one with it, and tells what was journaled before")
    void fenceOrder() {
        openSession(1);
        replica.addBatch(1, 1, 10, 41, batch(42));
        List<ReplicaEffect> first = fence(replica, 100);
        assertThat(first).hasSize(2).contains(new JournalFence());
        assertThat(refusalOf(first)).isEqualTo(ReplicaRefusal.FENCED);
        assertThat(fence(replica, 101)).isEmpty();
        assertThat(refusalOf(replica.addBatch(1, 2, 20, 42, batch(43)))).isEqualTo(ReplicaRefusal.FENCED);

        assertThat(replica.isIdle()).isFalse();
        assertThat(replica.batchJournaled(1, 1, 41)).isEmpty();
        assertThat(replica.isIdle()).isFalse();
        assertThat(replica.fenceJournaled()).containsExactly(new Fenced(100, 41), new Fenced(101, 41));
        assertThat(replica.isIdle()).isTrue();
        assertThat(fence(replica, 102)).containsExactly(new Fenced(102, 41));
        assertThat(replica.isIdle()).isTrue();
        assertThat(replica.lastAddConfirmed()).isEqualTo(41);
    }

    @Test
    @DisplayName("R16: a replica is not idle while records of a session that was closed are in the journal")
    void closedSessionInJournal() {
        openSession(1);
        replica.addBatch(1, 1, 10, 5, batch(6));
        replica.closeSession(1);
        assertThat(replica.isIdle()).isFalse();
        assertThat(replica.batchJournaled(1, 1, 5)).isEmpty();
        assertThat(replica.isIdle()).isTrue();
        assertThat(replica.lastAddConfirmed()).isEqualTo(5);
        assertThat(refusalOf(replica.probe(1))).isEqualTo(ReplicaRefusal.UNKNOWN_SESSION);

        replica.openSession(2, 1, Payload.EMPTY);
        replica.closeSession(2);
        assertThat(replica.registerRead(2, Optional.of(OPEN))).isEmpty();
        assertThat(replica.isIdle()).isTrue();
    }

    @Test
    @DisplayName("H66: entries that are damaged, of another ledger, out of order or of no valid id are not journaled")
    void badEntries() {
        openSession(1);
        byte[] flipped = entry(LEDGER.value(), 3).toByteArray();
        flipped[45] ^= 1;
        List<EntryBatch> bad = List.of(
                EntryBatch.of(List.of(entry(LEDGER.value(), 2), Payload.wrap(flipped))),
                EntryBatch.of(List.of(entry(18, 3))),
                batch(4, 3),
                batch(3, 3),
                EntryBatch.of(List.of(entry(LEDGER.value(), -1))),
                EntryBatch.of(List.of(entry(LEDGER.value(), Long.MAX_VALUE))),
                EntryBatch.of(List.of(entry(LEDGER.value(), 3).slice(0, 50))),
                EntryBatch.of(List.of(Payload.EMPTY)));
        for (EntryBatch entries : bad) {
            assertThat(refusalOf(replica.addBatch(1, 1, 500, -1, entries))).isEqualTo(ReplicaRefusal.DAMAGED);
        }
        assertThat(replica.addBatch(1, 1, 500, -1, batch(3, 5, 9))).hasOnlyElementsOfType(JournalBatch.class);
    }

    @Test
    @DisplayName("the oldest session ends when too many are open, and openings are bounded")
    void bounds() {
        openSession(1);
        openSession(2);
        replica.addBatch(1, 1, 10, -1, batch(0));
        replica.openSession(3, 1, Payload.EMPTY);
        List<ReplicaEffect> effects = replica.registerRead(3, Optional.of(OPEN));
        assertThat(effects).hasSize(2).contains(new SessionOpened(3, 1000));
        assertThat(((SessionEnded) effects.get(0)).counter()).isEqualTo(1);
        assertThat(replica.batchJournaled(1, 1, -1)).isEmpty();
        for (long counter = 10; counter < 13; counter++) {
            assertThat(replica.openSession(counter, 1, Payload.EMPTY)).containsExactly(new ReadRegister(counter));
        }
        assertThat(refusalOf(replica.openSession(13, 1, Payload.EMPTY))).isEqualTo(ReplicaRefusal.OVERLOADED);
    }

    @Test
    @DisplayName("R25: an empty batch carries the last-add-confirmed alone; it counts once durable and never goes back")
    void lastAddConfirmedAlone() {
        openSession(1);
        assertThat(replica.addBatch(1, 1, 0, 9, EntryBatch.EMPTY)).hasSize(1);
        assertThat(replica.lastAddConfirmed()).isEqualTo(-1);
        replica.addBatch(1, 2, 0, 4, EntryBatch.EMPTY);
        replica.batchJournaled(1, 1, 9);
        replica.batchJournaled(1, 2, 4);
        assertThat(replica.lastAddConfirmed()).isEqualTo(9);
    }

    @Test
    @DisplayName("R16: a fence of a fenced ledger waits for what is in the journal, and for nothing else")
    void fenceAgain() {
        LedgerReplica fenced = new LedgerReplica(SELF, LEDGER, new LedgerReplica.Known(true, 4, 4, 0), LIMITS);
        assertThat(fence(fenced, 1)).containsExactly(new Fenced(1, 4));
        fenced.recoveries().add(1, 3, Payload.EMPTY, batch(5));
        fenced.recoveries().versionRead(1, Optional.of(new Versioned<>(3, OPEN.closed(5, 1, List.of()))));
        assertThat(fence(fenced, 2)).containsExactly(new JournalFence());
        assertThat(fence(fenced, 3)).isEmpty();
        fenced.recoveries().add(2, 3, Payload.EMPTY, batch(6));
        assertThat(fence(fenced, 4)).containsExactly(new JournalFence());
        fenced.recoveries().journaled(1);
        assertThat(fenced.fenceJournaled()).containsExactly(new Fenced(2, 4), new Fenced(3, 4));
        fenced.recoveries().journaled(2);
        assertThat(fenced.fenceJournaled()).containsExactly(new Fenced(4, 4));
        assertThat(fenced.isIdle()).isTrue();
    }

    @Test
    @DisplayName("H13, H38: an entry that is held is compared; the same bytes are fine, others are refused")
    void conflicts() {
        LedgerReplica held = new LedgerReplica(SELF, LEDGER, new LedgerReplica.Known(false, -1, 6, 0), LIMITS);
        held.openSession(1, 1, Payload.EMPTY);
        held.registerRead(1, Optional.of(OPEN));
        Payload other = EntryFormat.encode(LEDGER, 6, -1, 100, Payload.ofUtf8("another"), DigestType.CRC32C);

        assertThat(held.addBatch(1, 1, 100, -1, batch(6, 7))).containsExactly(new LookUp(1, batch(6, 7)));
        assertThat(held.isIdle()).isFalse();
        assertThat(held.addBatch(1, 1, 100, -1, batch(6, 7))).isEmpty();
        assertThat(refusalOf(held.lookedUp(1, Map.of(6L, other)))).isEqualTo(ReplicaRefusal.CONFLICTING_BYTES);
        assertThat(held.isIdle()).isTrue();
        assertThat(lookedUp(held, held.addBatch(1, 1, 100, -1, batch(6, 7)), Map.of(6L, entry(17, 6))))
                .containsExactly(new JournalBatch(1, 1, -1, batch(6, 7)));
        held.batchJournaled(1, 1, -1);

        held.addBatch(1, 2, 200, -1, batch(7));
        assertThat(refusalOf(held.lookUpFailed(3, "the disk failed"))).isEqualTo(ReplicaRefusal.UNAVAILABLE);
        held.addBatch(1, 2, 200, -1, batch(7));
        held.closeSession(1);
        assertThat(held.lookedUp(4, Map.of(7L, other))).isEmpty();
        held.openSession(2, 1, Payload.EMPTY);
        held.registerRead(2, Optional.of(OPEN));
        held.addBatch(2, 1, 200, -1, batch(7));
        held.closeSession(2);
        assertThat(held.lookUpFailed(5, "the disk failed")).isEmpty();
        assertThat(held.isIdle()).isTrue();
    }

    @Test
    @DisplayName("H38: what is in the journal, and what became durable during a look-up, is compared too")
    void conflictsInFlight() {
        for (boolean journaledBefore : new boolean[] {false, true}) {
            LedgerReplica held = new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, LIMITS);
            held.openSession(1, 1, Payload.EMPTY);
            held.registerRead(1, Optional.of(OPEN));
            held.addBatch(1, 1, 100, -1, batch(6));
            EntryBatch other = EntryBatch.of(
                    List.of(EntryFormat.encode(LEDGER, 6, -1, 100, Payload.ofUtf8("another"), DigestType.CRC32C)));
            assertThat(held.addBatch(1, 2, 200, -1, other)).containsExactly(new LookUp(1, other));
            if (journaledBefore) {
                held.batchJournaled(1, 1, -1);
            }
            assertThat(refusalOf(held.lookedUp(1, Map.of()))).isEqualTo(ReplicaRefusal.CONFLICTING_BYTES);
        }
    }

    @Test
    @DisplayName("H61: a batch that found no room is refused, may come again, and counts as never seen")
    void batchWithoutRoom() {
        openSession(1);
        replica.addBatch(1, 1, 100, -1, batch(0));
        replica.addBatch(1, 2, 200, -1, batch(1));
        assertThat(replica.batchNotJournaled(1, 1, "full"))
                .containsExactly(new BatchRefused(1, 1, ReplicaRefusal.READ_ONLY, "full"));
        assertThat(replica.batchNotJournaled(1, 2, "full")).hasSize(1);
        assertThat(replica.isIdle()).isTrue();
        assertThat(replica.probe(1)).containsExactly(new Ack(1, 0, List.of(), 1000));

        // Perhaps it is held: the id has been seen. The look-up finds that it is not.
        List<ReplicaEffect> again = replica.addBatch(1, 1, 100, -1, batch(0));
        assertThat(again).singleElement().isInstanceOf(LookUp.class);
        assertThat(replica.lookedUp(((LookUp) again.get(0)).number(), Map.of()))
                .singleElement()
                .isInstanceOf(JournalBatch.class);
        assertThat(replica.batchJournaled(1, 1, -1)).containsExactly(new Ack(1, 1, List.of(), 1100));

        replica.addBatch(1, 2, 200, -1, batch(1));
        replica.closeSession(1);
        assertThat(replica.batchNotJournaled(1, 2, "full")).isEmpty();
    }

    @Test
    @DisplayName(
            "H61, R16: a fence that found no room is refused to all who waited for it, and the ledger is not fenced")
    void fenceWithoutRoom() {
        openSession(1);
        fence(replica, 100);
        fence(replica, 101);
        assertThat(replica.fenceNotJournaled("full"))
                .containsExactly(
                        new ReplicaEffect.FenceRefused(100, ReplicaRefusal.READ_ONLY, "full"),
                        new ReplicaEffect.FenceRefused(101, ReplicaRefusal.READ_ONLY, "full"));
        assertThat(replica.isFencedDurably()).isFalse();
        assertThat(replica.isIdle()).isTrue();
        openSession(2);
        assertThat(fence(replica, 102)).contains(new JournalFence());
        assertThat(replica.fenceJournaled()).containsExactly(new Fenced(102, -1));
        assertThat(replica.isFencedDurably()).isTrue();
    }
}
