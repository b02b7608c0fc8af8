package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.NewerFormatException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The bytes of a journal segment (R20). Big endian.
 *
 * <pre>
 *   segment:  header, padded to a page (4096) | group | group | ... | zeros, or what an older generation left
 *   group:    record | record | ... | zeros up to the next page
 *
 *   segment header                          record
 *     0  int32  magic "QJSH"                  0  int32  magic "QJR" + kind (A added, R recovered, F fenced, D dropped)
 *     4  int32  format version 1              4  int32  body bytes
 *     8  uuid   store                         8  uuid   store
 *    24  int64  generation                   24  int64  generation of its segment
 *    32  int64  first sequence               32  int64  sequence, exact
 *    40  int64  segment bytes                40  int64  boot epoch
 *    48  int32  CRC32C of [0, 48)            48  int64  synced up to: last sequence durable when this was written
 *                                            56  int32  CRC of the record before; of the first: CRC32C(store, generation)
 *                                            60  int32  CRC32C of [0, 60) and the body
 *                                            64  body
 *
 *   body of A: int64 ledger, int64 last add confirmed, encoded entries
 *   body of R: int64 ledger, int64 version, encoded entries
 *   body of F and D: int64 ledger
 * </pre>
 *
 * <p>A header with another version is refused, not taken for one that was never written. Whatever a reader of version 1
 * would not understand, be it another kind of record, takes another version.
 *
 * <p>Groups start on pages, so that no sync ever rewrites a page that an earlier sync made durable, and so that a reader
 * can find the next group behind a bad record. Stateless.
 */
final class JournalFormat {
    static final int PAGE_BYTES = 4096;
    static final int RECORD_HEADER_BYTES = 64;
    /** What a record takes beside the entries that it adds. */
    static final int ADDED_BYTES = RECORD_HEADER_BYTES + 16;
    /** Where a record names the generation of its segment. */
    static final int GENERATION_OFFSET = 24;

    private static final int SEGMENT_MAGIC = 0x514A5348;
    private static final int SEGMENT_HEADER_BYTES = 52;
    private static final int FORMAT_VERSION = 1;
    private static final int KIND_MAGIC = 0x514A5200;
    private static final int ADDED = 0x514A5241;
    private static final int RECOVERED = 0x514A5252;
    private static final int FENCED = 0x514A5246;
    private static final int DROPPED = 0x514A5244;
    private static final int CRC_OFFSET = 60;

    private JournalFormat() {}

    /** The head of one segment. */
    record SegmentHeader(BookieId store, long generation, long firstSequence, long segmentBytes) {}

    /** The head of one record, and its body. */
    record ReadRecord(
            long sequence,
            long bootEpoch,
            long syncedUpTo,
            int previousCrc,
            int crc,
            int totalBytes,
            JournalRecord record) {}

    static ByteBuffer encodeHeader(SegmentHeader header) {
        ByteBuffer out = ByteBuffer.allocate(PAGE_BYTES);
        out.putInt(SEGMENT_MAGIC).putInt(FORMAT_VERSION);
        Fields.putUuid(out, header.store().value());
        out.putLong(header.generation()).putLong(header.firstSequence()).putLong(header.segmentBytes());
        out.putInt(crcOf(out.duplicate().flip()));
        return out.clear();
    }

    /**
     * The header, if the page holds a whole one.
     *
     * @param file for the message
     * @throws NewerFormatException when it has a version that is not known yet: what lies behind it may be durable
     */
    static Optional<SegmentHeader> decodeHeader(ByteBuffer page, String file) {
        if (page.remaining() < SEGMENT_HEADER_BYTES) {
            return Optional.empty();
        }
        int crc = crcOf(page.slice(page.position(), SEGMENT_HEADER_BYTES - Integer.BYTES));
        int magic = page.getInt();
        int version = page.getInt();
        SegmentHeader header =
                new SegmentHeader(new BookieId(Fields.getUuid(page)), page.getLong(), page.getLong(), page.getLong());
        boolean whole = magic == SEGMENT_MAGIC && page.getInt() == crc;
        if (whole && version != FORMAT_VERSION) {
            throw new NewerFormatException("journal segment " + file, version, FORMAT_VERSION);
        }
        return whole ? Optional.of(header) : Optional.empty();
    }

    /** What the first record of a segment is chained to. */
    static int chainSeed(BookieId store, long generation) {
        ByteBuffer seed = ByteBuffer.allocate(24);
        Fields.putUuid(seed, store.value());
        seed.putLong(generation);
        return crcOf(seed.flip());
    }

    /** The bytes that {@code record} takes in a group. */
    static int encodedBytes(JournalRecord record) {
        boolean plain = record instanceof JournalRecord.Fenced || record instanceof JournalRecord.Dropped;
        int body = plain ? 8 : 16 + record.entries().byteSize();
        return RECORD_HEADER_BYTES + body;
    }

    /**
     * Puts a record into {@code out}, which must have room.
     *
     * @return its CRC, to which the next one is chained
     */
    static int encode(
            ByteBuffer out,
            JournalRecord record,
            SegmentHeader segment,
            long sequence,
            long bootEpoch,
            long syncedUpTo,
            int previousCrc) {
        int start = out.position();
        out.putInt(kindOf(record));
        out.putInt(encodedBytes(record) - RECORD_HEADER_BYTES);
        Fields.putUuid(out, segment.store().value());
        out.putLong(segment.generation()).putLong(sequence).putLong(bootEpoch).putLong(syncedUpTo);
        out.putInt(previousCrc).putInt(0);
        out.putLong(record.ledgerId().value());
        if (record instanceof JournalRecord.Added added) {
            out.putLong(added.lastAddConfirmed());
        } else if (record instanceof JournalRecord.Recovered recovered) {
            out.putLong(recovered.version());
        }
        for (Payload entry : record.entries().entries()) {
            entry.writeTo(out);
        }
        int crc = recordCrc(out, start, out.position() - start);
        out.putInt(start + CRC_OFFSET, crc);
        return crc;
    }

    /** Whether the bytes at {@code position} begin like a record of {@code segment}, be it whole or not. */
    static boolean isStart(ByteBuffer in, int position, SegmentHeader segment) {
        return in.limit() - position >= RECORD_HEADER_BYTES
                && (in.getInt(position) & ~0xFF) == KIND_MAGIC
                && in.getLong(position + GENERATION_OFFSET) == segment.generation();
    }

    private static int kindOf(JournalRecord record) {
        if (record instanceof JournalRecord.Fenced) {
            return FENCED;
        }
        if (record instanceof JournalRecord.Dropped) {
            return DROPPED;
        }
        return record instanceof JournalRecord.Added ? ADDED : RECOVERED;
    }

    /**
     * Takes the record at the buffer's position, if there is a whole one of {@code segment}; the position then stands
     * behind it. The bytes of its entries are copied out, once.
     */
    static Optional<ReadRecord> decode(ByteBuffer in, SegmentHeader segment) {
        int start = in.position();
        if (in.remaining() < RECORD_HEADER_BYTES) {
            return Optional.empty();
        }
        int kind = in.getInt(start);
        int bodyBytes = in.getInt(start + 4);
        boolean withEntries = kind == ADDED || kind == RECOVERED;
        boolean possible = (withEntries ? bodyBytes >= 16 : (kind == FENCED || kind == DROPPED) && bodyBytes == 8)
                && bodyBytes <= in.remaining() - RECORD_HEADER_BYTES;
        if (!possible) {
            return Optional.empty();
        }
        int totalBytes = RECORD_HEADER_BYTES + bodyBytes;
        int crc = in.getInt(start + CRC_OFFSET);
        if (recordCrc(in, start, totalBytes) != crc) {
            return Optional.empty();
        }
        in.position(start + 8);
        BookieId store = new BookieId(Fields.getUuid(in));
        long generation = in.getLong();
        if (!store.equals(segment.store()) || generation != segment.generation()) {
            in.position(start);
            return Optional.empty();
        }
        long sequence = in.getLong();
        long bootEpoch = in.getLong();
        long syncedUpTo = in.getLong();
        int previousCrc = in.getInt();
        in.getInt();
        JournalRecord record = decodeBody(kind, in, bodyBytes);
        return Optional.of(new ReadRecord(sequence, bootEpoch, syncedUpTo, previousCrc, crc, totalBytes, record));
    }

    private static JournalRecord decodeBody(int kind, ByteBuffer in, int bodyBytes) {
        LedgerId ledgerId = new LedgerId(in.getLong());
        if (kind == FENCED) {
            return new JournalRecord.Fenced(ledgerId);
        }
        if (kind == DROPPED) {
            return new JournalRecord.Dropped(ledgerId);
        }
        long lastAddConfirmedOrVersion = in.getLong();
        byte[] slab = new byte[bodyBytes - 16];
        in.get(slab);
        try {
            EntryBatch entries = EntryBatch.ofSlab(Payload.wrap(slab));
            return kind == ADDED
                    ? new JournalRecord.Added(ledgerId, lastAddConfirmedOrVersion, entries)
                    : new JournalRecord.Recovered(ledgerId, lastAddConfirmedOrVersion, entries);
        } catch (EntryFormat.DamagedEntryException e) {
            throw new IllegalStateException("a journal record with a right CRC holds no whole entries", e);
        }
    }

    private static int recordCrc(ByteBuffer buffer, int start, int totalBytes) {
        CRC32C crc = new CRC32C();
        crc.update(buffer.slice(start, CRC_OFFSET));
        crc.update(buffer.slice(start + RECORD_HEADER_BYTES, totalBytes - RECORD_HEADER_BYTES));
        return (int) crc.getValue();
    }

    private static int crcOf(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }
}
