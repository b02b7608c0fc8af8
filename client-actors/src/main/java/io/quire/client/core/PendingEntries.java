package io.quire.client.core;

import io.quire.client.core.EntryWindow.PendingEntry;
import io.quire.protocol.AckSet;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.util.List;

/**
 * The entries that a {@link LedgerWriter} has given ids to and still needs, and how far they have got.
 *
 * <p>Three positions move over them, all upwards: what was answered to the application, one way or the other; the
 * last-add-confirmed, behind which an ack quorum holds every entry (R13); and the oldest entry kept, behind which every
 * member of its write set has it or is excused from it, which is noted as incomplete (R12). An entry that ended late may still be confirmed.
 *
 * <p>Not thread-safe.
 */
final class PendingEntries {
    private final LedgerMetadata metadata;
    private final LedgerKey key;
    private final Replication replication;
    private final WriterSettings settings;
    private final WriterOutbox outbox;
    private final EntryWindow window = new EntryWindow();
    private final IncompleteEntries incomplete;
    private Ensemble ensemble;
    private long lastAddConfirmed = EntryId.NONE;
    private long lengthConfirmed;
    private long length;
    private long lastAnswered = EntryId.NONE;
    /** The last entry that was acknowledged from memory. */
    private long lastInMemory = EntryId.NONE;

    private long retainedBytes;
    /** Entries that need not be durable to be answered, and are not confirmed. */
    private long unforced;

    private long pendingBytes;

    /**
     * @param metadata the ledger, whose last fragment gets the entries
     * @param key of the ledger
     * @param outbox told the end of each append
     */
    PendingEntries(LedgerMetadata metadata, LedgerKey key, WriterSettings settings, WriterOutbox outbox) {
        this.metadata = metadata;
        this.key = key;
        this.replication = metadata.replication();
        this.settings = settings;
        this.outbox = outbox;
        this.ensemble = metadata.lastFragment().ensemble();
        this.incomplete = new IncompleteEntries(replication.ensembleSize());
    }

    /** Encodes an entry under the next id, once for ever (R9). */
    long append(Payload payload, Durability durability, long nowNanos) {
        long entryId = window.end();
        length += payload.length();
        Payload encoded = EntryFormat.encode(
                metadata.ledgerId(), entryId, lastAddConfirmed, length, payload, metadata.digest(), key);
        window.add(new PendingEntry(
                entryId,
                encoded,
                length,
                nowNanos + settings.appendTimeoutNanos(),
                durability == Durability.MEMORY_QUORUM));
        unforced += durability == Durability.MEMORY_QUORUM ? 1 : 0;
        retainedBytes += encoded.length();
        pendingBytes += encoded.length();
        return entryId;
    }

    /** Whether a payload of that size may wait too; one always may. */
    boolean hasRoomFor(int payloadBytes) {
        int encodedBytes = EntryFormat.encodedBytes(payloadBytes, metadata.digest());
        return pendingBytes == 0 || pendingBytes + encodedBytes <= settings.pendingBytesMax();
    }

    /** Encoded bytes that are not confirmed. */
    long pendingBytes() {
        return pendingBytes;
    }

    /** The oldest entry kept. */
    long first() {
        return window.first();
    }

    /** One behind the newest entry. */
    long end() {
        return window.end();
    }

    PendingEntry get(long entryId) {
        return window.get(entryId);
    }

    /** Whether every member of every write set has everything. */
    boolean isEmpty() {
        return window.isEmpty();
    }

    /** Whether every append was answered. */
    boolean isAnswered() {
        return lastAnswered == lastAddPushed();
    }

    long lastAddPushed() {
        return window.end() - 1;
    }

    long lastAddConfirmed() {
        return lastAddConfirmed;
    }

    /** The payload bytes up to the last-add-confirmed. */
    long lengthConfirmed() {
        return lengthConfirmed;
    }

    /** Whether the member at {@code position} should have {@code entry} and is not known to. */
    boolean isMissingAt(int position, PendingEntry entry) {
        return replication.isInWriteSet(entry.entryId, position)
                && !AckSet.contains(entry.ackMask | entry.excusedMask, position);
    }

    /** The member at {@code position} holds {@code entries} durably. */
    void durable(int position, EntryBatch entries) {
        for (Payload encoded : entries.entries()) {
            long entryId = EntryFormat.entryIdOf(encoded);
            if (window.contains(entryId)) {
                PendingEntry entry = window.get(entryId);
                entry.ackMask = AckSet.with(entry.ackMask, position);
            }
        }
    }

    /** Whether some entry of the batch may be answered before it is durable. */
    boolean wantReceipt(EntryBatch batch) {
        if (unforced == 0) {
            return false;
        }
        for (Payload encoded : batch.entries()) {
            long entryId = EntryFormat.entryIdOf(encoded);
            if (window.contains(entryId) && window.get(entryId).inMemory) {
                return true;
            }
        }
        return false;
    }

    /** The member at {@code position} has received {@code entries}, and will journal them. */
    void received(int position, EntryBatch entries) {
        for (Payload encoded : entries.entries()) {
            long entryId = EntryFormat.entryIdOf(encoded);
            if (window.contains(entryId)) {
                PendingEntry entry = window.get(entryId);
                entry.receivedMask = AckSet.with(entry.receivedMask, position);
            }
        }
    }

    /** The member at {@code position} may have lost what it had not made durable (R13). */
    void forgotten(int position) {
        for (long entryId = lastAddConfirmed + 1; entryId < window.end(); entryId++) {
            PendingEntry entry = window.get(entryId);
            entry.receivedMask = AckSet.without(entry.receivedMask, position);
        }
    }

    /** Confirms entries from the head, in order, as far as ack quorums reach, and answers what may be (R13). */
    void complete() {
        while (lastAddConfirmed + 1 < window.end()) {
            PendingEntry entry = window.get(lastAddConfirmed + 1);
            if (!replication.isAckQuorum(entry.entryId, entry.ackMask)) {
                break;
            }
            lastAddConfirmed = entry.entryId;
            lengthConfirmed = entry.length;
            pendingBytes -= entry.encoded.length();
            unforced -= entry.inMemory ? 1 : 0;
            if (entry.entryId > lastAnswered) {
                lastAnswered = entry.entryId;
                outbox.appended(entry.entryId, entry.ackMask);
            }
        }
        completeInMemory();
    }

    private void completeInMemory() {
        while (lastAnswered + 1 < window.end()) {
            PendingEntry entry = window.get(lastAnswered + 1);
            int holders = entry.ackMask | entry.receivedMask;
            if (!entry.inMemory || !replication.isAckQuorum(entry.entryId, holders)) {
                return;
            }
            lastAnswered = entry.entryId;
            lastInMemory = entry.entryId;
            outbox.appended(entry.entryId, holders);
        }
    }

    /** Whether everything that was acknowledged from memory is durable at an ack quorum by now. */
    boolean isForced() {
        return lastAddConfirmed >= lastInMemory;
    }

    /** Forgets entries that every member has, and the oldest confirmed ones when the budget is spent (R12). */
    void release() {
        while (!window.isEmpty() && window.first() <= lastAddConfirmed) {
            PendingEntry oldest = window.get(window.first());
            boolean whole = isWhole(oldest);
            if (!whole && retainedBytes <= settings.retainedBytesMax()) {
                return;
            }
            if (!whole) {
                note(oldest, replication.allMask());
            }
            window.removeFirst();
            retainedBytes -= oldest.encoded.length();
        }
    }

    /**
     * The members in {@code mask} will not get what is confirmed: it belongs to the fragment that they are replaced in.
     * What they lack of it is noted (H36).
     */
    void writeOff(int mask) {
        for (long entryId = window.first(); entryId <= lastAddConfirmed; entryId++) {
            note(window.get(entryId), mask);
        }
    }

    /**
     * The fragment that starts behind the last-add-confirmed is registered with other bookies at the positions in {@code
     * replacedMask}. First every acknowledgement of a replaced member is void, then {@link #complete} may be called
     * (R8, H30, H31).
     */
    void ensembleChanged(Ensemble changed, int replacedMask) {
        ensemble = changed;
        for (long entryId = lastAddConfirmed + 1; entryId < window.end(); entryId++) {
            window.get(entryId).ackMask &= ~replacedMask;
            window.get(entryId).receivedMask &= ~replacedMask;
        }
    }

    /** Answers the appends whose deadline has passed. */
    void expire(long nowNanos) {
        while (lastAnswered + 1 < window.end()) {
            PendingEntry entry = window.get(lastAnswered + 1);
            if (nowNanos - entry.deadlineNanos < 0) {
                return;
            }
            lastAnswered = entry.entryId;
            outbox.appendFailed(
                    entry.entryId,
                    Failure.unknown(
                            Code.TimedOut,
                            "entry " + entry.entryId + " is on " + Integer.bitCount(entry.ackMask) + " bookies, "
                                    + replication.ackQuorum() + " are needed; it may still be confirmed"));
        }
    }

    /** Answers every append that is not answered. */
    void failAll(Failure failure) {
        while (lastAnswered + 1 < window.end()) {
            lastAnswered++;
            outbox.appendFailed(lastAnswered, failure);
        }
    }

    /** What has been noted as incomplete since this was asked last (R12). */
    List<IncompleteRange> takeIncomplete() {
        return incomplete.take();
    }

    private boolean isWhole(PendingEntry entry) {
        return replication.isFullyWritten(entry.entryId, entry.ackMask | entry.excusedMask);
    }

    private void note(PendingEntry entry, int mask) {
        for (int position = 0; position < replication.ensembleSize(); position++) {
            if (AckSet.contains(mask, position) && isMissingAt(position, entry)) {
                incomplete.add(ensemble.at(position), entry.entryId);
                entry.excusedMask = AckSet.with(entry.excusedMask, position);
            }
        }
    }
}
