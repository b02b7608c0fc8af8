package io.quire.simulation;

import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Versioned;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * I5 and I6: a ledger goes from OPEN to CLOSED, maybe through IN_RECOVERY, and nowhere else; once CLOSED its last entry
 * and length never change; one version has one value. H16: in recovery nothing is registered before the end. R22: deleting changes nothing else, and a deleted ledger stays as
 * it is. Where deletions are taken back, a ledger that was not closed comes back in recovery, and PURGED is terminal.
 */
public final class LedgerStateChecker {
    private final Map<LedgerId, TreeMap<Long, LedgerMetadata>> seen = new HashMap<>();
    private final Set<LedgerId> deleted = new HashSet<>();
    private final Map<LedgerId, Set<BookieId>> named = new HashMap<>();
    private final boolean undeletes;

    LedgerStateChecker() {
        this(false);
    }

    /**
     * @param undeletes whether deletions are taken back
     */
    LedgerStateChecker(boolean undeletes) {
        this.undeletes = undeletes;
    }

    /** Somebody is about to register this. */
    void proposed(LedgerMetadata metadata) {
        Set<BookieId> bookies = named.computeIfAbsent(metadata.ledgerId(), id -> new HashSet<>());
        for (Fragment fragment : metadata.fragments()) {
            bookies.addAll(fragment.ensemble().bookies());
        }
    }

    /** Somebody read or registered this. */
    void observed(Versioned<LedgerMetadata> metadata) {
        LedgerMetadata value = metadata.value();
        TreeMap<Long, LedgerMetadata> versions = seen.computeIfAbsent(value.ledgerId(), id -> new TreeMap<>());
        LedgerMetadata same = versions.putIfAbsent(metadata.version(), value);
        if (same != null && !same.equals(value)) {
            throw new IllegalStateException(
                    "I6: version " + metadata.version() + " was seen as " + same + " and as " + value);
        }
        if (value.isDeleted()) {
            deleted.add(value.ledgerId());
        }
        var before = versions.lowerEntry(metadata.version());
        if (before != null) {
            requireStep(before.getValue(), value, before.getKey() + 1 == metadata.version());
        }
        var after = versions.higherEntry(metadata.version());
        if (after != null) {
            requireStep(value, after.getValue(), metadata.version() + 1 == after.getKey());
        }
    }

    /** What the ledger was at {@code version}, if anybody saw it. */
    Optional<LedgerMetadata> at(LedgerId ledgerId, long version) {
        return Optional.ofNullable(seen.getOrDefault(ledgerId, new TreeMap<>()).get(version));
    }

    /** Whether somebody knows that the ledger is deleted. */
    boolean isDeleted(LedgerId ledgerId) {
        return deleted.contains(ledgerId);
    }

    /** The ledgers that were deleted once, ascending. */
    List<LedgerId> deletedLedgers() {
        return deleted.stream().sorted().toList();
    }

    /** How many ledgers are known to be deleted. */
    long deletions() {
        return deleted.size();
    }

    /** For each ledger every bookie that a fragment names, or that somebody wanted to be named. */
    Collection<Set<BookieId>> namedBookies() {
        return named.values();
    }

    private void requireStep(LedgerMetadata older, LedgerMetadata newer, boolean next) {
        boolean sameState = older.state() == newer.state();
        if (!sameState && !older.state().mayBecome(newer.state())) {
            throw new IllegalStateException("I5: " + older + " became " + newer);
        }
        boolean sameEnd = older.lastEntryId() == newer.lastEntryId() && older.length() == newer.length();
        if (older.isClosed() && !sameEnd) {
            throw new IllegalStateException("I5: a closed ledger changed its end: " + older + " became " + newer);
        }
        boolean recovering = older.state() == LedgerState.IN_RECOVERY && sameState;
        if (recovering && !older.fragments().equals(newer.fragments())) {
            throw new IllegalStateException(
                    "H16: the fragments changed while the ledger was in recovery: " + older + " became " + newer);
        }
        if (undeletes && older.deletion() == Deletion.DELETED && !newer.isDeleted()) {
            if (newer.state() == LedgerState.OPEN || (next && !newer.equals(older.undeleted()))) {
                throw new IllegalStateException("R22: " + older + " came back as " + newer);
            }
            return;
        }
        if (undeletes && older.deletion() == Deletion.DELETED && !next) {
            return; // it may have been taken back, changed and deleted again
        }
        boolean only = older.isDeleted() || (next && newer.isDeleted());
        if (only && !newer.equals(older.withDeletion(newer.deletion()))) {
            throw new IllegalStateException("R22: more than the deletion changed: " + older + " became " + newer);
        }
        if (older.isDeleted() && !newer.isDeleted()) {
            throw new IllegalStateException("R22: a deleted ledger came back: " + older + " became " + newer);
        }
    }
}
