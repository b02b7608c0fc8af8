package io.quire.simulation;

import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.storage.StorageException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * I7: no acknowledgement is sent before its bytes are durable. Watches what writers send and what bookies acknowledge;
 * whenever a bookie has started again, everything that any incarnation of it ever acknowledged must be in its store, with
 * the bytes that were sent. And nothing completes with an acknowledgement that was not given.
 */
public final class AckDurabilityChecker {
    private final Map<SessionId, Session> sent = new HashMap<>();
    private final Map<BookieId, Map<LedgerId, TreeMap<Long, Payload>>> acknowledged = new HashMap<>();
    private final Set<BookieId> formatted = new HashSet<>();
    private final Set<BookieId> destroyed = new HashSet<>();
    private final Map<BookieId, Set<LedgerId>> dropped = new HashMap<>();
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

    /** A writer counts a bookie among those that hold an entry. */
    void requireAcknowledged(BookieId bookie, LedgerId ledgerId, long entryId) {
        if (!acknowledged
                .getOrDefault(bookie, Map.of())
                .getOrDefault(ledgerId, new TreeMap<>())
                .containsKey(entryId)) {
            throw new IllegalStateException("R13: entry " + entryId + " of ledger " + ledgerId
                    + " completed with an acknowledgement that bookie " + bookie + " never gave");
        }
    }

    /** A bookie is about to answer a recovery add. */
    void recovered(BookieId bookie, EntryBatch entries) {
        entries.entries().forEach(entry -> acknowledged(bookie, entry));
    }

    /** How many bookies have acknowledged an entry. */
    long copies(LedgerId ledgerId, long entryId) {
        return acknowledged.values().stream()
                .filter(ledgers ->
                        ledgers.getOrDefault(ledgerId, new TreeMap<>()).containsKey(entryId))
                .count();
    }

    /**
     * B0, H4: a bookie never says of an entry that it has acknowledged that it does not hold it.
     *
     * @param entries what it found in {@code [first, coveredTo)}
     */
    void requireNotDenied(BookieId bookie, LedgerId ledgerId, long first, long coveredTo, List<Payload> entries) {
        Set<Long> found = new HashSet<>();
        entries.forEach(entry -> found.add(EntryFormat.entryIdOf(entry)));
        if (isDropped(bookie, ledgerId)) {
            return;
        }
        for (long entryId : acknowledged
                .getOrDefault(bookie, Map.of())
                .getOrDefault(ledgerId, new TreeMap<>())
                .subMap(first, Math.max(first, coveredTo))
                .keySet()) {
            if (!found.contains(entryId)) {
                throw new IllegalStateException("H4: bookie " + bookie + " denies entry " + entryId + " of ledger "
                        + ledgerId + ", which it has acknowledged");
            }
        }
    }

    /**
     * A bookie has opened its store.
     *
     * @param impaired whether it may have lost something: what it lost is in limbo, and it has no other bytes (R21)
     */
    void verify(BookieId bookie, BookieStore store, boolean impaired) {
        acknowledged.getOrDefault(bookie, Map.of()).forEach((ledgerId, entries) -> {
            if (!isDropped(bookie, ledgerId)) {
                entries.forEach((entryId, bytes) -> verify(bookie, store, impaired, ledgerId, entryId, bytes));
            }
        });
    }

    private static void verify(
            BookieId bookie, BookieStore store, boolean impaired, LedgerId ledgerId, long entryId, Payload bytes) {
        List<Payload> found;
        try {
            found = store.read(ledgerId, entryId, entryId, 1, 1).entries();
        } catch (StorageException.DamagedException e) {
            found = List.of();
        }
        boolean excused = impaired && found.isEmpty() && store.limbo().contains(ledgerId);
        if (!found.equals(List.of(bytes)) && !excused) {
            throw new IllegalStateException("I7: bookie " + bookie + " acknowledged entry " + entryId + " of ledger "
                    + ledgerId + " and holds " + found + " after a restart");
        }
    }

    /**
     * R21: a bookie knows which ledgers are in limbo. The register does not name it in the others, so that nobody asks it for
     * what it may have acknowledged and lost of them.
     */
    void listed(BookieId bookie, BookieStore store) {
        acknowledged.getOrDefault(bookie, Map.of()).keySet().removeIf(ledgerId -> !store.limbo()
                .contains(ledgerId));
    }

    /**
     * R21: a ledger is about to leave limbo at a bookie. What it must hold of it is there; of what else it acknowledged,
     * beyond the ends of fragments, nothing is expected any more.
     *
     * @param register empty when the ledger is deleted for ever
     */
    void repaired(BookieId bookie, LedgerId ledgerId, Optional<LedgerMetadata> register, BookieStore store) {
        TreeMap<Long, Payload> entries =
                acknowledged.getOrDefault(bookie, Map.of()).getOrDefault(ledgerId, new TreeMap<>());
        entries.keySet().removeIf(entryId -> register.isEmpty() || !mustHold(register.get(), bookie, entryId));
        entries.forEach((entryId, bytes) -> verify(bookie, store, false, ledgerId, entryId, bytes));
    }

    private static boolean mustHold(LedgerMetadata metadata, BookieId bookie, long entryId) {
        int position = metadata.fragmentOf(entryId).ensemble().bookies().indexOf(bookie);
        return position >= 0
                && metadata.replication().isInWriteSet(entryId, position)
                && (!metadata.isClosed() || entryId <= metadata.lastEntryId());
    }

    /**
     * Requires that the entry is on an ack quorum of the members that {@code metadata} names for it, whoever else may
     * hold it (B0, I3, H30).
     */
    void requireQuorum(LedgerMetadata metadata, long entryId) {
        Replication replication = metadata.replication();
        Ensemble ensemble = metadata.fragmentOf(entryId).ensemble();
        int holders = AckSet.EMPTY;
        for (int position = 0; position < ensemble.size(); position++) {
            boolean held = acknowledged
                    .getOrDefault(ensemble.at(position), Map.of())
                    .getOrDefault(metadata.ledgerId(), new TreeMap<>())
                    .containsKey(entryId);
            holders = held ? AckSet.with(holders, position) : holders;
        }
        if (!replication.isAckQuorum(entryId, holders)) {
            throw new IllegalStateException("I3: entry " + entryId + " of ledger " + metadata.ledgerId()
                    + " is confirmed, and only on the members " + Integer.toBinaryString(holders)
                    + " of its registered fragment in " + metadata);
        }
    }

    /** A bookie is about to drop a ledger: from now on what it holds of it may be gone. */
    void dropping(BookieId bookie, LedgerId ledgerId) {
        dropped.computeIfAbsent(bookie, id -> new HashSet<>()).add(ledgerId);
    }

    private boolean isDropped(BookieId bookie, LedgerId ledgerId) {
        return dropped.getOrDefault(bookie, Set.of()).contains(ledgerId);
    }

    boolean isFormatted(BookieId bookie) {
        return formatted.contains(bookie);
    }

    void formatted(BookieId bookie) {
        formatted.add(bookie);
    }

    /** A bookie's disk is gone: nobody expects anything there any more. */
    void destroyed(BookieId bookie) {
        acknowledged.remove(bookie);
        destroyed.add(bookie);
    }

    /** Whether something of what the bookie acknowledged is gone from its disk. */
    boolean isDestroyed(BookieId bookie) {
        return destroyed.contains(bookie);
    }

    /** How many copies of entries were acknowledged. */
    long acknowledgements() {
        return acknowledgements;
    }

    private void acknowledged(BookieId bookie, Payload entry) {
        Payload before = acknowledged
                .computeIfAbsent(bookie, id -> new HashMap<>())
                .computeIfAbsent(new LedgerId(EntryFormat.ledgerIdOf(entry)), id -> new TreeMap<>())
                .putIfAbsent(EntryFormat.entryIdOf(entry), entry);
        acknowledgements += before == null ? 1 : 0;
    }
}
