package io.quire.client.core;

import io.quire.client.core.LedgerWriter.Rejection;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Stories of one writer and its members, as golden transcripts in {@code src/test/resources/golden/stories}. */
class LedgerWriterStoriesTest {
    private static final long RESEND = 100;
    private static final long RETRY = 50;
    private static final long GRACE = 500;
    private static final WriterSettings SETTINGS = new WriterSettings(
            100,
            4,
            1000,
            4,
            10_000,
            10_000,
            10_000,
            RESEND,
            1000,
            RETRY,
            GRACE,
            5000,
            new WriterSettings.Members(2000, false));

    private Transcript story;
    private LedgerMetadata created;
    private LedgerWriter writer;

    private void begin(String words) {
        story = new Transcript(words);
        List<BookieId> bookies = new ArrayList<>();
        for (int i = 1; i <= 3; i++) {
            bookies.add(new BookieId(new UUID(0, i)));
        }
        created = LedgerMetadata.create(new LedgerId(7), Replication.DEFAULT, new Ensemble(bookies), Map.of(), 0);
        writer = new LedgerWriter(
                new Versioned<>(1, created), LedgerKey.NONE, SETTINGS, story.outbox(WriterOutbox.class), 0);
        story.input("start", () -> writer.start(0));
    }

    private SessionId session(int position, int counter) {
        return new SessionId(created.lastFragment().ensemble().at(position), new BootEpoch(1), counter);
    }

    private void allOpen() {
        for (int position = 0; position < 3; position++) {
            opened(position, 1, 0);
        }
    }

    private void opened(int position, int counter, long now) {
        story.input(
                "session " + counter + " opened at position " + position,
                () -> writer.sessionOpened(position, session(position, counter), 100_000, now));
    }

    private void append(String payload, long now) {
        story.input("append '" + payload + "'", () -> writer.append(Payload.ofUtf8(payload), Durability.SYNCED, now));
    }

    private void pump(long now) {
        story.input("pump", () -> writer.pump(now));
    }

    private void tick(long now) {
        story.input("tick at " + now, () -> writer.tick(now));
    }

    private void added(int position, int counter, long cumulative, long now) {
        story.input(
                "batches up to " + cumulative + " of session " + counter + " added at position " + position,
                () -> writer.batchesAdded(position, session(position, counter), cumulative, List.of(), 100_000, now));
    }

    private void end(String name) {
        story.state("last add confirmed", writer.lastAddConfirmed());
        story.require(name);
    }

    @Test
    @DisplayName(
            "R9, R10, R13: three members, entries complete with the second answer, and the last one is told when idle")
    void appendToThree() {
        begin("Entries travel in one batch, complete in order with the second answer; idle, the LAC goes alone.");
        allOpen();
        append("a", 1);
        append("bb", 1);
        append("ccc", 1);
        pump(1);
        added(0, 1, 1, 2);
        added(2, 1, 1, 3);
        append("d", 4);
        pump(4);
        added(1, 1, 1, 5);
        added(1, 1, 2, 6);
        added(0, 1, 2, 6);
        added(2, 1, 2, 7);
        tick(20);
        tick(40);
        end("append-to-three");
    }

    @Test
    @DisplayName("R10, R12: a silent member is probed; what it lacks is sent again with the same number and content")
    void silentMember() {
        begin("The third member loses a batch. It is probed, says that it has nothing, and gets the same batch again.");
        allOpen();
        append("a", 1);
        pump(1);
        added(0, 1, 1, 2);
        added(1, 1, 1, 2);
        tick(50);
        tick(1 + RESEND);
        added(2, 1, 0, 110);
        added(2, 1, 1, 115);
        tick(200);
        end("silent-member");
    }

    @Test
    @DisplayName(
            "R10, H31: a member that restarted gets a new session, and in it everything that it has not acknowledged")
    void restartedMember() {
        begin("The second member has forgotten its session. In the next one it gets all that it had not acknowledged.");
        allOpen();
        append("a", 1);
        pump(1);
        append("b", 2);
        pump(2);
        added(1, 1, 1, 3);
        added(0, 1, 2, 3);
        story.input(
                "session 1 is unknown at position 1",
                () -> writer.sessionEnded(1, session(1, 1), Rejection.UNKNOWN_SESSION, 4));
        added(1, 1, 2, 5);
        opened(1, 2, 6);
        added(1, 2, 1, 7);
        end("restarted-member");
    }

    @Test
    @DisplayName("R11, R12: a seal waits for the third member, then registers what it lacks")
    void seal() {
        begin("A seal waits a while for the member that lacks an entry, then closes the ledger and says so.");
        allOpen();
        append("a", 1);
        append("bb", 1);
        pump(1);
        added(0, 1, 1, 2);
        added(1, 1, 1, 2);
        story.input("seal", () -> writer.seal(10));
        tick(10 + GRACE - 1);
        tick(10 + GRACE);
        story.input("seal registered at version 2", () -> writer.registered(2, 520));
        end("seal");
    }

    @Test
    @DisplayName(
            "R2, R11: a seal whose answer is lost is proposed again unchanged, late answers of members change nothing")
    void sealAnswerLost() {
        begin("The answer to a seal is lost: nothing completes until the same proposal was answered.");
        allOpen();
        append("a", 1);
        pump(1);
        added(0, 1, 1, 2);
        added(1, 1, 1, 2);
        story.input("seal", () -> writer.seal(10));
        tick(10 + GRACE);
        story.input("no answer to the seal", () -> writer.registerUnknown("lost", 600));
        added(2, 1, 1, 610);
        tick(600 + RETRY);
        story.input("seal registered at version 2", () -> writer.registered(2, 660));
        end("seal-answer-lost");
    }

    @Test
    @DisplayName(
            "R11: a member says fenced, the register says recovery: the writer has lost, pending entries end UNKNOWN")
    void fenced() {
        begin("Somebody recovers the ledger. A member says so, the register confirms it, and the writer steps down.");
        allOpen();
        append("a", 1);
        pump(1);
        added(0, 1, 1, 2);
        story.input(
                "session 1 fenced at position 1",
                () -> writer.sessionEnded(1, session(1, 1), Rejection.NOT_WRITABLE, 3));
        added(2, 1, 1, 4);
        append("b", 5);
        pump(5);
        story.input(
                "register read: closed by somebody else, version 3",
                () -> writer.registerRead(Optional.of(new Versioned<>(3, created.closed(0, 1, List.of()))), 6));
        story.input("seal", () -> writer.seal(7));
        end("fenced");
    }

    @Test
    @DisplayName(
            "R8, R11, H30, H31, H33: a member that takes no entries is replaced; nothing completes before that is registered")
    void ensembleChange() {
        begin(
                "The third member turns read-only. A fourth takes its place behind what is confirmed, and gets the rest.");
        story.answer("replacementOf", Optional.of(new BookieId(new UUID(0, 4))));
        allOpen();
        append("a", 1);
        pump(1);
        added(0, 1, 1, 2);
        added(1, 1, 1, 2);
        append("b", 3);
        pump(3);
        added(2, 1, 2, 4);
        story.input(
                "position 2 takes no entries",
                () -> writer.sessionEnded(2, session(2, 1), Rejection.CLOSED_TO_ENTRIES, 5));
        added(0, 1, 2, 6);
        append("c", 7);
        pump(7);
        story.input("registered at version 2", () -> writer.registered(2, 8));
        SessionId fourth = new SessionId(new BookieId(new UUID(0, 4)), new BootEpoch(1), 1);
        story.input("the fourth bookie opens", () -> writer.sessionOpened(2, fourth, 100_000, 9));
        story.input("the fourth bookie adds batch 1", () -> writer.batchesAdded(2, fourth, 1, List.of(), 100_000, 10));
        added(0, 1, 3, 11);
        end("ensemble-change");
    }
}
