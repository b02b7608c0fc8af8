package io.quire.simulation;

import java.util.Optional;

/**
 * What an object does when nobody else uses it: the yardstick of {@link LinearizabilityChecker}. Deterministic and
 * stateless; states, inputs and outputs are values with {@code equals} and {@code hashCode}.
 *
 * @param <S> the object's state
 * @param <I> what an operation asks for
 * @param <O> what it answers
 */
public interface SequentialModel<S, I, O> {
    /** The state before the first operation. */
    S initial();

    /** The state after {@code input} was answered with {@code output}; empty when {@code state} rules that answer out. */
    Optional<S> answered(S state, I input, O output);

    /** The state after {@code input} took effect, whatever its answer was. */
    S unanswered(S state, I input);
}
