package io.quire.bookie.storage;

import io.quire.bookie.storage.SegmentFormat.RecordHeader;
import io.quire.bookie.storage.SegmentLedgerStore.SegmentWriter;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.DamagedException;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gives the dead space of segments back. Lazily: a segment in which nothing lives goes at once; one in which something
 * does is emptied only while the segments in use take more than a part of what lives in all of them, the emptiest first,
 * because what is about to die need not be moved (measured in docs/decisions/012).
 *
 * <p>A step goes through a few records of the chosen segment. Which of them live is asked of the index in the commit that
 * moves them, never before (H72); each is verified, its digests too, and moved by an ordinary commit: segment synced,
 * then index. At the end the segment is given up if its count of live bytes agrees that nothing is left (H59).
 *
 * <p>A segment with something that cannot be read or verified is left as it is, reported once, and the others go on
 * (H60). It is looked at again when something in it was dropped or mended. Not thread-safe.
 */
final class SegmentCompaction {
    private static final Logger LOG = LoggerFactory.getLogger(SegmentCompaction.class);

    /** What is less empty is not worth being moved. */
    private static final int LIVE_PERCENT_MAX = 90;

    private final SegmentFiles files;
    private final SegmentAppender appender;
    private final SegmentSettings settings;
    private Optional<Segment> victim = Optional.empty();
    /** Up to here the victim is done, durably. */
    private long done;

    private long copiedBytes;

    SegmentCompaction(SegmentFiles files, SegmentAppender appender, SegmentSettings settings) {
        this.files = files;
        this.appender = appender;
        this.settings = settings;
    }

    /** Bytes moved so far. */
    long copiedBytes() {
        return copiedBytes;
    }

    /**
     * Makes one step, and commits it.
     *
     * @return bytes read and written; 0 when there is nothing to do
     * @throws io.quire.storage.StorageException when something cannot be written; the step did not happen then
     */
    long step(SegmentWriter writer, int bytesMax) {
        Optional<Segment> chosen = victim.filter(
                        segment -> !segment.isQuarantined() && files.inUse().contains(segment))
                .or(this::choose);
        if (chosen.isEmpty()) {
            victim = Optional.empty();
            return 0;
        }
        Segment segment = chosen.get();
        if (victim.isEmpty() || victim.get() != segment) {
            victim = chosen;
            done = SegmentFormat.PAGE_BYTES;
        }
        if (segment.isMissing()) {
            writer.remove(segment);
            writer.commit();
            victim = Optional.empty();
            return 1;
        }
        return work(writer, new SegmentWalk(segment, done), segment, bytesMax);
    }

    private long work(SegmentWriter writer, SegmentWalk walk, Segment segment, int bytesMax) {
        long moved = 0;
        boolean more = true;
        long position = walk.position();
        Optional<String> doubt = Optional.empty();
        while (doubt.isEmpty() && more && walk.bytesRead() + moved < bytesMax) {
            Optional<LiveBlock> live = Optional.empty();
            try {
                more = walk.next();
                live = more ? liveRecord(writer, walk) : Optional.empty();
                position = walk.position();
            } catch (DamagedException e) {
                doubt = Optional.of(String.valueOf(e.getMessage()));
            }
            if (live.isPresent()) {
                LiveBlock block = live.get();
                writer.move(block.header().ledgerId(), block.header().firstEntryId(), block.location(), block.bytes());
                moved += block.location().bytes();
            }
        }
        if (!more && writer.liveBytesOf(segment) == 0) {
            writer.remove(segment);
        } else if (!more) {
            doubt = Optional.of(writer.liveBytesOf(segment) + " bytes should live in it that are not found");
        }
        if (!more || moved > 0) {
            writer.commit();
        }
        copiedBytes += moved;
        done = position;
        doubt.ifPresent(reason -> quarantine(segment, reason));
        victim = victim.filter(current -> !current.isQuarantined());
        return Math.max(1, walk.bytesRead() + moved);
    }

    private record LiveBlock(RecordHeader header, BlockLocation location, Payload bytes) {}

    /** The current record of the walk, verified, if the index leads to it. */
    private static Optional<LiveBlock> liveRecord(SegmentWriter writer, SegmentWalk walk) {
        RecordHeader header = walk.header();
        Optional<BlockLocation> location = writer.find(header.ledgerId(), header.firstEntryId())
                .filter(found -> found.isAt(header.generation(), walk.offset()));
        if (location.isEmpty()) {
            return Optional.empty();
        }
        Payload block = walk.block();
        List<Payload> entries = BlockFormat.decode(block.asByteBuffer());
        BlockInspection.requireGood(header.ledgerId(), header.firstEntryId(), entries);
        if (entries.size() != location.get().entryCount() || location.get().bytes() != header.recordBytes()) {
            throw new DamagedException("a block of " + entries.size() + " entries at " + walk.offset()
                    + " is another than the index says");
        }
        return Optional.of(new LiveBlock(header, location.get(), block));
    }

    private void quarantine(Segment segment, String reason) {
        segment.quarantine(true);
        LOG.error("{} is left as it is, compaction cannot verify it: {}", segment, reason);
    }

    private Optional<Segment> choose() {
        List<Segment> inUse = files.inUse();
        long live = 0;
        long bytes = 0;
        for (Segment segment : inUse) {
            live += segment.liveBytes();
            bytes += appender.isActive(segment) || segment.isMissing() ? 0 : segment.bytes();
        }
        boolean worthWhile = bytes * 100 > live * settings.compactAbovePercent();
        return inUse.stream()
                .filter(segment -> !appender.isActive(segment))
                .filter(segment -> segment.liveBytes() == 0
                        || (worthWhile
                                && !segment.isQuarantined()
                                && segment.liveBytes() * 100 <= segment.bytes() * LIVE_PERCENT_MAX))
                .filter(segment -> !segment.isQuarantined() || segment.isMissing())
                .min(Comparator.comparingDouble(segment -> (double) segment.liveBytes() / segment.bytes()));
    }
}
