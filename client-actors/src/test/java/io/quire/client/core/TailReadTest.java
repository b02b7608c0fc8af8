package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import io.quire.protocol.WriteSet;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class TailReadTest {
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final TailRead.Settings SETTINGS = new TailRead.Settings(1000, 400, 100, 2000);
    private static final List<BookieId> BOOKIES =
            LongStream.range(0, 6).mapToObj(i -> new BookieId(new UUID(0, i))).toList();

    private final Outbox outbox = new Outbox();

    private record Subscribed(BookieId bookie, long first, long lastAddConfirmed) {}

    private record Granted(long subscription, long lastAddConfirmed, long creditLimit) {}

    private record Fetch(long fetch, long first, long last) {}

    /** Notes what the tail wants. */
    private static final class Outbox implements TailOutbox {
        private final Map<Long, Subscribed> subscriptions = new LinkedHashMap<>();
        private final List<Granted> grants = new ArrayList<>();
        private final List<Fetch> fetches = new ArrayList<>();
        private int refreshes;

        @Override
        public void subscribe(
                long subscription, BookieId bookie, long firstEntryId, long lastAddConfirmed, long creditLimit) {
            subscriptions.put(subscription, new Subscribed(bookie, firstEntryId, lastAddConfirmed));
        }

        @Override
        public void grant(long subscription, BookieId bookie, long lastAddConfirmed, long creditLimit) {
            grants.add(new Granted(subscription, lastAddConfirmed, creditLimit));
        }

        @Override
        public void unsubscribe(long subscription, BookieId bookie) {
            subscriptions.remove(subscription);
        }

        @Override
        public void fetch(long fetch, long firstEntryId, long lastEntryId) {
            fetches.add(new Fetch(fetch, firstEntryId, lastEntryId));
        }

        @Override
        public void refresh() {
            refreshes++;
        }

        private long only() {
            assertThat(subscriptions).hasSize(1);
            return subscriptions.keySet().iterator().next();
        }
    }

    private static Versioned<LedgerMetadata> open(int ensembleSize, int writeQuorum) {
        return new Versioned<>(
                1,
                LedgerMetadata.create(
                        LEDGER,
                        new Replication(ensembleSize, writeQuorum, 1),
                        new Ensemble(BOOKIES.subList(0, ensembleSize)),
                        Map.of(),
                        0));
    }

    private static Versioned<LedgerMetadata> closed(Versioned<LedgerMetadata> open, long lastEntryId) {
        return new Versioned<>(open.version() + 1, open.value().closed(lastEntryId, lastEntryId + 1, List.of()));
    }

    private TailRead started(Versioned<LedgerMetadata> metadata, long first) {
        TailRead tail = new TailRead(metadata, LedgerKey.NONE, first, 0, SETTINGS, outbox);
        tail.start(0);
        return tail;
    }

    private static Payload entry(long entryId) {
        return EntryFormat.encode(LEDGER, entryId, -1, 100, Payload.ofUtf8("entry " + entryId), DigestType.CRC32C);
    }

    private static EntryBatch batch(long... entryIds) {
        return EntryBatch.of(
                LongStream.of(entryIds).mapToObj(TailReadTest::entry).toList());
    }

    private static List<Entry> decoded(long... entryIds) {
        return LongStream.of(entryIds)
                .mapToObj(id -> EntryFormat.decode(entry(id)))
                .toList();
    }

    /** The pushes of one subscription. */
    private static final class Member {
        private final TailRead tail;
        private final long subscription;
        private long number;
        private long endOffset;

        Member(TailRead tail, long subscription) {
            this.tail = tail;
            this.subscription = subscription;
        }

        void push(long lastAddConfirmed, long coveredTo, long... entryIds) {
            push(0, lastAddConfirmed, coveredTo, entryIds);
        }

        void push(long nowNanos, long lastAddConfirmed, long coveredTo, long[] entryIds) {
            EntryBatch entries = batch(entryIds);
            number++;
            endOffset += entries.byteSize();
            tail.pushed(
                    subscription,
                    BOOKIES.get(0),
                    new TailRead.Push(number, endOffset, entries, coveredTo, lastAddConfirmed),
                    nowNanos);
        }

        void lose(long... entryIds) {
            number++;
            endOffset += batch(entryIds).byteSize();
        }

        void heartbeat(long nowNanos, long lastAddConfirmed, long coveredTo) {
            tail.pushed(
                    subscription,
                    BOOKIES.get(0),
                    new TailRead.Push(number, endOffset, EntryBatch.EMPTY, coveredTo, lastAddConfirmed),
                    nowNanos);
        }
    }

    private static List<Long> taken(TailRead tail) {
        return tail.take(100, 1 << 20, 0).stream().map(Entry::entryId).toList();
    }

    @Test
    @DisplayName("R25: entries are given in order as they come, up to the last, and then the tail ends")
    void followsToTheEnd() {
        Versioned<LedgerMetadata> open = open(3, 3);
        TailRead tail = started(open, 2);
        Member member = new Member(tail, outbox.only());
        assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(0), 2, -1));
        member.push(3, 4, 2, 3);
        assertThat(taken(tail)).containsExactly(2L, 3L);
        assertThat(tail.hasReady()).isFalse();
        member.push(4, 5, 4);
        tail.learned(closed(open, 5), 0);
        assertThat(taken(tail)).containsExactly(4L);
        assertThat(tail.isEnded()).isFalse();
        member.heartbeat(0, 4, 5);
        assertThat(outbox.grants.get(outbox.grants.size() - 1).lastAddConfirmed())
                .isEqualTo(5);
        member.push(4, 6, 5);
        assertThat(tail.isEnded()).isFalse();
        assertThat(taken(tail)).containsExactly(5L);
        assertThat(tail.isEnded()).isTrue();
        assertThat(outbox.subscriptions).isEmpty();
    }

    @Test
    @DisplayName("R25: members are chosen so that every write set is hit, and no more than are needed")
    void coversEveryWriteSet() {
        for (int e = 1; e <= 6; e++) {
            for (int qw = 1; qw <= e; qw++) {
                outbox.subscriptions.clear();
                Versioned<LedgerMetadata> open = open(e, qw);
                started(open, 0);
                for (long first = 0; first < e; first++) {
                    WriteSet writeSet = WriteSet.of(first, open.value().replication());
                    assertThat(outbox.subscriptions.values())
                            .anyMatch(subscribed -> writeSet.contains(BOOKIES.indexOf(subscribed.bookie())));
                }
                assertThat(outbox.subscriptions).hasSizeLessThanOrEqualTo((e + qw - 1) / qw);
            }
        }
    }

    @Test
    @DisplayName("H45, H46: nothing above the highest last-add-confirmed seen is given, and nothing twice")
    void onlyConfirmed() {
        TailRead tail = started(open(3, 3), 0);
        Member member = new Member(tail, outbox.only());
        member.push(1, 4, 0, 1, 2, 3);
        assertThat(taken(tail)).containsExactly(0L, 1L);
        member.push(1, 4, 1, 2);
        tail.confirmed(2, 0);
        assertThat(taken(tail)).containsExactly(2L);
        member.heartbeat(0, 3, 4);
        assertThat(taken(tail)).containsExactly(3L);
    }

    @Test
    @DisplayName(
            "R25: an entry that all members it was asked of have passed is fetched, up to the next one that is there")
    void fetchesHoles() {
        TailRead tail = started(open(3, 3), 0);
        Member member = new Member(tail, outbox.only());
        member.push(9, 10, 0, 1, 5, 6);
        assertThat(taken(tail)).containsExactly(0L, 1L);
        assertThat(outbox.fetches).containsExactly(new Fetch(1, 2, 4));
        tail.fetched(1, decoded(2, 3), 0);
        assertThat(taken(tail)).containsExactly(2L, 3L);
        assertThat(outbox.fetches).endsWith(new Fetch(2, 4, 4));
        tail.fetched(1, decoded(4), 0);
        assertThat(tail.hasReady()).isFalse();
        tail.fetched(2, decoded(4), 0);
        assertThat(taken(tail)).containsExactly(4L, 5L, 6L);
        assertThat(outbox.fetches).endsWith(new Fetch(3, 7, 9));
    }

    @Test
    @DisplayName("R25, H47: with striping a slow member does not make a hole of what it has not pushed yet")
    void striping() {
        TailRead tail = started(open(4, 2), 0);
        assertThat(outbox.subscriptions).hasSize(2);
        List<Long> ids = List.copyOf(outbox.subscriptions.keySet());
        Member first = new Member(tail, ids.get(0));
        Member second = new Member(tail, ids.get(1));
        first.push(7, 8, 0, 3, 4, 7);
        assertThat(outbox.fetches).isEmpty();
        second.push(3, 4, 1, 2);
        assertThat(taken(tail)).containsExactly(0L, 1L, 2L, 3L, 4L);
        second.push(7, 8, 6);
        assertThat(outbox.fetches).containsExactly(new Fetch(1, 5, 5));
    }

    @Test
    @DisplayName("R25: a lost push is noticed by the next one or by a heartbeat, and the member is followed anew")
    void lostPush() {
        TailRead tail = started(open(3, 3), 0);
        Member member = new Member(tail, outbox.only());
        member.push(1, 1, 0);
        member.lose(1);
        member.push(2, 3, 2);
        assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(0), 1, 2));
        Member again = new Member(tail, outbox.only());
        again.push(2, 2, 1);
        again.lose(2);
        again.heartbeat(0, 2, 3);
        assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(0), 2, 2));
        new Member(tail, outbox.only()).push(2, 3, 2);
        assertThat(taken(tail)).containsExactly(0L, 1L, 2L);
    }

    @Test
    @DisplayName("pushes that come late or twice change nothing, and of unknown subscriptions end them")
    void duplicates() {
        TailRead tail = started(open(3, 3), 0);
        long subscription = outbox.only();
        TailRead.Push first = new TailRead.Push(1, batch(0).byteSize(), batch(0), 1, 1);
        TailRead.Push second = new TailRead.Push(2, 2L * batch(0).byteSize(), batch(1), 2, 1);
        tail.pushed(subscription, BOOKIES.get(0), first, 0);
        tail.pushed(subscription, BOOKIES.get(0), second, 0);
        tail.pushed(subscription, BOOKIES.get(0), first, 0);
        tail.pushed(subscription, BOOKIES.get(0), second, 0);
        assertThat(outbox.only()).isEqualTo(subscription);
        assertThat(taken(tail)).containsExactly(0L, 1L);
        outbox.subscriptions.put(99L, new Subscribed(BOOKIES.get(1), 0, 0));
        tail.pushed(99, BOOKIES.get(1), first, 0);
        assertThat(outbox.only()).isEqualTo(subscription);
    }

    @Test
    @DisplayName("R25, H48: a member that is silent or refuses is left for another, and the register is read again")
    void switchesMembers() {
        TailRead tail = started(open(3, 3), 0);
        Member member = new Member(tail, outbox.only());
        member.push(300, 5, 1, new long[] {0});
        tail.tick(699);
        assertThat(outbox.only()).isEqualTo(1);
        assertThat(outbox.refreshes).isZero();
        tail.tick(700);
        assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(1), 1, 5));
        assertThat(outbox.refreshes).isEqualTo(1);
        tail.refused(outbox.only(), 710);
        tail.refused(outbox.only(), 720);
        assertThat(outbox.subscriptions).isEmpty();
        assertThat(outbox.refreshes).isEqualTo(3);
        // Nobody is left to be followed: what is known to be confirmed is read.
        assertThat(outbox.fetches).containsExactly(new Fetch(1, 1, 5));
        tail.tick(800);
        assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(0), 1, 5));
    }

    @Test
    @DisplayName("H50: a member that pushes damaged bytes or entries of another ledger is left")
    void damaged() {
        byte[] flipped = entry(0).toByteArray();
        flipped[42] ^= 1;
        Payload other = EntryFormat.encode(new LedgerId(8), 0, -1, 100, Payload.ofUtf8("entry"), DigestType.CRC32C);
        for (Payload bad : List.of(Payload.wrap(flipped), other)) {
            outbox.subscriptions.clear();
            TailRead tail = started(open(3, 3), 0);
            long subscription = outbox.only();
            EntryBatch entries = EntryBatch.of(List.of(bad));
            tail.pushed(subscription, BOOKIES.get(0), new TailRead.Push(1, entries.byteSize(), entries, 1, 0), 0);
            assertThat(tail.hasReady()).isFalse();
            assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(1), 0, 0));
        }
    }

    @Test
    @DisplayName("R25: credit comes back when entries are taken or came twice, and is repeated to an idle member")
    void credit() {
        TailRead tail = started(open(3, 3), 0);
        Member member = new Member(tail, outbox.only());
        int size = batch(0).byteSize();
        long[] ids = LongStream.range(0, 1000 / size + 1).toArray();
        member.push(99, ids.length, ids);
        assertThat(outbox.grants).isEmpty();
        tail.take(1, 1, 0);
        assertThat(outbox.grants).isEmpty();
        taken(tail);
        assertThat(outbox.grants).isNotEmpty();
        long granted = outbox.grants.get(outbox.grants.size() - 1).creditLimit();
        assertThat(granted).isBetween(1500L, 1000L + batch(ids).byteSize());
        outbox.grants.clear();
        member.heartbeat(0, 99, ids.length);
        assertThat(outbox.grants)
                .containsExactly(new Granted(1, 99, 1000L + batch(ids).byteSize()));
        outbox.grants.clear();
        member.push(99, ids.length, ids);
        assertThat(outbox.grants.get(outbox.grants.size() - 1).creditLimit())
                .isGreaterThanOrEqualTo(1500L + batch(ids).byteSize());
    }

    @Test
    @DisplayName("R25: while nothing is taken, no member that takes another's place gets credit")
    void noCreditBeyondWhatIsTaken() {
        TailRead tail = started(open(3, 3), 0);
        Member member = new Member(tail, outbox.only());
        long[] ids = LongStream.range(0, 30).toArray();
        member.push(99, 30, ids);
        tail.refused(outbox.only(), 0);
        tail.tick(200);
        assertThat(outbox.subscriptions).isEmpty();
        assertThat(outbox.fetches).isEmpty();
        assertThat(taken(tail)).hasSize(30);
        assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(1), 30, 99));
    }

    @Test
    @DisplayName("R25, H48: the tail moves to the members of the next fragment, before and behind a change it hears of")
    void nextFragment() {
        Versioned<LedgerMetadata> open = open(3, 3);
        LedgerMetadata first = open.value();
        Versioned<LedgerMetadata> changed = new Versioned<>(
                2,
                new LedgerMetadata(
                        LEDGER,
                        first.namespace(),
                        first.replication(),
                        first.digest(),
                        first.verifier(),
                        first.state(),
                        first.deletion(),
                        List.of(first.lastFragment(), new Fragment(2, 2, new Ensemble(BOOKIES.subList(3, 6)))),
                        -1,
                        0,
                        0,
                        Map.of(),
                        List.of(),
                        List.of()));
        TailRead tail = started(open, 0);
        Member member = new Member(tail, outbox.only());
        member.push(1, 2, 0);
        tail.learned(changed, 0);
        assertThat(outbox.subscriptions.get(1L).bookie()).isEqualTo(BOOKIES.get(0));
        assertThat(outbox.fetches).containsExactly(new Fetch(1, 1, 1));
        tail.fetched(1, decoded(1), 0);
        assertThat(outbox.subscriptions.values()).containsExactly(new Subscribed(BOOKIES.get(3), 2, 1));
        tail.learned(open, 0);
        new Member(tail, outbox.only()).push(2, 3, 2);
        assertThat(taken(tail)).containsExactly(0L, 1L, 2L);
    }

    @Test
    @DisplayName("a tail from beyond the end of a closed ledger ends at once; one of a deleted ledger fails")
    void beyondTheEnd() {
        Versioned<LedgerMetadata> open = open(3, 3);
        assertThat(started(closed(open, 4), 5).isEnded()).isTrue();
        assertThat(started(closed(open, -1), 0).isEnded()).isTrue();
        assertThat(outbox.subscriptions).isEmpty();
        TailRead tail = started(open, 7);
        assertThat(tail.isEnded()).isFalse();
        tail.learned(new Versioned<>(2, open.value().withDeletion(Deletion.DELETED)), 0);
        assertThat(tail.failure().orElseThrow().code()).isEqualTo(Code.NoSuchLedger);
        assertThat(tail.isEnded()).isFalse();
        assertThat(outbox.subscriptions).isEmpty();
    }

    @Test
    @DisplayName(
            "a confirmed entry that nobody has is asked for again, and in the end the tail fails; silence never fails it")
    void missingEntry() {
        TailRead tail = started(open(3, 3), 0);
        Member member = new Member(tail, outbox.only());
        member.push(0, 1);
        long now = 0;
        for (int i = 1; i <= 20; i++) {
            assertThat(outbox.fetches).hasSize(i);
            tail.fetchFailed(i, Failure.notApplied(Code.TimedOut, "nobody answered"), now);
            tail.tick(now + 99);
            assertThat(outbox.fetches).hasSize(i);
            now += 100;
            member.heartbeat(now, 0, 1);
        }
        for (int i = 21; i <= 25; i++) {
            assertThat(tail.failure()).isEmpty();
            tail.fetchFailed(i, Failure.notApplied(Code.NoSuchEntry, "nobody has it"), now);
            now += 100;
            member.heartbeat(now, 0, 1);
        }
        assertThat(tail.failure().orElseThrow().code()).isEqualTo(Code.NoSuchEntry);
    }

    @Test
    @DisplayName(
            "R25: whatever bookies say, an open ledger's register is read now and then; a stopped tail wants nothing")
    void refreshes() {
        Versioned<LedgerMetadata> open = open(3, 3);
        TailRead tail = started(open, 0);
        Member member = new Member(tail, outbox.only());
        for (long now = 0; now <= 4000; now += 200) {
            member.heartbeat(now, -1, 0);
            tail.tick(now);
        }
        assertThat(outbox.refreshes).isEqualTo(2);
        tail.stop();
        tail.tick(100_000);
        assertThat(outbox.subscriptions).isEmpty();
        assertThat(outbox.refreshes).isEqualTo(2);
    }

    @Test
    @DisplayName("the clock may stand below zero: holes are fetched all the same")
    void clockBelowZero() {
        TailRead tail = new TailRead(open(3, 3), LedgerKey.NONE, 0, 0, SETTINGS, outbox);
        tail.start(-1_000_000);
        new Member(tail, outbox.only()).push(-999_999, 1, 2, new long[] {1});
        assertThat(outbox.fetches).containsExactly(new Fetch(1, 0, 0));
    }
}
