package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.bookie.core.BootSequence;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.BootRecord;
import io.quire.bookie.storage.DamagedJournalException;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.SegmentSettings;
import io.quire.bookie.storage.StoreIdentity;
import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.simulation.SimulatedDisk.Change;
import io.quire.simulation.SimulatedDisk.Operation;
import io.quire.storage.FileStore;
import io.quire.storage.FileStore.StoreFile;
import io.quire.storage.KeyValueStore;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.LongStream;

/**
 * A bookie's store from formatting on, in small: segments of a dozen pages, memtables of two commits. It goes through
 * everything that a store does to its disk, in one order, and is compared with what it has promised.
 */
final class CrashPointStore {
    private static final BookieId STORE = new BookieId(new UUID(7, 9));
    private static final String CLUSTER = "quire";
    private static final String ROOT = "root";
    private static final String JOURNAL = "journal";
    private static final String LEDGERS = "ledgers";
    private static final String SEGMENTS = "segments";
    private static final int PAGE = 4096;
    private static final int RECORD_HEADER_BYTES = 64;
    private static final BookieStore.Settings SETTINGS = new BookieStore.Settings(12 * PAGE, 20_000, 1, 60_000, 3, 4);
    /** Nothing in the story has as much to compact. */
    private static final int COMPACTION_STEPS_MAX = 200;
    /** The ledger whose only record is damaged. */
    private static final long VICTIM = 90;

    private final SimulatedDisk disk;
    private final StoreKind kind;
    private final BookieStore.Settings settings;
    private final int compactionBytes;
    private CrashPointModel model = new CrashPointModel();
    private Optional<BookieRegistration> registered = Optional.empty();
    private OpId registeredBy = new OpId(new UUID(0, 0));
    private long operations;
    /** Whether somebody was told that the store was formatted, or saved. */
    private boolean formatted;

    private boolean saved;
    private Doing doing = Doing.FORMAT;
    private final Map<Visit, Integer> visits = new TreeMap<>();
    private Visit last = new Visit(doing, ROOT, Step.CREATE);
    /** The file that was made last. */
    private String created = "";

    private BookieStore store;
    private KeyValueStore ledgers;
    private SimulatedFileStore segments;

    /** What the store is at. */
    enum Doing {
        FORMAT,
        BOOT_INTENT,
        OPEN,
        BOOT_CONFIRMED,
        APPEND,
        FLUSH,
        RELEASE,
        COMPACT,
        SALVAGE,
        STOP
    }

    /** An operation; of the headers of segments it is told whether they are those of new files or of recycled ones. */
    enum Step {
        CREATE,
        ZERO_FILL,
        HEADER,
        RECYCLE,
        WRITE,
        SYNC,
        RENAME,
        DELETE,
        COMMIT
    }

    /** A step, in which directory, and what it was for. */
    record Visit(Doing doing, String where, Step step) implements Comparable<Visit> {
        private static final Comparator<Visit> ORDER =
                Comparator.comparing(Visit::doing).thenComparing(Visit::where).thenComparing(Visit::step);

        @Override
        public int compareTo(Visit other) {
            return ORDER.compare(this, other);
        }

        @Override
        public String toString() {
            return doing + " " + where + " " + step;
        }
    }

    /** What is left of the world when the machine has stopped. */
    private record Stopped(
            SimulatedDisk.Copy medium,
            CrashPointModel model,
            Optional<BookieRegistration> registered,
            OpId registeredBy,
            boolean formatted,
            boolean saved) {}

    /**
     * @param seed says how large the segments of the ledger store are and when they are compacted; 0 is such that everything
     *     happens
     */
    CrashPointStore(SimulatedDisk disk, StoreKind kind, long seed) {
        this.disk = disk;
        this.kind = kind;
        settings = SETTINGS.withLedgerSegments(new SegmentSettings(
                (6L + Math.floorMod(seed, 5)) * PAGE, Math.floorMod(seed + 1, 3), 150 + 20 * Math.floorMod(seed, 4)));
        compactionBytes = 8000 + 2000 * Math.floorMod(seed, 7);
        disk.whenOperated(change -> {
            last = new Visit(doing, change.store(), stepOf(change));
            visits.merge(last, 1, Integer::sum);
        });
    }

    private Step stepOf(Change change) {
        String path = change.store() + "/" + change.file();
        if (change.operation() == Operation.ZERO_FILL) {
            created = path;
        }
        boolean isHeader = change.operation() == Operation.WRITE
                && change.position() == 0
                && !change.store().equals(ROOT);
        Step header = path.equals(created) ? Step.HEADER : Step.RECYCLE;
        return isHeader ? header : Step.valueOf(change.operation().name());
    }

    /** How many there were of each. */
    Map<Visit, Integer> visits() {
        return visits;
    }

    /** The last one, which power may have cut short. */
    Visit last() {
        return last;
    }

    /** Everything that a store goes through; ends with a {@link SimulatedDisk.PowerFailure} where one was asked for. */
    void play() {
        if (kind == StoreKind.SEGMENTS) {
            playSegments();
        } else {
            playLmdb();
        }
    }

    private void playLmdb() {
        format();
        boot();
        manySmallBlocks();
        fullMemtables();
        append(new JournalRecord.Fenced(new LedgerId(2)), new JournalRecord.Recovered(new LedgerId(5), 7, some(5, 2)));
        append(new JournalRecord.Dropped(new LedgerId(4)));
        append(added(1, 1), added(6, 2));
        flushAll();
        stop();
        boot();
        for (int i = 0; i < 6; i++) {
            append(added(1, 2), added(3, 2));
        }
        append(new JournalRecord.Dropped(new LedgerId(3)), added(6, 1));
        kill();
        boot();
        append(added(7, 3), new JournalRecord.Fenced(new LedgerId(7)), new JournalRecord.Dropped(new LedgerId(5)));
        append(added(VICTIM, 1));
        append(added(7, 1));
        append(added(1, 1));
        kill();
        damage();
        boot();
        append(added(8, 2), new JournalRecord.Fenced(new LedgerId(8)));
        flushAll();
        stop();
        boot();
        append(added(9, 2));
    }

    /** Segments of five blocks; they are emptied, recycled and deleted, also between the commits of a memtable. */
    private void playSegments() {
        format();
        boot();
        mixedBlocks(6);
        append(new JournalRecord.Dropped(new LedgerId(2)));
        flushAll();
        compactAll();
        append(new JournalRecord.Fenced(new LedgerId(1)), new JournalRecord.Recovered(new LedgerId(5), 7, some(5, 2)));
        blockOfItsOwnSegment();
        mixedBlocks(4);
        append(new JournalRecord.Dropped(new LedgerId(3)), new JournalRecord.Dropped(new LedgerId(2)));
        for (int i = 0; i < 5; i++) {
            append(added(1, 2), added(2, 2), added(6, 1));
        }
        store.rotate();
        while (store.needsFlush()) {
            doing = Doing.FLUSH;
            store.flushStep();
            compact();
        }
        release();
        stop();
        boot();
        append(added(1, 2), added(3, 2));
        append(new JournalRecord.Dropped(new LedgerId(2)), added(6, 1));
        kill();
        boot();
        compactAll();
        append(added(7, 3), new JournalRecord.Fenced(new LedgerId(7)), new JournalRecord.Dropped(new LedgerId(5)));
        append(added(VICTIM, 1));
        append(added(7, 1));
        append(added(1, 1));
        kill();
        damage();
        boot();
        append(added(8, 2), new JournalRecord.Fenced(new LedgerId(8)));
        flushAll();
        compactAll();
    }

    /** Blocks of ledgers 1 and 2 in turn, a commit with one of each. */
    private void mixedBlocks(int count) {
        for (int i = 0; i < count; i++) {
            append(added(2, 1), added(1, 1));
            flushAll();
        }
    }

    private void blockOfItsOwnSegment() {
        append(added(3, 4));
        append(added(3, 4));
        flushAll();
    }

    /** Ledger 4 gets a block with each, so that dropping it takes several commits. */
    private void manySmallBlocks() {
        for (int i = 0; i < 10; i++) {
            append(added(4, 1), added(1, 1));
            store.rotate();
            while (store.needsFlush()) {
                doing = Doing.FLUSH;
                store.flushStep();
            }
            if (i % 4 == 3) {
                release();
            }
        }
    }

    private void fullMemtables() {
        for (int i = 0; i < 12; i++) {
            append(added(1, 2), added(2, 2), added(3, 1));
            if (i % 2 == 0 && store.needsFlush()) {
                doing = Doing.FLUSH;
                store.flushStep();
                release();
            }
        }
    }

    private void flushAll() {
        store.rotate();
        doing = Doing.FLUSH;
        while (store.needsFlush()) {
            store.flushStep();
        }
        release();
    }

    private void release() {
        doing = Doing.RELEASE;
        store.releaseJournal();
    }

    private void compactAll() {
        int steps = 0;
        while (compact() > 0) {
            steps++;
            assertThat(steps).as("steps of compaction").isLessThan(COMPACTION_STEPS_MAX);
        }
    }

    /** Does nothing in a store that has no segments. */
    private long compact() {
        doing = Doing.COMPACT;
        long bytes = store.compactStep(compactionBytes);
        assertThat(store.segmentFigures().quarantined())
                .as("segments that cannot be verified")
                .isZero();
        return bytes;
    }

    private void append(JournalRecord... records) {
        List<JournalRecord> group = List.of(records);
        doing = Doing.FLUSH;
        while (!store.hasRoomFor(group.stream().mapToLong(JournalRecord::weight).sum())) {
            store.flushStep();
        }
        doing = Doing.APPEND;
        model.begun(group);
        store.append(group);
        model.acknowledged();
    }

    private JournalRecord added(long ledgerId, int count) {
        return new JournalRecord.Added(new LedgerId(ledgerId), model.lastEntryId(ledgerId), some(ledgerId, count));
    }

    /** The next entries of a ledger: large ones of ledgers 1 to 3. */
    private EntryBatch some(long ledgerId, int count) {
        long next = model.lastEntryId(ledgerId) + 1;
        List<Payload> entries = LongStream.range(next, next + count)
                .mapToObj(entryId -> CrashPointModel.entry(ledgerId, entryId, ledgerId < 4 ? 3000 : 100))
                .toList();
        return EntryBatch.of(entries);
    }

    private void format() {
        doing = Doing.FORMAT;
        try (KeyValueStore empty = disk.openKeyValueStore(LEDGERS);
                FileStore root = disk.openFileStore(ROOT)) {
            kind.write(empty);
            new StoreIdentity(STORE, CLUSTER).format(root, empty);
        }
        formatted = true;
    }

    private void boot() {
        try (FileStore root = disk.openFileStore(ROOT)) {
            assertThat(StoreIdentity.read(root).bookieId()).isEqualTo(STORE);
        }
        ledgers = disk.openKeyValueStore(LEDGERS);
        doing = Doing.BOOT_INTENT;
        BootRecord record = BootRecord.read(ledgers);
        assertThat(record.bookieId()).isEqualTo(STORE);
        if (record.intent().isEmpty()) {
            operations++;
            record = record.withIntent(new OpId(new UUID(1, operations)));
            record.write(ledgers);
        }
        BootEpoch bootEpoch = register(record);
        openOrSalvage(bootEpoch);
        doing = Doing.BOOT_CONFIRMED;
        record.withConfirmedIntent(CLUSTER).write(ledgers);
        saved = model.isDamaged();
        assertThat(segments.openFiles())
                .as("open files of segments, each once")
                .isEqualTo(segments.list().size());
        assertThat(store.limbo().isEverything())
                .as("R21: in limbo, if and only if something was damaged")
                .isEqualTo(model.isDamaged());
    }

    private BootEpoch register(BootRecord record) {
        OpId opId = record.intent().orElseThrow();
        BookieRegistration self =
                new BookieRegistration(STORE, CLUSTER, BootEpoch.NEVER_BOOTED, BookieLife.ACTIVE, "here", "one");
        BootSequence.Decision decision = decide(record.confirmed(), opId, self);
        if (decision instanceof BootSequence.Decision.Register change) {
            registered = Optional.of(change.registration());
            registeredBy = opId;
            decision = decide(record.confirmed(), opId, self);
        }
        assertThat(decision).as("R7: a good store boots").isInstanceOf(BootSequence.Decision.Boot.class);
        return ((BootSequence.Decision.Boot) decision).bootEpoch();
    }

    private BootSequence.Decision decide(BootEpoch confirmed, OpId opId, BookieRegistration self) {
        long version = registered.isPresent() ? 1 : 0;
        return BootSequence.decide(
                new BootSequence.Situation(confirmed, opId, version, registered, opId.equals(registeredBy)), self);
    }

    private void openOrSalvage(BootEpoch bootEpoch) {
        doing = Doing.OPEN;
        BookieStore.Files files = openFiles();
        try {
            store = BookieStore.open(STORE, bootEpoch, settings, files);
        } catch (DamagedJournalException e) {
            assertThat(model.isDamaged() && !saved)
                    .as("R20: false damage: %s", e.getMessage())
                    .isTrue();
            doing = Doing.SALVAGE;
            BookieStore.salvage(STORE, bootEpoch, settings, files, e.getMessage());
            doing = Doing.OPEN;
            store = BookieStore.open(STORE, bootEpoch, settings, files);
        }
    }

    private BookieStore.Files openFiles() {
        segments = disk.openFileStore(SEGMENTS);
        return new BookieStore.Files(
                disk.openFileStore(JOURNAL),
                ledgers,
                kind == StoreKind.SEGMENTS ? Optional.of(segments) : Optional.empty());
    }

    private void stop() {
        doing = Doing.STOP;
        BootRecord.read(ledgers).withClean(true).write(ledgers);
        store.close();
    }

    /** The process ends, the machine goes on. */
    private void kill() {
        store.close();
    }

    /** A byte of the victim's record goes bad; records behind it say that it was durable. */
    private void damage() {
        try (FileStore journal = disk.openFileStore(JOURNAL)) {
            for (String name : journal.list()) {
                findVictim(journal, name)
                        .ifPresent(page -> disk.flipByte(JOURNAL, name, page + RECORD_HEADER_BYTES + 20));
            }
        }
        assertThat(model.isDamaged()).isTrue();
    }

    private Optional<Long> findVictim(FileStore journal, String name) {
        try (StoreFile file = journal.open(name)) {
            ByteBuffer head = ByteBuffer.allocate(RECORD_HEADER_BYTES + Long.BYTES);
            for (long page = PAGE; page < file.size(); page += PAGE) {
                file.read(page, head.clear());
                if (head.getLong(RECORD_HEADER_BYTES) == VICTIM) {
                    model.damaged(VICTIM);
                    return Optional.of(page);
                }
            }
        }
        return Optional.empty();
    }

    /** Keeps the state of the world after a crash, to go on from it more than once. */
    Runnable whatIsLeft() {
        Stopped stopped = new Stopped(disk.copy(), model.copy(), registered, registeredBy, formatted, saved);
        return () -> goBackTo(stopped);
    }

    private void goBackTo(Stopped stopped) {
        disk.restore(stopped.medium());
        model = stopped.model().copy();
        registered = stopped.registered();
        registeredBy = stopped.registeredBy();
        formatted = stopped.formatted();
        saved = stopped.saved();
    }

    /** The operator starts the bookie again; a format that was cut short is repeated. */
    void recover() {
        boolean identified;
        try (FileStore root = disk.openFileStore(ROOT)) {
            identified = StoreIdentity.isFormatted(root);
        }
        if (!identified) {
            assertThat(formatted).as("R7: the store's identity is gone").isFalse();
            disk.openKeyValueStore(LEDGERS).close();
            disk.remove(LEDGERS);
            format();
        }
        boot();
    }

    /** The store has kept its promises, and serves on. */
    void judge() {
        model.check(store);
        List<JournalRecord> group = new ArrayList<>();
        for (long ledgerId : new long[] {1, 2, 6, 77}) {
            group.add(added(ledgerId, 1));
        }
        append(group.toArray(JournalRecord[]::new));
        model.check(store);
        if (kind == StoreKind.SEGMENTS) {
            flushAll();
            compactAll();
            model.check(store);
        }
        stop();
        boot();
        model.check(store);
        store.close();
    }
}
