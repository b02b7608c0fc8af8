package io.quire.protocol;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * The field types of Quire's hand-written formats, big endian: how each is put into and taken from a buffer. Taking
 * never allocates more than a small multiple of what remains in the buffer, whatever the bytes say. Stateless.
 *
 * <pre>
 *   string   int32 n, n bytes UTF-8          bytes   int32 n, n bytes
 *   uuid     int64 high, int64 low           list    int32 n, n elements
 *   map      int32 n, n x (string, string), keys ascending
 * </pre>
 */
public final class Fields {
    private Fields() {}

    /** Runs {@code decode} and turns every way in which bytes can be wrong into one exception. */
    public static <T> T decode(ByteBuffer in, Function<ByteBuffer, T> decode) {
        try {
            return decode.apply(in);
        } catch (BufferUnderflowException e) {
            throw new MalformedException("the bytes end too early", e);
        } catch (IllegalArgumentException | EntryFormat.DamagedEntryException | ArithmeticException e) {
            throw new MalformedException(String.valueOf(e.getMessage()), e);
        }
    }

    /** Like {@link #decode}, and nothing may remain. */
    public static <T> T decodeAll(ByteBuffer in, Function<ByteBuffer, T> decode) {
        T value = decode(in, decode);
        if (in.hasRemaining()) {
            throw new MalformedException(in.remaining() + " bytes too many", null);
        }
        return value;
    }

    /** Runs {@code encode} on a buffer that grows until it is large enough. */
    public static Payload encode(int likelyBytes, java.util.function.Consumer<ByteBuffer> encode) {
        int bytes = Math.max(64, likelyBytes);
        while (true) {
            ByteBuffer out = ByteBuffer.allocate(bytes);
            try {
                encode.accept(out);
                return Payload.wrap(out.array(), 0, out.position());
            } catch (java.nio.BufferOverflowException e) {
                bytes = Math.multiplyExact(bytes, 2);
            }
        }
    }

    public static void putUuid(ByteBuffer out, UUID uuid) {
        out.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits());
    }

    public static UUID getUuid(ByteBuffer in) {
        long high = in.getLong();
        return new UUID(high, in.getLong());
    }

    public static void putString(ByteBuffer out, String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.putInt(bytes.length).put(bytes);
    }

    public static String getString(ByteBuffer in) {
        byte[] bytes = new byte[getCount(in, 1)];
        in.get(bytes);
        String text = new String(bytes, StandardCharsets.UTF_8);
        // A decoder that reports would cost far more than a short text; only a replaced sequence makes a second look.
        if (text.indexOf('\uFFFD') >= 0 && !Arrays.equals(text.getBytes(StandardCharsets.UTF_8), bytes)) {
            throw new IllegalArgumentException("a text is not UTF-8");
        }
        return text;
    }

    public static void putPayload(ByteBuffer out, Payload payload) {
        out.putInt(payload.length());
        payload.writeTo(out);
    }

    /** Copies the bytes out of the buffer, which may be reused afterwards. */
    public static Payload getPayload(ByteBuffer in) {
        byte[] bytes = new byte[getCount(in, 1)];
        in.get(bytes);
        return Payload.wrap(bytes);
    }

    public static void putBoolean(ByteBuffer out, boolean value) {
        out.put((byte) (value ? 1 : 0));
    }

    public static boolean getBoolean(ByteBuffer in) {
        byte value = in.get();
        if (value != 0 && value != 1) {
            throw new IllegalArgumentException("a truth value is neither 0 nor 1: " + value);
        }
        return value == 1;
    }

    /** Takes the count of a list whose elements need at least {@code elementBytesMin} each, all of which must be there. */
    public static int getCount(ByteBuffer in, int elementBytesMin) {
        int count = in.getInt();
        if (count < 0 || (long) count * elementBytesMin > in.remaining()) {
            throw new IllegalArgumentException(
                    "a count of " + count + " does not fit into the " + in.remaining() + " bytes that follow");
        }
        return count;
    }

    public static <T> void putList(ByteBuffer out, List<T> list, BiConsumer<ByteBuffer, T> put) {
        out.putInt(list.size());
        for (T element : list) {
            put.accept(out, element);
        }
    }

    public static <T> List<T> getList(ByteBuffer in, int elementBytesMin, Function<ByteBuffer, T> get) {
        int count = getCount(in, elementBytesMin);
        List<T> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            list.add(get.apply(in));
        }
        return list;
    }

    public static void putLabels(ByteBuffer out, Map<String, String> labels) {
        out.putInt(labels.size());
        new TreeMap<>(labels).forEach((key, value) -> {
            putString(out, key);
            putString(out, value);
        });
    }

    public static Map<String, String> getLabels(ByteBuffer in) {
        int count = getCount(in, 2 * Integer.BYTES);
        TreeMap<String, String> labels = new TreeMap<>();
        for (int i = 0; i < count; i++) {
            String key = getString(in);
            if (i > 0 && key.compareTo(labels.lastKey()) <= 0) {
                throw new IllegalArgumentException("the keys of labels must ascend");
            }
            labels.put(key, getString(in));
        }
        return labels;
    }

    public static <E extends Enum<E>> void putEnum(ByteBuffer out, E value) {
        out.put((byte) value.ordinal());
    }

    public static <E extends Enum<E>> E getEnum(ByteBuffer in, E[] values) {
        byte ordinal = in.get();
        if (ordinal < 0 || ordinal >= values.length) {
            throw new IllegalArgumentException(
                    "no " + values[0].getDeclaringClass().getSimpleName() + " " + ordinal);
        }
        return values[ordinal];
    }

    /** The bytes do not follow their format. */
    public static final class MalformedException extends RuntimeException {
        private static final long serialVersionUID = 1;

        public MalformedException(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
