package io.quire.client.core;

import io.quire.protocol.Payload;
import java.util.Arrays;

/**
 * The entries that a writer still keeps, by id, dense: from the oldest that somebody may still need to the newest.
 * Grows by doubling; its owner bounds it. Not thread-safe.
 */
final class EntryWindow {
    private PendingEntry[] slots = new PendingEntry[64];
    private long first;
    private long end;

    /** One entry on its way. */
    static final class PendingEntry {
        final long entryId;
        final Payload encoded;
        final long length;
        final long deadlineNanos;
        /** Whether it is answered once an ack quorum has it in memory, before it is durable there (R13). */
        final boolean inMemory;
        /** Who holds it durably. */
        int ackMask;
        /** Who has received it, durably or not. */
        int receivedMask;
        /** Members that will not get it from this writer. */
        int excusedMask;

        PendingEntry(long entryId, Payload encoded, long length, long deadlineNanos, boolean inMemory) {
            this.entryId = entryId;
            this.encoded = encoded;
            this.length = length;
            this.deadlineNanos = deadlineNanos;
            this.inMemory = inMemory;
        }
    }

    /** The oldest id kept; equals {@link #end} when there is none. */
    long first() {
        return first;
    }

    /** One behind the newest id. */
    long end() {
        return end;
    }

    boolean isEmpty() {
        return first == end;
    }

    void add(PendingEntry entry) {
        if (entry.entryId != end) {
            throw new IllegalStateException("entry " + entry.entryId + " behind " + (end - 1));
        }
        if (end - first == slots.length) {
            grow();
        }
        slots[slot(end)] = entry;
        end++;
    }

    /** The entry {@code entryId}, in {@code [first, end)}. */
    PendingEntry get(long entryId) {
        if (entryId < first || entryId >= end) {
            throw new IndexOutOfBoundsException("entry " + entryId + " is not in [" + first + ", " + end + ")");
        }
        return slots[slot(entryId)];
    }

    boolean contains(long entryId) {
        return entryId >= first && entryId < end;
    }

    PendingEntry removeFirst() {
        PendingEntry entry = get(first);
        slots[slot(first)] = null;
        first++;
        return entry;
    }

    private int slot(long entryId) {
        return (int) (entryId & (slots.length - 1));
    }

    private void grow() {
        PendingEntry[] old = slots;
        int oldMask = old.length - 1;
        slots = new PendingEntry[old.length * 2];
        for (long id = first; id < end; id++) {
            slots[slot(id)] = old[(int) (id & oldMask)];
        }
        Arrays.fill(old, null);
    }
}
