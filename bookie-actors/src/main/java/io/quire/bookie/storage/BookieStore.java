package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.StoredLedger;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/**
 * One bookie's data: journal, memtables and ledger store.
 *
 * <p>A record is durable once {@link #append} returns; only then is it applied to the active memtable, so that nothing is
 * ever served that a crash could take back (H65). Full memtables are flushed strictly in order, each in many small
 * commits, of which only the last moves the applied position (R17). A crash in between repeats the memtable's records
 * from the journal; applying them twice changes nothing.
 *
 * <p>Threading: {@link #hasRoomFor}, {@link #append} and {@link #releaseJournal} belong to the journal's thread, {@link
 * #flushStep} to the flusher's, reads to any.
 */
public final class BookieStore implements AutoCloseable {
    private final BookieId store;
    private final Settings settings;
    private final Journal journal;
    private final LedgerStore ledgers;

    /** Newest first; the first one is active. */
    private volatile List<Memtable> memtables;

    private MemtableFlush flush;
    private long replayedRecords;

    /**
     * @param segmentBytes the size of a journal segment file
     * @param groupBytesMax the most bytes that one sync covers
     * @param sparesMax recycled journal segments kept
     * @param memtableBytes when the active memtable is handed to the flusher
     * @param memtablesMax memtables in memory, the active one included; at least 2
     * @param flushCommits commits that one memtable is flushed in, about
     */
    public record Settings(
            long segmentBytes,
            int groupBytesMax,
            int sparesMax,
            long memtableBytes,
            int memtablesMax,
            int flushCommits) {
        public Settings {
            if (memtablesMax < 2 || flushCommits < 1 || memtableBytes < groupBytesMax) {
                throw new IllegalArgumentException("memtables-max must be at least 2, flush-commits at least 1 and"
                        + " memtable-bytes at least journal group-bytes-max");
            }
        }
    }

    /** A record that is durable now. */
    public record Appended(long sequence, JournalRecord record) {}

    private BookieStore(
            BookieId store, Settings settings, Journal journal, LedgerStore ledgers, List<Memtable> memtables) {
        this.store = store;
        this.settings = settings;
        this.journal = journal;
        this.ledgers = ledgers;
        this.memtables = memtables;
    }

    /**
     * Opens the store and replays its journal. Closing it closes both parts.
     *
     * @throws io.quire.storage.StorageException when something durable is damaged or missing
     */
    public static BookieStore open(
            BookieId store, BootEpoch bootEpoch, Settings settings, FileStore journalFiles, KeyValueStore ledgerFiles) {
        LedgerStore ledgers = new LmdbLedgerStore(ledgerFiles);
        Replay replay = new Replay(ledgers, settings);
        JournalScan.Result scan = new JournalScan(journalFiles, store).replay(ledgers.appliedSequence(), replay::apply);
        Journal journal = Journal.open(
                journalFiles,
                store,
                bootEpoch,
                new Journal.Settings(settings.segmentBytes(), settings.groupBytesMax(), settings.sparesMax()),
                scan);
        BookieStore opened = new BookieStore(store, settings, journal, ledgers, List.of(replay.active));
        opened.replayedRecords = scan.records();
        journal.release(ledgers.appliedSequence());
        return opened;
    }

    /** Replayed memtables are flushed on the way, so that boot needs no more memory than serving. */
    private static final class Replay {
        private final LedgerStore ledgers;
        private final Settings settings;
        private Memtable active;

        Replay(LedgerStore ledgers, Settings settings) {
            this.ledgers = ledgers;
            this.settings = settings;
            this.active = new Memtable(ledgers.appliedSequence());
        }

        void apply(long sequence, JournalRecord record) {
            if (active.weight() + record.weight() > settings.memtableBytes() && !active.isEmpty()) {
                MemtableFlush flush = new MemtableFlush(active, ledgers, settings);
                boolean done = false;
                while (!done) {
                    done = flush.step();
                }
                active = new Memtable(active.lastSequence());
            }
            active.apply(sequence, record);
        }
    }

    public BookieId id() {
        return store;
    }

    /** How many journal records the last boot had to repeat. */
    public long replayedRecords() {
        return replayedRecords;
    }

    /**
     * Reserves memtable space, ahead of journaling (R17): whether records of {@code weight} may be appended now. False
     * means that the flusher is behind; ask again after the next memtable is flushed.
     */
    public boolean hasRoomFor(long weight) {
        Memtable active = memtables.get(0);
        if (active.isEmpty() || active.weight() + weight <= settings.memtableBytes()) {
            return true;
        }
        synchronized (this) {
            if (memtables.size() >= settings.memtablesMax()) {
                return false;
            }
            rotate();
            return true;
        }
    }

    /** Hands the active memtable to the flusher unless it is empty, so that everything before is flushed in time. */
    public synchronized void rotate() {
        Memtable active = memtables.get(0);
        if (active.isEmpty()) {
            return;
        }
        List<Memtable> next = new ArrayList<>(memtables);
        next.add(0, new Memtable(active.lastSequence()));
        memtables = List.copyOf(next);
    }

    /** How many of {@code records}, from the first on, fit into one group together; at least one. */
    public int groupOf(List<? extends JournalRecord> records) {
        int bytes = 0;
        int count = 0;
        for (JournalRecord record : records) {
            bytes += JournalFormat.encodedBytes(record);
            if (count > 0 && bytes > settings.groupBytesMax()) {
                break;
            }
            count++;
        }
        return count;
    }

    /**
     * Journals a group of records with one sync and applies them. On return all of them are durable and can be read.
     *
     * @throws io.quire.storage.StorageException when they may not be durable; the store must not be used any more
     */
    public void append(List<? extends JournalRecord> records) {
        long first = -1;
        for (JournalRecord record : records) {
            long sequence = journal.add(record);
            first = first < 0 ? sequence : first;
        }
        journal.sync();
        Memtable active = memtables.get(0);
        for (int i = 0; i < records.size(); i++) {
            active.apply(first + i, records.get(i));
        }
    }

    /** Recycles journal segments that the ledger store has caught up with. */
    public void releaseJournal() {
        journal.release(ledgers.appliedSequence());
    }

    /** Whether {@link #flushStep} has something to do. */
    public boolean needsFlush() {
        return memtables.size() > 1;
    }

    /**
     * Makes one commit of the oldest full memtable.
     *
     * @return whether that memtable is flushed now, and the journal may be released up to its last record
     */
    public boolean flushStep() {
        List<Memtable> current = memtables;
        if (current.size() < 2) {
            return false;
        }
        Memtable oldest = current.get(current.size() - 1);
        if (flush == null || flush.memtable() != oldest) {
            flush = new MemtableFlush(oldest, ledgers, settings);
        }
        if (!flush.step()) {
            return false;
        }
        flush = null;
        synchronized (this) {
            memtables = List.copyOf(memtables.subList(0, memtables.size() - 1));
        }
        return true;
    }

    /** Entries that came with other bytes than were stored, since boot: an alarm (R18). */
    public long conflicts() {
        return memtables.get(0).conflicts();
    }

    /** What is known of a ledger, durably; empty when the store never heard of it. */
    public Optional<LedgerView> ledger(LedgerId ledgerId) {
        List<Memtable> captured = memtables;
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            Optional<StoredLedger> stored = reader.ledger(ledgerId);
            boolean known = stored.isPresent();
            boolean fenced = stored.map(StoredLedger::fenced).orElse(false);
            long lastAddConfirmed = stored.map(StoredLedger::lastAddConfirmed).orElse(EntryId.NONE);
            long lastEntry = stored.map(StoredLedger::lastEntryId).orElse(EntryId.NONE);
            for (Memtable memtable : captured) {
                Optional<Memtable.Slice> slice = memtable.slice(ledgerId);
                if (slice.isPresent()) {
                    known = true;
                    fenced |= slice.get().isFenced();
                    lastAddConfirmed = Math.max(lastAddConfirmed, slice.get().lastAddConfirmed());
                    if (!slice.get().entries().isEmpty()) {
                        lastEntry = Math.max(lastEntry, slice.get().entries().lastKey());
                    }
                }
            }
            return known ? Optional.of(new LedgerView(fenced, lastAddConfirmed, lastEntry)) : Optional.empty();
        }
    }

    /**
     * @param fenced whether it is fenced, durably
     * @param lastAddConfirmed the highest one known durably, or -1
     * @param lastEntryId the highest entry held, or -1
     */
    public record LedgerView(boolean fenced, long lastAddConfirmed, long lastEntryId) {}

    /**
     * Reads entries in {@code [first, last]}, ascending, as far as the limits go; one entry always fits. The memtables
     * are captured before the ledger store is opened, so that an entry that moves in between is seen in one of them
     * (R19).
     *
     * @throws io.quire.storage.StorageException when something is damaged: the answer is then unknown, never a negative
     */
    public EntryRange read(LedgerId ledgerId, long first, long last, int entriesMax, int bytesMax) {
        List<Memtable> captured = memtables;
        TreeMap<Long, Payload> found = new TreeMap<>();
        boolean[] cut = {false};
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            long[] bytes = {0};
            reader.read(ledgerId, first, last, (entryId, encoded) -> {
                if (found.size() > entriesMax || bytes[0] > bytesMax) {
                    cut[0] = true;
                    return false;
                }
                found.put(entryId, encoded);
                bytes[0] += encoded.length();
                return true;
            });
        }
        long end = cut[0] ? found.lastKey() : last;
        for (Memtable memtable : captured) {
            memtable.slice(ledgerId).ifPresent(slice -> collect(slice, first, end, entriesMax, bytesMax, found));
        }
        return limited(found, end, entriesMax, bytesMax);
    }

    /** Adds what a memtable holds, at most about as much as can be answered. */
    private static void collect(
            Memtable.Slice slice,
            long first,
            long last,
            int entriesMax,
            int bytesMax,
            NavigableMap<Long, Payload> into) {
        long bytes = 0;
        int count = 0;
        for (var entry : slice.entries().subMap(first, true, last, true).entrySet()) {
            if (count > entriesMax || bytes > bytesMax) {
                break;
            }
            into.putIfAbsent(entry.getKey(), entry.getValue());
            count++;
            bytes += entry.getValue().length();
        }
    }

    private static EntryRange limited(NavigableMap<Long, Payload> found, long end, int entriesMax, int bytesMax) {
        List<Payload> entries = new ArrayList<>();
        long bytes = 0;
        for (var entry : found.entrySet()) {
            boolean full = entries.size() == entriesMax
                    || (!entries.isEmpty() && bytes + entry.getValue().length() > bytesMax);
            if (full) {
                return new EntryRange(entries, entry.getKey());
            }
            entries.add(entry.getValue());
            bytes += entry.getValue().length();
        }
        return new EntryRange(entries, end + 1);
    }

    /**
     * What a read found.
     *
     * @param entries encoded, ascending
     * @param coveredTo the read speaks of every id below this: those not among the entries are not held
     */
    public record EntryRange(List<Payload> entries, long coveredTo) {}

    /** Bytes that wait in memory for the ledger store, about. */
    public long memtableWeight() {
        long weight = 0;
        for (Memtable memtable : memtables) {
            weight += memtable.weight();
        }
        return weight;
    }

    @Override
    public void close() {
        journal.close();
        ledgers.close();
    }
}
