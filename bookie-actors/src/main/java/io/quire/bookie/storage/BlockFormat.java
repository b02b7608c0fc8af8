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
        int count = verify(block);
        Payload copy = Payload.copyOf(block);
        ByteBuffer in = copy.asByteBuffer().position(HEADER_BYTES);
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

    /** Verifies a whole block; how many entries it holds. */
    private static int verify(ByteBuffer block) {
        int length = block.remaining();
        if (length < HEADER_BYTES + Integer.BYTES) {
            throw new DamagedException("a block of " + length + " bytes");
        }
        CRC32C crc = new CRC32C();
        crc.update(block.slice(block.position() + Integer.BYTES, length - Integer.BYTES));
        if ((int) crc.getValue() != block.getInt(block.position())) {
            throw new DamagedException("a block's CRC does not match its " + length + " bytes");
        }
        int count = block.getInt(block.position() + Integer.BYTES);
        if (count < 1 || count > (length - HEADER_BYTES) / Integer.BYTES) {
            throw new DamagedException("a block of " + length + " bytes says it holds " + count + " entries");
        }
        return count;
    }

    /**
     * Shows {@code visitor} the entries in {@code [first, last]} of a block that was found under a key, until it has enough;
     * copies of their bytes alone. The block is verified as a whole first.
     *
     * @return whether the entries behind this block are to be shown, too
     * @throws DamagedException like {@link #decode(ByteBuffer, long, long)}
     */
    static boolean visit(
            ByteBuffer block, long ledgerId, long firstEntryId, long first, long last, LedgerStore.Visitor visitor) {
        int count = verify(block);
        ByteBuffer in = block.slice();
        requireFirst(in, startOf(in, count, 0), ledgerId, firstEntryId);
        int from = indexOf(in, count, first);
        int to = indexOf(in, count, last + 1);
        if (from >= to) {
            return to == count;
        }
        int start = startOf(in, count, from);
        Payload copy = Payload.copyOf(in.slice(start, endOf(in, count, to - 1) - start));
        for (int i = from; i < to; i++) {
            int at = startOf(in, count, i) - start;
            Payload entry = copy.slice(at, endOf(in, count, i) - start - at);
            if (!visitor.visit(EntryFormat.entryIdOf(entry), entry)) {
                return false;
            }
        }
        return to == count;
    }

    /** The index of the first entry whose id is at least {@code entryId}; the number of entries when there is none. */
    private static int indexOf(ByteBuffer block, int count, long entryId) {
        int low = 0;
        int high = count;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (EntryFormat.entryIdAt(block, startOf(block, count, middle)) < entryId) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low;
    }

    private static int startOf(ByteBuffer block, int count, int index) {
        int start = block.getInt(HEADER_BYTES + index * Integer.BYTES);
        if (start < HEADER_BYTES + count * Integer.BYTES || start > block.remaining() - EntryFormat.HEADER_BYTES) {
            throw new DamagedException("a block's entry lies at " + start + " of " + block.remaining());
        }
        return start;
    }

    private static int endOf(ByteBuffer block, int count, int index) {
        return index == count - 1 ? block.remaining() : startOf(block, count, index + 1);
    }

    /**
     * Like {@link #decode(ByteBuffer)}, of a block that was found under a key, which has no CRC.
     *
     * @throws DamagedException also when it is the block of another ledger, or does not start with {@code firstEntryId}
     */
    static List<Payload> decode(ByteBuffer block, long ledgerId, long firstEntryId) {
        List<Payload> entries = decode(block);
        requireFirst(entries.get(0).asByteBuffer(), 0, ledgerId, firstEntryId);
        return entries;
    }

    private static void requireFirst(ByteBuffer block, int start, long ledgerId, long firstEntryId) {
        long foundLedger = EntryFormat.ledgerIdAt(block, start);
        long foundEntry = EntryFormat.entryIdAt(block, start);
        if (foundLedger != ledgerId || foundEntry != firstEntryId) {
            throw new DamagedException("the block at entry " + firstEntryId + " of ledger " + ledgerId
                    + " starts with entry " + foundEntry + " of ledger " + foundLedger);
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
        requireFirst(block, block.position() + first, ledgerId, firstEntryId);
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
