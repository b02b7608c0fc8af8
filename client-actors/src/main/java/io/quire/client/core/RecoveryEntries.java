package io.quire.client.core;

import io.quire.protocol.AckSet;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a {@link LedgerRecovery} knows of the entries from where it began: copies that were found, members that said they
 * have none, and who holds what durably in the ensemble as the recovery has edited it.
 *
 * <p>An entry is settled when it exists, by any verified copy, and an ack quorum of its write set in the edited ensemble
 * holds it (R23). Settled entries are kept a while for the members that still lack them, and then noted as incomplete.
 *
 * <p>Positions are those of the last fragment. Not thread-safe.
 */
final class RecoveryEntries {
    /** What is known of one entry. */
    private static final class Known {
        private Payload encoded;
        /** Members of the original ensemble that said they do not have it. */
        private int negativeMask;
        /** Members of the original ensemble that gave a verified copy. */
        private int positiveMask;
        /** Members of the edited ensemble that hold it. */
        private int durableMask;
        /** Members of the edited ensemble that a copy is on its way to. */
        private int sentMask;
    }

    private final LedgerMetadata metadata;
    private final LedgerKey key;
    private final Replication replication;
    private final IncompleteEntries incomplete;
    private final TreeMap<Long, Known> known = new TreeMap<>();
    /** Members that are known to hold nothing any more. */
    private final int lostMask;

    private long next;
    private long lengthSettled = -1;
    private long bytes;

    /**
     * @param metadata the ledger
     * @param key of the ledger
     * @param begin the first entry to look at
     * @param lostMask members that hold nothing, of any entry
     */
    RecoveryEntries(LedgerMetadata metadata, LedgerKey key, long begin, int lostMask) {
        this.lostMask = lostMask;
        this.metadata = metadata;
        this.key = key;
        this.replication = metadata.replication();
        this.next = begin;
        this.incomplete = new IncompleteEntries(replication.ensembleSize());
    }

    /** The first entry that is not settled. */
    long next() {
        return next;
    }

    /** Encoded bytes that are kept. */
    long bytes() {
        return bytes;
    }

    /** The payload bytes of the ledger up to the last settled entry; -1 when none is. */
    long lengthSettled() {
        return lengthSettled;
    }

    /** The first entry up to {@code last}, of those kept or not settled, that a member should have and has said nothing of. */
    Optional<Long> firstUnheard(int position, long last) {
        for (long entryId = firstKept(); entryId <= last; entryId++) {
            Known entry = known.get(entryId);
            int heard = lostMask | (entry == null ? AckSet.EMPTY : entry.negativeMask | entry.positiveMask);
            if (replication.isInWriteSet(entryId, position) && !AckSet.contains(heard, position)) {
                return Optional.of(entryId);
            }
        }
        return Optional.empty();
    }

    /**
     * The original member at {@code position} answered for {@code [first, coveredTo)}: it holds {@code entries} of them and
     * no others.
     *
     * @param isReplaced whether another bookie takes its place in the edited ensemble
     * @return why the answer contradicts what was known, if it does
     */
    Optional<String> heard(int position, long first, long coveredTo, EntryBatch entries, boolean isReplaced) {
        TreeMap<Long, Payload> copies = new TreeMap<>();
        boolean damaged = false;
        for (Payload encoded : entries.entries()) {
            if (isSound(encoded)) {
                copies.put(EntryFormat.entryIdOf(encoded), encoded);
            } else {
                damaged = true;
            }
        }
        for (long entryId = Math.max(first, firstKept()); entryId < coveredTo; entryId++) {
            // Beside damage nothing is certain to be missing: the damaged entry may be the one (H4).
            boolean said = copies.containsKey(entryId) || !damaged;
            if (replication.isInWriteSet(entryId, position) && said) {
                Optional<String> conflict = heard(position, entryId, copies.get(entryId), isReplaced);
                if (conflict.isPresent()) {
                    return conflict;
                }
            }
        }
        return Optional.empty();
    }

    /** Settled entries are kept for members that have not said whether they have them. */
    private long firstKept() {
        return known.isEmpty() ? next : Math.min(next, known.firstKey());
    }

    private Optional<String> heard(int position, long entryId, Payload copy, boolean isReplaced) {
        Known entry = known.computeIfAbsent(entryId, id -> new Known());
        if (copy == null) {
            entry.negativeMask = AckSet.with(entry.negativeMask, position);
        } else if (entry.encoded != null && !entry.encoded.equals(copy)) {
            return Optional.of("two bookies hold different bytes as entry " + entryId);
        } else {
            bytes += entry.encoded == null ? copy.length() : 0;
            entry.encoded = copy;
            entry.positiveMask = AckSet.with(entry.positiveMask, position);
            entry.durableMask = isReplaced ? entry.durableMask : AckSet.with(entry.durableMask, position);
        }
        return Optional.empty();
    }

    private boolean isSound(Payload encoded) {
        try {
            EntryFormat.verify(encoded, metadata.digest(), key);
            return EntryFormat.ledgerIdOf(encoded) == metadata.ledgerId().value();
        } catch (EntryFormat.DamagedEntryException e) {
            return false;
        }
    }

    /** Settles entries in order, as far as ack quorums reach. */
    void settle() {
        Known entry = known.get(next);
        while (entry != null && entry.encoded != null && replication.isAckQuorum(next, entry.durableMask)) {
            lengthSettled = EntryFormat.lengthOf(entry.encoded);
            next++;
            entry = known.get(next);
        }
        while (!known.isEmpty() && known.firstKey() < next && isWhole(known.firstKey())) {
            forgetFirst();
        }
    }

    /** Whether so many members said that they do not have the next entry that it was never acknowledged (B0). */
    boolean isNextDisproved() {
        Known entry = known.get(next);
        int said = entry == null ? AckSet.EMPTY : entry.negativeMask;
        int writeSet = replication.writeSetMask(next);
        // What was destroyed has no copy; whether those that live have one is theirs to say.
        boolean nobodyElse = (writeSet & ~lostMask) == AckSet.EMPTY;
        return (entry == null || entry.encoded == null)
                && (said != AckSet.EMPTY || nobodyElse)
                && Integer.bitCount((said | lostMask) & writeSet) >= replication.negativesToDisprove();
    }

    /** Whether the next entry exists and waits for members that do not answer: those that it could still be written to. */
    int neededForNext() {
        Known entry = known.get(next);
        return entry == null || entry.encoded == null ? 0 : replication.writeSetMask(next) & ~entry.durableMask;
    }

    /**
     * Copies that the member at {@code position} of the edited ensemble lacks, and that are not on their way.
     *
     * @param lacksAnything whether it does not say itself what it lacks: it is not the original member, or in limbo
     */
    EntryBatch nextWrites(int position, boolean lacksAnything, int entriesMax, int bytesMax) {
        List<Payload> batch = new ArrayList<>();
        int bytes = 0;
        for (var item : known.entrySet()) {
            Known entry = item.getValue();
            boolean lacks = replication.isInWriteSet(item.getKey(), position)
                    && entry.encoded != null
                    && !AckSet.contains(entry.durableMask | entry.sentMask, position)
                    && (lacksAnything || AckSet.contains(entry.negativeMask, position));
            if (lacks) {
                bytes += entry.encoded.length();
                if (batch.size() == entriesMax || (!batch.isEmpty() && bytes > bytesMax)) {
                    break;
                }
                batch.add(entry.encoded);
                entry.sentMask = AckSet.with(entry.sentMask, position);
            }
        }
        return EntryBatch.of(batch);
    }

    /** Copies arrived at the member at {@code position} of the edited ensemble. */
    void written(int position, EntryBatch entries) {
        for (Payload encoded : entries.entries()) {
            Known entry = known.get(EntryFormat.entryIdOf(encoded));
            if (entry != null) {
                entry.durableMask = AckSet.with(entry.durableMask, position);
            }
        }
    }

    /** Copies did not arrive, or nobody knows. */
    void notWritten(int position, EntryBatch entries) {
        for (Payload encoded : entries.entries()) {
            Known entry = known.get(EntryFormat.entryIdOf(encoded));
            if (entry != null) {
                entry.sentMask = AckSet.without(entry.sentMask, position);
            }
        }
    }

    /** From the first entry that is not settled on, another bookie stands at {@code position}. */
    void replaced(int position, Ensemble before) {
        known.headMap(next).keySet().forEach(entryId -> note(entryId, position, before));
        known.tailMap(next).values().forEach(entry -> {
            entry.durableMask = AckSet.without(entry.durableMask, position);
            entry.sentMask = AckSet.without(entry.sentMask, position);
        });
    }

    /** Keeps at most {@code max} settled entries for members that lack them. */
    void forget(Ensemble ensemble, int max) {
        while (known.headMap(next).size() > max) {
            noteAll(known.firstKey(), ensemble);
            forgetFirst();
        }
    }

    private void forgetFirst() {
        bytes -= known.pollFirstEntry().getValue().encoded.length();
    }

    /** Whether every settled entry is at every member of its write set. */
    boolean isAllWhole() {
        return known.headMap(next).isEmpty();
    }

    /** What settled entries lack. */
    List<IncompleteRange> takeIncomplete(Ensemble ensemble) {
        known.headMap(next).keySet().forEach(entryId -> noteAll(entryId, ensemble));
        return incomplete.take();
    }

    private void noteAll(long entryId, Ensemble ensemble) {
        for (int position = 0; position < replication.ensembleSize(); position++) {
            note(entryId, position, ensemble);
        }
    }

    private void note(long entryId, int position, Ensemble ensemble) {
        Known entry = known.get(entryId);
        if (replication.isInWriteSet(entryId, position) && !AckSet.contains(entry.durableMask, position)) {
            incomplete.add(ensemble.at(position), entryId);
            entry.durableMask = AckSet.with(entry.durableMask, position);
        }
    }

    private boolean isWhole(long entryId) {
        return replication.isFullyWritten(entryId, known.get(entryId).durableMask);
    }

    /** The last entry that exists, once the next one is disproved; {@link EntryId#NONE} for none. */
    long lastEntryId() {
        return next - 1;
    }
}
