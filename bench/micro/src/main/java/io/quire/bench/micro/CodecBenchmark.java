package io.quire.bench.micro;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.QuireSerializer;
import java.io.NotSerializableException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Entries of 1 KiB: their encoding, batches of them, and the messages that carry batches. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class CodecBenchmark {
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final BookieId BOOKIE = new BookieId(new UUID(1, 2));
    private static final SessionId SESSION = new SessionId(BOOKIE, new BootEpoch(3), 4);

    /** Entries in a batch. */
    @Param({"1", "100"})
    private int entries;

    private final QuireSerializer serializer = new QuireSerializer();
    private final Payload payload = Payload.wrap(new byte[1024]);
    private final ByteBuffer frame = ByteBuffer.allocateDirect(2 << 20);
    private List<Payload> encoded;
    private BookieRequest.AddEntries request;
    private int requestBytes;
    private BookieReply.EntriesAdded reply;

    /** Makes what is encoded. */
    @Setup
    public void setUp() {
        encoded = new ArrayList<>();
        for (int i = 0; i < entries; i++) {
            encoded.add(encode(i));
        }
        EntryBatch batch = EntryBatch.of(encoded);
        request = new BookieRequest.AddEntries(
                BOOKIE, List.of(new BookieRequest.Batch(SESSION, 1, batch.byteSize(), -1, batch)));
        serializer.toBinary(request, frame.clear());
        requestBytes = frame.position();
        reply = new BookieReply.EntriesAdded(List.of(new BookieReply.SessionAck(SESSION, 9, List.of(), 1 << 23)));
    }

    private Payload encode(long entryId) {
        return EntryFormat.encode(
                LEDGER, entryId, entryId - 1, (entryId + 1) * payload.length(), payload, DigestType.CRC32C);
    }

    /** Encodes entries and makes a batch of them. */
    @Benchmark
    public EntryBatch buildBatch() {
        List<Payload> built = new ArrayList<>(entries);
        for (int i = 0; i < entries; i++) {
            built.add(encode(i));
        }
        return EntryBatch.of(built);
    }

    /** Verifies the digests of a batch. */
    @Benchmark
    public int verifyBatch() {
        for (Payload entry : encoded) {
            EntryFormat.verify(entry);
        }
        return encoded.size();
    }

    /** Writes a message with a batch. */
    @Benchmark
    public ByteBuffer writeRequest() {
        serializer.toBinary(request, frame.clear());
        return frame;
    }

    /** Reads a message with a batch. */
    @Benchmark
    public Object readRequest() throws NotSerializableException {
        return serializer.fromBinary(frame.position(0).limit(requestBytes), "B");
    }

    /** Writes an acknowledgement. */
    @Benchmark
    public byte[] writeReply() {
        return serializer.toBinary(reply);
    }
}
