package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.testkit.typed.javadsl.ActorTestKit;
import org.apache.pekko.actor.testkit.typed.javadsl.ManualTime;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What the Java API says when something goes wrong: the code, and whether it took effect (H97). */
class LedgerClientTest {
    private static final Config CONFIG = ManualTime.config()
            .withFallback(ConfigFactory.parseString("pekko.loglevel = WARNING"))
            .withFallback(ConfigFactory.load());
    private static final LedgerId LEDGER = new LedgerId(3);

    private final MemoryRegistry registry = new MemoryRegistry();
    private ActorTestKit kit;
    private ScriptedBookies bookies;

    @BeforeEach
    void startSystem() {
        kit = ActorTestKit.create("client", CONFIG);
        bookies = new ScriptedBookies(kit, 3);
    }

    @AfterEach
    void stopSystem() {
        kit.shutdownTestKit();
    }

    private LedgerClient client(String settings) {
        return LedgerClient.create(
                kit.system(),
                registry,
                () -> CompletableFuture.completedStage(LEDGER),
                bookies,
                ClientSettings.from(ConfigFactory.parseString(settings).withFallback(CONFIG)),
                new SimpleMeterRegistry(),
                () -> 0);
    }

    private static WriteHandle created(LedgerClient client) {
        return await(client.newCreateLedgerOp().execute());
    }

    private static LedgerMetadata open() {
        return LedgerMetadata.create(LEDGER, Replication.DEFAULT, ScriptedBookies.ensemble(3), Map.of(), 0);
    }

    private static LedgerMetadata closed(long lastEntryId) {
        return open().closed(lastEntryId, 10, List.of());
    }

    private static <T> T await(CompletionStage<T> stage) {
        return stage.toCompletableFuture().orTimeout(20, TimeUnit.SECONDS).join();
    }

    private static void assertFails(CompletionStage<?> stage, Code code, Outcome outcome) {
        assertThatThrownBy(() -> await(stage))
                .isInstanceOf(CompletionException.class)
                .cause()
                .isInstanceOfSatisfying(LedgerException.class, failure -> {
                    assertThat(failure.code()).isEqualTo(code);
                    assertThat(failure.outcome()).isEqualTo(outcome);
                    assertThat(failure).hasMessageNotContaining("null");
                });
    }

    @Test
    @DisplayName("a ledger that cannot be created is not: impossible quorums, too few bookies, no registry")
    void notCreated() {
        LedgerClient client = client("");
        assertFails(
                client.newCreateLedgerOp().withAckQuorumSize(4).execute(), Code.InvalidRequest, Outcome.NOT_APPLIED);
        assertFails(
                client.newCreateLedgerOp().withEnsembleSize(4).execute(), Code.NotEnoughBookies, Outcome.NOT_APPLIED);
        registry.setUnavailable(true);
        assertFails(client.newCreateLedgerOp().execute(), Code.Unavailable, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("R2, H85: a creation whose answer was lost may have happened")
    void creationUnknown() {
        registry.loseAnswer(true);
        assertFails(client("").newCreateLedgerOp().execute(), Code.TimedOut, Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("a ledger that is not there, or deleted, cannot be opened; without a registry nobody knows")
    void notOpened() {
        LedgerClient client = client("");
        CompletionStage<ReadHandle> missing =
                client.newOpenLedgerOp().withLedgerId(LEDGER).execute();
        assertFails(missing, Code.NoSuchLedger, Outcome.NOT_APPLIED);
        registry.put(closed(4).withDeletion(Deletion.DELETED));
        assertFails(client.newOpenLedgerOp().withLedgerId(LEDGER).execute(), Code.NoSuchLedger, Outcome.NOT_APPLIED);
        registry.setUnavailable(true);
        assertFails(client.newOpenLedgerOp().withLedgerId(LEDGER).execute(), Code.Unavailable, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("H51: reading beyond the end of a closed ledger, or no range at all, is refused")
    void beyondTheEnd() {
        registry.put(closed(4));
        ReadHandle ledger =
                await(client("").newOpenLedgerOp().withLedgerId(LEDGER).execute());
        assertThat(ledger.getLastAddConfirmed()).isEqualTo(4);
        assertFails(ledger.readAsync(0, 5), Code.NoSuchEntry, Outcome.NOT_APPLIED);
        assertFails(ledger.batchReadAsync(5, 1, 1), Code.NoSuchEntry, Outcome.NOT_APPLIED);
        assertFails(ledger.readAsync(2, 1), Code.InvalidRequest, Outcome.NOT_APPLIED);
        assertFails(ledger.readAsync(-1, 1), Code.InvalidRequest, Outcome.NOT_APPLIED);
        assertFails(ledger.batchReadAsync(0, 0, 1), Code.InvalidRequest, Outcome.NOT_APPLIED);
        assertFails(ledger.readUnconfirmedAsync(2, 1), Code.InvalidRequest, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("reading beyond the last-add-confirmed of an open ledger is refused as NotConfirmed")
    void notConfirmed() {
        registry.put(open());
        ReadHandle ledger =
                await(client("").newOpenLedgerOp().withLedgerId(LEDGER).execute());
        CompletionStage<ReadHandle.LedgerEntries> read = ledger.readAsync(0, 5);
        bookies.answerLastAddConfirmed(3, 4);
        assertFails(read, Code.NotConfirmed, Outcome.NOT_APPLIED);
        assertThat(ledger.getLastAddConfirmed()).isEqualTo(4);
    }

    @Test
    @DisplayName("a ledger that was deleted under an open handle is NoSuchLedger")
    void deletedWhileOpen() {
        registry.put(open());
        ReadHandle ledger =
                await(client("").newOpenLedgerOp().withLedgerId(LEDGER).execute());
        registry.put(open().withDeletion(Deletion.DELETED));
        assertFails(ledger.readLastAddConfirmedAsync(), Code.NoSuchLedger, Outcome.NOT_APPLIED);
        registry.setUnavailable(true);
        assertFails(ledger.readLastAddConfirmedAsync(), Code.Unavailable, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("an entry above the limit is refused at once, without a bookie")
    void tooLarge() {
        WriteHandle ledger = created(client("quire.client.writer.entry-bytes-max = 10 B"));
        CompletableFuture<Long> refused = ledger.appendAsync(new byte[11]).toCompletableFuture();
        assertThat(refused).isCompletedExceptionally();
        assertFails(refused, Code.EntryTooLarge, Outcome.NOT_APPLIED);
        assertThatThrownBy(() -> ledger.append(Payload.copyOf(new byte[11]))).isInstanceOf(LedgerException.class);
    }

    @Test
    @DisplayName("H97: appends that are pending when the handle is closed end UNKNOWN, later ones NOT_APPLIED")
    void closedHandle() {
        WriteHandle ledger = created(client(""));
        CompletionStage<Long> pending = ledger.appendAsync(new byte[3]);
        ledger.close();
        assertFails(pending, Code.NoWriter, Outcome.UNKNOWN);
        assertFails(ledger.appendAsync(new byte[3]), Code.NoWriter, Outcome.NOT_APPLIED);
        assertFails(ledger.sealAsync(), Code.NoWriter, Outcome.NOT_APPLIED);
        ledger.close();
    }

    @Test
    @DisplayName("H97: an append that no bookie acknowledges in time ends UNKNOWN")
    void appendTimedOut() {
        WriteHandle ledger = created(client("quire.client.writer { append-timeout = 0 s, pending-bytes-max = 10 B }"));
        CompletionStage<Long> pending = ledger.appendAsync(new byte[3]);
        bookies.next(BookieRequest.OpenSession.class);
        // Behind the append, and answered by the writer itself: it has the append.
        assertFails(ledger.appendAsync(new byte[30]), Code.Overloaded, Outcome.NOT_APPLIED);
        ManualTime.get(kit.system()).timePasses(Duration.ofMillis(20));
        assertFails(pending, Code.TimedOut, Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("a sealed ledger is sealed again with the same answer, and takes no more entries")
    void sealed() {
        WriteHandle ledger = created(client(""));
        LedgerMetadata sealed = await(ledger.sealAsync());
        assertThat(sealed.state()).isEqualTo(LedgerState.CLOSED);
        assertThat(sealed.lastEntryId()).isEqualTo(-1);
        assertThat(await(ledger.sealAsync())).isEqualTo(sealed);
        assertThat(ledger.isClosed()).isTrue();
        assertFails(ledger.appendAsync(new byte[3]), Code.LedgerClosed, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("R11, H18: the seal of a writer whose ledger was taken over is not applied")
    void sealFenced() {
        WriteHandle ledger = created(client(""));
        registry.put(ledger.getLedgerMetadata().value().closed(7, 70, List.of()));
        assertFails(ledger.sealAsync(), Code.LedgerFenced, Outcome.NOT_APPLIED);
        assertFails(ledger.appendAsync(new byte[3]), Code.LedgerFenced, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("R11: the seal of a ledger that was deleted is not applied")
    void sealDeleted() {
        WriteHandle ledger = created(client(""));
        registry.put(ledger.getLedgerMetadata().value().withDeletion(Deletion.DELETED));
        assertFails(ledger.sealAsync(), Code.NoSuchLedger, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("R2, R11: a seal whose outcome stays unknown for too long ends UNKNOWN; asked again it is decided")
    void sealUnknown() {
        WriteHandle ledger = created(client("quire.client.writer.seal-timeout = 0 s"));
        registry.loseAnswer(true);
        CompletionStage<LedgerMetadata> seal = ledger.sealAsync();
        assertFails(seal, Code.TimedOut, Outcome.UNKNOWN);
        CompletableFuture<LedgerMetadata> again = ledger.sealAsync().toCompletableFuture();
        ManualTime time = ManualTime.get(kit.system());
        CompletionStage<Long> behind = ledger.appendAsync(new byte[3]);
        assertFails(behind, Code.LedgerClosed, Outcome.NOT_APPLIED);
        time.timePasses(Duration.ofMillis(20));
        assertThat(await(again).state()).isEqualTo(LedgerState.CLOSED);
    }

    @Test
    @DisplayName("a deleted ledger is deleted again without an error; one that never was is NoSuchLedger")
    void deletedTwice() {
        LedgerClient client = client("");
        assertFails(client.newDeleteLedgerOp().withLedgerId(LEDGER).execute(), Code.NoSuchLedger, Outcome.NOT_APPLIED);
        registry.put(closed(4));
        await(client.newDeleteLedgerOp().withLedgerId(LEDGER).execute());
        await(client.newDeleteLedgerOp().withLedgerId(LEDGER).execute());
        assertFails(client.getLedgerMetadata(LEDGER), Code.NoSuchLedger, Outcome.NOT_APPLIED);
    }

    @Test
    @DisplayName("R2: a deletion whose answer was lost is tried until it is known")
    void deletionAnswerLost() {
        LedgerClient client = client("");
        registry.put(closed(4));
        registry.loseAnswer(false);
        registry.loseAnswer(true);
        await(client.newDeleteLedgerOp().withLedgerId(LEDGER).execute());
        assertFails(client.getLedgerMetadata(LEDGER), Code.NoSuchLedger, Outcome.NOT_APPLIED);
    }
}
