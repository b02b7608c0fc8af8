package io.quire.client.blob;

import io.quire.protocol.EntryId;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.nio.ByteBuffer;
import java.util.HexFormat;

/**
 * A value in a ledger of its own: chunks of one size, of which the last may be shorter, then an entry that says so.
 *
 * <pre>
 *   last entry   magic int32 "QBLB" | version 1 byte (1) | length int64 | chunk bytes int32 | SHA-256, 32 bytes
 * </pre>
 *
 * @param ledgerId names it
 * @param length in bytes
 * @param chunkBytes size of every chunk but the last
 * @param sha256 of all bytes, as hex
 */
public record Blob(LedgerId ledgerId, long length, int chunkBytes, String sha256) {
    private static final int MAGIC = 0x51424c42;
    private static final byte VERSION = 1;
    private static final int DIGEST_BYTES = 32;

    public Blob {
        if (length < 0 || chunkBytes < 1 || sha256.length() != 2 * DIGEST_BYTES) {
            throw new IllegalArgumentException("no blob: " + length + " bytes in chunks of " + chunkBytes);
        }
    }

    /** How many chunks there are. */
    long chunks() {
        return (length + chunkBytes - 1) / chunkBytes;
    }

    /** The entry that describes it, behind the chunks. */
    long trailerEntryId() {
        return EntryId.requireValid(chunks());
    }

    Payload trailer() {
        return Fields.encode(64, out -> out.putInt(MAGIC)
                .put(VERSION)
                .putLong(length)
                .putInt(chunkBytes)
                .put(HexFormat.of().parseHex(sha256)));
    }

    /**
     * @throws Fields.MalformedException when it is no such entry
     */
    static Blob ofTrailer(LedgerId ledgerId, Payload trailer) {
        return Fields.decodeAll(trailer.asByteBuffer(), in -> decode(ledgerId, in));
    }

    private static Blob decode(LedgerId ledgerId, ByteBuffer in) {
        if (in.getInt() != MAGIC) {
            throw new IllegalArgumentException("it does not end like a blob");
        }
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("a blob in format " + version + ", of which only 1 is known");
        }
        long length = in.getLong();
        int chunkBytes = in.getInt();
        byte[] digest = new byte[DIGEST_BYTES];
        in.get(digest);
        return new Blob(ledgerId, length, chunkBytes, HexFormat.of().formatHex(digest));
    }
}
