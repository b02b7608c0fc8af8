package io.quire.protocol;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * What a bookie says of itself, spread by gossip. A hint: it steers placement and shows people where things are, and no
 * safety decision reads it.
 *
 * @param bookieId the store
 * @param bootEpoch the boot that says so; with {@code sequence} it orders two statuses of one store
 * @param sequence rises with each status of that boot
 * @param name what people call it
 * @param node the address of the cluster member that it runs in; two stores with the same one fail together
 * @param address the actor path of the bookie
 * @param state whether it takes new ledgers
 * @param freeBytes usable bytes of its disk
 * @param totalBytes bytes of its disk
 * @param labels rack, zone and the like
 * @param readOnlyReasons why it takes no new entries, by name, ascending; each bookie knows its own
 */
public record BookieStatus(
        BookieId bookieId,
        BootEpoch bootEpoch,
        long sequence,
        String name,
        String node,
        String address,
        State state,
        long freeBytes,
        long totalBytes,
        Map<String, String> labels,
        List<String> readOnlyReasons) {
    /** The status of a bookie that has no reason to take no new entries. */
    public BookieStatus(
            BookieId bookieId,
            BootEpoch bootEpoch,
            long sequence,
            String name,
            String node,
            String address,
            State state,
            long freeBytes,
            long totalBytes,
            Map<String, String> labels) {
        this(bookieId, bootEpoch, sequence, name, node, address, state, freeBytes, totalBytes, labels, List.of());
    }

    public BookieStatus {
        labels = java.util.Collections.unmodifiableMap(new java.util.TreeMap<>(labels));
        readOnlyReasons = readOnlyReasons.stream().sorted().toList();
    }

    /** Whether a bookie takes new ledgers. */
    public enum State {
        WRITABLE,
        READ_ONLY,
        DRAINING,
        /** It said good-bye, or its node left. */
        DOWN
    }

    /** Whether this says something newer of the same store than {@code other}. */
    public boolean isNewerThan(BookieStatus other) {
        int byEpoch = bootEpoch.compareTo(other.bootEpoch);
        return byEpoch != 0 ? byEpoch > 0 : sequence > other.sequence;
    }

    /** This status with another state, no reasons, and the next sequence. */
    public BookieStatus next(State state, long freeBytes, long totalBytes) {
        return next(state, List.of(), freeBytes, totalBytes);
    }

    /** This status with another state and its reasons, and the next sequence. */
    public BookieStatus next(State state, List<String> readOnlyReasons, long freeBytes, long totalBytes) {
        return new BookieStatus(
                bookieId,
                bootEpoch,
                sequence + 1,
                name,
                node,
                address,
                state,
                freeBytes,
                totalBytes,
                labels,
                readOnlyReasons);
    }

    public void encode(ByteBuffer out) {
        Fields.putUuid(out, bookieId.value());
        out.putLong(bootEpoch.value()).putLong(sequence);
        Fields.putString(out, name);
        Fields.putString(out, node);
        Fields.putString(out, address);
        Fields.putEnum(out, state);
        out.putLong(freeBytes).putLong(totalBytes);
        Fields.putLabels(out, labels);
        Fields.putList(out, readOnlyReasons, Fields::putString);
    }

    public static BookieStatus decode(ByteBuffer in) {
        return new BookieStatus(
                new BookieId(Fields.getUuid(in)),
                new BootEpoch(in.getLong()),
                in.getLong(),
                Fields.getString(in),
                Fields.getString(in),
                Fields.getString(in),
                Fields.getEnum(in, State.values()),
                in.getLong(),
                in.getLong(),
                Fields.getLabels(in),
                Fields.getList(in, Integer.BYTES, Fields::getString));
    }
}
