package io.quire.multijvm;

import io.quire.protocol.Payload;
import java.nio.ByteBuffer;

/** Payloads that anybody can compute again: a function of a seed and the entry's id. */
final class EntryContent {
    static final int BYTES = 1024;

    private EntryContent() {}

    /** The payload of entry {@code entryId}, {@link #BYTES} long. */
    static Payload of(long seed, long entryId) {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES);
        long state = seed * 0x9E3779B97F4A7C15L + entryId;
        while (bytes.hasRemaining()) {
            state += 0x9E3779B97F4A7C15L;
            long mixed = (state ^ (state >>> 30)) * 0xBF58476D1CE4E5B9L;
            bytes.putLong(mixed ^ (mixed >>> 27));
        }
        return Payload.wrap(bytes.array());
    }
}
