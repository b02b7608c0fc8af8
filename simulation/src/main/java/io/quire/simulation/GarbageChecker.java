package io.quire.simulation;

import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * I10: a store drops what it holds of a ledger only after somebody has read, linearizably, that the ledger is purged or
 * collected, or closed without naming the store; behind such a drop nothing of the ledger is ever journaled there again; and
 * a register is collected only when every bookie that ever held something has said that it holds nothing.
 */
final class GarbageChecker {
    private final Set<LedgerId> purged = new TreeSet<>();
    private final Set<LedgerId> collected = new HashSet<>();
    private final Map<LedgerId, List<LedgerMetadata>> closed = new HashMap<>();
    private final Map<BookieId, Set<LedgerId>> gone = new HashMap<>();
    /** Bookies that ever journaled something of a ledger. */
    private final Map<LedgerId, Set<BookieId>> holders = new HashMap<>();

    private final Map<BookieId, Set<LedgerId>> confirmed = new HashMap<>();
    private long drops;
    private long superseded;

    /** Somebody has read a register, or changed it to this. */
    void registerSeen(LedgerId ledgerId, RegisterValue value) {
        if (value.isCollected()) {
            purged.add(ledgerId);
            collected.add(ledgerId);
        } else {
            LedgerMetadata.registered(value).map(Versioned::value).ifPresent(this::seen);
        }
    }

    private void seen(LedgerMetadata metadata) {
        if (metadata.deletion() == Deletion.PURGED) {
            purged.add(metadata.ledgerId());
        } else if (metadata.isClosed() && !metadata.isDeleted()) {
            closed.computeIfAbsent(metadata.ledgerId(), id -> new ArrayList<>()).add(metadata);
        }
    }

    /** A compare-and-set to this value was applied. */
    void registered(LedgerMetadata metadata) {
        seen(metadata);
    }

    /** A store is about to journal a drop. */
    void dropping(BookieId bookie, LedgerId ledgerId) {
        if (purged.contains(ledgerId)) {
            drops++;
        } else if (closed.getOrDefault(ledgerId, List.of()).stream().anyMatch(metadata -> !names(metadata, bookie))) {
            superseded++;
        } else {
            throw new IllegalStateException("I10: bookie " + bookie + " drops ledger " + ledgerId
                    + ", of which nobody has read that it is purged, or closed without this bookie");
        }
    }

    /** A store is told that a ledger is gone for ever. */
    void goneForEver(BookieId bookie, LedgerId ledgerId) {
        gone.computeIfAbsent(bookie, id -> new HashSet<>()).add(ledgerId);
    }

    private static boolean names(LedgerMetadata metadata, BookieId bookie) {
        return metadata.fragments().stream()
                .anyMatch(fragment -> fragment.ensemble().contains(bookie));
    }

    /** A store is about to journal something. */
    void journaling(BookieId bookie, JournalRecord record) {
        LedgerId ledgerId = record.ledgerId();
        holders.computeIfAbsent(ledgerId, id -> new HashSet<>()).add(bookie);
        boolean isDrop = record instanceof JournalRecord.Dropped;
        boolean mustNot = gone.getOrDefault(bookie, Set.of()).contains(ledgerId)
                || confirmed.getOrDefault(bookie, Set.of()).contains(ledgerId);
        if (!isDrop && mustNot) {
            throw new IllegalStateException("I10, R22: bookie " + bookie + " journals "
                    + record.getClass().getSimpleName() + " of ledger " + ledgerId
                    + ", which is purged, behind its drop");
        }
    }

    /** A bookie says that it holds nothing of these. */
    void confirmed(BookieId bookie, Collection<LedgerId> ledgerIds) {
        for (LedgerId ledgerId : ledgerIds) {
            if (!purged.contains(ledgerId)) {
                throw new IllegalStateException("R4: ledger " + ledgerId + " is confirmed and was never purged");
            }
            confirmed.computeIfAbsent(bookie, id -> new HashSet<>()).add(ledgerId);
        }
    }

    /** A register is about to be collected. */
    void collecting(LedgerId ledgerId) {
        for (BookieId bookie : holders.getOrDefault(ledgerId, Set.of())) {
            if (!confirmed.getOrDefault(bookie, Set.of()).contains(ledgerId)) {
                throw new IllegalStateException("I10, R4: ledger " + ledgerId + " is collected, and bookie " + bookie
                        + " has not confirmed that it holds nothing");
            }
        }
    }

    boolean isPurged(LedgerId ledgerId) {
        return purged.contains(ledgerId);
    }

    /** The ledgers that are known to be purged, ascending. */
    Set<LedgerId> purged() {
        return Set.copyOf(purged);
    }

    boolean isCollected(LedgerId ledgerId) {
        return collected.contains(ledgerId);
    }

    /** How many ledgers were dropped, over all stores, purged and superseded. */
    long drops() {
        return drops + superseded;
    }

    long collections() {
        return collected.size();
    }
}
