package io.quire.protocol;

import java.util.UUID;

/**
 * The identity of one formatted store. It is minted by formatting and never changes; it says nothing of addresses or paths, and a store that lost its data gets a new one (H7, H26).
 *
 * @param value random, 128 bits
 */
public record BookieId(UUID value) implements Comparable<BookieId> {
    /**
     * Reads the text form.
     *
     * @throws IllegalArgumentException when {@code text} is not the 36-character form of a UUID
     */
    public static BookieId parse(String text) {
        UUID uuid = UUID.fromString(text);
        if (!uuid.toString().equalsIgnoreCase(text)) {
            throw new IllegalArgumentException("not an identity (expected a UUID): " + text);
        }
        return new BookieId(uuid);
    }

    @Override
    public int compareTo(BookieId other) {
        return value.compareTo(other.value);
    }

    @Override
    public String toString() {
        return value.toString();
    }
}
