package io.quire.protocol;

/**
 * A value read from a register, with the version that a compare-and-set has to name.
 *
 * @param version positive; rises by one with each change
 */
public record Versioned<T>(long version, T value) {
    public Versioned {
        if (version < 1) {
            throw new IllegalArgumentException("version must be positive: " + version);
        }
    }
}
