package io.quire.simulation;

import io.quire.protocol.Entry;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * I2 and I4: every acknowledged entry stays readable with the bytes that were appended, and all readers see the same
 * sequence. Also H97: every append ends exactly once.
 */
public final class LedgerContentChecker {
    private final Map<LedgerId, TreeMap<Long, Payload>> appended = new HashMap<>();
    private final Map<LedgerId, TreeMap<Long, Boolean>> ended = new HashMap<>();
    private long acknowledged;
    private long reads;

    /** A writer gave an id to a payload. */
    void appending(LedgerId ledgerId, long entryId, Payload payload) {
        if (appended.computeIfAbsent(ledgerId, id -> new TreeMap<>()).put(entryId, payload) != null) {
            throw new IllegalStateException("entry id " + entryId + " of ledger " + ledgerId + " was given out twice");
        }
    }

    /** A writer was told the end of an append. */
    void appendEnded(LedgerId ledgerId, long entryId, boolean acknowledged) {
        if (ended.computeIfAbsent(ledgerId, id -> new TreeMap<>()).put(entryId, acknowledged) != null) {
            throw new IllegalStateException(
                    "H97: append of entry " + entryId + " of ledger " + ledgerId + " ended twice");
        }
        this.acknowledged += acknowledged ? 1 : 0;
    }

    /** A reader was given entries. */
    void read(LedgerId ledgerId, List<Entry> entries) {
        for (Entry entry : entries) {
            Payload expected = appended.getOrDefault(ledgerId, new TreeMap<>()).get(entry.entryId());
            if (!entry.payload().equals(expected)) {
                throw new IllegalStateException("I4: entry " + entry.entryId() + " of ledger " + ledgerId
                        + " was read as " + entry.payload() + ", appended was " + expected);
            }
            reads++;
        }
    }

    /** The entries of a ledger that must be readable for ever. */
    List<Long> acknowledgedIn(LedgerId ledgerId) {
        return ended.getOrDefault(ledgerId, new TreeMap<>()).entrySet().stream()
                .filter(Map.Entry::getValue)
                .map(Map.Entry::getKey)
                .toList();
    }

    /** The ledgers that something was appended to. */
    List<LedgerId> ledgers() {
        return appended.keySet().stream().sorted().toList();
    }

    /** Appends that a writer made and that have not ended. */
    long pending(LedgerId ledgerId) {
        return (long) appended.getOrDefault(ledgerId, new TreeMap<>()).size()
                - ended.getOrDefault(ledgerId, new TreeMap<>()).size();
    }

    long acknowledgedEntries() {
        return acknowledged;
    }

    long reads() {
        return reads;
    }
}
