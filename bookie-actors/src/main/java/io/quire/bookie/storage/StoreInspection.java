package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.DamagedRange;
import io.quire.bookie.storage.LedgerStore.Inspection;
import io.quire.bookie.storage.LedgerStore.Reader;
import io.quire.bookie.storage.LedgerStore.StoredLedger;
import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.DirectoryLock;
import io.quire.storage.LmdbReader;
import io.quire.storage.ReadOnlyFileStore;
import io.quire.storage.StorageException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Consumer;

/**
 * Looks into a store that nobody uses: its ledgers, its entries, its journal. Nothing is changed, neither a file nor the
 * text of the lock, so that it works where nothing may be written; others are kept out meanwhile. What is shown comes as
 * it is read, so that memory does not grow with the store.
 *
 * <p>Ledgers and entries are those of the ledger store; after a kill the journal may hold more ({@link #unapplied}).
 *
 * <p>Every method throws {@link StorageException} when what it needs is damaged. For one thread.
 */
public final class StoreInspection implements AutoCloseable {
    static final long CHUNK_BYTES = 4 << 20;
    static final int LEDGERS_AT_ONCE = 1000;

    private static final SegmentSettings ALL_SPARES_KEPT = new SegmentSettings(
            SegmentSettings.DEFAULT.segmentBytes(), Integer.MAX_VALUE, SegmentSettings.DEFAULT.compactAbovePercent());

    private final Path directory;
    private final DirectoryLock lock;

    /**
     * What the ledger store holds of a ledger.
     *
     * @param firstEntryId the lowest one held, -1 for none
     * @param lastEntryId the highest one held, -1 for none
     * @param entries as the ledger's state counts them
     * @param bytes of its blocks
     * @param lastAddConfirmed the highest one known, or -1
     * @param heldAt the version of its register at which recovery brought something, or 0
     * @param damaged how many of its blocks are damaged
     */
    public record HeldLedger(
            long ledgerId,
            long firstEntryId,
            long lastEntryId,
            long entries,
            long bytes,
            boolean fenced,
            long lastAddConfirmed,
            long heldAt,
            int damaged) {}

    /**
     * One entry, or a range of ids of which a damaged block may have held any.
     *
     * @param payloadBytes -1 when damaged
     * @param digest the type's name; empty when damaged
     * @param damage why it is bad; empty when it is good, as far as no key is needed to tell
     * @param payload empty when damaged
     */
    public record HeldEntry(
            long firstEntryId, long lastEntryId, long payloadBytes, String digest, String damage, Payload payload) {
        public boolean isGood() {
            return damage.isEmpty();
        }
    }

    /** How a segment ends. */
    public enum SegmentEnd {
        /** Behind the last record there is nothing of this segment. */
        WHOLE,
        /** A record that was being written when the store stopped, never acknowledged. */
        TORN,
        /** Something that was durable is bad or gone. */
        DAMAGED,
        /** There is no header. */
        NO_HEADER
    }

    /**
     * One file of the journal.
     *
     * @param fileBytes its size, -1 when it cannot be read
     * @param store whose it is; empty without a header, and then the numbers mean nothing
     * @param lastSequence the last record that is good; one less than the first when there is none
     * @param needed whether the next start would read it: it may hold what the ledger store has not
     * @param reason what is wrong at its end; empty when nothing is
     */
    public record JournalSegment(
            String file,
            long fileBytes,
            Optional<BookieId> store,
            long generation,
            long firstSequence,
            long lastSequence,
            long records,
            boolean needed,
            SegmentEnd end,
            String reason) {
        /** Whether a start would fail over it. Recycled files may hold anything. */
        public boolean isDamaged() {
            return needed && end == SegmentEnd.DAMAGED;
        }
    }

    /**
     * One record of the journal.
     *
     * @param kind added, recovered, fenced or dropped
     * @param firstEntryId of its entries, -1 for none
     * @param bytes of the whole record
     * @param syncedUpTo the last record that was durable when it was written
     */
    public record JournalEntry(
            String file,
            long sequence,
            String kind,
            long ledgerId,
            long firstEntryId,
            long lastEntryId,
            int entries,
            int bytes,
            long bootEpoch,
            long syncedUpTo) {}

    private StoreInspection(Path directory, DirectoryLock lock) {
        this.directory = directory;
        this.lock = lock;
    }

    /**
     * Opens the store in {@code directory}; its identity may be damaged or missing.
     *
     * @throws StorageException.DirectoryInUseException when the store is in use
     * @throws StorageException when the directory does not exist, or holds nothing of a store
     */
    public static StoreInspection open(Path directory) {
        if (!Files.isDirectory(directory)) {
            throw new StorageException(directory + " is not a directory");
        }
        boolean store = Files.exists(directory.resolve(StoreChecks.JOURNAL))
                || Files.exists(directory.resolve(StoreChecks.LEDGERS));
        if (!store) {
            throw new StorageException(
                    directory + " holds no store; name the directory that has journal and ledgers in it");
        }
        return new StoreInspection(directory, DirectoryLock.acquireForReading(directory));
    }

    Path directory() {
        return directory;
    }

    /** The ledger store of a stopped store, of whichever kind; nothing is changed. Closing it closes {@code files}. */
    static LedgerStore ledgersOf(Path directory, LmdbReader files) {
        return StoreKind.read(files) == StoreKind.LMDB
                ? new LmdbLedgerStore(files)
                : new SegmentLedgerStore(
                        BootRecord.read(files).bookieId(),
                        ALL_SPARES_KEPT,
                        files,
                        ReadOnlyFileStore.open(directory.resolve(StoreChecks.SEGMENTS)));
    }

    /** Shows what is held of each ledger, ascending. Reads all blocks. */
    public void ledgers(Consumer<HeldLedger> visitor) {
        try (LmdbReader files = ledgerFiles();
                LedgerStore ledgers = ledgersOf(directory, files);
                Reader reader = ledgers.openReader()) {
            forEachLedger(reader, ledgerId -> visitor.accept(look(reader, ledgerId)));
        }
    }

    /**
     * Shows the entries of a ledger with ids in {@code [first, last]}, ascending, and damaged ranges that touch it.
     *
     * @return whether anything is held of the ledger at all
     */
    public boolean entries(LedgerId ledgerId, long first, long last, Consumer<HeldEntry> visitor) {
        try (LmdbReader files = ledgerFiles();
                LedgerStore ledgers = ledgersOf(directory, files);
                Reader reader = ledgers.openReader()) {
            if (reader.ledger(ledgerId).isEmpty()) {
                return false;
            }
            long end = Math.min(last, EntryId.MAX);
            OptionalLong next = OptionalLong.of(first);
            while (next.isPresent() && next.getAsLong() <= end) {
                long from = next.getAsLong();
                Inspection inspection = reader.inspect(ledgerId, from, CHUNK_BYTES);
                next = inspection.next();
                long to = next.isPresent() ? Math.min(end, next.getAsLong() - 1) : end;
                chunk(reader, ledgerId, from, to, inspection.damaged(), visitor);
            }
            return true;
        }
    }

    private static void chunk(
            Reader reader,
            LedgerId ledgerId,
            long first,
            long last,
            List<DamagedRange> damaged,
            Consumer<HeldEntry> visitor) {
        long next = first;
        for (DamagedRange range : damaged) {
            if (range.firstEntryId() > last) {
                break;
            }
            show(reader, ledgerId, next, range.firstEntryId() - 1, visitor);
            List<HeldEntry> block = new ArrayList<>();
            try {
                // Perhaps only the digest of one of its entries is bad.
                show(
                        reader,
                        ledgerId,
                        Math.max(first, range.firstEntryId()),
                        Math.min(last, range.lastEntryId()),
                        block::add);
            } catch (StorageException e) {
                block.clear();
            }
            if (block.stream().allMatch(HeldEntry::isGood)) {
                block = List.of(new HeldEntry(
                        range.firstEntryId(), range.lastEntryId(), -1, "", range.reason(), Payload.EMPTY));
            }
            block.forEach(visitor);
            next = range.lastEntryId() + 1;
        }
        show(reader, ledgerId, next, last, visitor);
    }

    private static void show(Reader reader, LedgerId ledgerId, long first, long last, Consumer<HeldEntry> visitor) {
        if (first <= last) {
            reader.read(ledgerId, first, last, (entryId, encoded) -> {
                visitor.accept(entryOf(entryId, encoded));
                return true;
            });
        }
    }

    private static HeldEntry entryOf(long entryId, Payload encoded) {
        try {
            Payload payload = EntryFormat.decode(encoded).payload();
            String digest = Arrays.stream(DigestType.values())
                    .filter(type -> EntryFormat.isGuardedBy(encoded, type))
                    .map(DigestType::name)
                    .findFirst()
                    .orElse("");
            return new HeldEntry(entryId, entryId, payload.length(), digest, "", payload);
        } catch (EntryFormat.DamagedEntryException e) {
            return new HeldEntry(entryId, entryId, -1, "", e.getMessage(), Payload.EMPTY);
        }
    }

    /** All segments of the journal, by generation; those without a header first. */
    public List<JournalSegment> segments() {
        return journal().segments(appliedSequence());
    }

    /** Shows the records of one of the {@link #segments}, in order, up to its end. */
    public void records(JournalSegment segment, Consumer<JournalEntry> visitor) {
        journal().records(segment, visitor);
    }

    /** How many records of the journal the next start would replay; -1 when that cannot be told. */
    public long unapplied() {
        try {
            OptionalLong applied = appliedSequence();
            if (applied.isEmpty()) {
                return -1;
            }
            return segments().stream()
                    .filter(JournalSegment::needed)
                    .mapToLong(segment ->
                            segment.lastSequence() - Math.max(segment.firstSequence() - 1, applied.getAsLong()))
                    .filter(records -> records > 0)
                    .sum();
        } catch (StorageException e) {
            return -1;
        }
    }

    /** The last record that the ledger store has; empty when that cannot be read. */
    OptionalLong appliedSequence() {
        try (LmdbReader files = ledgerFiles();
                LedgerStore ledgers = ledgersOf(directory, files)) {
            return OptionalLong.of(ledgers.appliedSequence());
        } catch (StorageException e) {
            return OptionalLong.empty();
        }
    }

    JournalInspection journal() {
        return new JournalInspection(ReadOnlyFileStore.open(directory.resolve(StoreChecks.JOURNAL)));
    }

    /** The files of the ledger store, of a version that can be read. */
    LmdbReader ledgerFiles() {
        LmdbReader files = LmdbReader.open(directory.resolve(StoreChecks.LEDGERS));
        try {
            StoreChecks.requireKnownFormat(files);
            return files;
        } catch (RuntimeException e) {
            files.close();
            throw e;
        }
    }

    DirectoryLock lock() {
        return lock;
    }

    /** Ids of ledgers in steps, so that millions of them need no memory. */
    static void forEachLedger(Reader reader, Consumer<LedgerId> visitor) {
        long first = 0;
        List<LedgerId> some = reader.ledgerIds(first, LEDGERS_AT_ONCE);
        while (!some.isEmpty()) {
            some.forEach(visitor);
            long last = some.get(some.size() - 1).value();
            some = last == Long.MAX_VALUE ? List.of() : reader.ledgerIds(last + 1, LEDGERS_AT_ONCE);
        }
    }

    private static HeldLedger look(Reader reader, LedgerId ledgerId) {
        StoredLedger stored = reader.ledger(ledgerId).orElse(StoredLedger.EMPTY);
        long bytes = 0;
        int damaged = 0;
        OptionalLong next = OptionalLong.of(0);
        while (next.isPresent()) {
            Inspection inspection = reader.inspect(ledgerId, next.getAsLong(), CHUNK_BYTES);
            bytes += inspection.bytes();
            damaged += inspection.damaged().size();
            next = inspection.next();
        }
        return new HeldLedger(
                ledgerId.value(),
                stored.firstEntryId(),
                stored.lastEntryId(),
                stored.entryCount(),
                bytes,
                stored.marks().fenced(),
                stored.marks().lastAddConfirmed(),
                stored.marks().heldAt(),
                damaged);
    }

    /** Lets others use the store. */
    @Override
    public void close() {
        lock.close();
    }
}
