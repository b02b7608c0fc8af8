package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import com.typesafe.config.ConfigFactory;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.util.ArrayList;
import java.util.List;
import org.apache.pekko.actor.testkit.typed.javadsl.FishingOutcomes;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Readers that follow the ledgers of a bookie. */
class BookieTailTest extends BookieStory {
    private final ReplyProbe reader = new ReplyProbe(kit);

    private Running startedWith(String settings) {
        Running running = start(
                directory,
                BookieSettings.from(ConfigFactory.parseString(settings).withFallback(CONFIG)));
        running.requireStarted(1);
        return running;
    }

    private void subscribe(Running running, long requestId, long first, long creditLimit) {
        Envelope.send(
                running.actor(),
                new BookieRequest.SubscribeLedger(bookie, requestId, LEDGER, first, -1, creditLimit),
                reader.getRef());
    }

    private void grant(Running running, long requestId, long lastAddConfirmed, long creditLimit) {
        Envelope.send(
                running.actor(),
                new BookieRequest.GrantCredit(bookie, requestId, LEDGER, lastAddConfirmed, creditLimit),
                reader.getRef());
    }

    private BookieReply.EntriesPushed pushed() {
        return reader.expectMessageClass(BookieReply.EntriesPushed.class, PATIENCE);
    }

    private double subscriptions() {
        return meters.get("bookie.tail.subscriptions").gauge().value();
    }

    @Test
    @DisplayName(
            "R25, H45: a reader gets what is there, and then what comes, up to the last-add-confirmed and no further")
    void followed() {
        Running running = started(1);
        SessionId session = add(running, LEDGER, 0, 10);
        subscribe(running, 7, 3, 1 << 20);
        List<Long> ids = new ArrayList<>();
        BookieReply.EntriesPushed push = pushed();
        assertThat(push.requestId()).isEqualTo(7);
        assertThat(push.number()).isEqualTo(1);
        assertThat(push.lastAddConfirmed()).isEqualTo(8);
        assertThat(push.coveredTo()).isEqualTo(9);
        assertThat(push.endOffset()).isEqualTo(push.entries().byteSize());
        push.entries().entries().forEach(entry -> ids.add(EntryFormat.entryIdOf(entry)));
        assertThat(ids).isEqualTo(range(3, 9));

        // The writer's last-add-confirmed alone.
        Envelope.send(
                running.actor(),
                new BookieRequest.AddEntries(
                        bookie, List.of(new BookieRequest.Batch(session, 11, 5_000, 9, EntryBatch.EMPTY))),
                client.getRef());
        BookieReply.EntriesPushed last = pushed();
        assertThat(last.number()).isEqualTo(2);
        assertThat(last.lastAddConfirmed()).isEqualTo(9);
        assertThat(last.entries().entries()).extracting(EntryFormat::entryIdOf).containsExactly(9L);
        assertThat(subscriptions()).isEqualTo(1);

        Envelope.send(running.actor(), new BookieRequest.UnsubscribeLedger(bookie, 7, LEDGER), reader.getRef());
        grant(running, 7, 9, 1 << 20);
        assertThat(reader.expectMessageClass(BookieReply.RequestRefused.class, PATIENCE)
                        .refusal())
                .isEqualTo(Refusal.UNKNOWN_SESSION);
        assertThat(subscriptions()).isZero();
        running.stop();
    }

    @Test
    @DisplayName("R25: nothing is pushed without credit; a subscription of an earlier boot is not known")
    void credit() {
        Running running = started(1);
        add(running, LEDGER, 0, 10);
        subscribe(running, 7, 0, 1);
        BookieReply.EntriesPushed first = pushed();
        assertThat(first.entries().count()).isEqualTo(1);
        assertThat(first.number()).isEqualTo(1);
        grant(running, 7, -1, first.endOffset() + 2L * first.entries().byteSize());
        BookieReply.EntriesPushed second = pushed();
        assertThat(second.number()).isEqualTo(2);
        assertThat(second.entries().count()).isEqualTo(2);
        running.kill();
        running = started(2);
        grant(running, 7, -1, 1 << 20);
        assertThat(reader.expectMessageClass(BookieReply.RequestRefused.class, PATIENCE)
                        .refusal())
                .isEqualTo(Refusal.UNKNOWN_SESSION);
        running.stop();
    }

    @Test
    @DisplayName("R25: an idle reader gets heartbeats, keeps its ledger in memory, and is forgotten when it is silent")
    void idle() {
        Running running = startedWith("quire.bookie { ledger-idle-timeout = 10 ms, tail.heartbeat-interval = 20 ms,"
                + " tail.silence-timeout = 300 ms }");
        add(running, LEDGER, 0, 2);
        subscribe(running, 7, 0, 1 << 20);
        BookieReply.EntriesPushed push = pushed();
        for (int i = 0; i < 30; i++) {
            BookieReply.EntriesPushed heartbeat = pushed();
            assertThat(heartbeat.number()).isEqualTo(push.number());
            assertThat(heartbeat.entries().isEmpty()).isTrue();
            assertThat(heartbeat.coveredTo()).isEqualTo(1);
            grant(running, 7, 0, 1 << 20);
        }
        kit.createTestProbe().awaitAssert(PATIENCE, () -> {
            assertThat(subscriptions()).isZero();
            return null;
        });
        running.stop();
    }

    @Test
    @DisplayName("H63: a store has a bounded number of readers")
    void bounded() {
        Running running = startedWith("quire.bookie.tail.subscriptions-max = 2");
        for (long requestId = 1; requestId <= 3; requestId++) {
            subscribe(running, requestId, 0, 1 << 20);
        }
        BookieReply.RequestRefused refused = (BookieReply.RequestRefused) reader.fishForMessage(
                        PATIENCE,
                        reply -> reply instanceof BookieReply.RequestRefused
                                ? FishingOutcomes.complete()
                                : FishingOutcomes.continueAndIgnore())
                .get(0);
        assertThat(refused.refusal()).isEqualTo(Refusal.OVERLOADED);
        assertThat(refused.requestId()).isEqualTo(3);
        assertThat(subscriptions()).isEqualTo(2);
        running.stop();
    }
}
