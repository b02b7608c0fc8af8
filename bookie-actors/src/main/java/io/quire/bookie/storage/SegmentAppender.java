package io.quire.bookie.storage;

import io.quire.bookie.storage.SegmentFormat.RecordHeader;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.KeyValueStore.Snapshot;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Appends blocks to the active segment, one commit at a time: {@link #append} as often as needed, {@link #sync} before
 * the index is committed, then {@link #committed}, or {@link #rollBack} when it is not. What was written and never
 * committed is overwritten by the next commit. Not thread-safe; it blocks on the disk.
 */
final class SegmentAppender {
    private static final int BUFFER_BYTES = 1 << 20;

    private final SegmentFiles files;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_BYTES);

    /** The last one that was committed; empty when the next record starts a segment. */
    private Optional<Segment> committed = Optional.empty();

    private Optional<Segment> active = Optional.empty();
    /** Where in the active segment the buffer's content goes. */
    private long bufferAt;

    /** Where what this commit wrote ends, by segment. */
    private final Map<Segment, Long> ends = new HashMap<>();

    private final List<Segment> acquired = new ArrayList<>();

    /** Goes on in the newest of the segments that can be written. */
    SegmentAppender(SegmentFiles files) {
        this.files = files;
        goOnInNewest();
    }

    private void goOnInNewest() {
        committed = files.inUse().stream()
                .max(Comparator.comparingLong(Segment::generation))
                .filter(segment -> !segment.isQuarantined());
        rollBack();
    }

    /** Puts a block behind the others; not durable before {@link #sync}. */
    BlockLocation append(LedgerId ledgerId, long firstEntryId, Payload block, int entryCount, long lastEntryId) {
        int bytes = SegmentFormat.RECORD_HEADER_BYTES + block.length();
        if (active.isEmpty() || position() + bytes > active.get().bytes()) {
            nextSegment(bytes);
        }
        Segment segment = active.orElseThrow();
        if (bytes > buffer.remaining()) {
            flush();
        }
        long offset = position();
        RecordHeader header = new RecordHeader(block.length(), segment.generation(), ledgerId, firstEntryId);
        if (bytes > buffer.remaining()) {
            ByteBuffer head = ByteBuffer.allocate(SegmentFormat.RECORD_HEADER_BYTES);
            SegmentFormat.putRecordHeader(head, header, block);
            segment.file().write(offset, head.flip(), block.asByteBuffer());
            bufferAt += bytes;
        } else {
            SegmentFormat.putRecordHeader(buffer, header, block);
            block.writeTo(buffer);
        }
        ends.put(segment, position());
        return new BlockLocation(segment.generation(), offset, bytes, entryCount, lastEntryId);
    }

    private long position() {
        return bufferAt + buffer.position();
    }

    private void nextSegment(int recordBytes) {
        finishCommit();
        Segment next = files.acquire(recordBytes);
        acquired.add(next);
        active = Optional.of(next);
        bufferAt = next.end();
    }

    /** Writes what is buffered, so that it can be read. */
    void flush() {
        if (buffer.position() > 0) {
            int bytes = buffer.flip().remaining();
            active.orElseThrow().file().write(bufferAt, buffer);
            bufferAt += bytes;
            buffer.clear();
        }
    }

    /** Fills the last page with zeros: a recycled file has something else there. */
    private void finishCommit() {
        if (active.isEmpty() || !ends.containsKey(active.get())) {
            return;
        }
        long padding = SegmentFormat.pages(position()) - position();
        if (padding > buffer.remaining()) {
            flush();
        }
        for (long i = 0; i < padding; i++) {
            buffer.put((byte) 0);
        }
        flush();
        ends.put(active.get(), bufferAt);
    }

    /** Makes everything appended durable. */
    void sync() {
        finishCommit();
        ends.keySet().forEach(segment -> segment.file().sync());
    }

    /** Where this commit ends in the segments that it wrote to; complete after {@link #sync}. */
    Map<Segment, Long> ends() {
        return ends;
    }

    /** Segments that this commit brings. */
    List<Segment> acquired() {
        return acquired;
    }

    /** The index leads to what was appended, durably. */
    void committed() {
        committed = active;
        ends.clear();
        acquired.clear();
    }

    /** The index does not lead to what was appended, and never will. */
    void rollBack() {
        acquired.forEach(files::giveBack);
        acquired.clear();
        ends.clear();
        buffer.clear();
        active = committed;
        bufferAt = active.map(Segment::end).orElse(0L);
    }

    /** A commit failed, and its outcome shows only in {@code index}. */
    void follow(Snapshot index) {
        files.follow(index, List.copyOf(acquired));
        acquired.clear();
        goOnInNewest();
    }

    /** Whether blocks go into this one. */
    boolean isActive(Segment segment) {
        return active.isPresent() && active.get() == segment;
    }
}
