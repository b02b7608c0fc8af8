package io.quire.bookie.storage;

import io.quire.bookie.core.JournalBudget;
import io.quire.bookie.storage.LedgerStore.StoredLedger;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Supplier;

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
    /** How many ledgers are remembered as counted; forgetting costs another count. */
    private static final int COUNTED_LEDGERS_MAX = 100_000;

    /** A larger gap between wanted entries is not read over. */
    private static final long GAP_MAX = 64;

    private final BookieId store;
    private final Settings settings;
    private final Journal journal;
    private final LedgerStore ledgers;
    private final Limbo limbo;

    /** Newest first; the first one is active. */
    private volatile List<Memtable> memtables;

    private final AtomicLong conflicts;
    /** Ledgers whose blocks were counted since boot. */
    private final Set<Long> whole = ConcurrentHashMap.newKeySet();

    private final JournalBudget journalBudget;
    private HealingFlush flush;
    private volatile Consumer<LedgerId> damageListener = ledgerId -> {};
    private long replayedRecords;

    /**
     * @param segmentBytes the size of a journal segment file
     * @param groupBytesMax the most bytes that one sync covers
     * @param sparesMax recycled journal segments kept
     * @param memtableBytes when the active memtable is handed to the flusher
     * @param memtablesMax memtables in memory, the active one included; at least 2
     * @param flushCommits commits that one memtable is flushed in, about
     * @param ledgerSegments for a store that keeps its entries in segments
     * @param journalBytesMax of the journal segments in use, at least four segments
     */
    public record Settings(
            long segmentBytes,
            int groupBytesMax,
            int sparesMax,
            long memtableBytes,
            int memtablesMax,
            int flushCommits,
            SegmentSettings ledgerSegments,
            long journalBytesMax) {
        /** With segments of the ledger store as in {@link SegmentSettings#DEFAULT}, and a journal without a bound. */
        public Settings(
                long segmentBytes,
                int groupBytesMax,
                int sparesMax,
                long memtableBytes,
                int memtablesMax,
                int flushCommits) {
            this(
                    segmentBytes,
                    groupBytesMax,
                    sparesMax,
                    memtableBytes,
                    memtablesMax,
                    flushCommits,
                    SegmentSettings.DEFAULT,
                    Long.MAX_VALUE);
        }

        public Settings {
            if (memtablesMax < 2 || flushCommits < 1 || memtableBytes < groupBytesMax) {
                throw new IllegalArgumentException("memtables-max must be at least 2, flush-commits at least 1 and"
                        + " memtable-bytes at least journal group-bytes-max");
            }
            JournalBudget.requireEnough(segmentBytes, journalBytesMax);
        }

        /** These, with segments of the ledger store as {@code segments} says. */
        public Settings withLedgerSegments(SegmentSettings segments) {
            return new Settings(
                    segmentBytes,
                    groupBytesMax,
                    sparesMax,
                    memtableBytes,
                    memtablesMax,
                    flushCommits,
                    segments,
                    journalBytesMax);
        }

        /** These, with a journal of at most {@code bytesMax}. */
        public Settings withJournalBytesMax(long bytesMax) {
            return new Settings(
                    segmentBytes,
                    groupBytesMax,
                    sparesMax,
                    memtableBytes,
                    memtablesMax,
                    flushCommits,
                    ledgerSegments,
                    bytesMax);
        }
    }

    /**
     * What a store consists of.
     *
     * @param ledgers all entries, or their index, and what is known of each ledger
     * @param segments entries; present when the store is of kind SEGMENTS
     */
    public record Files(FileStore journal, KeyValueStore ledgers, Optional<FileStore> segments)
            implements AutoCloseable {
        /** Of a store of kind LMDB. */
        public static Files ofLmdb(FileStore journal, KeyValueStore ledgers) {
            return new Files(journal, ledgers, Optional.empty());
        }

        /** Closes all of them, whatever fails. */
        @Override
        public void close() {
            try {
                ledgers.close();
            } finally {
                try {
                    segments.ifPresent(FileStore::close);
                } finally {
                    journal.close();
                }
            }
        }
    }

    /** What became of one step of a flush. */
    public enum FlushOutcome {
        /** No memtable waits. */
        NOTHING_TO_DO,
        /** One more commit is durable. */
        COMMITTED,
        /** So is the last one of a memtable: the journal may be released up to its last record. */
        FLUSHED,
        /** The commit had no room. Nothing was changed, and the same step may be tried again. */
        NO_ROOM
    }

    /** A record that is durable now. */
    public record Appended(long sequence, JournalRecord record) {}

    private BookieStore(
            BookieId store, Settings settings, Journal journal, LedgerStore ledgers, Limbo limbo, Replay replay) {
        this.store = store;
        this.settings = settings;
        this.journal = journal;
        this.journalBudget = new JournalBudget(settings.segmentBytes(), settings.journalBytesMax());
        this.ledgers = ledgers;
        this.limbo = limbo;
        this.memtables = List.of(replay.active);
        this.conflicts = replay.conflicts;
    }

    /** As {@link #open(BookieId, BootEpoch, Settings, Files, ReplayProgress)}, with nobody listening. */
    public static BookieStore open(BookieId store, BootEpoch bootEpoch, Settings settings, Files files) {
        return open(store, bootEpoch, settings, files, ReplayProgress.UNHEARD);
    }

    /**
     * Opens the store and replays its journal, all of it into the ledger store: of the last records in the journal nobody
     * knows whether they are durable or only in the page cache of a machine that kept running, and nothing may be served
     * that a crash could take back (H65). Closing the store closes its parts; when this throws the caller closes them.
     *
     * <p>Which kind of ledger store it is was recorded when it was formatted, see {@link StoreKind}.
     *
     * @param bootEpoch rises with each boot that got as far as to have opened the store
     * @param progress of the replay
     * @throws DamagedJournalException when records that were durable are bad or missing; see {@link #salvage}
     * @throws io.quire.storage.StorageException when something else that was durable is damaged or missing
     */
    public static BookieStore open(
            BookieId store, BootEpoch bootEpoch, Settings settings, Files files, ReplayProgress progress) {
        Limbo limbo = new Limbo(files.ledgers());
        if (limbo.isSalvaging()) {
            throw new DamagedJournalException(limbo.reason());
        }
        LedgerStore ledgers = openLedgers(store, settings.ledgerSegments(), files);
        try {
            FileStore journalFiles = files.journal();
            Replay replay = new Replay(ledgers, limbo, settings);
            JournalScan.Result scan =
                    new JournalScan(journalFiles, store).replay(ledgers.appliedSequence(), replay::apply, progress);
            replay.flush();
            scan.requireThereAt(bootEpoch);
            JournalWitness witness = new JournalWitness(files.ledgers());
            witness.require(scan.newestGeneration());
            Journal journal = Journal.open(
                    journalFiles,
                    store,
                    bootEpoch,
                    new Journal.Settings(settings.segmentBytes(), settings.groupBytesMax(), settings.sparesMax()),
                    scan,
                    witness::started);
            BookieStore opened = new BookieStore(store, settings, journal, ledgers, limbo, replay);
            opened.replayedRecords = scan.records();
            journal.release(ledgers.appliedSequence());
            return opened;
        } catch (RuntimeException e) {
            ledgers.letGo();
            throw e;
        }
    }

    /**
     * Puts a store whose journal is damaged into limbo (R21), and brings what is left of the journal into the ledger store;
     * {@link #open} opens it afterwards. May be repeated when it was cut short. Takes what {@link #open} takes, and closes
     * nothing.
     *
     * @param reason what is damaged, for people
     */
    public static void salvage(BookieId store, BootEpoch bootEpoch, Settings settings, Files files, String reason) {
        Limbo limbo = new Limbo(files.ledgers());
        FileStore journalFiles = files.journal();
        if (!limbo.isSalvaging()) {
            limbo.startSalvage(reason);
        }
        long last = saveJournal(store, settings, files, limbo);
        JournalSalvage.setAside(journalFiles);
        JournalWitness witness = new JournalWitness(files.ledgers());
        witness.forget();
        // A journal of its own to begin with: without any segment it would be missing.
        Journal journal = Journal.open(
                journalFiles,
                store,
                bootEpoch,
                new Journal.Settings(settings.segmentBytes(), settings.groupBytesMax(), settings.sparesMax()),
                new JournalScan.Result(List.of(), last, 0),
                witness::started);
        journal.closeSegment();
        limbo.endSalvage();
    }

    /** Brings what is left of the journal into the ledger store; the sequence of the last record there was. */
    private static long saveJournal(BookieId store, Settings settings, Files files, Limbo limbo) {
        LedgerStore ledgers = openLedgers(store, settings.ledgerSegments(), files);
        try {
            Replay replay = new Replay(ledgers, limbo, settings);
            long last =
                    new JournalSalvage(files.journal(), store, ledgers.appliedSequence()).run(replay::applyBehindGap);
            replay.flush();
            try (LedgerStore.Writer writer = ledgers.begin()) {
                writer.applied(last);
                writer.commit();
            }
            return last;
        } finally {
            ledgers.letGo();
        }
    }

    static LedgerStore openLedgers(BookieId store, SegmentSettings settings, Files files) {
        if (StoreKind.read(files.ledgers()) == StoreKind.LMDB) {
            return new LmdbLedgerStore(files.ledgers());
        }
        FileStore segments = files.segments()
                .orElseThrow(() -> new StorageException("the store keeps its entries in segments, and has none"));
        return new SegmentLedgerStore(store, settings, files.ledgers(), segments);
    }

    /** Replayed memtables are flushed on the way, so that boot needs no more memory than serving. */
    private static final class Replay {
        private final LedgerStore ledgers;
        private final Limbo limbo;
        private final Settings settings;
        private final AtomicLong conflicts = new AtomicLong();
        private Memtable active;

        Replay(LedgerStore ledgers, Limbo limbo, Settings settings) {
            this.ledgers = ledgers;
            this.limbo = limbo;
            this.settings = settings;
            this.active = new Memtable(ledgers.appliedSequence());
        }

        void apply(long sequence, JournalRecord record) {
            if (active.weight() + record.weight() > settings.memtableBytes()) {
                flush();
            }
            conflicts.addAndGet(active.apply(sequence, record));
        }

        /** Like {@link #apply}, when records before this one may be lost. */
        void applyBehindGap(long sequence, JournalRecord record) {
            if (sequence != active.lastSequence() + 1) {
                flush();
                active = new Memtable(sequence - 1);
            }
            apply(sequence, record);
        }

        void flush() {
            if (active.isEmpty()) {
                return;
            }
            HealingFlush flush = new HealingFlush(active, ledgers, limbo, settings, conflicts);
            FlushOutcome outcome = FlushOutcome.COMMITTED;
            while (outcome == FlushOutcome.COMMITTED) {
                outcome = flush.step(Long.MAX_VALUE);
            }
            requireRoom(outcome);
            active = new Memtable(active.lastSequence());
        }
    }

    /** The stores that the segments of a journal belong to: one, or none when there are no segments. */
    public static Set<BookieId> journalOwners(FileStore journalFiles) {
        return JournalScan.ownersOf(journalFiles);
    }

    /** The youngest boot of {@code store} of which a journal has a record; reads all of it. */
    public static BootEpoch journalBoot(FileStore journalFiles, BookieId store) {
        JournalSalvage journal = new JournalSalvage(journalFiles, store, Long.MAX_VALUE);
        journal.run((sequence, record) -> {});
        return new BootEpoch(journal.lastBootEpoch());
    }

    public BookieId id() {
        return store;
    }

    /** Has {@code listener} told of each ledger that goes into limbo because something of it could not be read; on any thread. */
    public void whenDamaged(Consumer<LedgerId> listener) {
        damageListener = listener;
    }

    /** What is damaged is in limbo before anybody hears that it could not be read. */
    private <T> T read(LedgerId ledgerId, Supplier<T> read) {
        try {
            return read.get();
        } catch (DamagedException e) {
            damaged(ledgerId, e.getMessage());
            throw e;
        }
    }

    /** Something that is held of the ledger cannot be read: it goes into limbo. */
    void damaged(LedgerId ledgerId, String reason) {
        if (limbo.enter(ledgerId, reason)) {
            damageListener.accept(ledgerId);
        }
    }

    /** What the store cannot vouch for. */
    public Limbo limbo() {
        return limbo;
    }

    /** How many journal records the last boot had to repeat. */
    public long replayedRecords() {
        return replayedRecords;
    }

    private static void requireRoom(FlushOutcome outcome) {
        if (outcome == FlushOutcome.NO_ROOM) {
            throw new OutOfSpaceException("the disk has no room for what the ledger store is to take", null);
        }
    }

    /**
     * Reserves memtable space and journal bytes, ahead of journaling (R17): whether records of {@code weight} may be
     * appended now. False means that the flusher is behind; ask again after the next memtable is flushed.
     */
    public boolean hasRoomFor(long weight) {
        return isJournalWithinBudget() && hasMemtableFor(weight);
    }

    private boolean isJournalWithinBudget() {
        JournalBudget.Decision decision = decideOnJournal();
        if (decision == JournalBudget.Decision.HOLD_BACK) {
            releaseJournal();
            decision = decideOnJournal();
        }
        if (decision != JournalBudget.Decision.GO_ON) {
            rotateIfPossible();
        }
        return decision != JournalBudget.Decision.HOLD_BACK;
    }

    private JournalBudget.Decision decideOnJournal() {
        return journalBudget.decide(journal.bytesInUse(), journal.needsSegment(), needsFlush());
    }

    private synchronized void rotateIfPossible() {
        if (memtables.size() < settings.memtablesMax()) {
            rotate();
        }
    }

    private boolean hasMemtableFor(long weight) {
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

    /** The most encoded bytes that the entries of one record may have. */
    public int entriesBytesMax() {
        return settings.groupBytesMax() - JournalFormat.ADDED_BYTES;
    }

    private boolean fits(JournalRecord record) {
        return JournalFormat.encodedBytes(record) <= settings.groupBytesMax();
    }

    /** How many of {@code records}, from the first on, fit into one group together; at least one. */
    public int groupOf(List<? extends JournalRecord> records) {
        long bytes = 0;
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
     * Has a journal segment ready for the next group; {@link #append} does the same.
     *
     * @throws OutOfSpaceException when the disk has no room for another segment: nothing was journaled, and the same may be
     *     tried again (H61). The active memtable then waits for its flush, which gives segments back
     * @throws io.quire.storage.StorageException when it fails otherwise; the store must not be used any more
     */
    public void makeJournalRoom() {
        try {
            journal.makeRoom();
        } catch (OutOfSpaceException e) {
            rotateIfPossible();
            throw e;
        }
    }

    /** Bytes of the ledger store's files that flushes may take before they grow, about. Any thread, until closed. */
    public long reusableBytes() {
        return ledgers.reusableBytes();
    }

    /** Bytes of the journal segments in use. Any thread. */
    public long journalBytes() {
        return journal.bytesInUse();
    }

    /**
     * Journals a group of records with one sync and applies them. On return all of them are durable and can be read.
     *
     * @throws io.quire.storage.StorageException when they may not be durable; the store must not be used any more
     * @throws IllegalArgumentException when they do not fit into one group; nothing was journaled
     */
    public void append(List<? extends JournalRecord> records) {
        if (groupOf(records) < records.size() || !records.stream().allMatch(this::fits)) {
            throw new IllegalArgumentException(
                    records.size() + " records do not fit into a group of " + settings.groupBytesMax() + " bytes");
        }
        long first = -1;
        for (JournalRecord record : records) {
            long sequence = journal.add(record);
            first = first < 0 ? sequence : first;
        }
        journal.sync();
        Memtable active = memtables.get(0);
        for (int i = 0; i < records.size(); i++) {
            conflicts.addAndGet(active.apply(first + i, records.get(i)));
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
     * Makes one commit of the oldest full memtable, whatever room there is.
     *
     * @return whether that memtable is flushed now, and the journal may be released up to its last record
     * @throws OutOfSpaceException when it finds none
     */
    public boolean flushStep() {
        FlushOutcome outcome = flushStep(Long.MAX_VALUE);
        requireRoom(outcome);
        return outcome == FlushOutcome.FLUSHED;
    }

    /**
     * Makes one commit of the oldest full memtable, if it needs no more than about {@code roomBytes} of the disk.
     *
     * @throws OutOfSpaceException when the commit itself finds no room; the store must not be used any more
     * @throws io.quire.storage.StorageException when it fails otherwise; the store must not be used any more
     */
    public FlushOutcome flushStep(long roomBytes) {
        List<Memtable> current = memtables;
        if (current.size() < 2) {
            return FlushOutcome.NOTHING_TO_DO;
        }
        Memtable oldest = current.get(current.size() - 1);
        if (flush == null || flush.memtable() != oldest) {
            flush = new HealingFlush(oldest, ledgers, limbo, settings, conflicts);
        }
        FlushOutcome outcome;
        try {
            outcome = flush.step(roomBytes);
        } catch (StorageException e) {
            // What it has taken from the memtable is not committed: the next step starts anew.
            flush = null;
            throw e;
        }
        if (outcome != FlushOutcome.FLUSHED) {
            return outcome;
        }
        flush = null;
        synchronized (this) {
            memtables = List.copyOf(memtables.subList(0, memtables.size() - 1));
        }
        return outcome;
    }

    /**
     * Makes the next small step of giving dead space of the ledger store back; belongs to the flusher's thread, between
     * its commits.
     *
     * @param bytesMax look at about as many bytes
     * @return bytes read and written; 0 when nothing is to be done at the moment
     * @throws io.quire.storage.StorageException.OutOfSpaceException when there is no room for what has to be moved;
     *     nothing is changed, and it can be tried again
     */
    public long compactStep(int bytesMax) {
        return ledgers.compact(bytesMax);
    }

    /** What the segment files of the ledger store hold. */
    public SegmentFigures segmentFigures() {
        return ledgers.segmentFigures();
    }

    /** Counts a request that was refused because an entry of it is held with other bytes. */
    public void conflictRefused() {
        conflicts.incrementAndGet();
    }

    /** Entries that came with other bytes than were stored, since boot: an alarm (R18, H13, H38). */
    public long conflicts() {
        return conflicts.get();
    }

    /** What is known of a ledger, durably; empty when the store never heard of it. */
    public Optional<LedgerView> ledger(LedgerId ledgerId) {
        Layers layers = layersOf(ledgerId);
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            Optional<StoredLedger> stored = layers.dropped() ? Optional.empty() : reader.ledger(ledgerId);
            boolean known = stored.isPresent();
            LedgerStore.Marks marks = stored.orElse(StoredLedger.EMPTY).marks();
            long lastEntry = stored.orElse(StoredLedger.EMPTY).lastEntryId();
            for (Memtable.Slice slice : layers.slices()) {
                known |= !slice.isDropped() || !slice.isEmpty();
                marks = marks.raisedBy(slice.marks());
                Map.Entry<Long, Payload> last = slice.entries().lastEntry();
                lastEntry = last == null ? lastEntry : Math.max(lastEntry, last.getKey());
            }
            return known
                    ? Optional.of(new LedgerView(marks.fenced(), marks.lastAddConfirmed(), lastEntry, marks.heldAt()))
                    : Optional.empty();
        }
    }

    /**
     * What is known of a ledger, durably.
     *
     * @param lastAddConfirmed the highest one known, or -1
     * @param lastEntryId the highest entry held, or -1
     * @param heldAt the highest version of its register at which recovery brought something, or 0: the copy may be
     *     dropped only when a later version does not name this store (R24)
     */
    public record LedgerView(boolean fenced, long lastAddConfirmed, long lastEntryId, long heldAt) {}

    /**
     * Looks up the entries with the ids of {@code entries}: those that are held, by id, with the bytes that are held.
     *
     * @throws io.quire.storage.StorageException when something is damaged
     */
    public Map<Long, Payload> held(LedgerId ledgerId, EntryBatch entries) {
        return read(ledgerId, () -> lookUp(ledgerId, entries));
    }

    private Map<Long, Payload> lookUp(LedgerId ledgerId, EntryBatch entries) {
        Layers layers = layersOf(ledgerId);
        List<Long> wanted =
                entries.entries().stream().map(EntryFormat::entryIdOf).toList();
        Map<Long, Payload> found = new HashMap<>();
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            int from = 0;
            for (int i = layers.dropped() ? wanted.size() + 1 : 1; i <= wanted.size(); i++) {
                if (i == wanted.size() || wanted.get(i) - wanted.get(i - 1) > GAP_MAX) {
                    reader.read(ledgerId, wanted.get(from), wanted.get(i - 1), (entryId, encoded) -> {
                        found.put(entryId, encoded);
                        return true;
                    });
                    from = i;
                }
            }
        }
        found.keySet().retainAll(Set.copyOf(wanted));
        for (Memtable.Slice slice : layers.slices()) {
            wanted.forEach(entryId -> {
                Payload encoded = slice.entries().get(entryId);
                if (encoded != null) {
                    found.putIfAbsent(entryId, encoded);
                }
            });
        }
        return found;
    }

    /**
     * Reads entries in {@code [first, last]}, ascending, as far as the limits go; one entry always fits. Ids above {@link
     * EntryId#MAX} are not spoken of. The memtables
     * are captured before the ledger store is opened, so that an entry that moves in between is seen in one of them
     * (R19).
     *
     * @throws io.quire.storage.StorageException when something is damaged: the answer is then unknown, never a negative
     */
    public EntryRange read(LedgerId ledgerId, long first, long last, int entriesMax, int bytesMax) {
        return read(ledgerId, () -> readRange(ledgerId, first, last, entriesMax, bytesMax));
    }

    private EntryRange readRange(LedgerId ledgerId, long first, long last, int entriesMax, int bytesMax) {
        Layers layers = layersOf(ledgerId);
        long lastValid = Math.min(last, EntryId.MAX);
        Collector collector = new Collector(entriesMax, bytesMax, lastValid);
        if (!layers.dropped()) {
            try (LedgerStore.Reader reader = ledgers.openReader()) {
                reader.read(ledgerId, first, lastValid, collector::take);
            }
        }
        layers.slices().forEach(slice -> collector.takeAll(slice, first));
        return limited(collector.found.headMap(collector.end, true), collector.end, entriesMax, bytesMax);
    }

    /**
     * What the memtables say of a ledger.
     *
     * @param slices oldest first: where bytes differ the older ones stay (R18)
     * @param dropped whether the oldest of them dropped the ledger, so that the ledger store has nothing of it to say
     */
    private record Layers(List<Memtable.Slice> slices, boolean dropped) {}

    private Layers layersOf(LedgerId ledgerId) {
        List<Memtable.Slice> slices = new ArrayList<>();
        for (Memtable memtable : memtables) {
            Optional<Memtable.Slice> slice = memtable.slice(ledgerId);
            if (slice.isPresent()) {
                slices.add(0, slice.get());
                if (slice.get().isDropped()) {
                    return new Layers(slices, true);
                }
            }
        }
        return new Layers(slices, false);
    }

    /** Takes from each source, in turn, about as much as can be answered. */
    private static final class Collector {
        private final NavigableMap<Long, Payload> found = new TreeMap<>();
        private final int entriesMax;
        private final int bytesMax;
        private long end;
        private int count;
        private long bytes;

        /**
         * @param end every source is looked through up to here, unless it is cut before
         */
        Collector(int entriesMax, int bytesMax, long end) {
            this.entriesMax = entriesMax;
            this.bytesMax = bytesMax;
            this.end = end;
        }

        void takeAll(Memtable.Slice slice, long first) {
            count = 0;
            bytes = 0;
            if (first > end) {
                return;
            }
            for (var entry : slice.entries().subMap(first, true, end, true).entrySet()) {
                if (!take(entry.getKey(), entry.getValue())) {
                    return;
                }
            }
        }

        /** Takes one entry of a source, or cuts the source off right before it. */
        boolean take(long entryId, Payload encoded) {
            if (count > entriesMax || bytes > bytesMax) {
                end = entryId - 1;
                return false;
            }
            found.putIfAbsent(entryId, encoded);
            count++;
            bytes += encoded.length();
            return true;
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
     * The ids of up to {@code max} ledgers that something is held of, from {@code first} on, ascending; none only when there
     * are none any more.
     */
    public List<LedgerId> ledgerIds(long first, int max) {
        HeldPage page = heldFrom(first, max);
        // All of a page may be dropped in the memtables; only the end is empty.
        while (page.held().isEmpty() && page.last() < Long.MAX_VALUE) {
            page = heldFrom(page.last() + 1, max);
        }
        return page.held();
    }

    /** @param last the highest id that the page speaks of */
    private record HeldPage(List<LedgerId> held, long last) {}

    private HeldPage heldFrom(long first, int max) {
        NavigableSet<Long> found = new TreeSet<>();
        List<Memtable> captured = memtables;
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            reader.ledgerIds(first, max).forEach(ledgerId -> found.add(ledgerId.value()));
        }
        // Beyond a full page of the ledger store there may be ids between those of the memtables.
        long last = found.size() < max ? Long.MAX_VALUE : found.last();
        for (Memtable memtable : captured) {
            memtable.ledgerIds().stream()
                    .filter(ledgerId -> ledgerId >= first && ledgerId <= last)
                    .forEach(found::add);
        }
        List<LedgerId> held = found.stream()
                .map(LedgerId::new)
                .filter(this::isHeld)
                .limit(max)
                .toList();
        return new HeldPage(held, last);
    }

    private boolean isHeld(LedgerId ledgerId) {
        try {
            return ledger(ledgerId).isPresent();
        } catch (DamagedException e) {
            // Of what cannot be read nobody may say that it is not there.
            return true;
        }
    }

    /** Verifies what the ledger store holds of a ledger; see {@link LedgerStore.Reader#inspect}. */
    public LedgerStore.Inspection inspect(LedgerId ledgerId, long first, long bytesMax) {
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            return reader.inspect(ledgerId, first, bytesMax);
        }
    }

    /** Like {@link #ledger}; a ledger whose state is damaged is put into limbo, and gets another one, durably. */
    public Optional<LedgerView> ledgerOrMended(LedgerId ledgerId) {
        try {
            return ledger(ledgerId);
        } catch (DamagedException e) {
            damaged(ledgerId, e.getMessage());
            restate(ledgerId);
            return ledger(ledgerId);
        }
    }

    /**
     * Removes what cannot be read of a ledger in limbo, keeps what is good of it, and makes its state agree with what is left,
     * durably, so that it can be repaired.
     */
    public void prune(LedgerId ledgerId) {
        HealingFlush.prune(ledgers, ledgerId);
    }

    private void restate(LedgerId ledgerId) {
        try (LedgerStore.Writer writer = ledgers.begin()) {
            writer.restate(ledgerId);
            writer.commit();
        }
    }

    /**
     * Makes sure that the ledger store has not lost a block of the ledger, so that what {@link #read} does not find was
     * never held (R19). The blocks are counted once for each ledger and boot.
     *
     * @throws io.quire.storage.StorageException when they do not hold as many entries as they should
     */
    public void requireWhole(LedgerId ledgerId) {
        if (whole.contains(ledgerId.value())) {
            return;
        }
        read(ledgerId, () -> requireCount(ledgerId));
        if (whole.size() >= COUNTED_LEDGERS_MAX) {
            whole.clear();
        }
        whole.add(ledgerId.value());
    }

    /** Like {@link #requireWhole}, counting once more. */
    boolean requireCount(LedgerId ledgerId) {
        try (LedgerStore.Reader reader = ledgers.openReader()) {
            long expected =
                    reader.ledger(ledgerId).map(StoredLedger::entryCount).orElse(0L);
            long counted = reader.count(ledgerId);
            if (counted != expected) {
                throw new DamagedException("ledger " + ledgerId + " has lost something: its blocks hold " + counted
                        + " entries, they should hold " + expected);
            }
            return true;
        }
    }

    /**
     * What a read found.
     *
     * @param entries encoded, ascending
     * @param coveredTo the read speaks of every id below this: those not among the entries are not held
     */
    public record EntryRange(List<Payload> entries, long coveredTo) {
        /** The entries from {@code first} on without a gap, and nothing said of any other: what may be told in limbo. */
        public EntryRange heldInARowFrom(long first) {
            int count = 0;
            while (count < entries.size() && EntryFormat.entryIdOf(entries.get(count)) == first + count) {
                count++;
            }
            return new EntryRange(entries.subList(0, count), first + count);
        }
    }

    /** Bytes that wait in memory for the ledger store, about. */
    public long memtableWeight() {
        long weight = 0;
        for (Memtable memtable : memtables) {
            weight += memtable.weight();
        }
        return weight;
    }

    /** Bytes that entries, and what is known of ledgers, take on disk; without the journal. */
    public long sizeBytes() {
        return ledgers.sizeBytes();
    }

    @Override
    public void close() {
        try {
            journal.close();
        } finally {
            ledgers.close();
        }
    }
}
