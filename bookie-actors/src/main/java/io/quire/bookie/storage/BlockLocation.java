package io.quire.bookie.storage;

import io.quire.protocol.Payload;
import io.quire.storage.GuardedValue;
import java.nio.ByteBuffer;

/**
 * Where a block is, and what can be told of it without reading it: the value of a block's key in a store of kind
 * SEGMENTS, guarded.
 *
 * <pre>
 *   int64 generation of the segment, int64 offset of the record in it, int32 bytes of the record,
 *   int32 number of entries, int64 last entry
 * </pre>
 */
record BlockLocation(long generation, long offset, int bytes, int entryCount, long lastEntryId) {
    private static final int ENCODED_BYTES = 32;

    Payload encode(Payload key) {
        return GuardedValue.encode(key, ENCODED_BYTES, out -> out.putLong(generation)
                .putLong(offset)
                .putInt(bytes)
                .putInt(entryCount)
                .putLong(lastEntryId));
    }

    /**
     * @throws io.quire.storage.StorageException.DamagedException when the value is damaged
     */
    static BlockLocation decode(Payload key, ByteBuffer value) {
        return GuardedValue.decode(key, value, "the place of a block", BlockLocation::get);
    }

    private static BlockLocation get(ByteBuffer in) {
        long generation = in.getLong();
        long offset = in.getLong();
        int bytes = in.getInt();
        int entryCount = in.getInt();
        if (bytes < SegmentFormat.RECORD_HEADER_BYTES + Integer.BYTES) {
            throw new IllegalArgumentException("a record of " + bytes + " bytes");
        }
        return new BlockLocation(generation, offset, bytes, entryCount, in.getLong());
    }

    long end() {
        return offset + bytes;
    }

    /** Whether {@code next} lies right behind this one. */
    boolean isFollowedBy(BlockLocation next) {
        return next.generation == generation && next.offset == end();
    }

    boolean isAt(long otherGeneration, long otherOffset) {
        return generation == otherGeneration && offset == otherOffset;
    }
}
