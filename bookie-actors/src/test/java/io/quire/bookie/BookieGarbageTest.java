package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.bookie.core.GarbageCollector;
import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.pekko.actor.testkit.typed.javadsl.TestProbe;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** What becomes of deleted ledgers at a bookie. */
class BookieGarbageTest extends BookieStory {
    private static final LedgerId OTHER = new LedgerId(6);

    private void setDeletion(LedgerId ledgerId, Deletion deletion) {
        RegistryKey key = RegistryKey.ofLedger(ledgerId);
        LedgerMetadata current = LedgerMetadata.decode(
                registry.read(key).toCompletableFuture().join().value());
        register(key, current.withDeletion(deletion).encode());
    }

    private GarbageStatus status(Running running) {
        TestProbe<GarbageStatus> probe = kit.createTestProbe();
        running.actor().tell(new BookieActor.DescribeGarbage(probe.getRef()));
        return probe.receiveMessage(PATIENCE);
    }

    private GarbageCollector.Run collect(Running running, boolean force) {
        long before = runs(running);
        running.actor().tell(new BookieActor.CollectGarbage(force));
        return kit.<GarbageStatus>createTestProbe().awaitAssert(PATIENCE, Duration.ofMillis(20), () -> {
            GarbageStatus status = status(running);
            assertThat(status.active()).isFalse();
            assertThat(runs(running)).isEqualTo(before + 1);
            return status.lastRun().orElseThrow();
        });
    }

    private long runs(Running running) {
        assertThat(running.address()).isNotEmpty();
        return Math.round(
                meters.counter("bookie.gc.runs", "bookie", bookie.toString()).count());
    }

    private List<LedgerId> confirmed(Running running, LedgerId... ledgerIds) {
        return askAndSkipTo(
                        running,
                        new BookieRequest.ConfirmDropped(bookie, 31, List.of(ledgerIds)),
                        BookieReply.DropsConfirmed.class)
                .ledgerIds();
    }

    @Test
    @DisplayName("R4, R22: a purged ledger goes, its session ends, another ledger stays, also over a restart")
    void purgedLedgerGoes() {
        registerLedger(OTHER);
        Running running = started(1);
        add(running, OTHER, 0, 5);
        SessionId session = add(running, LEDGER, 0, 10);
        setDeletion(LEDGER, Deletion.DELETED);
        assertThat(collect(running, false).dropped()).isZero();
        assertThat(confirmed(running, LEDGER, OTHER)).isEmpty();

        setDeletion(LEDGER, Deletion.PURGED);
        assertThat(confirmed(running, LEDGER)).as("not before it is dropped").isEmpty();
        assertThat(collect(running, false).dropped()).isEqualTo(1);
        BookieReply.SessionEnded ended = client.expectMessageClass(BookieReply.SessionEnded.class, PATIENCE);
        assertThat(ended.session()).isEqualTo(session);
        assertThat(ended.refusal()).isEqualTo(Refusal.NOT_OPEN);
        assertThat(read(running, 0, 9, 20, false).entries().isEmpty()).isTrue();
        assertThat(confirmed(running, LEDGER, OTHER)).containsExactly(LEDGER);
        assertThat(ask(running, new BookieRequest.FenceLedger(bookie, 4, LEDGER), BookieReply.RequestRefused.class)
                        .refusal())
                .isEqualTo(Refusal.NOT_OPEN);

        running.kill();
        Running again = started(2);
        assertThat(confirmed(again, LEDGER, OTHER)).containsExactly(LEDGER);
        assertThat(ask(again, new BookieRequest.FenceLedger(bookie, 4, LEDGER), BookieReply.RequestRefused.class)
                        .refusal())
                .as("no mark comes back")
                .isEqualTo(Refusal.NOT_OPEN);
        assertThat(collect(again, false).examined()).isEqualTo(1);
        again.stop();
    }

    @Test
    @DisplayName("H67: a bookie holds back a run that would drop most of what it has, until it is forced")
    void heldBack() {
        List<LedgerId> ledgers =
                LongStream.range(100, 130).mapToObj(LedgerId::new).toList();
        Running running = started(1);
        ledgers.forEach(ledgerId -> {
            registerLedger(ledgerId);
            add(running, ledgerId, 0, 1);
            setDeletion(ledgerId, Deletion.PURGED);
        });
        GarbageCollector.Run held = collect(running, false);
        assertThat(held.heldBack()).isEqualTo(30);
        assertThat(held.reason()).contains("30 of 30");
        assertThat(meters.get("bookie.gc.held.back.ledgers").gauge().value()).isEqualTo(30);

        GarbageCollector.Run forced = collect(running, true);
        assertThat(forced.dropped()).isEqualTo(30);
        assertThat(status(running).next()).isPresent();
        assertThat(meters.counter("bookie.gc.dropped.ledgers", "bookie", bookie.toString())
                        .count())
                .isEqualTo(30);
        running.stop();
    }

    @Test
    @DisplayName("H67: while the registry does not answer nothing is dropped")
    void registryDown() {
        Running running = started(1);
        add(running, LEDGER, 0, 3);
        setDeletion(LEDGER, Deletion.PURGED);
        registry.setAvailable(false);
        GarbageCollector.Run run = collect(running, true);
        assertThat(run.unread()).isEqualTo(1);
        assertThat(idsOf(read(running, 0, 2, 10, false))).isEqualTo(range(0, 3));
        registry.setAvailable(true);
        running.stop();
    }

    @Test
    @DisplayName("a bookie collects by itself, at its interval")
    void byItself() {
        Running running = start(
                directory,
                BookieSettings.from(ConfigFactory.parseString("quire.bookie.gc.interval = 50 ms")
                        .withFallback(CONFIG)));
        running.requireStarted(1);
        add(running, LEDGER, 0, 3);
        setDeletion(LEDGER, Deletion.PURGED);
        kit.<GarbageStatus>createTestProbe().awaitAssert(PATIENCE, Duration.ofMillis(20), () -> {
            assertThat(confirmed(running, LEDGER)).containsExactly(LEDGER);
            return null;
        });
        running.stop();
    }
}
