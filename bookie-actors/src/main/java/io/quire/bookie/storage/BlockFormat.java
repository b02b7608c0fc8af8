package io.quire.bookie.storage;

import io.quire.protocol.DigestType;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.zip.CRC32C;

/**
 * A run of one ledger's entries, in id order, gaps allowed: one value of the ledger store.
 *
 * <pre>
 *   0  int32  CRC32C of everything behind it
 *   4  int32  number of entries, positive
 *   8  int32  offset of each entry from the start of the block
 *      encoded entries, one behind the other
 * </pre>
 *
 * <p>Stateless.
 */
final class BlockFormat {
    /** Encoded entries that share a block; a larger entry has a block of its own. Measured in docs/decisions/005. */
    static final int BYTES_MAX = 32 << 10;

    private static final int HEADER_BYTES = 8;

    private BlockFormat() {}

    /** Encodes at least one entry. */
    static Payload encode(List<Payload> entries) {
        int bytes = HEADER_BYTES + Integer.BYTES * entries.size();
        int offset = bytes;
        for (Payload entry : entries) {
            bytes += entry.length();
        }
        ByteBuffer out = ByteBuffer.allocate(bytes).position(Integer.BYTES);
        out.putInt(entries.size());
        for (Payload entry : entries) {
            out.putInt(offset);
            offset += entry.length();
        }
        for (Payload entry : entries) {
            entry.writeTo(out);
        }
        CRC32C crc = new CRC32C();
        crc.update(out.array(), Integer.BYTES, bytes - Integer.BYTES);
        out.putInt(0, (int) crc.getValue());
        return Payload.wrap(out.array());
    }

    /**
     * The encoded entries of a block; copies of its bytes.
     *
     * @throws DamagedException when the block is damaged; nothing can then be said of its entries
     */
    static List<Payload> decode(ByteBuffer block) {
        Payload copy = Payload.copyOf(block);
        ByteBuffer in = copy.asByteBuffer();
        if (copy.length() < HEADER_BYTES + Integer.BYTES) {
            throw new DamagedException("a block of " + copy.length() + " bytes");
        }
        CRC32C crc = new CRC32C();
        copy.updateCrc(crc, Integer.BYTES, copy.length() - Integer.BYTES);
        if ((int) crc.getValue() != in.getInt()) {
            throw new DamagedException("a block's CRC does not match its " + copy.length() + " bytes");
        }
        int count = in.getInt();
        if (count < 1 || count > (copy.length() - HEADER_BYTES) / Integer.BYTES) {
            throw new DamagedException("a block of " + copy.length() + " bytes says it holds " + count + " entries");
        }
        List<Payload> entries = new ArrayList<>(count);
        int start = in.getInt();
        for (int i = 1; i <= count; i++) {
            int end = i == count ? copy.length() : in.getInt();
            if (start < 0 || end <= start || end > copy.length()) {
                throw new DamagedException("a block's entry lies at [" + start + ", " + end + ")");
            }
            entries.add(copy.slice(start, end - start));
            start = end;
        }
        return entries;
    }

    /**
     * Like {@link #decode(ByteBuffer)}, of a block that was found under a key, which has no CRC.
     *
     * @throws DamagedException also when it is the block of another ledger, or does not start with {@code firstEntryId}
     */
    static List<Payload> decode(ByteBuffer block, long ledgerId, long firstEntryId) {
        List<Payload> entries = decode(block);
        requireFirst(entries.get(0), ledgerId, firstEntryId);
        return entries;
    }

    private static void requireFirst(Payload entry, long ledgerId, long firstEntryId) {
        if (EntryFormat.ledgerIdOf(entry) != ledgerId || EntryFormat.entryIdOf(entry) != firstEntryId) {
            throw new DamagedException("the block at entry " + firstEntryId + " of ledger " + ledgerId
                    + " starts with entry " + EntryFormat.entryIdOf(entry) + " of ledger "
                    + EntryFormat.ledgerIdOf(entry));
        }
    }

    /**
     * The entries of a damaged block that are good all the same, by their own digests: ascending, of {@code ledgerId}. None
     * of those without a digest.
     */
    static NavigableMap<Long, Payload> salvage(ByteBuffer block, LedgerId ledgerId) {
        NavigableMap<Long, Payload> good = new TreeMap<>();
        Payload copy = Payload.copyOf(block);
        ByteBuffer head = copy.asByteBuffer();
        int count = copy.length() < HEADER_BYTES ? 0 : head.getInt(Integer.BYTES);
        if (count < 1 || count > (copy.length() - HEADER_BYTES) / Integer.BYTES) {
            return good;
        }
        for (int i = 0; i < count; i++) {
            int start = head.getInt(HEADER_BYTES + i * Integer.BYTES);
            if (start >= HEADER_BYTES && start < copy.length()) {
                salvageAt(copy, start, ledgerId, good);
            }
        }
        return good;
    }

    private static void salvageAt(Payload block, int start, LedgerId ledgerId, NavigableMap<Long, Payload> good) {
        try {
            Payload entry = block.slice(start, EntryFormat.sizeAt(block, start));
            EntryFormat.verify(entry);
            if (EntryFormat.ledgerIdOf(entry) == ledgerId.value()
                    && EntryFormat.entryIdOf(entry) >= 0
                    && !EntryFormat.isGuardedBy(entry, DigestType.DUMMY)) {
                good.put(EntryFormat.entryIdOf(entry), entry);
            }
        } catch (EntryFormat.DamagedEntryException e) {
            // This one is what is damaged; the others may be good.
            return;
        }
    }

    /**
     * How many entries a block says it holds that was found under a key; only its head and that of its first entry are
     * touched.
     */
    static int countOf(ByteBuffer block, long ledgerId, long firstEntryId) {
        int count = countOf(block);
        int first =
                block.remaining() < HEADER_BYTES + Integer.BYTES ? 0 : block.getInt(block.position() + HEADER_BYTES);
        if (first < HEADER_BYTES || first > block.remaining() - EntryFormat.HEADER_BYTES) {
            throw new DamagedException("a block of " + block.remaining() + " bytes has its first entry at " + first);
        }
        requireFirst(
                Payload.copyOf(block.slice(block.position() + first, EntryFormat.HEADER_BYTES)),
                ledgerId,
                firstEntryId);
        return count;
    }

    /** How many entries a block says it holds; only its head is touched. */
    static int countOf(ByteBuffer block) {
        if (block.remaining() < HEADER_BYTES) {
            throw new DamagedException("a block of " + block.remaining() + " bytes");
        }
        return block.getInt(block.position() + Integer.BYTES);
    }

    /** The id of the last entry of a block. */
    static long lastEntryIdOf(List<Payload> entries) {
        return EntryFormat.entryIdOf(entries.get(entries.size() - 1));
    }
}
