package io.quire.protocol;

import java.nio.ByteBuffer;

/**
 * What the cluster has decided about one store; the value of its register {@code /bookies/<id>} (R7).
 *
 * @param bookieId the store
 * @param clusterId the cluster it belongs to
 * @param bootEpoch its current boot
 * @param life whether the id may still serve
 * @param address where it was last reached, an actor path; a hint
 * @param name what people call it
 */
public record BookieRegistration(
        BookieId bookieId, String clusterId, BootEpoch bootEpoch, BookieLife life, String address, String name) {
    private static final byte FORMAT_1 = 1;

    /** This registration for the boot {@code bootEpoch} at {@code address}. */
    public BookieRegistration booted(BootEpoch bootEpoch, String address, String name) {
        return new BookieRegistration(bookieId, clusterId, bootEpoch, life, address, name);
    }

    /** This registration of a bookie whose data is lost; it never serves again. */
    public BookieRegistration destroyed() {
        return new BookieRegistration(bookieId, clusterId, bootEpoch, BookieLife.DESTROYED, address, name);
    }

    public Payload encode() {
        return Fields.encode(256, out -> {
            out.put(FORMAT_1);
            Fields.putUuid(out, bookieId.value());
            Fields.putString(out, clusterId);
            out.putLong(bootEpoch.value());
            Fields.putEnum(out, life);
            Fields.putString(out, address);
            Fields.putString(out, name);
        });
    }

    /**
     * @throws Fields.MalformedException when the bytes are not a registration of a known format
     */
    public static BookieRegistration decode(Payload encoded) {
        return Fields.decodeAll(encoded.asByteBuffer(), BookieRegistration::decodeFields);
    }

    private static BookieRegistration decodeFields(ByteBuffer in) {
        byte format = in.get();
        if (format != FORMAT_1) {
            throw new IllegalArgumentException("bookie registration of unknown format " + format);
        }
        return new BookieRegistration(
                new BookieId(Fields.getUuid(in)),
                Fields.getString(in),
                new BootEpoch(in.getLong()),
                Fields.getEnum(in, BookieLife.values()),
                Fields.getString(in),
                Fields.getString(in));
    }
}
