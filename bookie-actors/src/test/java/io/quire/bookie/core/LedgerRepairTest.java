package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerRepairTest {
    private static final LedgerId LEDGER = new LedgerId(4);
    private static final BookieId SELF = new BookieId(new UUID(1, 1));
    private static final BookieId SECOND = new BookieId(new UUID(1, 2));
    private static final BookieId THIRD = new BookieId(new UUID(1, 3));
    private static final BookieId FOURTH = new BookieId(new UUID(1, 4));
    private static final LedgerRepair.Limits LIMITS = new LedgerRepair.Limits(4, 10_000);
    private static final EntryBatch NOTHING = EntryBatch.EMPTY;

    private DigestType digest = DigestType.CRC32C;

    @Test
    @DisplayName("R21: as long as the last fragment of an open ledger names the store, nothing can be repaired")
    void unbounded() {
        LedgerRepair open = new LedgerRepair(SELF, ledger(3, SELF, SECOND, THIRD), LIMITS);
        assertThat(open.start()).isEmpty();
        assertThat(open.blockedBecause())
                .hasValueSatisfying(
                        reason -> assertThat(reason).contains("OPEN").contains("not known yet"));
        LedgerRepair recovering =
                new LedgerRepair(SELF, ledger(3, SELF, SECOND, THIRD).inRecovery(), LIMITS);
        assertThat(recovering.start()).isEmpty();
        assertThat(recovering.blockedBecause()).isPresent();
    }

    @Test
    @DisplayName("R21: of an open ledger a fragment that has a later one is repaired, up to where that begins")
    void boundedByLaterFragment() {
        LedgerMetadata metadata = ledger(3, SELF, SECOND, THIRD)
                .withFragment(new Fragment(3, 2, new Ensemble(List.of(FOURTH, SECOND, THIRD))), List.of());
        LedgerRepair repair = new LedgerRepair(SELF, metadata, LIMITS);
        assertThat(repair.start()).contains(new RepairEffect.ReadOwn(0, 2));
        assertThat(repair.ownRead(entries(0, 1, 2), 3)).isEmpty();
        assertThat(repair.blockedBecause()).isEmpty();
        assertThat(repair.copies()).isZero();
    }

    @Test
    @DisplayName("R21: what is missing is asked of one other member after another, and journaled")
    void holes() {
        LedgerRepair repair = started(closed(ledger(3, SELF, SECOND, THIRD), 5));
        assertThat(repair.ownRead(entries(0, 2), 4)).contains(new RepairEffect.AskPeer(SECOND, 1, 3));
        assertThat(repair.peerRead(entries(3))).contains(new RepairEffect.AskPeer(THIRD, 1, 1));
        assertThat(repair.peerRead(entries(1))).contains(new RepairEffect.Store(entries(1, 3)));
        assertThat(repair.stored()).contains(new RepairEffect.ReadOwn(4, 5));
        assertThat(repair.ownRead(NOTHING, 6)).contains(new RepairEffect.AskPeer(SECOND, 4, 5));
        assertThat(repair.peerFailed()).contains(new RepairEffect.AskPeer(THIRD, 4, 5));
        assertThat(repair.peerRead(entries(4, 5))).contains(new RepairEffect.Store(entries(4, 5)));
        assertThat(repair.stored()).isEmpty();
        assertThat(repair.blockedBecause()).isEmpty();
        assertThat(repair.copies()).isEqualTo(4);
    }

    @Test
    @DisplayName("R21: an entry that nobody gives keeps the ledger in limbo, and what was found until then is kept")
    void nobodyHasIt() {
        LedgerRepair repair = started(closed(ledger(3, SELF, SECOND, THIRD), 1));
        assertThat(repair.ownRead(NOTHING, 2)).contains(new RepairEffect.AskPeer(SECOND, 0, 1));
        assertThat(repair.peerRead(entries(1))).contains(new RepairEffect.AskPeer(THIRD, 0, 0));
        assertThat(repair.peerRead(NOTHING)).contains(new RepairEffect.Store(entries(1)));
        assertThat(repair.stored()).isEmpty();
        assertThat(repair.blockedBecause())
                .hasValueSatisfying(reason -> assertThat(reason).contains("entry 0"));
    }

    @Test
    @DisplayName(
            "H78: a copy with a wrong digest, of another ledger, or with a digest of another type counts for nothing")
    void badCopies() {
        LedgerRepair repair = started(closed(ledger(3, SELF, SECOND, THIRD), 0));
        byte[] flipped = entry(0).toByteArray();
        flipped[41] ^= 1;
        Payload foreign = EntryFormat.encode(new LedgerId(5), 0, -1, 1, Payload.ofUtf8("a"), DigestType.CRC32C);
        Payload unguarded = EntryFormat.encode(LEDGER, 0, -1, 1, Payload.ofUtf8("a"), DigestType.DUMMY);
        assertThat(repair.ownRead(EntryBatch.of(List.of(Payload.wrap(flipped))), 1))
                .contains(new RepairEffect.AskPeer(SECOND, 0, 0));
        assertThat(repair.peerRead(EntryBatch.of(List.of(foreign)))).contains(new RepairEffect.AskPeer(THIRD, 0, 0));
        assertThat(repair.peerRead(EntryBatch.of(List.of(unguarded)))).isEmpty();
        assertThat(repair.blockedBecause()).isPresent();
    }

    @Test
    @DisplayName("H78: without digests two others must have the same bytes")
    void dummyDigests() {
        digest = DigestType.DUMMY;
        LedgerRepair repair = started(closed(ledger(3, SELF, SECOND, THIRD), 1));
        assertThat(repair.ownRead(NOTHING, 2)).contains(new RepairEffect.AskPeer(SECOND, 0, 1));
        assertThat(repair.peerRead(entries(0, 1))).contains(new RepairEffect.AskPeer(THIRD, 0, 1));
        Payload another = EntryFormat.encode(LEDGER, 1, -1, 1, Payload.ofUtf8("x"), DigestType.DUMMY);
        assertThat(repair.peerRead(EntryBatch.of(List.of(entry(0), another))))
                .contains(new RepairEffect.Store(entries(0)));
        assertThat(repair.stored()).isEmpty();
        assertThat(repair.blockedBecause())
                .hasValueSatisfying(reason -> assertThat(reason).contains("entry 1"));
    }

    @Test
    @DisplayName("R21: with E > Qw only the entries of the store's own write sets are wanted, from members of theirs")
    void striped() {
        LedgerRepair repair = started(closed(ledger(2, THIRD, SELF, SECOND), 5));
        // Position 1 of 3 with two copies each: entries 0 and 1 of every three.
        assertThat(repair.ownRead(NOTHING, 5)).contains(new RepairEffect.AskPeer(THIRD, 0, 4));
        assertThat(repair.peerRead(entries(0, 2, 3))).contains(new RepairEffect.AskPeer(SECOND, 1, 4));
        assertThat(repair.peerRead(entries(1, 2, 4))).contains(new RepairEffect.Store(entries(0, 1, 3, 4)));
        assertThat(repair.stored()).isEmpty();
        assertThat(repair.blockedBecause()).isEmpty();
    }

    @Test
    @DisplayName("R21: a store that the register does not name must hold nothing")
    void notNamed() {
        LedgerRepair repair = new LedgerRepair(SELF, ledger(3, FOURTH, SECOND, THIRD), LIMITS);
        assertThat(repair.start()).isEmpty();
        assertThat(repair.blockedBecause()).isEmpty();
    }

    @Test
    @DisplayName(
            "R21: while a ledger is in recovery, a store that no register names may yet be named for copies it lost")
    void inRecovery() {
        LedgerMetadata recovering = ledger(3, FOURTH, SECOND, THIRD).inRecovery();
        LedgerRepair repair = new LedgerRepair(SELF, recovering, LIMITS);
        assertThat(repair.start()).isEmpty();
        assertThat(repair.blockedBecause())
                .hasValueSatisfying(reason -> assertThat(reason).contains("in recovery"));
    }

    @Test
    @DisplayName("R21: a store in limbo looks after ledgers that name it, and after those in recovery")
    void listing() {
        StoreRepair store = new StoreRepair(SELF, LIMITS);
        store.begin(true);
        assertThat(store.listed(List.of(ledger(3, FOURTH, SECOND, THIRD)), Optional.empty()))
                .contains(new RepairEffect.EndListing());
        assertThat(store.listed(List.of(ledger(3, SELF, SECOND, THIRD)), Optional.empty()))
                .contains(new RepairEffect.MarkListed(List.of(LEDGER)));
        assertThat(store.listed(List.of(ledger(3, FOURTH, SECOND, THIRD).inRecovery()), Optional.empty()))
                .contains(new RepairEffect.MarkListed(List.of(LEDGER)));
    }

    private static LedgerRepair started(LedgerMetadata metadata) {
        LedgerRepair repair = new LedgerRepair(SELF, metadata, LIMITS);
        assertThat(repair.start()).isNotEqualTo(Optional.empty());
        return repair;
    }

    private LedgerMetadata ledger(int writeQuorum, BookieId... ensemble) {
        return LedgerMetadata.create(
                        LEDGER, new Replication(3, writeQuorum, 2), new Ensemble(List.of(ensemble)), Map.of(), 0)
                .guardedBy(digest, Payload.EMPTY);
    }

    private static LedgerMetadata closed(LedgerMetadata open, long lastEntryId) {
        return open.closed(lastEntryId, 100, List.of());
    }

    private EntryBatch entries(long... ids) {
        return EntryBatch.of(LongStream.of(ids).mapToObj(this::entry).toList());
    }

    private Payload entry(long entryId) {
        return EntryFormat.encode(LEDGER, entryId, -1, entryId + 1, Payload.ofUtf8("a"), digest);
    }
}
