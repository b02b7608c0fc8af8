package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.Payload;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a bookie asks of the clients of a ledger with a password. */
class BookiePasswordTest extends BookieStory {
    private static final LedgerId GUARDED = new LedgerId(6);
    private static final LedgerKey KEY = LedgerPassword.of(new byte[] {1, 2, 3}).keyOf(GUARDED);
    private static final List<Payload> WRONG = List.of(
            Payload.EMPTY, LedgerPassword.of(new byte[] {9}).keyOf(GUARDED).proof());

    private LedgerMetadata open;

    @BeforeEach
    void registerGuarded() {
        open = register(DigestType.HMAC_SHA256);
    }

    private LedgerMetadata register(DigestType digest) {
        LedgerMetadata metadata = LedgerMetadata.create(
                        GUARDED, new Replication(1, 1, 1), new Ensemble(List.of(bookie)), Map.of(), 0)
                .guardedBy(digest, KEY.verifier());
        register(RegistryKey.ofLedger(GUARDED), metadata.encode());
        return metadata;
    }

    private long version() {
        return registry.read(RegistryKey.ofLedger(GUARDED))
                .toCompletableFuture()
                .join()
                .version();
    }

    private BookieRequest.OpenSession opening(Payload proof) {
        return new BookieRequest.OpenSession(bookie, 7, GUARDED, 1, proof);
    }

    private BookieRequest.FenceLedger fence(Payload proof) {
        return new BookieRequest.FenceLedger(bookie, 8, GUARDED, proof);
    }

    private BookieRequest.ReadEntries read(boolean fencing, Payload proof) {
        return new BookieRequest.ReadEntries(bookie, 9, GUARDED, 0, 9, 10, 1 << 20, fencing, proof);
    }

    private BookieRequest.AddEntries add(SessionId session, long number, Payload entry) {
        return new BookieRequest.AddEntries(
                bookie,
                List.of(new BookieRequest.Batch(session, number, number * 1000, -1, EntryBatch.of(List.of(entry)))));
    }

    private static Payload entry(long entryId, DigestType digest) {
        return EntryFormat.encode(GUARDED, entryId, entryId - 1, 100, Payload.ofUtf8("entry"), digest, KEY);
    }

    private Refusal refusal(Running running, BookieRequest request) {
        return ask(running, request, BookieReply.RequestRefused.class).refusal();
    }

    @Test
    @DisplayName("H99, H13: with a wrong proof no session opens, nothing is fenced and no copy is kept")
    void wrongProof() {
        Running running = started(1);
        SessionId session = ask(running, opening(KEY.proof()), BookieReply.SessionOpened.class)
                .session();
        ask(running, add(session, 1, entry(0, DigestType.HMAC_SHA256)), BookieReply.EntriesAdded.class);
        for (Payload wrong : WRONG) {
            assertThat(ask(running, opening(wrong), BookieReply.SessionRefused.class)
                            .refusal())
                    .isEqualTo(Refusal.UNAUTHORIZED);
            assertThat(refusal(running, fence(wrong))).isEqualTo(Refusal.UNAUTHORIZED);
            assertThat(refusal(running, read(true, wrong))).isEqualTo(Refusal.UNAUTHORIZED);
        }
        ask(running, add(session, 2, entry(1, DigestType.HMAC_SHA256)), BookieReply.EntriesAdded.class);

        register(RegistryKey.ofLedger(GUARDED), open.inRecovery().encode());
        EntryBatch copy = EntryBatch.of(List.of(entry(2, DigestType.HMAC_SHA256)));
        for (Payload wrong : WRONG) {
            BookieRequest add = new BookieRequest.RecoveryAddEntries(bookie, 10, GUARDED, version(), wrong, copy);
            assertThat(refusal(running, add)).isEqualTo(Refusal.UNAUTHORIZED);
        }
        assertThat(idsOf(ask(running, read(false, Payload.EMPTY), BookieReply.EntriesRead.class)))
                .isEqualTo(range(0, 2));
        ask(
                running,
                new BookieRequest.RecoveryAddEntries(bookie, 10, GUARDED, version(), KEY.proof(), copy),
                BookieReply.EntriesRecovered.class);
        running.kill();

        // A store that knows nothing of the ledger's terms yet, and is not fenced: it asks the register.
        running = started(2);
        assertThat(refusal(running, fence(WRONG.get(1)))).isEqualTo(Refusal.UNAUTHORIZED);
        register(RegistryKey.ofLedger(GUARDED), open.encode());
        ask(running, opening(KEY.proof()), BookieReply.SessionOpened.class);
        askAndSkipTo(running, fence(KEY.proof()), BookieReply.LedgerFenced.class);
        assertThat(ask(running, opening(KEY.proof()), BookieReply.SessionRefused.class)
                        .refusal())
                .isEqualTo(Refusal.FENCED);
        running.stop();
    }

    @Test
    @DisplayName("H99: without an answer of the register nothing is fenced; the proof is not taken on trust")
    void registerUnavailable() {
        Running running = started(1);
        registry.setAvailable(false);
        assertThat(refusal(running, fence(KEY.proof()))).isEqualTo(Refusal.UNAVAILABLE);
        assertThat(refusal(running, read(true, KEY.proof()))).isEqualTo(Refusal.UNAVAILABLE);
        registry.setAvailable(true);
        ask(running, opening(KEY.proof()), BookieReply.SessionOpened.class);
        registry.setAvailable(false);
        // The opening has told what proofs are checked against, and that never changes.
        askAndSkipTo(running, fence(KEY.proof()), BookieReply.LedgerFenced.class);
        registry.setAvailable(true);
        assertThat(refusal(running, new BookieRequest.FenceLedger(bookie, 8, new LedgerId(1234))))
                .isEqualTo(Refusal.NO_SUCH_LEDGER);
        register(RegistryKey.ofLedger(new LedgerId(1235)), Payload.ofUtf8("of a newer version"));
        assertThat(refusal(running, new BookieRequest.FenceLedger(bookie, 8, new LedgerId(1235))))
                .isEqualTo(Refusal.UNAVAILABLE);
        running.stop();
    }

    @ParameterizedTest
    @EnumSource(DigestType.class)
    @DisplayName("H66: a ledger of each digest type takes its own entries, none of another type and no damaged ones")
    void digests(DigestType digest) {
        register(digest);
        Running running = started(1);
        SessionId session = ask(running, opening(KEY.proof()), BookieReply.SessionOpened.class)
                .session();
        for (DigestType other : DigestType.values()) {
            if (other != digest) {
                assertThat(ask(running, add(session, 1, entry(0, other)), BookieReply.BatchRefused.class)
                                .refusal())
                        .isEqualTo(Refusal.DAMAGED);
            }
        }
        byte[] flipped = entry(0, digest).toByteArray();
        flipped[EntryFormat.HEADER_BYTES] ^= 1;
        if (digest != DigestType.DUMMY) {
            assertThat(ask(running, add(session, 1, Payload.wrap(flipped)), BookieReply.BatchRefused.class)
                            .refusal())
                    .isEqualTo(Refusal.DAMAGED);
        }
        ask(running, add(session, 1, entry(0, digest)), BookieReply.EntriesAdded.class);
        running.kill();
        running = started(2);
        assertThat(ask(running, read(false, Payload.EMPTY), BookieReply.EntriesRead.class)
                        .entries()
                        .entries())
                .containsExactly(entry(0, digest));
        running.stop();
    }
}
