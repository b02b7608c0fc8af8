package io.quire.protocol;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Objects;

/**
 * Immutable bytes with value equality: the payload of an entry, an encoded entry, or the value of a register. A slice
 * shares the bytes of what it was cut from and keeps all of them in memory.
 *
 * <p>Immutable by agreement where it wraps an array: who calls {@link #wrap(byte[])} gives the array away.
 */
public final class Payload {
    /** No bytes. */
    public static final Payload EMPTY = new Payload(new byte[0], 0, 0);

    private final byte[] bytes;
    private final int offset;
    private final int length;

    private Payload(byte[] bytes, int offset, int length) {
        this.bytes = bytes;
        this.offset = offset;
        this.length = length;
    }

    /** Copies {@code bytes}. */
    public static Payload copyOf(byte[] bytes) {
        return wrap(bytes.clone());
    }

    /** Copies what remains in {@code buffer} and moves its position to its limit. */
    public static Payload copyOf(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        return wrap(bytes);
    }

    /** Copies {@code text} as UTF-8. */
    public static Payload ofUtf8(String text) {
        return wrap(text.getBytes(StandardCharsets.UTF_8));
    }

    /** Wraps without copying; the caller must never touch {@code bytes} again. */
    public static Payload wrap(byte[] bytes) {
        return wrap(bytes, 0, bytes.length);
    }

    /** Wraps {@code length} bytes from {@code offset} without copying; the caller must never touch them again. */
    public static Payload wrap(byte[] bytes, int offset, int length) {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        return new Payload(bytes, offset, length);
    }

    /** The number of bytes. */
    public int length() {
        return length;
    }

    public boolean isEmpty() {
        return length == 0;
    }

    /** The bytes in {@code [from, from + count)}, shared. */
    public Payload slice(int from, int count) {
        Objects.checkFromIndexSize(from, count, length);
        return new Payload(bytes, offset + from, count);
    }

    public byte byteAt(int index) {
        Objects.checkIndex(index, length);
        return bytes[offset + index];
    }

    /** A read-only big-endian view of the bytes. */
    public ByteBuffer asByteBuffer() {
        return ByteBuffer.wrap(bytes, offset, length).slice().asReadOnlyBuffer();
    }

    /** Puts all bytes into {@code target}, which must have room. */
    public void writeTo(ByteBuffer target) {
        target.put(bytes, offset, length);
    }

    /** The CRC32C of {@code count} bytes from {@code from}, going on from {@code crc}'s state. */
    public void updateCrc(java.util.zip.Checksum crc, int from, int count) {
        Objects.checkFromIndexSize(from, count, length);
        crc.update(bytes, offset + from, count);
    }

    /** A fresh copy. */
    public byte[] toByteArray() {
        return Arrays.copyOfRange(bytes, offset, offset + length);
    }

    /** The bytes as UTF-8 text; malformed sequences become replacement characters. */
    public String toUtf8() {
        return new String(bytes, offset, length, StandardCharsets.UTF_8);
    }

    public String toBase64() {
        return Base64.getEncoder().encodeToString(toByteArray());
    }

    long longAt(int index) {
        Objects.checkFromIndexSize(index, Long.BYTES, length);
        return BigEndian.getLong(bytes, offset + index);
    }

    int intAt(int index) {
        Objects.checkFromIndexSize(index, Integer.BYTES, length);
        return BigEndian.getInt(bytes, offset + index);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Payload that
                && Arrays.equals(bytes, offset, offset + length, that.bytes, that.offset, that.offset + that.length);
    }

    @Override
    public int hashCode() {
        int hash = 1;
        for (int i = offset; i < offset + length; i++) {
            hash = 31 * hash + bytes[i];
        }
        return hash;
    }

    @Override
    public String toString() {
        return "Payload(" + length + " bytes)";
    }
}
