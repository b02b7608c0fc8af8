package io.quire.protocol;

/**
 * Counts the boots of one store. The register {@code /bookies/<id>} holds the current one; a process with an older one
 * is a clone, a rollback or a ghost and has to stop (R7).
 *
 * @param value 0 for a store that was formatted and never booted
 */
public record BootEpoch(long value) implements Comparable<BootEpoch> {
    /** A formatted store that never booted. */
    public static final BootEpoch NEVER_BOOTED = new BootEpoch(0);

    public BootEpoch {
        if (value < 0) {
            throw new IllegalArgumentException("boot epoch must not be negative: " + value);
        }
    }

    /** The epoch of the following boot. */
    public BootEpoch next() {
        return new BootEpoch(Math.addExact(value, 1));
    }

    @Override
    public int compareTo(BootEpoch other) {
        return Long.compare(value, other.value);
    }

    @Override
    public String toString() {
        return Long.toString(value);
    }
}
