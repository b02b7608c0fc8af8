package io.quire.protocol;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;

/**
 * The bytes of one entry, the same on the wire, in the journal and in the ledger store. They are made once, by the
 * writer, and never change (R9): every resend, copy and repair carries them as they are.
 *
 * <pre>
 *   0                   8                   16                  24                  32      36  37      40
 *   +-------------------+-------------------+-------------------+-------------------+-------+---+-------+---------+--------+
 *   | ledger id         | entry id          | last add confirmed| cumulative length | bytes | d | zero  | payload | digest |
 *   +-------------------+-------------------+-------------------+-------------------+-------+---+-------+---------+--------+
 *   big endian; bytes = payload bytes (int32); d = code of the DigestType; the digest covers everything before it:
 *
 *   CRC32C        int32 CRC32C                    CRC32    int32 CRC32
 *   HMAC_SHA256   32 bytes HMAC-SHA-256 of header and payload | int32 CRC32C of header, payload and HMAC
 *   DUMMY         nothing
 * </pre>
 *
 * <p>Whoever stores entries checks what can be checked without a password: of an HMAC entry the CRC32C. Whoever uses them
 * as a ledger's entries checks them with the ledger's digest type and key.
 *
 * <p>Stateless and thread-safe.
 */
public final class EntryFormat {
    /** Bytes before the payload. */
    public static final int HEADER_BYTES = 40;

    /** The largest payload that can be encoded at all; settings allow less. */
    public static final int PAYLOAD_BYTES_MAX = 64 << 20;

    private static final int ENTRY_ID = 8;
    private static final int LAST_ADD_CONFIRMED = 16;
    private static final int LENGTH = 24;
    private static final int PAYLOAD_BYTES = 32;
    private static final int DIGEST_TYPE = 36;

    private EntryFormat() {}

    /** The size of an encoded entry with a payload of {@code payloadBytes}. */
    public static int encodedBytes(int payloadBytes, DigestType digest) {
        return HEADER_BYTES + payloadBytes + digest.digestBytes();
    }

    /** Encodes an entry of a ledger without a password and computes its digest. Copies the payload once. */
    public static Payload encode(Entry entry, DigestType digest) {
        return encode(entry, digest, LedgerKey.NONE);
    }

    /** Encodes an entry and computes its digest, with {@code key} where it needs one. Copies the payload once. */
    public static Payload encode(Entry entry, DigestType digest, LedgerKey key) {
        return encode(
                entry.ledgerId(),
                entry.entryId(),
                entry.lastAddConfirmed(),
                entry.length(),
                entry.payload(),
                digest,
                key);
    }

    /** Like {@link #encode(Entry, DigestType)}. */
    public static Payload encode(
            LedgerId ledgerId, long entryId, long lastAddConfirmed, long length, Payload payload, DigestType digest) {
        return encode(ledgerId, entryId, lastAddConfirmed, length, payload, digest, LedgerKey.NONE);
    }

    /** Like {@link #encode(Entry, DigestType, LedgerKey)}, for the writer's hot path. */
    public static Payload encode(
            LedgerId ledgerId,
            long entryId,
            long lastAddConfirmed,
            long length,
            Payload payload,
            DigestType digest,
            LedgerKey key) {
        int payloadBytes = payload.length();
        if (payloadBytes > PAYLOAD_BYTES_MAX) {
            throw new IllegalArgumentException(
                    "payload of " + payloadBytes + " bytes, at most " + PAYLOAD_BYTES_MAX + " can be encoded");
        }
        byte[] bytes = new byte[encodedBytes(payloadBytes, digest)];
        BigEndian.putLong(bytes, 0, ledgerId.value());
        BigEndian.putLong(bytes, ENTRY_ID, entryId);
        BigEndian.putLong(bytes, LAST_ADD_CONFIRMED, lastAddConfirmed);
        BigEndian.putLong(bytes, LENGTH, length);
        BigEndian.putInt(bytes, PAYLOAD_BYTES, payloadBytes);
        bytes[DIGEST_TYPE] = digest.code();
        payload.writeTo(ByteBuffer.wrap(bytes, HEADER_BYTES, payloadBytes));
        putDigest(bytes, HEADER_BYTES + payloadBytes, digest, key);
        return Payload.wrap(bytes);
    }

    private static void putDigest(byte[] bytes, int covered, DigestType digest, LedgerKey key) {
        switch (digest) {
            case CRC32C -> putCrc32c(bytes, covered);
            case CRC32 -> {
                CRC32 crc = new CRC32();
                crc.update(bytes, 0, covered);
                BigEndian.putInt(bytes, covered, (int) crc.getValue());
            }
            case HMAC_SHA256 -> {
                byte[] hmac = key.hmac(ByteBuffer.wrap(bytes, 0, covered));
                System.arraycopy(hmac, 0, bytes, covered, hmac.length);
                putCrc32c(bytes, covered + hmac.length);
            }
            case DUMMY -> {}
            default -> throw new IllegalStateException("no such digest: " + digest);
        }
    }

    private static void putCrc32c(byte[] bytes, int covered) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, 0, covered);
        BigEndian.putInt(bytes, covered, (int) crc.getValue());
    }

    /**
     * The size of the encoded entry that starts at {@code offset} of {@code bytes}, from its header alone.
     *
     * @throws DamagedEntryException when no whole entry can start there
     */
    public static int sizeAt(Payload bytes, int offset) {
        if (bytes.length() - offset < HEADER_BYTES) {
            throw new DamagedEntryException(
                    "an entry's header needs " + HEADER_BYTES + " bytes, there are " + (bytes.length() - offset));
        }
        int payloadBytes = bytes.intAt(offset + PAYLOAD_BYTES);
        if (payloadBytes < 0 || payloadBytes > PAYLOAD_BYTES_MAX) {
            throw new DamagedEntryException("impossible payload size " + payloadBytes);
        }
        int size = HEADER_BYTES
                + payloadBytes
                + digestOf(bytes.byteAt(offset + DIGEST_TYPE)).digestBytes();
        if (size > bytes.length() - offset) {
            throw new DamagedEntryException(
                    "entry of " + size + " bytes, of which " + (bytes.length() - offset) + " are there");
        }
        return size;
    }

    /**
     * Checks one encoded entry as far as that is possible without the ledger's password: all of its digest, but for the
     * HMAC of an HMAC entry.
     *
     * @throws DamagedEntryException when the bytes are not exactly one entry with a right digest
     */
    public static void verify(Payload encoded) {
        int size = sizeAt(encoded, 0);
        if (size != encoded.length()) {
            throw new DamagedEntryException("entry of " + size + " bytes in " + encoded.length());
        }
        if (!hasRightCrc(encoded)) {
            throw new DamagedEntryException("digest mismatch in entry " + entryIdOf(encoded) + " of ledger "
                    + ledgerIdOf(encoded) + ", " + size + " bytes");
        }
        if (encoded.byteAt(37) != 0 || encoded.byteAt(38) != 0 || encoded.byteAt(39) != 0) {
            throw new DamagedEntryException("reserved bytes of an entry's header are not zero");
        }
    }

    /**
     * Checks one encoded entry of a ledger with digests of type {@code digest}, also its HMAC, if it has one.
     *
     * @throws DamagedEntryException when the bytes are not exactly one entry with a right digest of that type, or were
     *     made without {@code key}
     */
    public static void verify(Payload encoded, DigestType digest, LedgerKey key) {
        verify(encoded);
        if (!isGuardedBy(encoded, digest)) {
            throw new DamagedEntryException("entry " + entryIdOf(encoded) + " of ledger " + ledgerIdOf(encoded)
                    + " has a digest of type " + digestOf(encoded.byteAt(DIGEST_TYPE)) + ", the ledger's is " + digest);
        }
        if (digest == DigestType.HMAC_SHA256) {
            int covered = HEADER_BYTES + encoded.intAt(PAYLOAD_BYTES);
            byte[] hmac = key.hmac(encoded.slice(0, covered).asByteBuffer());
            if (!MessageDigest.isEqual(hmac, encoded.slice(covered, hmac.length).toByteArray())) {
                throw new DamagedEntryException("entry " + entryIdOf(encoded) + " of ledger " + ledgerIdOf(encoded)
                        + " was not made with the ledger's password");
            }
        }
    }

    /** Whether the header of an encoded entry names {@code digest}; unverified. */
    public static boolean isGuardedBy(Payload encoded, DigestType digest) {
        return encoded.byteAt(DIGEST_TYPE) == digest.code();
    }

    private static boolean hasRightCrc(Payload encoded) {
        int at = encoded.length() - Integer.BYTES;
        return switch (digestOf(encoded.byteAt(DIGEST_TYPE))) {
            case CRC32C, HMAC_SHA256 -> {
                CRC32C crc = new CRC32C();
                encoded.updateCrc(crc, 0, at);
                yield (int) crc.getValue() == encoded.intAt(at);
            }
            case CRC32 -> {
                CRC32 crc = new CRC32();
                encoded.updateCrc(crc, 0, at);
                yield (int) crc.getValue() == encoded.intAt(at);
            }
            case DUMMY -> true;
        };
    }

    /**
     * Takes apart one encoded entry, verified by {@link #verify(Payload)}; the payload shares its bytes.
     *
     * @throws DamagedEntryException when the bytes are not exactly one entry with a right digest and sane fields
     */
    public static Entry decode(Payload encoded) {
        verify(encoded);
        return fieldsOf(encoded);
    }

    /**
     * Takes apart one encoded entry, verified by {@link #verify(Payload, DigestType, LedgerKey)}; the payload shares its
     * bytes.
     *
     * @throws DamagedEntryException when the bytes are not exactly one entry with a right digest and sane fields
     */
    public static Entry decode(Payload encoded, DigestType digest, LedgerKey key) {
        verify(encoded, digest, key);
        return fieldsOf(encoded);
    }

    private static Entry fieldsOf(Payload encoded) {
        try {
            return new Entry(
                    new LedgerId(ledgerIdOf(encoded)),
                    entryIdOf(encoded),
                    encoded.longAt(LAST_ADD_CONFIRMED),
                    encoded.longAt(LENGTH),
                    encoded.slice(HEADER_BYTES, encoded.intAt(PAYLOAD_BYTES)));
        } catch (IllegalArgumentException e) {
            throw new DamagedEntryException("entry with a right digest and wrong fields: " + e.getMessage());
        }
    }

    /** The ledger id in an encoded entry's header, unverified. */
    public static long ledgerIdOf(Payload encoded) {
        return encoded.longAt(0);
    }

    /** The entry id in an encoded entry's header, unverified. */
    public static long entryIdOf(Payload encoded) {
        return encoded.longAt(ENTRY_ID);
    }

    /** The ledger id in the header of the encoded entry at {@code position} of {@code in}, big-endian, unverified. */
    public static long ledgerIdAt(ByteBuffer in, int position) {
        return in.getLong(position);
    }

    /** The entry id in the header of the encoded entry at {@code position} of {@code in}, big-endian, unverified. */
    public static long entryIdAt(ByteBuffer in, int position) {
        return in.getLong(position + ENTRY_ID);
    }

    /** The last-add-confirmed in an encoded entry's header, unverified. */
    public static long lastAddConfirmedOf(Payload encoded) {
        return encoded.longAt(LAST_ADD_CONFIRMED);
    }

    /** The cumulative length in an encoded entry's header, unverified. */
    public static long lengthOf(Payload encoded) {
        return encoded.longAt(LENGTH);
    }

    private static DigestType digestOf(byte code) {
        try {
            return DigestType.ofCode(code);
        } catch (IllegalArgumentException e) {
            throw new DamagedEntryException(e.getMessage());
        }
    }

    /** The bytes are not an entry, or not the ones that its writer made. */
    public static final class DamagedEntryException extends RuntimeException {
        private static final long serialVersionUID = 1;

        public DamagedEntryException(String message) {
            super(message);
        }
    }
}
