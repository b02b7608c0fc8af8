package io.quire.protocol;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a register holds: a value with its version, and which operations wrote the last versions, so that a retry of an
 * operation whose answer was lost can be decided (R2, H85).
 *
 * @param version 0 for a register that was never written, then rising by one with each change
 * @param value empty bytes when there is no value
 * @param recent the last writes, oldest first, at most {@value #RECENT_MAX}, of versions in a row up to {@code version}
 */
public record RegisterValue(long version, Payload value, List<Write> recent) {
    /** How many writes are remembered; a retry older than that is answered UNKNOWN. */
    public static final int RECENT_MAX = 16;

    /** A register that was never written. */
    public static final RegisterValue ABSENT = new RegisterValue(0, Payload.EMPTY, List.of());

    /**
     * A ledger's register that was collected: the ledger was deleted, for ever. Its version is above those of all values
     * (R4).
     */
    public static final RegisterValue COLLECTED = new RegisterValue(Long.MAX_VALUE, Payload.EMPTY, List.of());

    public RegisterValue {
        recent = List.copyOf(recent);
        if (version < 0 || recent.size() > RECENT_MAX) {
            throw new IllegalArgumentException("version " + version + " with " + recent.size() + " recent writes");
        }
        boolean holdsNothing = version == 0 || version == Long.MAX_VALUE;
        if (holdsNothing ? !recent.isEmpty() || !value.isEmpty() : lastVersion(recent) != version) {
            throw new IllegalArgumentException("the last of the recent writes must have written version " + version);
        }
        long expected = version - recent.size();
        for (Write write : recent) {
            expected++;
            if (write.version() != expected || expected < 1) {
                throw new IllegalArgumentException("recent writes must have written versions in a row up to " + version
                        + ": one of " + recent.size() + " wrote " + write.version());
            }
        }
    }

    /**
     * @param version the version that the write made
     * @param opId the operation
     */
    public record Write(long version, OpId opId) {}

    /** Whether there is no value: not yet, or not any more. */
    public boolean isAbsent() {
        return version == 0 || isCollected();
    }

    /** Whether this is {@link #COLLECTED}. */
    public boolean isCollected() {
        return version == Long.MAX_VALUE;
    }

    /** The value after {@code opId} changes it to {@code next}. */
    public RegisterValue changedTo(Payload next, OpId opId) {
        List<Write> writes = new ArrayList<>(recent);
        if (writes.size() == RECENT_MAX) {
            writes.remove(0);
        }
        writes.add(new Write(version + 1, opId));
        return new RegisterValue(version + 1, next, writes);
    }

    /** The version that {@code opId} wrote, when it is among the recent ones. */
    public Optional<Long> versionWrittenBy(OpId opId) {
        return recent.stream()
                .filter(write -> write.opId().equals(opId))
                .map(Write::version)
                .findFirst();
    }

    /** Whether every write since {@code version} is still remembered. */
    public boolean remembersSince(long version) {
        return recent.isEmpty() ? this.version == 0 : recent.get(0).version() <= version + 1;
    }

    public void encode(ByteBuffer out) {
        out.putLong(version);
        Fields.putPayload(out, value);
        Fields.putList(out, recent, (o, write) -> {
            o.putLong(write.version());
            Fields.putUuid(o, write.opId().value());
        });
    }

    public static RegisterValue decode(ByteBuffer in) {
        return new RegisterValue(
                in.getLong(),
                Fields.getPayload(in),
                Fields.getList(in, 24, i -> new Write(i.getLong(), new OpId(Fields.getUuid(i)))));
    }

    private static long lastVersion(List<Write> recent) {
        return recent.isEmpty() ? -1 : recent.get(recent.size() - 1).version();
    }
}
