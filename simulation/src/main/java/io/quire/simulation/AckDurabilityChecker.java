package io.quire.simulation;

import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * I7: no acknowledgement is sent before its bytes are durable. Watches what writers send and what bookies acknowledge;
 * whenever a bookie has started again, everything that any incarnation of it ever acknowledged must be in its store, with
 * the bytes that were sent.
 */
public final class AckDurabilityChecker {
    private final Map<SessionId, Session> sent = new HashMap<>();
    private final Map<BookieId, Map<LedgerId, Map<Long, Payload>>> acknowledged = new HashMap<>();
    private final Set<BookieId> formatted = new HashSet<>();
    private long acknowledgements;

    /** What is known of one session. */
    private static final class Session {
        private final Map<Long, BookieRequest.Batch> batches = new HashMap<>();
        private final Set<Long> acknowledged = new HashSet<>();
        private long cumulative;
    }

    /** A writer sends a batch; R10: a number names one content for ever. */
    void batchSent(BookieRequest.Batch batch) {
        BookieRequest.Batch before = sent.computeIfAbsent(batch.session(), id -> new Session())
                .batches
                .putIfAbsent(batch.number(), batch);
        if (before != null && !before.equals(batch)) {
            throw new IllegalStateException("R10: batch " + batch.number() + " of " + batch.session()
                    + " was sent with two contents: " + before + " and " + batch);
        }
    }

    /** A bookie is about to acknowledge. */
    void acknowledged(BookieReply.SessionAck ack) {
        Session session = sent.computeIfAbsent(ack.session(), id -> new Session());
        while (session.cumulative < ack.cumulative()) {
            session.cumulative++;
            acknowledged(ack, session, session.cumulative);
        }
        for (BookieReply.BatchRange range : ack.ranges()) {
            for (long number = range.first(); number <= range.last(); number++) {
                acknowledged(ack, session, number);
            }
        }
    }

    private void acknowledged(BookieReply.SessionAck ack, Session session, long number) {
        BookieRequest.Batch batch = session.batches.get(number);
        if (batch == null) {
            throw new IllegalStateException(
                    "R10: batch " + number + " of " + ack.session() + " is acknowledged and was never sent");
        }
        if (session.acknowledged.add(number)) {
            batch.entries()
                    .entries()
                    .forEach(entry -> acknowledged(ack.session().bookie(), entry));
        }
    }

    /** A bookie is about to answer a recovery add. */
    void recovered(BookieId bookie, EntryBatch entries) {
        entries.entries().forEach(entry -> acknowledged(bookie, entry));
    }

    /** How many bookies have acknowledged an entry. */
    long copies(LedgerId ledgerId, long entryId) {
        return acknowledged.values().stream()
                .filter(ledgers -> ledgers.getOrDefault(ledgerId, Map.of()).containsKey(entryId))
                .count();
    }

    /** A bookie has opened its store. */
    void verify(BookieId bookie, BookieStore store) {
        acknowledged
                .getOrDefault(bookie, Map.of())
                .forEach((ledgerId, entries) -> entries.forEach((entryId, bytes) -> {
                    List<Payload> found =
                            store.read(ledgerId, entryId, entryId, 1, 1).entries();
                    if (!found.equals(List.of(bytes))) {
                        throw new IllegalStateException("I7: bookie " + bookie + " acknowledged entry " + entryId
                                + " of ledger " + ledgerId + " and holds " + found + " after a restart");
                    }
                }));
    }

    boolean isFormatted(BookieId bookie) {
        return formatted.contains(bookie);
    }

    void formatted(BookieId bookie) {
        formatted.add(bookie);
    }

    /** How many copies of entries were acknowledged. */
    long acknowledgements() {
        return acknowledgements;
    }

    private void acknowledged(BookieId bookie, Payload entry) {
        Payload before = acknowledged
                .computeIfAbsent(bookie, id -> new HashMap<>())
                .computeIfAbsent(new LedgerId(EntryFormat.ledgerIdOf(entry)), id -> new HashMap<>())
                .putIfAbsent(EntryFormat.entryIdOf(entry), entry);
        acknowledgements += before == null ? 1 : 0;
    }
}
