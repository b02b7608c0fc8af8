package io.quire.simulation;

import static io.quire.simulation.Stage.MEMBER_TIMEOUT_MILLIS;
import static io.quire.simulation.Stage.WRITER;
import static io.quire.simulation.Traffic.addsOf;
import static io.quire.simulation.Traffic.every;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Replication;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.simulation.Stage.Rule;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * Losses that were reported for Apache BookKeeper, played again step by step with the production cores; {@code bk#N} is
 * the number of the report there. Each comment says what happened there, and why it cannot here. Each story ends with
 * everything that was acknowledged.
 */
class ReportedLossesTest {
    private static final Replication THREE_THREE_TWO = new Replication(3, 3, 2);

    /**
     * There: only the read of the last-add-confirmed fenced. The recovery took the word of a bookie that the fence had not
     * reached, which then took the entry from the old writer. Here every read of a recovery fences before it is answered
     * (R23), so that a bookie that says no goes on saying no.
     */
    @Test
    @DisplayName("bk#2614, H1: a bookie whose fence was lost says no to a recovery, and then takes no add either")
    void lostFence() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        stage.appendAndWait(2);

        Rule late = stage.hold(addsOf(2L).to("b0"));
        stage.lose(addsOf(2L).to("b2"));
        stage.append(1);
        stage.pauseWriter(3_000); // its acknowledgement from b1 lies before it
        stage.run(20);
        assertThat(stage.holders(2)).containsExactly("b1");

        Rule fences = stage.lose(every(BookieRequest.FenceLedger.class).to("b0"));
        stage.hold(every(BookieRequest.ReadEntries.class).to("b1"));
        stage.recoverAndWait("recoverer");
        assertThat(stage.registered().value().lastEntryId()).isEqualTo(1);

        late.end();
        stage.run(5_000);
        assertThat(fences.count()).isPositive();
        assertThat(stage.holders(2)).containsExactly("b1");
        assertThat(stage.acknowledged()).containsExactly(0L, 1L);
        stage.everyEntryIsOnAnAckQuorum();
    }

    /**
     * There: members of a fresh last fragment knew no last-add-confirmed, so that the recovery began at entry 0, wrote
     * entries of older fragments back to the wrong bookies, and could not register that. Here it never begins below the
     * last fragment (R23).
     */
    @Test
    @DisplayName(
            "bk#2615, H2: a recovery of a fresh last fragment, whose members know nothing, leaves the older ones alone")
    void freshLastFragment() {
        Stage stage = new Stage(THREE_THREE_TWO, 5);
        stage.appendAndWait(5);
        stage.crash("b1", "b2");
        stage.append(1);
        stage.until("both are replaced", () -> stage.ledger().fragments().size() == 2);
        stage.crash(WRITER, "b0");
        stage.start("b1", "b2");
        LedgerMetadata before = stage.registered().value();
        assertThat(stage.namesOf(before.lastFragment().ensemble())).containsExactly("b0", "b3", "b4");
        assertThat(before.lastFragment().firstEntryId()).isEqualTo(5);

        Rule copies = stage.lose(every(BookieRequest.RecoveryAddEntries.class));
        stage.recoverAndWait("recoverer");

        LedgerMetadata after = stage.registered().value();
        assertThat(after.lastEntryId()).isEqualTo(4);
        assertThat(after.fragments()).containsExactly(before.fragments().get(0));
        assertThat(copies.count()).as("nothing was to be copied").isZero();
        stage.everyEntryIsOnAnAckQuorum();
    }

    /**
     * There: a bookie's disk was wiped, it came back under its old identity, and its "no such entry" counted: recoveries
     * truncated. Here an empty directory is not a store, a store formatted under an identity that has booted may not boot
     * (R7), and one formatted anew is another bookie, which does not speak for the one it took the address of (H29). The
     * recovery waits for the copy that it knows nothing of.
     */
    @Test
    @DisplayName("bk#2612, H6: a bookie with a wiped disk denies nothing, under whatever identity it comes back")
    void wipedBookieIsRead() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        stage.lose(addsOf(0L).to("b2"));
        stage.append(1);
        stage.until("it is acknowledged", () -> stage.acknowledged().size() == 1);
        assertThat(stage.holders(0)).containsExactly("b0", "b1");
        stage.crash(WRITER); // before it tells anybody what is confirmed

        stage.startOnEmptyDisk("b0");
        stage.run(2_000);
        assertThat(stage.isServing("b0")).isFalse();

        stage.formatUnderOldIdentity("b0");
        assertThatThrownBy(() -> stage.run(2_000)).hasMessageContaining("R7").hasMessageContaining("clone");
        assertThat(stage.isServing("b0")).isFalse();

        stage.formatAnew("b0");
        Rule unread = stage.hold(every(BookieRequest.ReadEntries.class).to("b1"));
        Rule noes = stage.hold(every(BookieReply.EntriesRead.class).from("b0"));
        SimulatedRecoverer recoverer = stage.recover("recoverer");
        stage.run(10_000);
        assertThat(noes.count()).isZero();
        assertThat(recoverer.isFinished()).isFalse();
        assertThat(stage.registered().value().state()).isEqualTo(LedgerState.IN_RECOVERY);

        unread.end();
        stage.until("recovered", recoverer::isFinished);
        assertThat(stage.registered().value().lastEntryId()).isZero();
        stage.everythingAcknowledgedIsReadable();
    }

    /**
     * There: a ledger was recovered and closed; its old writer still lived. Members came back empty under their old
     * addresses, knew no fence, and took its adds: acknowledged, and in no closed ledger. Here a session opens only for a
     * ledger that the register, not the store, says is OPEN (R14), so that even a store whose loss nothing shows takes
     * nothing.
     */
    @Test
    @DisplayName("bk#4812, H7: stores that have forgotten a closed ledger take nothing from its old writer")
    void wipedBookiesAreWritten() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        stage.appendAndWait(3);
        Rule late = stage.hold(addsOf(3L, 4L));
        stage.append(2);
        stage.pauseWriter(6_000);
        Rule notices = stage.lose(every(BookieReply.SessionEnded.class).from("b0", "b1"));
        Rule fenced = stage.lose(every(BookieReply.SessionEnded.class).from("b2"));
        stage.recoverAndWait("recoverer");
        assertThat(stage.registered().value().lastEntryId()).isEqualTo(2);

        stage.forgetEverything("b0");
        stage.forgetEverything("b1");
        notices.end();
        late.end();
        stage.run(12_000);

        assertThat(fenced.count())
                .as("b2 has a fence, and the writer has not heard of it")
                .isPositive();
        assertThat(stage.acknowledged()).containsExactly(0L, 1L, 2L);
        assertThat(stage.pending()).isZero();
        assertThat(stage.holders(3)).isEmpty();
        stage.everythingAcknowledgedIsReadable();
    }

    /**
     * There: while a change of the ensemble was under way entries completed by acknowledgements of the members that it
     * replaced; the metadata then named others for them. Here nothing completes before the outcome is known, and then only
     * by members that are registered (R8, R11).
     */
    @Test
    @DisplayName("bk#4651, H30: acknowledgements that come while both members are being replaced complete nothing")
    void acknowledgedByReplacedMembers() {
        Stage stage = new Stage(new Replication(2, 2, 1), 4);
        stage.appendAndWait(5);
        Rule acknowledgements = stage.hold(
                every(BookieReply.EntriesAdded.class).from("b0", "b1").to(WRITER));
        stage.append(2);
        stage.run(MEMBER_TIMEOUT_MILLIS / 2);
        assertThat(stage.holders(6)).containsExactly("b0", "b1");
        stage.partFromRegistry(WRITER);
        stage.avoid("b0", "b1");
        stage.run(MEMBER_TIMEOUT_MILLIS); // the change is proposed, and nobody hears of it

        acknowledgements.end();
        stage.run(200);
        assertThat(stage.acknowledged()).containsExactly(0L, 1L, 2L, 3L, 4L);

        stage.lose(every(BookieRequest.AddEntries.class).to("b2", "b3"));
        stage.heal();
        stage.until("both are replaced", () -> stage.ledger().fragments().size() == 2);
        stage.run(200);
        assertThat(stage.namesOf(stage.ledger().lastFragment().ensemble())).containsExactly("b2", "b3");
        stage.crash(WRITER);
        stage.recoverAndWait("recoverer");
        assertThat(stage.registered().value().lastEntryId()).isEqualTo(4);
        stage.everyEntryIsOnAnAckQuorum();
    }

    /**
     * There: when the acknowledgements of a replaced member were taken back, one entry after the other, the first one
     * completed amid that and drew with it the next, whose acknowledgement by the replaced member was still counted. Here
     * all are void before any entry completes (R8).
     */
    @Test
    @DisplayName(
            "bk#3005, H31: an entry that only a replaced member has does not complete along with the one before it")
    void completedWhileTakingBack() {
        Stage stage = new Stage(new Replication(2, 1, 1), 3);
        stage.appendAndWait(2);
        Rule second = stage.hold(addsOf(2L));
        Rule fourth = stage.hold(addsOf(4L));
        stage.append(2);
        stage.run(20);
        assertThat(stage.holders(3)).containsExactly("b1");
        stage.crash("b1");
        stage.append(2);
        stage.run(MEMBER_TIMEOUT_MILLIS / 2);
        fourth.end(); // b0 lives, though entry 2 has not got there
        stage.partFromRegistry(WRITER);
        stage.run(MEMBER_TIMEOUT_MILLIS * 3 / 4); // the change from b1 to b2 is proposed
        second.end();
        stage.run(50);
        assertThat(stage.holders(2)).containsExactly("b0");
        assertThat(stage.acknowledged()).containsExactly(0L, 1L);

        Rule toReplacement = stage.hold(every(BookieRequest.AddEntries.class).to("b2"));
        stage.heal();
        stage.until("b1 is replaced", () -> stage.ledger().fragments().size() == 2);
        stage.run(200);
        assertThat(stage.namesOf(stage.ledger().lastFragment().ensemble())).containsExactly("b0", "b2");
        assertThat(stage.acknowledged()).containsExactly(0L, 1L, 2L);

        toReplacement.end();
        stage.until("all complete", () -> stage.acknowledged().size() == 6);
        assertThat(stage.holders(3)).containsExactly("b2");
        stage.everyEntryIsOnAnAckQuorum();
    }

    /**
     * There: entries waited behind an older one, their ack quorums met with a member that failed meanwhile. When the older
     * one was acknowledged during the change, they completed with it, although the metadata came to name another bookie.
     * Here they wait until that one has them (R8, R11): until then a disk may be lost like any before an acknowledgement.
     */
    @Test
    @DisplayName(
            "bk#4097, H30: what waited with the acknowledgement of a member that is replaced is acknowledged only by the next")
    void waitedBehindOlder() {
        Stage stage = new Stage(new Replication(4, 2, 2), 6);
        Rule oldest = stage.hold(addsOf(0L, 3L).to("b0"));
        Rule later = stage.hold(addsOf(4L).to("b0"));
        stage.append(4);
        stage.run(20);
        assertThat(stage.holders(1)).containsExactly("b1", "b2");
        assertThat(stage.holders(2)).containsExactly("b2", "b3");
        stage.crash("b2");
        stage.append(3);
        stage.run(MEMBER_TIMEOUT_MILLIS / 2);
        later.end(); // b0 lives, though entry 0 has not got there
        stage.partFromRegistry(WRITER);
        stage.run(MEMBER_TIMEOUT_MILLIS * 3 / 4); // the change from b2 to b4 is proposed
        oldest.end();
        stage.run(50);
        assertThat(stage.holders(0)).containsExactly("b0", "b1");
        assertThat(stage.acknowledged()).isEmpty();

        stage.lose(every(BookieRequest.AddEntries.class).to("b4"));
        stage.heal();
        stage.until("b2 is replaced", () -> stage.registered().version() == 2);
        stage.run(200);
        assertThat(stage.namesOf(stage.ledger().lastFragment().ensemble())).containsExactly("b0", "b1", "b4", "b3");
        assertThat(stage.acknowledged()).containsExactly(0L);

        stage.crash(WRITER);
        stage.destroy("b1");
        stage.recoverAndWait("recoverer");
        assertThat(stage.registered().value().lastEntryId()).isZero();
        stage.everythingAcknowledgedIsReadable();
    }

    /**
     * There: one bookie after the other was replaced in the background while the registry stalled; entries were
     * acknowledged by ensembles that were registered nowhere. Here a new member gets nothing, and nothing completes, until
     * its fragment is registered (R8, R11).
     */
    @Test
    @DisplayName(
            "bk#1591, H33: while the registry stalls no replacement is written to, and nothing is acknowledged by one")
    void replacedInTheBackground() {
        Stage stage = new Stage(THREE_THREE_TWO, 6);
        stage.appendAndWait(1);
        stage.crash("b0");
        stage.appendAndWait(1);
        stage.stallRegistry();
        Rule toOthers = stage.hold(every(BookieRequest.class).from(WRITER).to("b3", "b4", "b5"));
        stage.run(2 * MEMBER_TIMEOUT_MILLIS);
        stage.append(1);
        stage.crash("b1");
        stage.run(2 * MEMBER_TIMEOUT_MILLIS);
        stage.append(1);
        stage.crash("b2");
        stage.run(2 * MEMBER_TIMEOUT_MILLIS);
        stage.append(1);
        stage.run(2 * MEMBER_TIMEOUT_MILLIS);
        assertThat(toOthers.count()).isZero();
        assertThat(stage.acknowledged()).containsExactly(0L, 1L);

        stage.crash(WRITER);
        stage.resumeRegistry();
        stage.start("b0", "b1", "b2");
        stage.recoverAndWait("recoverer");
        stage.everyEntryIsOnAnAckQuorum();
    }

    /**
     * There: an entry that was indexed and could not be read was answered as one that never was, which let a recovery
     * truncate. Here damage is no answer at all (B0).
     */
    @Test
    @DisplayName("bk#2908, H4: a bookie that cannot read a damaged entry does not deny it")
    void damagedEntry() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        SimulatedRecoverer recoverer = entriesAtTwoOfWhichOneIsUnreachable(stage, () -> stage.flipStoredByte("b0"));
        stage.run(10_000);
        assertThat(recoverer.isFinished()).isFalse();
        assertThat(stage.registered().value().state()).isEqualTo(LedgerState.IN_RECOVERY);

        stage.start("b1");
        stage.until("recovered", recoverer::isFinished);
        assertThat(stage.registered().value().lastEntryId()).isEqualTo(2);
        stage.everythingAcknowledgedIsReadable();
    }

    /** The same report, one step worse: the index does not know the entry any more. Here the entries are counted (R19). */
    @Test
    @DisplayName("bk#2908, H5: a bookie whose index has lost an entry does not deny it")
    void lostIndex() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        SimulatedRecoverer recoverer = entriesAtTwoOfWhichOneIsUnreachable(stage, () -> stage.loseStoredBlock("b0"));
        stage.run(10_000);
        assertThat(recoverer.isFinished()).isFalse();
        assertThat(stage.registered().value().state()).isEqualTo(LedgerState.IN_RECOVERY);

        stage.start("b1");
        stage.until("recovered", recoverer::isFinished);
        assertThat(stage.registered().value().lastEntryId()).isEqualTo(2);
        stage.everythingAcknowledgedIsReadable();
    }

    /** Entry 2 is at b0, where {@code damage} is done, and at b1, which is down; b2 has never seen it. */
    private static SimulatedRecoverer entriesAtTwoOfWhichOneIsUnreachable(Stage stage, Runnable damage) {
        stage.appendAndWait(2);
        stage.lose(addsOf(2L).to("b2"));
        stage.appendAndWait(1);
        stage.crash(WRITER, "b0", "b1");
        stage.start("b0"); // what a boot finds in the journal goes to the ledger store
        damage.run();
        return stage.recover("recoverer");
    }

    /**
     * There: a ledger was fenced, deleted and collected by the bookies; with it went the fence. A late writer's add made it
     * again, unfenced, and was acknowledged. Quire's bookies collect nothing yet; stores that have forgotten everything
     * stand for it. The register is what a session opens by, and there "deleted" is a fact that stays (R14, R22).
     */
    @Test
    @DisplayName("bk#4462, H9: stores that have forgotten a deleted ledger take nothing from its late writer")
    void lateWriterOfDeletedLedger() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        stage.appendAndWait(3);
        Rule late = stage.hold(addsOf(3L));
        stage.append(1);
        stage.pauseWriter(6_000);
        Rule notices = stage.lose(every(BookieReply.SessionEnded.class));
        stage.recoverAndWait("recoverer");
        stage.purge();
        stage.forgetEverything("b0");
        stage.forgetEverything("b1");
        stage.forgetEverything("b2");

        notices.end();
        late.end();
        stage.run(12_000);

        assertThat(stage.acknowledged()).containsExactly(0L, 1L, 2L);
        assertThat(stage.pending()).isZero();
        assertThat(stage.holders(3)).isEmpty();
        assertThat(stage.registered().value().isDeleted()).isTrue();
    }

    /**
     * There: a collector dropped what was just being copied to a bookie that the metadata did not name yet. Quire has
     * neither collector nor re-replication yet; the copies are a recovery's, which go to a bookie that only the closing
     * change will name. What a collector will have to obey is there: the copy says durably at which version of the register
     * it is held (R24). And what comes late, for a version that has passed, is refused.
     */
    @Test
    @DisplayName(
            "bk#4668, H69: a copy that no metadata names yet is held at a version, durably, and late copies are refused")
    void copyBeforeItIsNamed() {
        Stage stage = new Stage(THREE_THREE_TWO, 4);
        stage.appendAndWait(2);
        stage.lose(addsOf(2L).to("b1", "b2"));
        stage.append(1);
        stage.run(20);
        assertThat(stage.holders(2)).containsExactly("b0");
        stage.crash(WRITER, "b1");
        Rule late = stage.hold(every(BookieRequest.RecoveryAddEntries.class).to("b2"));
        Rule copied = stage.lose(every(BookieReply.EntriesRecovered.class).from("b3"));
        SimulatedRecoverer recoverer = stage.recover("recoverer");
        stage.until("b3 has taken the copy", () -> copied.count() > 0);

        assertThat(stage.registered().value().state()).isEqualTo(LedgerState.IN_RECOVERY);
        assertThat(stage.namesOf(stage.registered().value().lastFragment().ensemble()))
                .containsExactly("b0", "b1", "b2");
        stage.crash("b3");
        stage.start("b3");
        assertThat(stage.holders(2)).containsExactly("b0", "b3");
        assertThat(stage.heldAt("b3")).isEqualTo(stage.registered().version());

        copied.end();
        stage.until("recovered", recoverer::isFinished);
        assertThat(stage.registered().value().lastEntryId()).isEqualTo(2);
        late.end();
        stage.run(200);
        assertThat(stage.holders(2)).containsExactly("b0", "b3");
        stage.destroy("b0");
        stage.everythingAcknowledgedIsReadable();
    }

    /**
     * There: the mark that tells an add of a recovery from a writer's got lost in a refactoring, and no copy was taken by a
     * fenced bookie any more. Here they are two messages; a fence ends sessions and knows nothing of recovery adds (R24).
     */
    @Test
    @DisplayName("bk#4163, H12: fenced bookies, restarted too, take copies from a recovery and nothing from the writer")
    void recoveryAddsToFencedBookies() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        stage.appendAndWait(2);
        Rule late = stage.hold(addsOf(2L, 3L).to("b1", "b2"));
        stage.lose(addsOf(3L).to("b0"));
        stage.append(2);
        stage.pauseWriter(8_000);
        stage.run(20);
        assertThat(stage.holders(2)).containsExactly("b0");

        Rule copies = stage.lose(every(BookieRequest.RecoveryAddEntries.class));
        stage.lose(every(BookieReply.EntriesRead.class).from("b2")); // so that entry 2 is found
        stage.recover("first recoverer");
        stage.until("it has fenced, and sends copies", () -> copies.count() > 0);
        stage.crash("first recoverer", "b1", "b2");
        stage.start("b1", "b2"); // fenced, as they find in their stores
        copies.end();
        late.end();
        stage.run(50);
        assertThat(stage.holders(3)).isEmpty();

        stage.recoverAndWait("second recoverer");
        assertThat(stage.registered().value().lastEntryId()).isEqualTo(2);
        stage.run(12_000);
        assertThat(stage.holders(2)).containsExactly("b0", "b1");
        assertThat(stage.holders(3)).isEmpty();
        stage.everyEntryIsOnAnAckQuorum();
    }

    /**
     * There: a last-add-confirmed that a writer had announced was kept in memory only. Readers saw the entries; after all
     * bookies had restarted they were not readable. Here a bookie tells one only when its journal has it (R25).
     */
    @Test
    @DisplayName("bk#1527, H45: what a reader has seen is readable after all bookies have lost power at once")
    void confirmedAndPowerLost() {
        Stage stage = new Stage(THREE_THREE_TWO, 3);
        stage.appendAndWait(3);
        stage.run(200); // the writer is idle, and says what is confirmed
        assertThat(stage.readAll("reader")).isEqualTo(3);

        stage.crash(WRITER, "b0", "b1", "b2");
        stage.start("b0", "b1", "b2");

        assertThat(stage.readAll("another reader")).isEqualTo(3);
        stage.everyEntryIsOnAnAckQuorum();
    }
}
