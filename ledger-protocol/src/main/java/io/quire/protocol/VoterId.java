package io.quire.protocol;

import java.util.UUID;

/**
 * The identity of one registry voter's own directory. A voter that lost its directory is not a voter any more.
 *
 * @param value random, 128 bits
 */
public record VoterId(UUID value) implements Comparable<VoterId> {
    /**
     * Reads the text form.
     *
     * @throws IllegalArgumentException when {@code text} is not the 36-character form of a UUID
     */
    public static VoterId parse(String text) {
        UUID uuid = UUID.fromString(text);
        if (!uuid.toString().equalsIgnoreCase(text)) {
            throw new IllegalArgumentException("not an identity (expected a UUID): " + text);
        }
        return new VoterId(uuid);
    }

    @Override
    public int compareTo(VoterId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value.toString();
    }
}
