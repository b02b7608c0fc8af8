package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.ReplicaEffect.DropRefused;
import io.quire.bookie.core.ReplicaEffect.Dropped;
import io.quire.bookie.core.ReplicaEffect.EntriesRecovered;
import io.quire.bookie.core.ReplicaEffect.FenceRefused;
import io.quire.bookie.core.ReplicaEffect.JournalBatch;
import io.quire.bookie.core.ReplicaEffect.JournalDrop;
import io.quire.bookie.core.ReplicaEffect.JournalRecovered;
import io.quire.bookie.core.ReplicaEffect.LookUp;
import io.quire.bookie.core.ReplicaEffect.ReadRegister;
import io.quire.bookie.core.ReplicaEffect.ReadTerms;
import io.quire.bookie.core.ReplicaEffect.ReadVersion;
import io.quire.bookie.core.ReplicaEffect.RecoveryRefused;
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
import java.util.UUID;
import org.assertj.core.api.Condition;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What becomes of everything that is under way when a ledger is dropped. */
class LedgerDropTest {
    private static final BookieId SELF = new BookieId(new UUID(1, 1));
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final LedgerReplica.Limits LIMITS = new LedgerReplica.Limits(100_000, 2, 3);
    private static final LedgerMetadata OPEN =
            LedgerMetadata.create(LEDGER, new Replication(1, 1, 1), new Ensemble(List.of(SELF)), Map.of(), 5);
    private static final LedgerMetadata IN_RECOVERY = OPEN.inRecovery();
    private static final LedgerMetadata CLOSED = IN_RECOVERY.closed(9, 100, List.of());

    private final LedgerReplica replica = new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, LIMITS);

    private static EntryBatch batch(long... entryIds) {
        return EntryBatch.of(Arrays.stream(entryIds)
                .mapToObj(
                        id -> EntryFormat.encode(LEDGER, id, -1, 100, Payload.ofUtf8("entry " + id), DigestType.CRC32C))
                .toList());
    }

    private void openSession(long counter) {
        replica.openSession(counter, 1, Payload.EMPTY);
        assertThat(replica.registerRead(counter, Optional.of(OPEN)))
                .containsExactly(new SessionOpened(counter, 100_000));
    }

    private List<ReplicaEffect> recover(long token, long version, long... entryIds) {
        return replica.recoveries().add(token, version, Payload.EMPTY, batch(entryIds));
    }

    private static Condition<ReplicaEffect> refusedBy(ReplicaRefusal refusal) {
        return new Condition<>(
                effect -> (effect instanceof SessionEnded ended && ended.refusal() == refusal)
                        || (effect instanceof SessionRefused refused && refused.refusal() == refusal)
                        || (effect instanceof FenceRefused fence && fence.refusal() == refusal)
                        || (effect instanceof RecoveryRefused add && add.refusal() == refusal),
                "refused by %s",
                refusal);
    }

    private void dropped() {
        assertThat(replica.drop(99)).contains(new JournalDrop());
        assertThat(replica.dropJournaled()).containsExactly(new Dropped(99));
    }

    @Test
    @DisplayName("R14, R22: a drop ends sessions and openings, and is answered when it is durable")
    void endsSessions() {
        openSession(1);
        assertThat(replica.addBatch(1, 1, 500, -1, batch(0))).hasSize(1);
        assertThat(replica.openSession(2, 1, Payload.EMPTY)).containsExactly(new ReadRegister(2));

        List<ReplicaEffect> effects = replica.drop(7);
        assertThat(effects).hasSize(3).endsWith(new JournalDrop());
        assertThat(effects.subList(0, 2)).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.drop(8)).isEmpty();
        assertThat(replica.registerRead(2, Optional.of(OPEN))).isEmpty();
        assertThat(replica.isIdle()).isFalse();
        assertThat(replica.holdsNothing()).isFalse();

        assertThat(replica.batchJournaled(1, 1, 0)).isEmpty();
        assertThat(replica.dropJournaled()).containsExactly(new Dropped(7), new Dropped(8));
        assertThat(replica.drop(9)).containsExactly(new Dropped(9));
        assertThat(replica.isIdle()).isTrue();
        assertThat(replica.holdsNothing()).isTrue();
        assertThat(replica.lastAddConfirmed()).isEqualTo(-1);
    }

    @Test
    @DisplayName("R22: a ledger that was dropped refuses everything, for ever")
    void refusesEverything() {
        openSession(1);
        dropped();

        assertThat(replica.addBatch(1, 1, 500, -1, batch(0))).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.probe(1)).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.openSession(2, 1, Payload.EMPTY)).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.fence(3, Payload.EMPTY)).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(recover(4, 2, 0)).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.dropSuperseded(5, 9)).containsExactly(new Dropped(5));
        assertThat(replica.isIdle()).isTrue();
    }

    @Test
    @DisplayName("R22, R24: a version that was confirmed before the drop is void after it")
    void confirmedVersionIsVoid() {
        assertThat(recover(1, 2, 0)).containsExactly(new ReadVersion(1));
        assertThat(replica.recoveries().versionRead(1, Optional.of(new Versioned<>(2, IN_RECOVERY))))
                .containsExactly(new JournalRecovered(1, 2, batch(0)));
        assertThat(recover(2, 2, 1)).containsExactly(new JournalRecovered(2, 2, batch(1)));
        assertThat(recover(3, 3, 2)).containsExactly(new ReadVersion(2));

        assertThat(replica.drop(7))
                .hasSize(2)
                .endsWith(new JournalDrop())
                .first()
                .is(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.recoveries().versionRead(2, Optional.of(new Versioned<>(3, IN_RECOVERY))))
                .isEmpty();
        assertThat(replica.recoveries().journaled(1)).containsExactly(new EntriesRecovered(1));
        assertThat(replica.recoveries().journaled(2)).containsExactly(new EntriesRecovered(2));
        assertThat(replica.dropJournaled()).containsExactly(new Dropped(7));
        assertThat(recover(4, 2, 0)).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(recover(5, 3, 0)).are(refusedBy(ReplicaRefusal.NOT_OPEN));
    }

    @Test
    @DisplayName("R22: what was being looked up is journaled no more")
    void lookUpsAreForgotten() {
        openSession(1);
        assertThat(replica.addBatch(1, 1, 500, -1, batch(4))).hasSize(1);
        assertThat(replica.addBatch(1, 2, 900, -1, batch(3)))
                .first()
                .isInstanceOfSatisfying(
                        LookUp.class, lookUp -> assertThat(lookUp.number()).isEqualTo(1));
        replica.drop(7);

        assertThat(replica.lookedUp(1, Map.of())).isEmpty();
        assertThat(replica.lookUpFailed(1, "late")).isEmpty();
        replica.batchJournaled(1, 1, -1);
        replica.dropJournaled();
        assertThat(replica.isIdle()).isTrue();
    }

    @Test
    @DisplayName("R22: a fence of a purged ledger leaves no mark, one of a deleted ledger does")
    void fenceOfPurgedLedger() {
        assertThat(replica.fence(1, Payload.EMPTY)).containsExactly(new ReadTerms(1));
        assertThat(replica.termsRead(1, Optional.of(OPEN.withDeletion(Deletion.PURGED))))
                .are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.fence(2, Payload.EMPTY)).containsExactly(new ReadTerms(2));
        replica.drop(3);
        assertThat(replica.termsRead(2, Optional.of(OPEN))).isEmpty();
        assertThat(replica.termsUnavailable(2, "late")).isEmpty();

        LedgerReplica other = new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, LIMITS);
        other.fence(1, Payload.EMPTY);
        assertThat(other.termsRead(1, Optional.of(OPEN.withDeletion(Deletion.DELETED))))
                .containsExactly(new ReplicaEffect.JournalFence());
    }

    @Test
    @DisplayName("R22: a reading that finds the ledger purged lets no later fence or recovery add pass")
    void nothingIsLearntOfPurgedLedger() {
        LedgerMetadata purged = OPEN.withDeletion(Deletion.PURGED);
        replica.openSession(1, 1, Payload.EMPTY);
        assertThat(replica.registerRead(1, Optional.of(purged))).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(recover(2, 2, 0)).containsExactly(new ReadVersion(1));
        assertThat(replica.recoveries().versionRead(1, Optional.of(new Versioned<>(2, purged))))
                .are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.fence(3, Payload.EMPTY)).containsExactly(new ReadTerms(3));
        assertThat(replica.termsRead(3, Optional.of(purged))).are(refusedBy(ReplicaRefusal.NOT_OPEN));
        assertThat(replica.holdsNothing()).isTrue();
    }

    @Test
    @DisplayName("R4: nothing is held only when nothing that was allowed before can bring anything")
    void holdsNothing() {
        assertThat(replica.holdsNothing()).isTrue();
        replica.openSession(1, 1, Payload.EMPTY);
        assertThat(replica.holdsNothing()).isFalse();
        replica.registerRead(1, Optional.of(OPEN));
        assertThat(replica.holdsNothing()).isFalse();
        replica.closeSession(1);
        assertThat(replica.holdsNothing()).isFalse();

        LedgerReplica holding = new LedgerReplica(SELF, LEDGER, new LedgerReplica.Known(true, -1, -1, 0), LIMITS);
        assertThat(holding.holdsNothing()).isFalse();
    }

    @Test
    @DisplayName("R24, H69: a superseded copy goes only if it is not held at that version or a later one")
    void supersededCopy() {
        LedgerReplica held = new LedgerReplica(SELF, LEDGER, new LedgerReplica.Known(true, 5, 9, 4), LIMITS);
        assertThat(held.dropSuperseded(1, 4)).hasOnlyElementsOfType(DropRefused.class);
        assertThat(held.dropSuperseded(2, 3)).hasOnlyElementsOfType(DropRefused.class);

        assertThat(held.dropSuperseded(3, 5)).containsExactly(new JournalDrop());
        assertThat(held.recoveries().add(4, 5, Payload.EMPTY, batch(0))).are(refusedBy(ReplicaRefusal.UNAVAILABLE));
        assertThat(held.openSession(5, 1, Payload.EMPTY)).are(refusedBy(ReplicaRefusal.UNAVAILABLE));
        assertThat(held.fence(6, Payload.EMPTY)).are(refusedBy(ReplicaRefusal.UNAVAILABLE));
        assertThat(held.dropJournaled()).containsExactly(new Dropped(3));

        // Afterwards it may get a copy again: of its entries nothing is taken for held.
        assertThat(held.recoveries().add(7, 6, Payload.EMPTY, batch(0))).containsExactly(new ReadVersion(1));
        assertThat(held.recoveries().versionRead(1, Optional.of(new Versioned<>(6, CLOSED))))
                .containsExactly(new JournalRecovered(7, 6, batch(0)));
        assertThat(held.dropSuperseded(8, 7)).hasOnlyElementsOfType(DropRefused.class);
        held.recoveries().journaled(7);
        assertThat(held.dropSuperseded(9, 6)).hasOnlyElementsOfType(DropRefused.class);
    }

    @Test
    @DisplayName("R22: a ledger that is purged while its superseded copy goes is dropped once more, and answered once")
    void purgedWhileSupersededCopyGoes() {
        LedgerReplica held = new LedgerReplica(SELF, LEDGER, new LedgerReplica.Known(true, 5, 9, 4), LIMITS);
        held.dropSuperseded(1, 5);
        assertThat(held.drop(2)).containsExactly(new JournalDrop());
        assertThat(held.dropJournaled()).isEmpty();
        assertThat(held.dropJournaled()).containsExactly(new Dropped(1), new Dropped(2));
        assertThat(held.holdsNothing()).isTrue();
    }

    @Test
    @DisplayName("R22: a batch that was journaled before the drop is not taken for held after a superseded copy went")
    void journaledBeforeIsForgotten() {
        openSession(1);
        assertThat(replica.addBatch(1, 1, 500, -1, batch(0))).containsExactly(new JournalBatch(1, 1, -1, batch(0)));
        assertThat(replica.dropSuperseded(2, 9)).hasOnlyElementsOfType(DropRefused.class);
        replica.batchJournaled(1, 1, -1);
        assertThat(replica.dropSuperseded(3, 9)).hasSize(2).endsWith(new JournalDrop());
        replica.dropJournaled();
        recover(4, 9, 0);
        assertThat(replica.recoveries().versionRead(1, Optional.of(new Versioned<>(9, CLOSED))))
                .containsExactly(new JournalRecovered(4, 9, batch(0)));
    }
}
