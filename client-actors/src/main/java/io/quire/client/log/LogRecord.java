package io.quire.client.log;

import io.quire.protocol.Payload;
import java.time.Instant;
import java.util.Optional;

/**
 * One record of a log.
 *
 * @param time when its writer took it, by that writer's clock; it never goes back within a log
 * @param producer who appended it under which number, if that was said
 */
public record LogRecord(LogPosition position, Instant time, Optional<Producer> producer, Payload payload) {
    /**
     * Who appends, and its how-manieth record this is: an append that is repeated is appended once.
     *
     * @param id chosen by the application, 1 to 256 characters, the same after a restart
     * @param sequence rising with each new record of the producer
     */
    public record Producer(String id, long sequence) {
        private static final int CHARS_MAX = 256;

        public Producer {
            if (id.isEmpty() || id.length() > CHARS_MAX) {
                throw new IllegalArgumentException("a producer's id has 1 to " + CHARS_MAX + " characters");
            }
        }
    }
}
