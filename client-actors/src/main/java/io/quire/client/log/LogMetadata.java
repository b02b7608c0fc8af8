package io.quire.client.log;

import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What the cluster has decided about one log: its register's value.
 *
 * <pre>
 *   version 1 byte (1) | name string | deleted 1 byte | epoch int64 | trimmed to int64
 *   | list of (epoch int64, ledger int64, created int64 ms) | list of ledger int64
 * </pre>
 *
 * @param epoch the highest that was ever given to a ledger of the log; 0 before the first
 * @param trimmedTo ledgers of lower epochs were truncated
 * @param segments the ledgers, ascending; only the last one is written, and only by who registered it
 * @param garbage ledgers that belong to the log no more and are still to be deleted
 */
public record LogMetadata(
        LogName name, boolean isDeleted, long epoch, long trimmedTo, List<Segment> segments, List<LedgerId> garbage) {
    private static final byte VERSION = 1;
    private static final int SEGMENT_BYTES = 3 * Long.BYTES;

    public LogMetadata {
        segments = List.copyOf(segments);
        garbage = List.copyOf(garbage);
        long before = -1;
        for (Segment segment : segments) {
            if (segment.epoch() <= before || segment.epoch() > epoch || segment.epoch() < trimmedTo) {
                throw new IllegalArgumentException("epochs of segments rise, up to " + epoch + ": " + segments);
            }
            before = segment.epoch();
        }
    }

    /**
     * One ledger of a log.
     *
     * @param created when its writer registered it, by that writer's clock; no record in it is older
     */
    public record Segment(long epoch, LedgerId ledgerId, Instant created) {
        /** Where it begins. */
        public LogPosition start() {
            return new LogPosition(epoch, ledgerId, 0);
        }
    }

    /** A log that nobody has written. */
    static LogMetadata none(LogName name) {
        return new LogMetadata(name, false, 0, 0, List.of(), List.of());
    }

    /** Whether there is such a log. */
    boolean exists() {
        return epoch > 0 && !isDeleted;
    }

    Optional<Segment> last() {
        return segments.isEmpty() ? Optional.empty() : Optional.of(segments.get(segments.size() - 1));
    }

    /** The segment that a reader at {@code position} reads next: the one it lies in, or the next one that there is. */
    Optional<Segment> segmentAt(LogPosition position) {
        return segments.stream()
                .filter(segment -> segment.epoch() >= position.epoch())
                .findFirst();
    }

    /** The segment behind {@code segment}. */
    Optional<Segment> following(Segment segment) {
        return segments.stream()
                .filter(other -> other.epoch() > segment.epoch())
                .findFirst();
    }

    /** With one more ledger, which is the one that is written from now on. */
    LogMetadata withSegment(LedgerId ledgerId, Instant created) {
        List<Segment> more = new ArrayList<>(segments);
        more.add(new Segment(epoch + 1, ledgerId, created));
        return new LogMetadata(name, false, epoch + 1, trimmedTo, more, garbage);
    }

    /** Without the ledgers that lie wholly before {@code position}; the last one stays. */
    LogMetadata truncated(LogPosition position) {
        List<Segment> kept = new ArrayList<>();
        List<LedgerId> dropped = new ArrayList<>(garbage);
        for (int i = 0; i < segments.size(); i++) {
            Segment segment = segments.get(i);
            boolean isBefore =
                    i + 1 < segments.size() && segments.get(i + 1).start().compareTo(position) <= 0;
            if (isBefore) {
                dropped.add(segment.ledgerId());
            } else {
                kept.add(segment);
            }
        }
        long first = kept.isEmpty() ? trimmedTo : kept.get(0).epoch();
        return new LogMetadata(
                name, isDeleted, epoch, dropped.size() > garbage.size() ? first : trimmedTo, kept, dropped);
    }

    /** Without any ledger, for good; a log of that name that is written again goes on with higher epochs. */
    LogMetadata deleted() {
        List<LedgerId> dropped = new ArrayList<>(garbage);
        segments.forEach(segment -> dropped.add(segment.ledgerId()));
        return new LogMetadata(name, true, epoch, epoch + 1, List.of(), dropped);
    }

    /** Once the ledgers in {@code gone} are deleted. */
    LogMetadata without(List<LedgerId> gone) {
        List<LedgerId> rest = new ArrayList<>(garbage);
        rest.removeAll(gone);
        return new LogMetadata(name, isDeleted, epoch, trimmedTo, segments, rest);
    }

    Payload encode() {
        return Fields.encode(256 + SEGMENT_BYTES * (segments.size() + garbage.size()), this::encode);
    }

    private void encode(ByteBuffer out) {
        out.put(VERSION);
        Fields.putString(out, name.value());
        Fields.putBoolean(out, isDeleted);
        out.putLong(epoch).putLong(trimmedTo);
        Fields.putList(out, segments, (o, segment) -> o.putLong(segment.epoch())
                .putLong(segment.ledgerId().value())
                .putLong(segment.created().toEpochMilli()));
        Fields.putList(out, garbage, (o, ledgerId) -> o.putLong(ledgerId.value()));
    }

    /**
     * Reads what a log's register holds.
     *
     * @throws Fields.MalformedException when the bytes are none of this version
     */
    public static LogMetadata decode(Payload bytes) {
        return Fields.decodeAll(bytes.asByteBuffer(), LogMetadata::decode);
    }

    private static LogMetadata decode(ByteBuffer in) {
        byte version = in.get();
        if (version != VERSION) {
            throw new IllegalArgumentException(
                    "a log in format " + version + ", of which only " + VERSION + " is known");
        }
        return new LogMetadata(
                new LogName(Fields.getString(in)),
                Fields.getBoolean(in),
                in.getLong(),
                in.getLong(),
                Fields.getList(
                        in,
                        SEGMENT_BYTES,
                        i -> new Segment(i.getLong(), new LedgerId(i.getLong()), Instant.ofEpochMilli(i.getLong()))),
                Fields.getList(in, Long.BYTES, i -> new LedgerId(i.getLong())));
    }

    /** What a register holds; a log that nobody has written when it holds nothing. */
    static RegisteredLog registered(LogName name, RegisterValue value) {
        return new RegisteredLog(value.version(), value.isAbsent() ? none(name) : decode(value.value()));
    }
}
