package io.quire.protocol;

import java.util.UUID;

/**
 * The identity of one proposer of register ballots, unique per process incarnation (R1).
 *
 * @param value random, 128 bits
 */
public record ProposerId(UUID value) implements Comparable<ProposerId> {
    /**
     * Reads the text form.
     *
     * @throws IllegalArgumentException when {@code text} is not the 36-character form of a UUID
     */
    public static ProposerId parse(String text) {
        UUID uuid = UUID.fromString(text);
        if (!uuid.toString().equalsIgnoreCase(text)) {
            throw new IllegalArgumentException("not an identity (expected a UUID): " + text);
        }
        return new ProposerId(uuid);
    }

    @Override
    public int compareTo(ProposerId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value.toString();
    }
}
