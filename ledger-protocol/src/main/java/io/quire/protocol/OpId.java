package io.quire.protocol;

import java.util.UUID;

/**
 * Names one attempt to change a register. It is stored with the value, so that a retry whose answer got lost can be told
 * from somebody else's write (H85, R2).
 *
 * @param value random, 128 bits
 */
public record OpId(UUID value) {
    @Override
    public String toString() {
        return value.toString();
    }
}
