package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What a bookie does with a batch of 1 KiB entries in memory: the journal's bytes without their sync, and a memtable. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class StoreBenchmark {
    private static final int RECORDS = 64;
    private static final JournalFormat.SegmentHeader SEGMENT =
            new JournalFormat.SegmentHeader(new BookieId(new UUID(1, 2)), 3, 4, 5);

    /** Entries in a record. */
    @Param({"1", "64"})
    private int entries;

    private final List<JournalRecord> records = new ArrayList<>();
    private final ByteBuffer group = ByteBuffer.allocateDirect(8 << 20);
    private Memtable filled;

    /** Makes records of 16 ledgers in turn. */
    @Setup
    public void setUp() {
        Payload payload = Payload.wrap(new byte[1024]);
        for (int i = 0; i < RECORDS; i++) {
            LedgerId ledger = new LedgerId(i % 16);
            List<Payload> encoded = new ArrayList<>();
            for (int k = 0; k < entries; k++) {
                long entryId = (long) (i / 16) * entries + k;
                encoded.add(EntryFormat.encode(
                        ledger, entryId, entryId - 1, (entryId + 1) * 1024, payload, DigestType.CRC32C));
            }
            records.add(new JournalRecord.Added(ledger, -1, EntryBatch.of(encoded)));
        }
        filled = memtable();
    }

    private Memtable memtable() {
        Memtable memtable = new Memtable(0);
        for (int i = 0; i < records.size(); i++) {
            memtable.apply(i + 1L, records.get(i));
        }
        return memtable;
    }

    /** Writes a group of 64 records as the journal does, without its sync. */
    @Benchmark
    public int journalGroup() {
        group.clear();
        int crc = 0;
        for (int i = 0; i < records.size(); i++) {
            crc = JournalFormat.encode(group, records.get(i), SEGMENT, i, 1, 0, crc);
        }
        return crc;
    }

    /** Applies 64 records to an empty memtable. */
    @Benchmark
    public Object memtableInsert() {
        return memtable();
    }

    /** Looks up an entry of each ledger. */
    @Benchmark
    public int memtableLookup() {
        int found = 0;
        for (int i = 0; i < 16; i++) {
            found += filled.slice(new LedgerId(i)).orElseThrow().entries().containsKey(entries / 2L) ? 1 : 0;
        }
        return found;
    }
}
