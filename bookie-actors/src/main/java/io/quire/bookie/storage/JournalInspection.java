package io.quire.bookie.storage;

import io.quire.bookie.storage.JournalFormat.ReadRecord;
import io.quire.bookie.storage.JournalFormat.SegmentHeader;
import io.quire.bookie.storage.StoreInspection.JournalEntry;
import io.quire.bookie.storage.StoreInspection.JournalSegment;
import io.quire.bookie.storage.StoreInspection.SegmentEnd;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Looks at the segments of a journal one by one, also at those that are not needed any more or are damaged; whether the
 * journal as a whole can be replayed is for {@link JournalScan} to say. Not thread-safe.
 */
final class JournalInspection {
    private final FileStore files;

    JournalInspection(FileStore files) {
        this.files = files;
    }

    /**
     * All segments, by generation; those without a header first.
     *
     * @param appliedSequence the last record that the ledger store has, when that is known: what lies before it is not
     *     needed, and damage there is none
     */
    List<JournalSegment> segments(OptionalLong appliedSequence) {
        List<JournalSegment> unreadable = new ArrayList<>();
        List<JournalScan.Segment> readable = new ArrayList<>();
        for (String name : files.list()) {
            if (name.startsWith(JournalScan.SEGMENT_PREFIX)) {
                try {
                    headerOf(name)
                            .ifPresentOrElse(
                                    header -> readable.add(new JournalScan.Segment(name, header)),
                                    () -> unreadable.add(withoutHeader(
                                            name, SegmentEnd.NO_HEADER, "never written, or its header is damaged")));
                } catch (StorageException e) {
                    unreadable.add(withoutHeader(name, SegmentEnd.DAMAGED, e.getMessage()));
                }
            }
        }
        readable.sort(Comparator.comparingLong(segment -> segment.header().generation()));
        List<JournalSegment> all = new ArrayList<>(unreadable);
        int firstNeeded = firstNeeded(readable, appliedSequence);
        for (int i = 0; i < readable.size(); i++) {
            all.add(look(readable.get(i), i >= firstNeeded, record -> {}));
        }
        return all;
    }

    /** Shows the records of a segment with a header, in order, as far as they are the expected ones. */
    void records(JournalSegment segment, Consumer<JournalEntry> visitor) {
        headerOf(segment.file())
                .ifPresent(header -> look(new JournalScan.Segment(segment.file(), header), false, visitor));
    }

    /**
     * What a boot would say of the journal.
     *
     * @param confirmed the last boot of the store
     * @param visitor sees each record that the ledger store does not have
     * @throws StorageException when it would not go on
     */
    JournalScan.Result replay(
            BookieId store, long appliedSequence, BootEpoch confirmed, Consumer<JournalRecord> visitor) {
        JournalScan.Result scan = new JournalScan(files, store)
                .replay(appliedSequence, (sequence, record) -> visitor.accept(record), ReplayProgress.UNHEARD);
        scan.requireThereAt(confirmed.next());
        return scan;
    }

    private static int firstNeeded(List<JournalScan.Segment> segments, OptionalLong appliedSequence) {
        if (segments.isEmpty() || appliedSequence.isEmpty()) {
            return 0;
        }
        try {
            return JournalScan.startOf(segments, appliedSequence.getAsLong());
        } catch (DamagedJournalException e) {
            // A segment is missing before the first one; all that are there are needed. The replay tells.
            return 0;
        }
    }

    private Optional<SegmentHeader> headerOf(String name) {
        try (StoreFile file = files.open(name)) {
            ByteBuffer page = ByteBuffer.allocate(JournalFormat.PAGE_BYTES);
            file.read(0, page);
            return JournalFormat.decodeHeader(page.flip(), name);
        }
    }

    private JournalSegment withoutHeader(String name, SegmentEnd end, String reason) {
        long bytes = -1;
        try (StoreFile file = files.open(name)) {
            bytes = file.size();
        } catch (StorageException e) {
            return new JournalSegment(name, bytes, Optional.empty(), 0, 0, 0, 0, true, SegmentEnd.DAMAGED, reason);
        }
        return new JournalSegment(name, bytes, Optional.empty(), 0, 0, 0, 0, true, end, reason);
    }

    private JournalSegment look(JournalScan.Segment segment, boolean needed, Consumer<JournalEntry> visitor) {
        SegmentHeader header = segment.header();
        long fileBytes = -1;
        long last = header.firstSequence() - 1;
        SegmentEnd end = SegmentEnd.WHOLE;
        String reason = "";
        try (StoreFile file = files.open(segment.fileName())) {
            fileBytes = file.size();
            JournalScan.Walk walk = new JournalScan.Walk(file, header, header.firstSequence());
            for (Optional<ReadRecord> next = walk.next(); next.isPresent(); next = walk.next()) {
                last = next.get().sequence();
                visitor.accept(viewOf(segment.fileName(), next.get()));
            }
            Optional<Long> torn = walk.tornAt();
            if (torn.isPresent()) {
                end = SegmentEnd.TORN;
                reason = "what follows record " + last + " at byte " + torn.get()
                        + " was never durable as far as is known: a torn tail";
            }
            JournalScan.requireWholeFile(file, header);
            walk.requireNothingDurableBehind();
        } catch (StorageException e) {
            end = SegmentEnd.DAMAGED;
            reason = e.getMessage();
        }
        return new JournalSegment(
                segment.fileName(),
                fileBytes,
                Optional.of(header.store()),
                header.generation(),
                header.firstSequence(),
                last,
                last - header.firstSequence() + 1,
                needed,
                end,
                reason);
    }

    private static JournalEntry viewOf(String file, ReadRecord record) {
        JournalRecord change = record.record();
        List<Payload> entries = change.entries().entries();
        String kind = change instanceof JournalRecord.Added
                ? "added"
                : change instanceof JournalRecord.Recovered
                        ? "recovered"
                        : change instanceof JournalRecord.Fenced ? "fenced" : "dropped";
        return new JournalEntry(
                file,
                record.sequence(),
                kind,
                change.ledgerId().value(),
                entries.isEmpty() ? EntryId.NONE : EntryFormat.entryIdOf(entries.get(0)),
                entries.isEmpty() ? EntryId.NONE : EntryFormat.entryIdOf(entries.get(entries.size() - 1)),
                entries.size(),
                record.totalBytes(),
                record.bootEpoch(),
                record.syncedUpTo());
    }
}
