package io.quire.bench;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.bookie.storage.StoreKind;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.FileStore;
import io.quire.storage.KeyValueStore;
import io.quire.storage.LmdbKeyValueStore;
import io.quire.storage.NioFileStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * One bookie's store under load, in this JVM: memtables, flushing and the ledger store as a bookie has them, with one
 * thread doing everything, so that the time of a flush and of compaction is in the rates.
 *
 * <p>Ledgers are written at once and each until it holds about four memtables' share; then it is closed and another one
 * takes its place. Runs once.
 */
public final class StoreBench {
    private static final BookieStore.Settings SETTINGS =
            new BookieStore.Settings(32L << 20, 4 << 20, 8, 64L << 20, 2, 16);
    private static final int COMPACTION_STEP_BYTES = 4 << 20;
    private static final int BATCH_BYTES = 64 << 10;
    private static final int TURNOVERS = 10;
    private static final long READ_NANOS = 5_000_000_000L;
    private static final int RANGE_BYTES = 1 << 20;

    private final StoreBenchOptions options;
    private final Path directory;
    private final Random random = new Random(1);
    private final byte[] bytes;
    private BookieStore store;
    private long boots;
    private long nextLedger;
    private final List<OpenLedger> open = new ArrayList<>();
    /** Closed ones, by when they were closed. */
    private final List<OpenLedger> closed = new ArrayList<>();

    private long live;
    private long written;

    private static final class OpenLedger {
        private final LedgerId ledgerId;
        private final long bytesMax;
        private long entries;
        private long bytes;

        OpenLedger(LedgerId ledgerId, long bytesMax) {
            this.ledgerId = ledgerId;
            this.bytesMax = bytesMax;
        }
    }

    private StoreBench(StoreBenchOptions options, Path directory) {
        this.options = options;
        this.directory = directory;
        this.bytes = new byte[2 * options.entryBytes()];
        random.nextBytes(bytes);
    }

    /**
     * Runs it in a new directory under {@code parent}, which is removed afterwards.
     *
     * @return what was measured, by its JSON names
     * @throws IOException when the directory cannot be made or removed
     */
    public static Map<String, Object> run(StoreBenchOptions options, Path parent) throws IOException {
        Path directory = Files.createTempDirectory(parent, "quire-store-bench-");
        try {
            return new StoreBench(options, directory).run();
        } finally {
            try (Stream<Path> content = Files.walk(directory)) {
                for (Path path :
                        content.sorted(java.util.Comparator.reverseOrder()).toList()) {
                    Files.delete(path);
                }
            }
        }
    }

    private Map<String, Object> run() throws IOException {
        for (String part : List.of("journal", "ledgers", "segments")) {
            Files.createDirectory(directory.resolve(part));
        }
        try (KeyValueStore ledgers = openLedgers()) {
            options.kind().write(ledgers);
        }
        openStore();
        try {
            for (int i = 0; i < options.ledgers(); i++) {
                open.add(newLedger());
            }
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("workload", options.workload().name().toLowerCase(java.util.Locale.ROOT));
            result.put("store", options.kind().text());
            result.put("live_bytes", options.liveBytes());
            result.put("ledgers", options.ledgers());
            result.put("entry_size", options.entryBytes());
            result.put("journal", options.journal());
            ProcessUse before = ProcessUse.now(directory);
            switch (options.workload()) {
                case FLUSH -> flush(result);
                case CHURN -> churn(result);
                case READ -> read(result);
            }
            ProcessUse used = ProcessUse.now(directory).since(before);
            result.put("device_bytes_per_byte", rounded((double) used.writtenBytes() / written));
            result.put(
                    "copied_bytes_per_byte",
                    rounded((double) store.segmentFigures().copiedBytes() / written));
            result.put("cpu_s_per_gb", rounded(used.cpuNanos() / (double) written));
            result.put("other_cores", rounded(used.otherCores()));
            return result;
        } finally {
            store.close();
        }
    }

    private KeyValueStore openLedgers() {
        return LmdbKeyValueStore.open(directory.resolve("ledgers"), 1L << 40);
    }

    private void openStore() {
        // Without its journal a store cannot be opened a second time.
        boolean journaled = options.journal() || options.workload() == StoreBenchOptions.Workload.READ;
        FileStore journal = journaled ? NioFileStore.open(directory.resolve("journal")) : new ForgetfulFileStore();
        boots++;
        store = BookieStore.open(
                new BookieId(new UUID(1, 1)),
                new BootEpoch(boots),
                SETTINGS,
                new BookieStore.Files(
                        journal,
                        openLedgers(),
                        options.kind() == StoreKind.SEGMENTS
                                ? Optional.of(NioFileStore.open(directory.resolve("segments")))
                                : Optional.empty()));
    }

    private OpenLedger newLedger() {
        long share = Math.max(BATCH_BYTES, 4 * SETTINGS.memtableBytes() / options.ledgers());
        // Closed ones must make room before the live bytes are reached.
        long most = Math.min(share, Math.max(BATCH_BYTES, options.liveBytes() / (2L * options.ledgers())));
        return new OpenLedger(new LedgerId(nextLedger++), (long) (most * (0.5 + random.nextDouble())));
    }

    private void flush(Map<String, Object> result) throws IOException {
        long start = System.nanoTime();
        write(options.liveBytes(), false);
        flushAll();
        result.put("mb_per_s", rounded(written * 1e3 / (System.nanoTime() - start)));
        result.put("file_per_live", rounded((double) fileBytes() / live));
    }

    private void churn(Map<String, Object> result) throws IOException {
        result.put("order", options.randomOrder() ? "random" : "oldest");
        long start = System.nanoTime();
        write(options.liveBytes(), true);
        result.put("fill_mb_per_s", rounded(written * 1e3 / (System.nanoTime() - start)));
        List<Double> rates = new ArrayList<>();
        List<Double> sizes = new ArrayList<>();
        for (int quarter = 0; quarter < 4; quarter++) {
            long before = written;
            long quarterStart = System.nanoTime();
            write((TURNOVERS - 1) * options.liveBytes() / 4, true);
            rates.add(rounded((written - before) * 1e3 / (System.nanoTime() - quarterStart)));
            sizes.add(rounded((double) fileBytes() / live));
        }
        result.put("mb_per_s_by_quarter", rates);
        result.put("file_per_live_by_quarter", sizes);
    }

    private void read(Map<String, Object> result) throws IOException {
        write(options.liveBytes(), false);
        flushAll();
        store.close();
        List<OpenLedger> all = new ArrayList<>(closed);
        all.addAll(open);
        all.removeIf(ledger -> ledger.entries == 0);
        boolean cold = PageCache.drop();
        openStore();
        result.put("cold", cold ? "page cache dropped" : "not cold: /proc/sys/vm/drop_caches cannot be written");
        result.put("cold_gets_per_s", rounded(gets(all)));
        store.close();
        PageCache.drop();
        openStore();
        result.put("cold_scan_mb_per_s", rounded(scan(all)));
        scan(all);
        result.put("hot_gets_per_s", rounded(gets(all)));
        result.put("hot_scan_mb_per_s", rounded(scan(all)));
    }

    private double gets(List<OpenLedger> ledgers) {
        long start = System.nanoTime();
        long count = 0;
        while (System.nanoTime() - start < READ_NANOS) {
            OpenLedger ledger = ledgers.get(random.nextInt(ledgers.size()));
            long entryId = (long) (random.nextDouble() * ledger.entries);
            if (store.read(ledger.ledgerId, entryId, entryId, 1, RANGE_BYTES)
                            .entries()
                            .size()
                    != 1) {
                throw new IllegalStateException("entry " + entryId + " of ledger " + ledger.ledgerId + " is missing");
            }
            count++;
        }
        return count * 1e9 / (System.nanoTime() - start);
    }

    /** One ledger after another, in requests as readers make them. */
    private double scan(List<OpenLedger> ledgers) {
        long start = System.nanoTime();
        long read = 0;
        List<OpenLedger> order = new ArrayList<>(ledgers);
        java.util.Collections.shuffle(order, random);
        for (OpenLedger ledger : order) {
            long next = 0;
            while (next < ledger.entries && System.nanoTime() - start < READ_NANOS) {
                BookieStore.EntryRange range = store.read(ledger.ledgerId, next, ledger.entries - 1, 5000, RANGE_BYTES);
                for (Payload entry : range.entries()) {
                    read += entry.length() - EntryFormat.HEADER_BYTES - Integer.BYTES;
                }
                next = range.coveredTo();
            }
        }
        return read * 1e3 / (System.nanoTime() - start);
    }

    private void write(long more, boolean dropping) {
        long end = written + more;
        while (written < end) {
            int at = random.nextInt(open.size());
            OpenLedger ledger = open.get(at);
            append(ledger);
            if (ledger.bytes >= ledger.bytesMax) {
                closed.add(ledger);
                open.set(at, newLedger());
            }
            while (dropping && live > options.liveBytes() && !closed.isEmpty()) {
                OpenLedger dropped = closed.remove(options.randomOrder() ? random.nextInt(closed.size()) : 0);
                live -= dropped.bytes;
                apply(new JournalRecord.Dropped(dropped.ledgerId));
            }
        }
    }

    private void append(OpenLedger ledger) {
        List<Payload> entries = new ArrayList<>();
        int batch = 0;
        while (batch < BATCH_BYTES && (batch == 0 || batch + options.entryBytes() <= BATCH_BYTES)) {
            int size = options.workload() == StoreBenchOptions.Workload.CHURN
                    ? options.entryBytes() / 2 + random.nextInt(options.entryBytes())
                    : options.entryBytes();
            ledger.bytes += size;
            entries.add(EntryFormat.encode(
                    ledger.ledgerId,
                    ledger.entries++,
                    -1,
                    ledger.bytes,
                    Payload.wrap(bytes, random.nextInt(bytes.length - size + 1), size),
                    DigestType.CRC32C));
            batch += size;
        }
        live += batch;
        written += batch;
        apply(new JournalRecord.Added(ledger.ledgerId, -1, EntryBatch.of(entries)));
    }

    private void apply(JournalRecord record) {
        while (!store.hasRoomFor(record.weight())) {
            step();
        }
        store.append(List.of(record));
    }

    private void step() {
        if (store.flushStep()) {
            store.releaseJournal();
        }
        // As fast as the flusher may at about the rate that is flushed at.
        long bytes = 0;
        long compacted = 1;
        while (compacted > 0 && bytes < 2 * COMPACTION_STEP_BYTES) {
            compacted = store.compactStep(COMPACTION_STEP_BYTES);
            bytes += compacted;
        }
    }

    private void flushAll() {
        store.rotate();
        while (store.needsFlush()) {
            step();
        }
    }

    /** Of the ledger store. */
    private long fileBytes() throws IOException {
        long total = 0;
        for (String part : List.of("ledgers", "segments")) {
            try (Stream<Path> files = Files.list(directory.resolve(part))) {
                for (Path file : files.toList()) {
                    total += Files.size(file);
                }
            }
        }
        return total;
    }

    private static double rounded(double value) {
        return Math.round(value * 100) / 100.0;
    }
}
