package io.quire.protocol.wire;

import io.quire.protocol.Fields;
import java.nio.ByteBuffer;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/**
 * How one kind of message is written. The first byte is the format's version; the fields follow.
 *
 * @param manifest one letter, never given to another kind
 * @param type the kind
 * @param likelyBytes a good guess at the fields' size
 * @param put writes the fields
 * @param get reads what {@code put} wrote
 */
record MessageFormat<T extends WireMessage>(
        String manifest,
        Class<T> type,
        ToIntFunction<T> likelyBytes,
        BiConsumer<ByteBuffer, T> put,
        Function<ByteBuffer, T> get) {
    private static final byte VERSION_1 = 1;
    private static final int SMALL_BYTES = 256;

    /** A kind whose messages fit into a few hundred bytes, nearly always. */
    static <T extends WireMessage> MessageFormat<T> small(
            String manifest, Class<T> type, BiConsumer<ByteBuffer, T> put, Function<ByteBuffer, T> get) {
        return new MessageFormat<>(manifest, type, message -> SMALL_BYTES, put, get);
    }

    int likelyBytes(WireMessage message) {
        return 1 + likelyBytes.applyAsInt(type.cast(message));
    }

    void encode(ByteBuffer out, WireMessage message) {
        out.put(VERSION_1);
        put.accept(out, type.cast(message));
    }

    /**
     * @throws Fields.MalformedException when what remains in {@code in} is not exactly one such message
     */
    T decode(ByteBuffer in) {
        return Fields.decodeAll(in, this::decodeFields);
    }

    private T decodeFields(ByteBuffer in) {
        byte version = in.get();
        if (version != VERSION_1) {
            throw new IllegalArgumentException(
                    type.getSimpleName() + " in format " + version + ", of which only " + VERSION_1 + " is known");
        }
        return get.apply(in);
    }
}
