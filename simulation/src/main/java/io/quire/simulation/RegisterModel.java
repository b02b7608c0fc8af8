package io.quire.simulation;

import java.util.Optional;

/**
 * One register of {@link io.quire.protocol.Registry}, used by one client after the other: the version rises by one with
 * each compare-and-set that expected the present one, and nothing else changes it. Immutable.
 *
 * @param <V> what stands for a value; needs {@code equals} and {@code hashCode}
 * @param initial the register before the history starts
 */
public record RegisterModel<V>(State<V> initial)
        implements SequentialModel<RegisterModel.State<V>, RegisterModel.Input<V>, RegisterModel.Output<V>> {
    /**
     * @param version 0 for a register that was never written
     * @param value what was written at that version; whatever the caller chose at version 0
     */
    public record State<V>(long version, V value) {
        @Override
        public String toString() {
            return "version " + version + " '" + value + "'";
        }
    }

    /** What a client asks for. */
    public sealed interface Input<V> {}

    /** A read; it sees the value and its version. */
    public record Read<V>() implements Input<V> {
        @Override
        public String toString() {
            return "read";
        }
    }

    /** Sets a value if the version is the expected one. */
    public record CompareAndSet<V>(long expectedVersion, V value) implements Input<V> {
        @Override
        public String toString() {
            return "compareAndSet(" + expectedVersion + ", '" + value + "')";
        }
    }

    /** What it is told; nothing when the outcome is unknown. */
    public sealed interface Output<V> {}

    /** The answer to a {@link Read}. */
    public record Value<V>(State<V> current) implements Output<V> {
        @Override
        public String toString() {
            return current.toString();
        }
    }

    /** The {@link CompareAndSet} made {@code version}. */
    public record Applied<V>(long version) implements Output<V> {
        @Override
        public String toString() {
            return "applied as version " + version;
        }
    }

    /** The {@link CompareAndSet} changed nothing, since the register was at another version. */
    public record Conflict<V>(State<V> current) implements Output<V> {
        @Override
        public String toString() {
            return "conflict with " + current;
        }
    }

    @Override
    public Optional<State<V>> answered(State<V> state, Input<V> input, Output<V> output) {
        if (input instanceof CompareAndSet<V> change) {
            boolean applies = change.expectedVersion() == state.version();
            if (output instanceof Applied<V> applied) {
                return applies && applied.version() == state.version() + 1
                        ? Optional.of(unanswered(state, input))
                        : Optional.empty();
            }
            return !applies
                            && output instanceof Conflict<V> conflict
                            && conflict.current().equals(state)
                    ? Optional.of(state)
                    : Optional.empty();
        }
        return output instanceof Value<V> value && value.current().equals(state)
                ? Optional.of(state)
                : Optional.empty();
    }

    @Override
    public State<V> unanswered(State<V> state, Input<V> input) {
        return input instanceof CompareAndSet<V> change && change.expectedVersion() == state.version()
                ? new State<>(state.version() + 1, change.value())
                : state;
    }
}
