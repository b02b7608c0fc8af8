package io.quire.simulation;

import io.quire.protocol.Entry;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * I1, I2 and I4: no entry beyond a closed ledger's end is ever acknowledged, every acknowledged entry stays readable with
 * the bytes that were appended, and all readers see the same sequence. Also H97: every append ends exactly once, and R11:
 * what is called not applied never shows.
 */
public final class LedgerContentChecker {
    private final Map<LedgerId, TreeMap<Long, Payload>> appended = new HashMap<>();
    private final Map<LedgerId, TreeMap<Long, End>> ended = new HashMap<>();
    private final Map<LedgerId, LedgerMetadata> closed = new HashMap<>();
    private long acknowledged;
    private final Map<LedgerId, Long> highestFollowed = new HashMap<>();
    private long reads;
    private long follows;

    /** How an append ended, as its writer was told. */
    enum End {
        ACKNOWLEDGED,
        /** Acknowledged from memory: a promise only once it is forced, or its writer has sealed (H40). */
        IN_MEMORY,
        NOT_APPLIED,
        UNKNOWN
    }

    /** A writer gave an id to a payload. */
    void appending(LedgerId ledgerId, long entryId, Payload payload) {
        if (appended.computeIfAbsent(ledgerId, id -> new TreeMap<>()).put(entryId, payload) != null) {
            throw new IllegalStateException("entry id " + entryId + " of ledger " + ledgerId + " was given out twice");
        }
    }

    /** A writer was told the end of an append. */
    void appendEnded(LedgerId ledgerId, long entryId, End end) {
        if (ended.computeIfAbsent(ledgerId, id -> new TreeMap<>()).put(entryId, end) != null) {
            throw new IllegalStateException(
                    "H97: append of entry " + entryId + " of ledger " + ledgerId + " ended twice");
        }
        acknowledged += end == End.ACKNOWLEDGED ? 1 : 0;
        LedgerMetadata metadata = closed.get(ledgerId);
        if (metadata != null) {
            requireAgrees(metadata, entryId, end);
        }
    }

    /** A ledger is closed: what was acknowledged, ever, is in it; what was not applied is not. */
    void closed(LedgerMetadata metadata) {
        closed.put(metadata.ledgerId(), metadata);
        ended.getOrDefault(metadata.ledgerId(), new TreeMap<>())
                .forEach((entryId, end) -> requireAgrees(metadata, entryId, end));
    }

    /** A force has made an entry durable, whatever its append was told. */
    void forced(LedgerId ledgerId, long entryId) {
        TreeMap<Long, End> ends = ended.computeIfAbsent(ledgerId, id -> new TreeMap<>());
        if (ends.replace(entryId, End.IN_MEMORY, End.ACKNOWLEDGED)) {
            acknowledged++;
        }
    }

    /** A writer has sealed its ledger: a seal forces, so that nothing it acknowledged is missing (H40). */
    void sealedByWriter(LedgerMetadata metadata) {
        ended.getOrDefault(metadata.ledgerId(), new TreeMap<>()).forEach((entryId, end) -> {
            if (end == End.IN_MEMORY && entryId > metadata.lastEntryId()) {
                throw new IllegalStateException(
                        "H40: entry " + entryId + " was acknowledged from memory and is beyond " + metadata);
            }
        });
    }

    /** The ledgers that are known to be closed. */
    List<LedgerMetadata> closed() {
        return List.copyOf(closed.values());
    }

    /** The payload that was appended as {@code entryId}; null when nothing was. */
    Payload appended(LedgerId ledgerId, long entryId) {
        return appended.getOrDefault(ledgerId, new TreeMap<>()).get(entryId);
    }

    private static void requireAgrees(LedgerMetadata metadata, long entryId, End end) {
        boolean inside = entryId <= metadata.lastEntryId();
        if (end == End.ACKNOWLEDGED && !inside) {
            throw new IllegalStateException(
                    "I1: entry " + entryId + " was acknowledged and is beyond the end of " + metadata);
        } else if (end == End.NOT_APPLIED && inside) {
            throw new IllegalStateException("R11: entry " + entryId + " was called not applied and is in " + metadata);
        }
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

    /**
     * A reader that follows was given entries: in order, without gaps, with the bytes that were appended. What it was given
     * must stay readable (H45).
     */
    void followed(LedgerId ledgerId, long expected, List<Entry> entries) {
        read(ledgerId, entries);
        for (int i = 0; i < entries.size(); i++) {
            long entryId = entries.get(i).entryId();
            if (entryId != expected + i) {
                throw new IllegalStateException("I4: ledger " + ledgerId + " was followed to entry " + entryId
                        + ", the next one is " + (expected + i));
            }
        }
        if (!entries.isEmpty()) {
            highestFollowed.merge(ledgerId, expected + entries.size() - 1, Math::max);
            follows += entries.size();
        }
    }

    /** A reader followed a closed ledger to its end, {@code next} entries. */
    void followedToTheEnd(LedgerId ledgerId, long next) {
        for (long entryId : acknowledgedIn(ledgerId)) {
            if (entryId >= next) {
                throw new IllegalStateException("I2: acknowledged entry " + entryId + " of ledger " + ledgerId
                        + " was not followed, the ledger ended before " + next);
            }
        }
        if (highestFollowed.getOrDefault(ledgerId, -1L) >= next) {
            throw new IllegalStateException("H45: entry " + highestFollowed.get(ledgerId) + " of ledger " + ledgerId
                    + " was followed, now it ends before " + next);
        }
    }

    /** Entries given to readers that follow. */
    long follows() {
        return follows;
    }

    /** The entries of a ledger that must be readable for ever. */
    List<Long> acknowledgedIn(LedgerId ledgerId) {
        return ended.getOrDefault(ledgerId, new TreeMap<>()).entrySet().stream()
                .filter(entry -> entry.getValue() == End.ACKNOWLEDGED)
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
