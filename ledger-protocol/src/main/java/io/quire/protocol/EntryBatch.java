package io.quire.protocol;

import java.util.ArrayList;
import java.util.List;

/**
 * Encoded entries that travel and are journaled together, in id order, gaps allowed (striping). Immutable; a decoded
 * batch is one slab of bytes that its entries share.
 */
public final class EntryBatch {
    /** No entries: what carries a last-add-confirmed alone (R25). */
    public static final EntryBatch EMPTY = new EntryBatch(List.of(), 0);

    private final List<Payload> entries;
    private final int bytes;

    private EntryBatch(List<Payload> entries, int bytes) {
        this.entries = entries;
        this.bytes = bytes;
    }

    /** A batch of encoded entries, unverified. */
    public static EntryBatch of(List<Payload> entries) {
        int bytes = 0;
        for (Payload entry : entries) {
            bytes = Math.addExact(bytes, entry.length());
        }
        return new EntryBatch(List.copyOf(entries), bytes);
    }

    /**
     * Cuts a slab into its entries by their headers, without verifying digests.
     *
     * @throws EntryFormat.DamagedEntryException when the slab is not a whole number of entries
     */
    public static EntryBatch ofSlab(Payload slab) {
        if (slab.isEmpty()) {
            return EMPTY;
        }
        List<Payload> entries = new ArrayList<>();
        int offset = 0;
        while (offset < slab.length()) {
            int size = EntryFormat.sizeAt(slab, offset);
            entries.add(slab.slice(offset, size));
            offset += size;
        }
        return new EntryBatch(List.copyOf(entries), slab.length());
    }

    /** The encoded entries. */
    public List<Payload> entries() {
        return entries;
    }

    public int count() {
        return entries.size();
    }

    public boolean isEmpty() {
        return entries.isEmpty();
    }

    /** The size of all encoded entries together. */
    public int byteSize() {
        return bytes;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof EntryBatch that && entries.equals(that.entries);
    }

    @Override
    public int hashCode() {
        return entries.hashCode();
    }

    @Override
    public String toString() {
        return "EntryBatch(" + entries.size() + " entries, " + bytes + " bytes)";
    }
}
