package io.quire.persistence;

import io.quire.protocol.Fields;
import io.quire.protocol.Payload;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * What one record of an events' log holds.
 *
 * <pre>
 *   events    version 1 byte (1) | 1 1 byte | list of (sequence number int64, bytes: the event, serialized by Pekko)
 *   state     version 1 byte (1) | 2 1 byte | highest sequence number int64 | deleted to int64
 *   deletion  version 1 byte (1) | 3 1 byte | deleted to int64
 * </pre>
 */
sealed interface EventRecord {
    byte VERSION = 1;
    byte EVENTS = 1;
    byte STATE = 2;
    byte DELETION = 3;

    /** One event, as Pekko's serialization makes it. */
    record Event(long sequenceNr, Payload bytes) {}

    /** Events that were persisted together: all of them or none. */
    record Events(List<Event> events) implements EventRecord {
        public Events {
            events = List.copyOf(events);
        }
    }

    /** What is known of the log so far: the first record of each incarnation. */
    record State(long highest, long deletedTo) implements EventRecord {}

    /** Events up to a number are deleted. */
    record Deletion(long deletedTo) implements EventRecord {}

    /** Its bytes. */
    default Payload encode() {
        if (this instanceof Events events) {
            int bytes = 64;
            for (Event event : events.events()) {
                bytes += Long.BYTES + Integer.BYTES + event.bytes().length();
            }
            return Fields.encode(bytes, out -> {
                out.put(VERSION).put(EVENTS);
                Fields.putList(out, events.events(), (o, event) -> {
                    o.putLong(event.sequenceNr());
                    Fields.putPayload(o, event.bytes());
                });
            });
        } else if (this instanceof State state) {
            return Fields.encode(
                    64,
                    out -> out.put(VERSION).put(STATE).putLong(state.highest()).putLong(state.deletedTo()));
        }
        Deletion deletion = (Deletion) this;
        return Fields.encode(64, out -> out.put(VERSION).put(DELETION).putLong(deletion.deletedTo()));
    }

    /**
     * @throws Fields.MalformedException when it is none of this version
     */
    static EventRecord decode(Payload payload) {
        return Fields.decodeAll(payload.asByteBuffer(), EventRecord::decode);
    }

    private static EventRecord decode(ByteBuffer in) {
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException("a record in format " + version + ", of which only 1 is known");
        }
        byte kind = in.get();
        return switch (kind) {
            case EVENTS ->
                new Events(Fields.getList(
                        in, Long.BYTES + Integer.BYTES, i -> new Event(i.getLong(), Fields.getPayload(i))));
            case STATE -> new State(in.getLong(), in.getLong());
            case DELETION -> new Deletion(in.getLong());
            default -> throw new IllegalArgumentException("a record of kind " + kind);
        };
    }
}
