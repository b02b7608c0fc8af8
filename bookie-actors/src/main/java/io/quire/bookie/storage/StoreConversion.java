package io.quire.bookie.storage;

import io.quire.bookie.storage.LedgerStore.StoredLedger;
import io.quire.protocol.BookieId;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.DirectoryLock;
import io.quire.storage.DirectorySync;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.KeyValueStore.Snapshot;
import io.quire.storage.KeyValueStore.Transaction;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import java.util.zip.CRC32C;

/**
 * Turns a stopped store into one of the other kind. The journal is not touched, and everything but the place of the
 * entries stays as it is: identity, boots, ledger states, the applied position.
 *
 * <p>The other store is made beside, in {@code ledgers.converting} and {@code segments.converting}, read back and compared
 * entry by entry. What then decides is one rename, of LMDB's data file over the old one: before it the store opens as it
 * was, after it as the new one, which finds its segments in place. What a crash leaves beside is of no use to anybody; the
 * next conversion removes it. The disk must have room for both.
 *
 * <p>One use, one thread; it blocks.
 */
public final class StoreConversion {
    private static final String LEDGERS = "ledgers";
    private static final String SEGMENTS = "segments";
    private static final String CONVERTING = ".converting";
    private static final String DATA = "data.mdb";
    private static final long COMMIT_BYTES = 16 << 20;
    private static final int PAGE = 1000;

    private final Path directory;
    private final StoreKind to;
    private final SegmentSettings segments;
    private final long ledgerFileBytesMax;
    private final Consumer<String> progress;

    /**
     * What was done.
     *
     * @param from what the store was; the same as {@code to} when there was nothing to do, and the figures are 0 then
     * @param bytes of the encoded entries
     */
    public record Report(BookieId bookie, StoreKind from, StoreKind to, long ledgers, long entries, long bytes) {}

    /**
     * @param directory of the store
     * @param ledgerFileBytesMax the most that LMDB's file may grow to
     * @param progress told a sentence now and then
     */
    public StoreConversion(
            Path directory,
            StoreKind to,
            SegmentSettings segments,
            long ledgerFileBytesMax,
            Consumer<String> progress) {
        this.directory = directory;
        this.to = to;
        this.segments = segments;
        this.ledgerFileBytesMax = ledgerFileBytesMax;
        this.progress = progress;
    }

    /**
     * @throws StorageException.DirectoryInUseException when the store is in use
     * @throws DamagedException when something of it cannot be read, or is missing; the store is as it was
     * @throws StorageException when it is no store or the disk fails; the store is as it was, or converted
     */
    public Report convert() {
        try (DirectoryLock lock = DirectoryLock.acquire(directory);
                FileStore root = NioFileStore.open(directory)) {
            BookieId bookie = StoreIdentity.read(root).bookieId();
            StoreKind from;
            try (KeyValueStore ledgers = openLedgers(LEDGERS)) {
                if (!BootRecord.read(ledgers).bookieId().equals(bookie)) {
                    throw new StorageException(directory + " is put together from two stores");
                }
                from = StoreKind.read(ledgers);
            }
            removeLeftovers(from);
            if (from == to) {
                return new Report(bookie, from, to, 0, 0, 0);
            }
            try {
                Report report = copy(bookie, from);
                switchOver();
                return report;
            } finally {
                removeConverting();
            }
        } catch (IOException e) {
            throw new StorageException("cannot convert " + directory + ": " + e.getMessage(), e);
        }
    }

    private void removeLeftovers(StoreKind from) throws IOException {
        removeConverting();
        if (from == StoreKind.LMDB) {
            remove(directory.resolve(SEGMENTS));
        }
    }

    private void removeConverting() throws IOException {
        remove(directory.resolve(LEDGERS + CONVERTING));
        remove(directory.resolve(SEGMENTS + CONVERTING));
    }

    private Report copy(BookieId bookie, StoreKind from) throws IOException {
        Files.createDirectory(directory.resolve(LEDGERS + CONVERTING));
        if (to == StoreKind.SEGMENTS) {
            Files.createDirectory(directory.resolve(SEGMENTS + CONVERTING));
        }
        try (KeyValueStore made = openLedgers(LEDGERS + CONVERTING)) {
            to.write(made);
        }
        Report report;
        try (LedgerStore source = openStore(bookie, "");
                LedgerStore target = openStore(bookie, CONVERTING)) {
            report = new Copy(source, target).run(bookie, from);
        }
        copyRecords();
        progress.accept("comparing " + report.entries() + " entries");
        try (LedgerStore source = openStore(bookie, "");
                LedgerStore target = openStore(bookie, CONVERTING)) {
            requireEqual(source, target);
        }
        return report;
    }

    private KeyValueStore openLedgers(String name) {
        return LmdbKeyValueStore.open(directory.resolve(name), ledgerFileBytesMax);
    }

    private LedgerStore openStore(BookieId bookie, String suffix) {
        KeyValueStore ledgers = openLedgers(LEDGERS + suffix);
        Optional<FileStore> files = Optional.empty();
        try {
            if (StoreKind.read(ledgers) == StoreKind.SEGMENTS) {
                files = Optional.of(NioFileStore.open(directory.resolve(SEGMENTS + suffix)));
            }
            FileStore noJournal = NioFileStore.open(directory.resolve(LEDGERS + suffix));
            return BookieStore.openLedgers(bookie, segments, new BookieStore.Files(noJournal, ledgers, files));
        } catch (RuntimeException e) {
            files.ifPresent(FileStore::close);
            ledgers.close();
            throw e;
        }
    }

    /** Copies entries, many ledgers a commit. */
    private final class Copy {
        private final LedgerStore source;
        private final LedgerStore target;
        private final TreeMap<Long, Payload> chunk = new TreeMap<>();
        private LedgerStore.Writer writer;
        private long uncommitted;
        private long ledgers;
        private long entries;
        private long bytes;

        Copy(LedgerStore source, LedgerStore target) {
            this.source = source;
            this.target = target;
        }

        Report run(BookieId bookie, StoreKind from) {
            writer = target.begin();
            try (LedgerStore.Reader reader = source.openReader()) {
                long next = 0;
                List<LedgerId> page = reader.ledgerIds(next, PAGE);
                while (!page.isEmpty()) {
                    page.forEach(ledgerId -> copy(reader, ledgerId));
                    progress.accept(ledgers + " ledgers, " + entries + " entries copied");
                    next = page.get(page.size() - 1).value();
                    page = next == Long.MAX_VALUE ? List.of() : reader.ledgerIds(next + 1, PAGE);
                }
                writer.commit();
            } finally {
                writer.close();
            }
            return new Report(bookie, from, to, ledgers, entries, bytes);
        }

        private void copy(LedgerStore.Reader reader, LedgerId ledgerId) {
            StoredLedger state = reader.ledger(ledgerId).orElseThrow();
            long before = entries;
            reader.read(ledgerId, 0, Long.MAX_VALUE - 1, (entryId, encoded) -> {
                requireGood(ledgerId, entryId, encoded);
                chunk.put(entryId, encoded);
                entries++;
                bytes += encoded.length();
                uncommitted += encoded.length();
                if (uncommitted >= COMMIT_BYTES) {
                    put(ledgerId, state);
                    writer.commit();
                    writer.close();
                    writer = target.begin();
                    uncommitted = 0;
                }
                return true;
            });
            put(ledgerId, state);
            if (entries - before != state.entryCount()) {
                throw new DamagedException("ledger " + ledgerId + " holds " + (entries - before)
                        + " entries, it should hold " + state.entryCount() + "; let it be repaired first");
            }
            ledgers++;
        }

        private void put(LedgerId ledgerId, StoredLedger state) {
            writer.add(ledgerId, chunk, state.marks());
            chunk.clear();
        }
    }

    private static void requireGood(LedgerId ledgerId, long entryId, Payload encoded) {
        try {
            EntryFormat.verify(encoded);
        } catch (EntryFormat.DamagedEntryException e) {
            throw new DamagedException(
                    "entry " + entryId + " of ledger " + ledgerId + " is damaged: " + e.getMessage(), e);
        }
        if (EntryFormat.ledgerIdOf(encoded) != ledgerId.value()) {
            throw new DamagedException("entry " + entryId + " of ledger " + EntryFormat.ledgerIdOf(encoded)
                    + " stands in ledger " + ledgerId);
        }
    }

    /** Everything that says nothing of where entries are: byte by byte, so that nothing known here is forgotten. */
    private void copyRecords() {
        try (KeyValueStore source = openLedgers(LEDGERS);
                KeyValueStore target = openLedgers(LEDGERS + CONVERTING);
                Snapshot snapshot = source.openSnapshot()) {
            requireStates(snapshot);
            NavigableMap<Payload, Payload> page = new TreeMap<>(Comparator.comparing(Payload::asByteBuffer));
            Optional<Payload> next = Optional.of(Payload.EMPTY);
            while (next.isPresent()) {
                next = recordsFrom(snapshot, next.get(), page);
                try (Transaction transaction = target.begin()) {
                    page.forEach(transaction::put);
                    transaction.commit();
                }
                page.clear();
            }
        }
    }

    /** Blocks of a ledger without a state would be left behind. */
    private static void requireStates(Snapshot snapshot) {
        Payload end = Payload.wrap(new byte[] {StoreKeys.BLOCK + 1});
        Payload[] next = {Payload.wrap(new byte[] {StoreKeys.BLOCK})};
        while (next[0] != null) {
            Payload start = next[0];
            next[0] = null;
            snapshot.scan(start, end, (key, value) -> {
                LedgerId ledgerId = new LedgerId(key.asByteBuffer().getLong(1));
                if (StoreKeys.readLedger(snapshot, ledgerId).isEmpty()) {
                    throw new DamagedException(
                            "ledger " + ledgerId + " has entries but no state; let it be repaired first");
                }
                next[0] = StoreKeys.blocksEnd(ledgerId);
                return false;
            });
        }
    }

    /** Fills {@code page}; where the next one starts. */
    private static Optional<Payload> recordsFrom(
            Snapshot snapshot, Payload start, NavigableMap<Payload, Payload> page) {
        Payload end = Payload.wrap(new byte[] {-1, -1});
        Payload first = start.length() > 0 && start.byteAt(0) == StoreKeys.BLOCK
                ? Payload.wrap(new byte[] {StoreKeys.BLOCK + 1})
                : start;
        Payload[] next = {null};
        snapshot.scan(first, end, (key, value) -> {
            if (page.size() == PAGE || key.byteAt(0) == StoreKeys.BLOCK) {
                next[0] = key;
                return false;
            }
            if (key.byteAt(0) != Segment.PREFIX && !key.equals(StoreKind.KEY)) {
                page.put(key, Payload.copyOf(value));
            }
            return true;
        });
        return Optional.ofNullable(next[0]);
    }

    private static void requireEqual(LedgerStore source, LedgerStore target) {
        try (LedgerStore.Reader before = source.openReader();
                LedgerStore.Reader after = target.openReader()) {
            long next = 0;
            List<LedgerId> page = before.ledgerIds(next, PAGE);
            while (!page.isEmpty()) {
                if (!after.ledgerIds(next, PAGE).equals(page)) {
                    throw new StorageException("the copy holds other ledgers from " + next + " on");
                }
                for (LedgerId ledgerId : page) {
                    requireEqual(before, after, ledgerId);
                }
                long last = page.get(page.size() - 1).value();
                next = last + 1;
                page = last == Long.MAX_VALUE ? List.of() : before.ledgerIds(next, PAGE);
            }
        }
        if (source.appliedSequence() != target.appliedSequence()) {
            throw new StorageException("the copy has another applied position");
        }
    }

    private static void requireEqual(LedgerStore.Reader before, LedgerStore.Reader after, LedgerId ledgerId) {
        boolean equal = before.ledger(ledgerId).equals(after.ledger(ledgerId))
                && before.count(ledgerId) == after.count(ledgerId)
                && contentOf(before, ledgerId) == contentOf(after, ledgerId);
        if (!equal) {
            throw new StorageException("the copy of ledger " + ledgerId + " is not what it was made from");
        }
    }

    /** The CRC of all entries, ids and bytes. */
    private static long contentOf(LedgerStore.Reader reader, LedgerId ledgerId) {
        CRC32C crc = new CRC32C();
        reader.read(ledgerId, 0, Long.MAX_VALUE - 1, (entryId, encoded) -> {
            requireGood(ledgerId, entryId, encoded);
            encoded.updateCrc(crc, 0, encoded.length());
            return true;
        });
        return crc.getValue();
    }

    private void switchOver() throws IOException {
        if (to == StoreKind.SEGMENTS) {
            Files.move(
                    directory.resolve(SEGMENTS + CONVERTING),
                    directory.resolve(SEGMENTS),
                    StandardCopyOption.ATOMIC_MOVE);
            DirectorySync.sync(directory);
        }
        Files.move(
                directory.resolve(LEDGERS + CONVERTING).resolve(DATA),
                directory.resolve(LEDGERS).resolve(DATA),
                StandardCopyOption.ATOMIC_MOVE,
                StandardCopyOption.REPLACE_EXISTING);
        DirectorySync.sync(directory.resolve(LEDGERS));
        if (to == StoreKind.LMDB) {
            remove(directory.resolve(SEGMENTS));
        }
    }

    private static void remove(Path path) throws IOException {
        if (!Files.exists(path)) {
            return;
        }
        try (Stream<Path> content = Files.walk(path)) {
            for (Path file : content.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
