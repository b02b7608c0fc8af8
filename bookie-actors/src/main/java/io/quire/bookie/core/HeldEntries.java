package io.quire.bookie.core;

import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Keeps a (ledger, entry) from having two contents at one store (H13, H38).
 *
 * <p>Design note. Entries above the highest id that ever came are new. Others are looked up in the store, which takes a
 * while: what is in the journal when the answer comes, and what became durable since the question was asked, is compared
 * with from memory. So nothing escapes the comparison, and batches in ascending order, which is nearly all of them, need
 * none.
 *
 * <p>Not thread-safe.
 */
final class HeldEntries {
    private final LedgerId ledgerId;
    private final Map<RecordKey, EntryBatch> inJournal = new HashMap<>();
    private final Map<Long, LookUp> lookUps = new LinkedHashMap<>();
    private long highest;
    private long lastLookUp;
    /** Answers to look-ups up to here are not waited for any more. */
    private long lastForgotten;

    private long recordsAppended;

    /** A record in the journal: a session's batch, or, with counter 0, a recovery add. */
    record RecordKey(long counter, long number) {}

    private record LookUp(EntryBatch entries, List<EntryBatch> durableSince) {}

    /**
     * What became of a comparison.
     *
     * @param conflict an entry that is here with other bytes
     * @param missing those that are not held durably yet
     */
    record Comparison(OptionalLong conflict, EntryBatch missing) {}

    HeldEntries(LedgerId ledgerId, long highest) {
        this.ledgerId = ledgerId;
        this.highest = highest;
    }

    /** How many records were given to the journal. */
    long recordsAppended() {
        return recordsAppended;
    }

    boolean isIdle() {
        return inJournal.isEmpty() && lookUps.isEmpty();
    }

    /** Whether records are in the journal. */
    boolean isJournaling() {
        return !inJournal.isEmpty();
    }

    /** Whether that record is in the journal. */
    boolean isJournaling(RecordKey key) {
        return inJournal.containsKey(key);
    }

    /** Why these are no entries of the ledger that may be kept, if so (H66). */
    Optional<String> damageOf(EntryBatch entries) {
        long previous = EntryId.NONE;
        for (Payload entry : entries.entries()) {
            try {
                EntryFormat.verify(entry);
            } catch (EntryFormat.DamagedEntryException e) {
                return Optional.of(e.getMessage());
            }
            long entryId = EntryFormat.entryIdOf(entry);
            if (EntryFormat.ledgerIdOf(entry) != ledgerId.value() || entryId <= previous || entryId > EntryId.MAX) {
                return Optional.of("entry " + entryId + " of ledger " + EntryFormat.ledgerIdOf(entry) + " behind entry "
                        + previous + " in a batch of ledger " + ledgerId);
            }
            previous = entryId;
        }
        return Optional.empty();
    }

    /** Whether some of these verified entries may be here already. */
    boolean mayHold(EntryBatch entries) {
        return !entries.isEmpty() && firstIdOf(entries) <= highest;
    }

    /** Starts a look-up of {@code entries}; its number. */
    long lookUp(EntryBatch entries) {
        lookUps.put(++lastLookUp, new LookUp(entries, new ArrayList<>()));
        return lastLookUp;
    }

    /** Nobody waits for the look-ups that were started any more. */
    void forgetLookUps() {
        lookUps.clear();
        lastForgotten = lastLookUp;
    }

    /** Whether that look-up is one that nobody waits for. */
    boolean isForgotten(long lookUp) {
        return lookUp <= lastForgotten;
    }

    /** Everything that was held is dropped, durably. */
    void dropped() {
        highest = EntryId.NONE;
    }

    /** A look-up has failed. */
    void forget(long lookUp) {
        lookUps.remove(lookUp);
    }

    /** Compares what a look-up was started for with what is here. */
    Comparison compare(long number, Map<Long, Payload> durable) {
        LookUp lookUp = lookUps.remove(number);
        Map<Long, Payload> here = new HashMap<>(durable);
        lookUp.durableSince().forEach(batch -> putMissing(here, batch));
        List<Payload> missing = new ArrayList<>();
        for (Payload entry : lookUp.entries().entries()) {
            if (!here.containsKey(EntryFormat.entryIdOf(entry))) {
                missing.add(entry);
            }
        }
        inJournal.values().forEach(batch -> putMissing(here, batch));
        OptionalLong conflict = lookUp.entries().entries().stream()
                .filter(entry ->
                        !here.getOrDefault(EntryFormat.entryIdOf(entry), entry).equals(entry))
                .mapToLong(EntryFormat::entryIdOf)
                .findFirst();
        return new Comparison(conflict, EntryBatch.of(missing));
    }

    private static void putMissing(Map<Long, Payload> here, EntryBatch batch) {
        batch.entries().forEach(entry -> here.putIfAbsent(EntryFormat.entryIdOf(entry), entry));
    }

    /** A record is given to the journal. */
    void journaling(RecordKey key, EntryBatch entries) {
        recordsAppended++;
        inJournal.put(key, entries);
        if (!entries.isEmpty()) {
            highest = Math.max(highest, EntryFormat.entryIdOf(entries.entries().get(entries.count() - 1)));
        }
    }

    /** A record is durable and applied. */
    void journaled(RecordKey key) {
        EntryBatch entries = inJournal.remove(key);
        lookUps.values().forEach(lookUp -> lookUp.durableSince().add(entries));
    }

    /** A record was not journaled after all. */
    void notJournaled(RecordKey key) {
        inJournal.remove(key);
    }

    private static long firstIdOf(EntryBatch entries) {
        return EntryFormat.entryIdOf(entries.entries().get(0));
    }
}
