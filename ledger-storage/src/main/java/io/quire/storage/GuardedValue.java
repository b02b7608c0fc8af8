package io.quire.storage;

import io.quire.protocol.Fields;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException.DamagedException;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.zip.CRC32C;

/**
 * A value of a {@link KeyValueStore} that tells whether it was damaged or stands under a key that it was not written
 * for, which LMDB does not (P10). Stateless.
 *
 * <pre>
 *   0  int32  CRC32C of the key and of the fields
 *   4         fields
 * </pre>
 */
public final class GuardedValue {
    private GuardedValue() {}

    /**
     * @param key where the value will stand
     * @param likelyBytes what the fields probably need; more is no error
     */
    public static Payload encode(Payload key, int likelyBytes, Consumer<ByteBuffer> fields) {
        Payload value = Fields.encode(Integer.BYTES + likelyBytes, out -> {
            out.putInt(0);
            fields.accept(out);
        });
        byte[] bytes = value.toByteArray();
        ByteBuffer guarded = ByteBuffer.wrap(bytes);
        guarded.putInt(0, crcOf(key, guarded.position(Integer.BYTES)));
        return Payload.wrap(bytes);
    }

    /** Like {@link #decode(Payload, ByteBuffer, String, Function)}. */
    public static <T> T decode(Payload key, Payload value, String what, Function<ByteBuffer, T> fields) {
        return decode(key, value.asByteBuffer(), what, fields);
    }

    /**
     * @param key where the value was found
     * @param what for the message: "the state of ledger 7"
     * @throws DamagedException when the value is damaged
     */
    public static <T> T decode(Payload key, ByteBuffer value, String what, Function<ByteBuffer, T> fields) {
        if (value.remaining() < Integer.BYTES) {
            throw new DamagedException(what + " is damaged: " + value.remaining() + " bytes");
        }
        int crc = value.getInt();
        ByteBuffer in = value.slice();
        if (crc != crcOf(key, in.duplicate())) {
            throw new DamagedException(what + " is damaged: its CRC does not match");
        }
        try {
            return Fields.decodeAll(in, fields);
        } catch (Fields.MalformedException e) {
            throw new DamagedException(what + " is damaged: " + e.getMessage(), e);
        }
    }

    private static int crcOf(Payload key, ByteBuffer fields) {
        CRC32C crc = new CRC32C();
        key.updateCrc(crc, 0, key.length());
        crc.update(fields);
        return (int) crc.getValue();
    }
}
