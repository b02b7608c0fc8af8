package io.quire.protocol.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.Fields;
import io.quire.protocol.RandomValues;
import io.quire.protocol.wire.BookieRequest.AddEntries;
import io.quire.protocol.wire.BookieRequest.Batch;
import java.io.NotSerializableException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever bytes come in, {@link QuireSerializer} fails with one clear exception and stays within bounds. */
class HostileBytesTest {
    /** For exceptions with their stack traces and messages. */
    private static final long ALLOCATED_BYTES_BASE = 64 << 10;

    private static final long ALLOCATED_PER_FRAME_BYTE = 16;

    private final QuireSerializer serializer = new QuireSerializer();
    private final ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    static Stream<WireMessage> fixed() {
        return WireSamples.fixed().stream();
    }

    @ParameterizedTest
    @MethodSource("fixed")
    @DisplayName("random bytes are read as nothing, or as a message that has exactly these bytes")
    void randomBytes(WireMessage kind) {
        RandomValues values = new RandomValues(21);
        for (int round = 0; round < 2000; round++) {
            byte[] frame = values.bytes(values.below(400));
            if (frame.length > 0 && values.below(10) > 0) {
                frame[0] = 1;
            }
            readOrRefuse(frame, serializer.manifest(kind));
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {22, 23, 24})
    @DisplayName("damaged messages are read as nothing, or as a message that has exactly these bytes")
    void damagedMessages(long seed) {
        RandomValues values = new RandomValues(seed);
        for (int round = 0; round < 200; round++) {
            for (WireMessage message : WireSamples.random(values)) {
                readOrRefuse(damage(serializer.toBinary(message), values), serializer.manifest(message));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("fixed")
    @DisplayName("a message cut short at any byte, or with one byte too many, is refused")
    void everyTruncation(WireMessage message) {
        byte[] bytes = serializer.toBinary(message);
        String manifest = serializer.manifest(message);
        for (int length = 0; length < bytes.length; length++) {
            byte[] frame = Arrays.copyOf(bytes, length);
            assertThatThrownBy(() -> serializer.fromBinary(frame, manifest))
                    .as("%d of %d bytes", length, bytes.length)
                    .isInstanceOf(Fields.MalformedException.class);
        }
        assertThatThrownBy(() -> serializer.fromBinary(Arrays.copyOf(bytes, bytes.length + 1), manifest))
                .isInstanceOf(Fields.MalformedException.class)
                .hasMessage("1 bytes too many");
    }

    @ParameterizedTest
    @MethodSource("fixed")
    @DisplayName("huge counts at any place allocate next to nothing")
    void hugeCounts(WireMessage message) {
        byte[] bytes = serializer.toBinary(message);
        String manifest = serializer.manifest(message);
        for (int count : new int[] {Integer.MAX_VALUE, 1 << 24, bytes.length, -1}) {
            for (int at = 1; at + Integer.BYTES <= bytes.length; at++) {
                byte[] frame = bytes.clone();
                ByteBuffer.wrap(frame).putInt(at, count);
                requireFewAllocations(frame, manifest);
            }
        }
    }

    @Test
    @DisplayName("a frame full of the smallest elements allocates a small multiple of itself")
    void smallestElements() {
        RandomValues values = new RandomValues(25);
        Batch batch = new Batch(values.session(), 1, 0, -1, EntryBatch.EMPTY);
        AddEntries add = new AddEntries(values.bookie(), Collections.nCopies(10_000, batch));
        requireFewAllocations(serializer.toBinary(add), "B");

        BookieReply.SessionAck ack = new BookieReply.SessionAck(
                values.session(), 1, Collections.nCopies(40_000, new BookieReply.BatchRange(1, 1)), 1);
        requireFewAllocations(serializer.toBinary(new BookieReply.EntriesAdded(List.of(ack))), "b");

        // A register remembers 16 writes; this one says 20,000.
        ByteBuffer register = ByteBuffer.allocate(1 + 48 + 8 + 4 + 4 + 20_000 * 24);
        register.put((byte) 1).position(1 + 48);
        register.putLong(1).putInt(0).putInt(20_000);
        requireFewAllocations(register.array(), "r");
    }

    private void readOrRefuse(byte[] frame, String manifest) {
        Object read;
        try {
            read = serializer.fromBinary(frame, manifest);
        } catch (Fields.MalformedException e) {
            assertThat(e).hasMessageNotContaining("null");
            return;
        } catch (NotSerializableException e) {
            throw new AssertionError("manifest " + manifest + " is known", e);
        }
        assertThat(serializer.toBinary(read)).isEqualTo(frame);
    }

    private void requireFewAllocations(byte[] frame, String manifest) {
        long limit = ALLOCATED_BYTES_BASE + ALLOCATED_PER_FRAME_BYTE * frame.length;
        long allocated = allocatedByReading(frame, manifest);
        if (allocated > limit) {
            // The first time loads classes.
            allocated = allocatedByReading(frame, manifest);
        }
        assertThat(allocated)
                .as("bytes allocated for a frame of %d", frame.length)
                .isLessThanOrEqualTo(limit);
    }

    @SuppressWarnings("EmptyCatch") // Only what it allocates counts here.
    private long allocatedByReading(byte[] frame, String manifest) {
        long before = threads.getCurrentThreadAllocatedBytes();
        try {
            serializer.fromBinary(frame, manifest);
        } catch (Fields.MalformedException e) {
            // Wanted, or the damage made another valid message.
        } catch (NotSerializableException e) {
            throw new AssertionError("manifest " + manifest + " is known", e);
        }
        return threads.getCurrentThreadAllocatedBytes() - before;
    }

    private static byte[] damage(byte[] bytes, RandomValues values) {
        return switch (values.below(3)) {
            case 0 -> Arrays.copyOf(bytes, values.below(bytes.length));
            case 1 -> {
                byte[] longer = Arrays.copyOf(bytes, bytes.length + 1 + values.below(20));
                byte[] tail = values.bytes(longer.length - bytes.length);
                System.arraycopy(tail, 0, longer, bytes.length, tail.length);
                yield longer;
            }
            default -> {
                byte[] flipped = bytes.clone();
                int flips = 1 + values.below(3);
                for (int i = 0; i < flips; i++) {
                    int at = 1 + values.below(flipped.length - 1);
                    flipped[at] = (byte) (flipped[at] ^ (1 << values.below(Byte.SIZE)));
                }
                yield flipped;
            }
        };
    }
}
