package io.quire.client.log;

import io.quire.client.log.LogRecord.Producer;
import io.quire.protocol.Fields;
import io.quire.protocol.Payload;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * What one entry of a log's ledger holds.
 *
 * <pre>
 *   start   version 1 byte (1) | 0 1 byte | epoch int64 | time int64 ms | list of (producer string, sequence int64, position)
 *   record  version 1 byte (1) | 1 1 byte | epoch int64 | time int64 ms | flags 1 byte
 *           | producer string, sequence int64, if the flags say so | payload
 *   flags   1: with a producer   2: a record with a producer stands before this one in the ledger, or this has one
 * </pre>
 */
public sealed interface LogEntry {
    byte VERSION = 1;
    byte START = 0;
    byte RECORD = 1;
    int HAS_PRODUCER = 1;
    int PRODUCERS_BEFORE = 2;

    /** The epoch that its writer registered; every entry of a ledger has the same. */
    long epoch();

    /** When it was taken, by its writer's clock. */
    Instant time();

    /** The last record of a producer. */
    record LastOf(Producer producer, LogPosition position) {}

    /**
     * The first entry of every ledger, durable before the ledger is registered.
     *
     * @param producers what is known of them from the ledgers before
     */
    record Start(long epoch, Instant time, List<LastOf> producers) implements LogEntry {
        public Start {
            producers = List.copyOf(producers);
        }
    }

    /**
     * A record.
     *
     * @param producersSoFar whether the ledger has a record with a producer up to this one
     */
    record Appended(long epoch, Instant time, Optional<Producer> producer, boolean producersSoFar, Payload payload)
            implements LogEntry {}

    /** Its bytes. */
    default Payload encode() {
        if (this instanceof Start start) {
            return Fields.encode(64 + 96 * start.producers().size(), out -> {
                putHead(out, START);
                Fields.putList(out, start.producers(), (o, last) -> {
                    putProducer(o, last.producer());
                    last.position().encode(o);
                });
            });
        }
        Appended record = (Appended) this;
        int producerBytes =
                record.producer().map(producer -> 4 * producer.id().length()).orElse(0);
        return Fields.encode(64 + producerBytes + record.payload().length(), out -> {
            putHead(out, RECORD);
            out.put((byte) ((record.producer().isPresent() ? HAS_PRODUCER : 0)
                    | (record.producersSoFar() ? PRODUCERS_BEFORE : 0)));
            record.producer().ifPresent(producer -> putProducer(out, producer));
            record.payload().writeTo(out);
        });
    }

    private void putHead(ByteBuffer out, byte kind) {
        out.put(VERSION).put(kind).putLong(epoch()).putLong(time().toEpochMilli());
    }

    private static void putProducer(ByteBuffer out, Producer producer) {
        Fields.putString(out, producer.id());
        out.putLong(producer.sequence());
    }

    private static Producer getProducer(ByteBuffer in) {
        return new Producer(Fields.getString(in), in.getLong());
    }

    /**
     * Reads what {@link #encode()} wrote; the payload shares its bytes.
     *
     * @throws Fields.MalformedException when it is something else
     */
    static LogEntry decode(Payload bytes) {
        return Fields.decode(bytes.asByteBuffer(), in -> decode(bytes, in));
    }

    private static LogEntry decode(Payload bytes, ByteBuffer in) {
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("an entry in format " + version + ", of which only 1 is known");
        }
        byte kind = in.get();
        long epoch = in.getLong();
        Instant time = Instant.ofEpochMilli(in.getLong());
        if (kind == START) {
            return new Start(
                    epoch,
                    time,
                    Fields.getList(
                            in,
                            Integer.BYTES + Long.BYTES + LogPosition.BYTES,
                            i -> new LastOf(getProducer(i), LogPosition.decode(i))));
        }
        if (kind != RECORD) {
            throw new IllegalArgumentException("an entry of kind " + kind);
        }
        int flags = in.get();
        Optional<Producer> producer = (flags & HAS_PRODUCER) == 0 ? Optional.empty() : Optional.of(getProducer(in));
        return new Appended(
                epoch,
                time,
                producer,
                (flags & PRODUCERS_BEFORE) != 0,
                bytes.slice(bytes.length() - in.remaining(), in.remaining()));
    }
}
