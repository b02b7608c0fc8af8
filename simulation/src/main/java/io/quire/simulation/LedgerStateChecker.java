package io.quire.simulation;

import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * I5 and I6: a ledger goes from OPEN to CLOSED, maybe through IN_RECOVERY, and nowhere else; once CLOSED its last entry
 * and length never change; one version has one value.
 */
public final class LedgerStateChecker {
    private final Map<LedgerId, TreeMap<Long, LedgerMetadata>> seen = new HashMap<>();

    /** Somebody read or registered this. */
    void observed(Versioned<LedgerMetadata> metadata) {
        LedgerMetadata value = metadata.value();
        TreeMap<Long, LedgerMetadata> versions = seen.computeIfAbsent(value.ledgerId(), id -> new TreeMap<>());
        LedgerMetadata same = versions.putIfAbsent(metadata.version(), value);
        if (same != null && !same.equals(value)) {
            throw new IllegalStateException(
                    "I6: version " + metadata.version() + " was seen as " + same + " and as " + value);
        }
        var before = versions.lowerEntry(metadata.version());
        if (before != null) {
            requireStep(before.getValue(), value);
        }
        var after = versions.higherEntry(metadata.version());
        if (after != null) {
            requireStep(value, after.getValue());
        }
    }

    private static void requireStep(LedgerMetadata older, LedgerMetadata newer) {
        boolean sameState = older.state() == newer.state();
        if (!sameState && !older.state().mayBecome(newer.state())) {
            throw new IllegalStateException("I5: " + older + " became " + newer);
        }
        boolean sameEnd = older.lastEntryId() == newer.lastEntryId() && older.length() == newer.length();
        if (older.isClosed() && !sameEnd) {
            throw new IllegalStateException("I5: a closed ledger changed its end: " + older + " became " + newer);
        }
    }
}
