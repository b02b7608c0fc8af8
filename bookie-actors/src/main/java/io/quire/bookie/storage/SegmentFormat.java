package io.quire.bookie.storage;

import io.quire.protocol.BookieId;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.CRC32C;

/**
 * The bytes of a segment of the ledger store.
 *
 * <pre>
 *   segment: header, one page | commit | commit | ... | zeros, or what an older generation left
 *   commit:  record | record | ... | zeros up to the next page
 *
 *   header                                  record: one block
 *    0  int32  magic QLSH                    0  int32  magic QLSB
 *    4  int32  format version, 1             4  int32  bytes of the block, positive
 *    8  uuid   store                         8  int64  generation of the segment
 *   24  int64  generation                   16  int64  ledger
 *   32  int64  segment bytes                24  int64  first entry
 *   40  int32  CRC32C of [0, 40)            32  int32  CRC32C of [0, 32) and of the block's first 4 bytes, its own CRC
 *                                           36         block, see BlockFormat
 * </pre>
 *
 * <p>A commit starts on a page of 4096 bytes, so that no write touches a page that is durable already. Stateless.
 */
final class SegmentFormat {
    static final int PAGE_BYTES = 4096;

    /** Bytes of a record before its block. */
    static final int RECORD_HEADER_BYTES = 36;

    private static final int MAGIC = 0x514C5348;
    private static final int RECORD_MAGIC = 0x514C5342;
    private static final int VERSION = 1;
    private static final int HEADER_BYTES = 44;
    private static final int HEADER_CRC = 40;
    private static final int RECORD_CRC = 32;

    private SegmentFormat() {}

    /** Which segment a file is. */
    record Header(BookieId store, long generation, long bytes) {}

    /**
     * Which block a record holds.
     *
     * @param blockBytes of the block alone
     */
    record RecordHeader(int blockBytes, long generation, LedgerId ledgerId, long firstEntryId) {
        int recordBytes() {
            return RECORD_HEADER_BYTES + blockBytes;
        }
    }

    static long pages(long bytes) {
        return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    }

    static ByteBuffer encodeHeader(Header header) {
        ByteBuffer out = ByteBuffer.allocate(PAGE_BYTES);
        out.putInt(MAGIC).putInt(VERSION);
        Fields.putUuid(out, header.store().value());
        out.putLong(header.generation()).putLong(header.bytes());
        CRC32C crc = new CRC32C();
        crc.update(out.array(), 0, HEADER_CRC);
        out.putInt((int) crc.getValue());
        return out.rewind();
    }

    /**
     * The header of a segment; empty when there is none, or a damaged one.
     *
     * @throws StorageException when it is of a later version
     */
    static Optional<Header> decodeHeader(ByteBuffer in) {
        if (in.remaining() < HEADER_BYTES || in.getInt(0) != MAGIC) {
            return Optional.empty();
        }
        CRC32C crc = new CRC32C();
        crc.update(in.duplicate().position(0).limit(HEADER_CRC));
        if ((int) crc.getValue() != in.getInt(HEADER_CRC)) {
            return Optional.empty();
        }
        if (in.getInt(4) != VERSION) {
            throw new StorageException("a segment of format " + in.getInt(4) + "; this version knows " + VERSION);
        }
        BookieId store = new BookieId(Fields.getUuid(in.duplicate().position(8)));
        return Optional.of(new Header(store, in.getLong(24), in.getLong(32)));
    }

    static void putRecordHeader(ByteBuffer out, RecordHeader header, Payload block) {
        int start = out.position();
        out.putInt(RECORD_MAGIC).putInt(header.blockBytes()).putLong(header.generation());
        out.putLong(header.ledgerId().value()).putLong(header.firstEntryId());
        CRC32C crc = new CRC32C();
        crc.update(out.duplicate().position(start).limit(start + RECORD_CRC));
        block.updateCrc(crc, 0, Integer.BYTES);
        out.putInt((int) crc.getValue());
    }

    /** Whether {@code at} begins what may be a record. */
    static boolean startsRecord(ByteBuffer in, int at) {
        return in.getInt(at) == RECORD_MAGIC;
    }

    /**
     * The head of the record at {@code at}, of which {@value #RECORD_HEADER_BYTES} bytes and the block's CRC are there.
     *
     * @throws DamagedException when there is none
     */
    static RecordHeader decodeRecordHeader(ByteBuffer in, int at) {
        CRC32C crc = new CRC32C();
        crc.update(in.duplicate().position(at).limit(at + RECORD_CRC));
        crc.update(in.duplicate().position(at + RECORD_HEADER_BYTES).limit(at + RECORD_HEADER_BYTES + Integer.BYTES));
        int blockBytes = in.getInt(at + 4);
        if (in.getInt(at) != RECORD_MAGIC || (int) crc.getValue() != in.getInt(at + RECORD_CRC) || blockBytes <= 0) {
            throw new DamagedException("no record of a block starts here");
        }
        return new RecordHeader(blockBytes, in.getLong(at + 8), new LedgerId(in.getLong(at + 16)), in.getLong(at + 24));
    }
}
