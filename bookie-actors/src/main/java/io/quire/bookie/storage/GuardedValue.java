package io.quire.bookie.storage;

import io.quire.protocol.Fields;
import io.quire.protocol.Payload;
import io.quire.storage.StorageException;
import java.nio.ByteBuffer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.zip.CRC32C;

/**
 * A value of the ledger store that tells whether it was damaged, which LMDB does not (P10): int32 CRC32C of the fields
 * behind it, fields. Stateless.
 */
final class GuardedValue {
    private GuardedValue() {}

    static Payload encode(int likelyBytes, Consumer<ByteBuffer> fields) {
        Payload body = Fields.encode(likelyBytes, fields);
        return Fields.encode(Integer.BYTES + body.length(), out -> {
            out.putInt(crcOf(body, 0));
            body.writeTo(out);
        });
    }

    /**
     * @param what for the message: "the state of ledger 7"
     * @throws StorageException when the value is damaged
     */
    static <T> T decode(Payload value, String what, Function<ByteBuffer, T> fields) {
        if (value.length() < Integer.BYTES) {
            throw new StorageException(what + " is damaged: " + value.length() + " bytes");
        }
        ByteBuffer in = value.asByteBuffer();
        if (in.getInt() != crcOf(value, Integer.BYTES)) {
            throw new StorageException(what + " is damaged: its CRC does not match");
        }
        try {
            return Fields.decodeAll(in.slice(), fields);
        } catch (Fields.MalformedException e) {
            throw new StorageException(what + " is damaged: " + e.getMessage(), e);
        }
    }

    private static int crcOf(Payload bytes, int from) {
        CRC32C crc = new CRC32C();
        bytes.updateCrc(crc, from, bytes.length() - from);
        return (int) crc.getValue();
    }
}
