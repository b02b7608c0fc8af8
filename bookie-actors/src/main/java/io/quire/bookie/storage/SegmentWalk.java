package io.quire.bookie.storage;

import io.quire.bookie.storage.SegmentFormat.RecordHeader;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;

/**
 * Goes through the records of a segment, one behind the other, up to where its last commit ended. It reads the heads of
 * records a page at a time, and a block only when it is asked for: most that is walked through is dead. Not thread-safe.
 */
final class SegmentWalk {
    private final Segment segment;
    private ByteBuffer window = ByteBuffer.allocate(0);
    private long windowAt;
    private long position;
    private long offset;
    private RecordHeader header;
    private long bytesRead;

    /**
     * @param position where a record or padding starts
     */
    SegmentWalk(Segment segment, long position) {
        this.segment = segment;
        this.position = position;
    }

    /**
     * Moves to the next record; whether there is one.
     *
     * @throws DamagedException when there is something that is neither a record nor padding, or cannot be read
     */
    boolean next() {
        while (position < segment.end()) {
            int pageLeft = (int) (SegmentFormat.pages(position + 1) - position);
            int headBytes = SegmentFormat.RECORD_HEADER_BYTES + Integer.BYTES;
            long left = segment.end() - position;
            if (left >= headBytes && SegmentFormat.startsRecord(fetch(position, headBytes), 0)) {
                header = SegmentFormat.decodeRecordHeader(fetch(position, headBytes), 0);
                if (header.generation() != segment.generation() || header.recordBytes() > left) {
                    throw new DamagedException("a record of segment " + header.generation() + " at " + position);
                }
                offset = position;
                position += header.recordBytes();
                return true;
            }
            requireZeros(fetch(position, (int) Math.min(pageLeft, left)));
            position += pageLeft;
        }
        return false;
    }

    private void requireZeros(ByteBuffer padding) {
        while (padding.hasRemaining()) {
            if (padding.get() != 0) {
                throw new DamagedException("no record starts at " + position);
            }
        }
    }

    private ByteBuffer fetch(long from, int count) {
        if (from < windowAt || from + count > windowAt + window.limit()) {
            int bytes = (int) Math.min(Math.max(SegmentFormat.PAGE_BYTES, count), segment.end() - from);
            window = segment.read(from, bytes);
            windowAt = from;
            bytesRead += bytes;
        }
        return window.slice((int) (from - windowAt), count);
    }

    /** The head of the current record. */
    RecordHeader header() {
        return header;
    }

    /** Where the current record starts. */
    long offset() {
        return offset;
    }

    /** A copy of the block in the current record. */
    Payload block() {
        return Payload.copyOf(fetch(offset + SegmentFormat.RECORD_HEADER_BYTES, header.blockBytes()));
    }

    /** Behind the current record. */
    long position() {
        return position;
    }

    long bytesRead() {
        return bytesRead;
    }
}
