package io.quire.simulation;

import io.quire.protocol.Payload;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.DirectoryInUseException;
import java.util.Arrays;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * What a key-value store has on the medium. The sorted map is changed in place while nobody reads it, and copied before
 * a change while somebody does.
 */
final class SimulatedMap {
    /** One committed state, with the number of open snapshots that see it. */
    static final class State {
        private final NavigableMap<byte[], Payload> content;
        private int readers;

        private State(NavigableMap<byte[], Payload> content) {
            this.content = content;
        }

        NavigableMap<byte[], Payload> content() {
            return content;
        }

        void opened() {
            readers++;
        }

        void closed() {
            readers--;
        }
    }

    private final String name;
    private State state = new State(newMap());
    private long bytes;
    private boolean open;
    private boolean damaged;
    /** The changes of a commit that failed after they had reached the medium: seen when opened anew. */
    private NavigableMap<byte[], Payload> unreported = newMap();

    SimulatedMap(String name) {
        this.name = name;
    }

    String name() {
        return name;
    }

    static NavigableMap<byte[], Payload> newMap() {
        return new TreeMap<>(Arrays::compareUnsigned);
    }

    /** By how many bytes that makes it grow. */
    long open() {
        if (open) {
            throw new DirectoryInUseException("the store " + name + " is open already");
        }
        if (damaged) {
            throw new StorageException("the store " + name + " is damaged");
        }
        open = true;
        return applyUnreported();
    }

    void close() {
        open = false;
    }

    void crash() {
        open = false;
        state = new State(state.content);
        applyUnreported();
    }

    private long applyUnreported() {
        long grown = apply(unreported);
        unreported = newMap();
        return grown;
    }

    /** Another map with the committed content of now; not open. */
    SimulatedMap copy() {
        SimulatedMap copy = new SimulatedMap(name);
        copy.apply(new TreeMap<>(state.content));
        return copy;
    }

    State state() {
        return state;
    }

    long bytes() {
        return bytes;
    }

    /**
     * Makes {@code changes}, of which a null value is a deletion, the last committed state.
     *
     * @return by how many bytes that makes it grow
     */
    long apply(NavigableMap<byte[], Payload> changes) {
        if (changes.isEmpty()) {
            return 0;
        }
        if (state.readers > 0) {
            state = new State(new TreeMap<>(state.content));
        }
        long before = bytes;
        changes.forEach((key, value) -> {
            Payload old = value == null ? state.content.remove(key) : state.content.put(key, value);
            bytes -= old == null ? 0 : key.length + old.length();
            bytes += value == null ? 0 : key.length + value.length();
        });
        return bytes - before;
    }

    void applyWhenOpenedAnew(NavigableMap<byte[], Payload> changes) {
        unreported = changes;
    }

    void flip(Payload key, int index) {
        Payload value = state.content.get(key.toByteArray());
        if (value == null || index < 0 || index >= value.length()) {
            throw new IllegalArgumentException("no byte " + index + " under that key in " + name);
        }
        byte[] flipped = value.toByteArray();
        flipped[index] ^= (byte) 0xFF;
        state.content.put(key.toByteArray(), Payload.wrap(flipped));
    }

    void damage() {
        requireNotOpen();
        damaged = true;
    }

    void requireNotOpen() {
        if (open) {
            throw new IllegalStateException("the store " + name + " is open");
        }
    }
}
