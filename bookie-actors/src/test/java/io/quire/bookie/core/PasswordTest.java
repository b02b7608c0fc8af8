package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.ReplicaEffect.BatchRefused;
import io.quire.bookie.core.ReplicaEffect.FenceRefused;
import io.quire.bookie.core.ReplicaEffect.Fenced;
import io.quire.bookie.core.ReplicaEffect.JournalBatch;
import io.quire.bookie.core.ReplicaEffect.JournalFence;
import io.quire.bookie.core.ReplicaEffect.JournalRecovered;
import io.quire.bookie.core.ReplicaEffect.ReadRegister;
import io.quire.bookie.core.ReplicaEffect.ReadTerms;
import io.quire.bookie.core.ReplicaEffect.ReadVersion;
import io.quire.bookie.core.ReplicaEffect.RecoveryRefused;
import io.quire.bookie.core.ReplicaEffect.SessionOpened;
import io.quire.bookie.core.ReplicaEffect.SessionRefused;
import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a {@link LedgerReplica} asks of those who change its ledger, and of the entries that they bring. */
class PasswordTest {
    private static final BookieId SELF = new BookieId(new UUID(1, 1));
    private static final LedgerId LEDGER = new LedgerId(17);
    private static final LedgerReplica.Limits LIMITS = new LedgerReplica.Limits(10_000, 2, 3);
    private static final LedgerKey KEY = LedgerPassword.of(new byte[] {1, 2, 3}).keyOf(LEDGER);
    private static final List<Payload> WRONG = List.of(
            Payload.EMPTY,
            KEY.verifier(),
            LedgerPassword.of(new byte[] {9}).keyOf(LEDGER).proof());
    private static final LedgerMetadata OPEN = open(DigestType.HMAC_SHA256);

    private final LedgerReplica replica = new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, LIMITS);

    private static LedgerMetadata open(DigestType digest) {
        return LedgerMetadata.create(LEDGER, new Replication(1, 1, 1), new Ensemble(List.of(SELF)), Map.of(), 5)
                .guardedBy(digest, KEY.verifier());
    }

    private static EntryBatch batch(DigestType digest, long entryId) {
        return EntryBatch.of(
                List.of(EntryFormat.encode(LEDGER, entryId, -1, 100, Payload.ofUtf8("entry"), digest, KEY)));
    }

    private static Optional<Versioned<LedgerMetadata>> recovering(long version) {
        return Optional.of(new Versioned<>(version, OPEN.inRecovery()));
    }

    @Test
    @DisplayName("a session opens for who has the password alone, whatever else the register says")
    void session() {
        long counter = 0;
        for (Payload wrong : WRONG) {
            counter++;
            assertThat(replica.openSession(counter, 1, wrong)).containsExactly(new ReadRegister(counter));
            assertThat(replica.registerRead(counter, Optional.of(OPEN)))
                    .singleElement()
                    .isInstanceOfSatisfying(SessionRefused.class, refused -> assertThat(refused.refusal())
                            .isEqualTo(ReplicaRefusal.UNAUTHORIZED));
        }
        replica.openSession(9, 1, KEY.proof());
        assertThat(replica.registerRead(9, Optional.of(OPEN))).containsExactly(new SessionOpened(9, 10_000));
        assertThat(replica.isIdle()).isTrue();
    }

    @Test
    @DisplayName("a ledger without a password opens for who shows none alone: whoever shows one means another ledger")
    void noPassword() {
        LedgerMetadata open = OPEN.guardedBy(DigestType.CRC32C, Payload.EMPTY);
        replica.openSession(1, 1, KEY.proof());
        assertThat(replica.registerRead(1, Optional.of(open))).hasOnlyElementsOfType(SessionRefused.class);
        replica.openSession(2, 1, Payload.EMPTY);
        assertThat(replica.registerRead(2, Optional.of(open))).hasOnlyElementsOfType(SessionOpened.class);
    }

    @Test
    @DisplayName("H99: a fence with a wrong proof changes nothing; the register is read once to tell")
    void fence() {
        replica.openSession(1, 1, KEY.proof());
        assertThat(replica.fence(5, WRONG.get(2))).containsExactly(new ReadTerms(5));
        assertThat(replica.isIdle()).isFalse();
        assertThat(refusalOf(replica.termsRead(5, Optional.of(OPEN)))).isEqualTo(ReplicaRefusal.UNAUTHORIZED);
        for (Payload wrong : WRONG) {
            assertThat(refusalOf(replica.fence(6, wrong))).isEqualTo(ReplicaRefusal.UNAUTHORIZED);
        }
        // No fence has passed: the session that waited for the register opens, and takes entries.
        assertThat(replica.registerRead(1, Optional.of(OPEN))).containsExactly(new SessionOpened(1, 10_000));
        assertThat(replica.addBatch(1, 1, 500, -1, batch(DigestType.HMAC_SHA256, 0)))
                .hasOnlyElementsOfType(JournalBatch.class);
        replica.batchJournaled(1, 1, -1);
        assertThat(replica.fence(7, KEY.proof())).contains(new JournalFence());
        assertThat(replica.fenceJournaled()).containsExactly(new Fenced(7, -1));
        assertThat(replica.isIdle()).isTrue();
    }

    @Test
    @DisplayName("H99: a ledger that is fenced already tells its last-add-confirmed to who has the password alone")
    void fenceOfFenced() {
        LedgerReplica fenced = new LedgerReplica(SELF, LEDGER, new LedgerReplica.Known(true, 4, 4, 0), LIMITS);
        assertThat(fenced.fence(1, WRONG.get(0))).containsExactly(new ReadTerms(1));
        assertThat(fenced.fence(2, KEY.proof())).containsExactly(new ReadTerms(2));
        assertThat(refusalOf(fenced.termsRead(1, Optional.of(OPEN)))).isEqualTo(ReplicaRefusal.UNAUTHORIZED);
        assertThat(fenced.termsRead(2, Optional.of(OPEN))).containsExactly(new Fenced(2, 4));
    }

    @Test
    @DisplayName("H99: a fence that cannot be checked is refused for now; so are too many that wait")
    void fenceUnavailable() {
        replica.fence(1, KEY.proof());
        assertThat(refusalOf(replica.termsUnavailable(1, "no majority"))).isEqualTo(ReplicaRefusal.UNAVAILABLE);
        replica.fence(2, KEY.proof());
        assertThat(refusalOf(replica.termsRead(2, Optional.empty()))).isEqualTo(ReplicaRefusal.NO_SUCH_LEDGER);
        assertThat(replica.isIdle()).isTrue();
        for (long token = 10; token < 13; token++) {
            assertThat(replica.fence(token, KEY.proof())).containsExactly(new ReadTerms(token));
        }
        assertThat(refusalOf(replica.fence(13, KEY.proof()))).isEqualTo(ReplicaRefusal.OVERLOADED);
        assertThat(replica.openSession(1, 1, KEY.proof())).containsExactly(new ReadRegister(1));
        assertThat(replica.termsRead(10, Optional.of(OPEN))).containsExactly(new JournalFence());
        assertThat(replica.termsUnavailable(11, "no majority")).hasOnlyElementsOfType(FenceRefused.class);
        assertThat(replica.termsRead(12, Optional.of(OPEN))).isEmpty();
        assertThat(replica.fenceJournaled()).containsExactly(new Fenced(10, -1), new Fenced(12, -1));
    }

    @Test
    @DisplayName("R24, H13: a recovery add with a wrong proof keeps nothing, before and after its version is confirmed")
    void recovery() {
        RecoveryAdds adds = replica.recoveries();
        EntryBatch entries = batch(DigestType.HMAC_SHA256, 5);
        assertThat(adds.add(1, 4, WRONG.get(2), entries)).containsExactly(new ReadVersion(1));
        assertThat(adds.add(2, 4, KEY.proof(), entries)).isEmpty();
        List<ReplicaEffect> effects = adds.versionRead(1, recovering(4));
        assertThat(effects).hasSize(2).contains(new JournalRecovered(2, 4, entries));
        assertThat(((RecoveryRefused) effects.get(0)).refusal()).isEqualTo(ReplicaRefusal.UNAUTHORIZED);
        adds.journaled(2);
        for (Payload wrong : WRONG) {
            for (long version : new long[] {4, 5}) {
                assertThat(adds.add(3, version, wrong, batch(DigestType.HMAC_SHA256, 6)))
                        .singleElement()
                        .isInstanceOfSatisfying(RecoveryRefused.class, refused -> assertThat(refused.refusal())
                                .isEqualTo(ReplicaRefusal.UNAUTHORIZED));
            }
        }
        assertThat(replica.isIdle()).isTrue();
        // What a recovery add learnt counts for a fence.
        assertThat(refusalOf(replica.fence(1, Payload.EMPTY))).isEqualTo(ReplicaRefusal.UNAUTHORIZED);
    }

    @ParameterizedTest
    @EnumSource(DigestType.class)
    @DisplayName("entries with a digest of another type than the ledger's are refused, from writer and recovery")
    void wrongDigest(DigestType ledgers) {
        LedgerReplica other = new LedgerReplica(SELF, LEDGER, LedgerReplica.Known.NOTHING, LIMITS);
        other.openSession(1, 1, KEY.proof());
        other.registerRead(1, Optional.of(open(ledgers)));
        RecoveryAdds adds = other.recoveries();
        long number = 0;
        for (DigestType digest : DigestType.values()) {
            number++;
            List<ReplicaEffect> added = other.addBatch(1, number, number * 500, -1, batch(digest, number));
            ReplicaEffect waiting = adds.add(number, 3, KEY.proof(), batch(digest, number + 100))
                    .get(0);
            List<ReplicaEffect> recovered = waiting instanceof ReadVersion read
                    ? adds.versionRead(
                            read.number(),
                            Optional.of(new Versioned<>(3, open(ledgers).inRecovery())))
                    : List.of(waiting);
            if (digest == ledgers) {
                assertThat(added).hasOnlyElementsOfType(JournalBatch.class);
                assertThat(recovered).hasOnlyElementsOfType(JournalRecovered.class);
            } else {
                assertThat(((BatchRefused) added.get(0)).refusal()).isEqualTo(ReplicaRefusal.DAMAGED);
                assertThat(((RecoveryRefused) recovered.get(0)).refusal()).isEqualTo(ReplicaRefusal.DAMAGED);
            }
        }
    }

    @Test
    @DisplayName(
            "H66: damage on the way to an HMAC ledger is refused before it is journaled, by a store without the key")
    void damageOfHmacEntries() {
        replica.openSession(1, 1, KEY.proof());
        replica.registerRead(1, Optional.of(OPEN));
        byte[] sound = batch(DigestType.HMAC_SHA256, 0).entries().get(0).toByteArray();
        for (int at = 0; at < sound.length; at++) {
            byte[] flipped = sound.clone();
            flipped[at] ^= 4;
            List<ReplicaEffect> effects =
                    replica.addBatch(1, 1, 500, -1, EntryBatch.of(List.of(Payload.wrap(flipped))));
            assertThat(((BatchRefused) effects.get(0)).refusal()).isEqualTo(ReplicaRefusal.DAMAGED);
        }
    }

    private static ReplicaRefusal refusalOf(List<ReplicaEffect> effects) {
        assertThat(effects).hasSize(1);
        return ((FenceRefused) effects.get(0)).refusal();
    }
}
