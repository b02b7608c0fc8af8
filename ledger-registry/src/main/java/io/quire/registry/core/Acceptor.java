package io.quire.registry.core;

import io.quire.protocol.Ballot;
import io.quire.protocol.RegisterValue;

/**
 * A voter's part in one register: given what it has promised and accepted, and a request, what it has next and whether
 * it agrees. The caller makes the next state durable before it answers. Stateless.
 *
 * <p>Source: CASPaxos (Rystsov 2018), section 2.2, with the piggy-backed promise of section 2.2.1 written down by the
 * acceptor (R1).
 */
public final class Acceptor {
    private Acceptor() {}

    /**
     * What a voter holds of one register.
     *
     * @param promised nothing below this is accepted any more
     * @param accepted the ballot of {@code value}, at most {@code promised}; {@link Ballot#ZERO} for nothing yet
     * @param value the value accepted last
     */
    public record State(Ballot promised, Ballot accepted, RegisterValue value) {
        /** A register that the voter never heard of. */
        public static final State INITIAL = new State(Ballot.ZERO, Ballot.ZERO, RegisterValue.ABSENT);

        public State {
            if (promised.isBelow(accepted)) {
                throw new IllegalArgumentException("accepted " + accepted + " above the promise " + promised);
            }
        }
    }

    /**
     * @param state the state to make durable before answering
     * @param agreed whether the request is granted; otherwise its ballot is below {@code state.promised()}
     */
    public record Step(State state, boolean agreed) {}

    /** Phase one. Asking again for the promise that is held is granted again. */
    public static Step prepare(State state, Ballot ballot) {
        if (ballot.isBelow(state.promised())) {
            return new Step(state, false);
        }
        return new Step(new State(ballot, state.accepted(), state.value()), true);
    }

    /**
     * What a voter holds that has seen all that made {@code one} and {@code other}: the highest promise, and the value
     * accepted at the highest ballot (R5).
     */
    public static State merge(State one, State other) {
        State newer = one.accepted().isBelow(other.accepted()) ? other : one;
        Ballot promised = one.promised().isBelow(other.promised()) ? other.promised() : one.promised();
        return new State(promised, newer.accepted(), newer.value());
    }

    /**
     * Phase two. A ballot is never used for two values, so a repetition of what was accepted last is granted whatever
     * was promised since.
     *
     * @param next promised from now on, at least {@code ballot}
     */
    public static Step accept(State state, Ballot ballot, RegisterValue value, Ballot next) {
        if (next.isBelow(ballot)) {
            throw new IllegalArgumentException("the next ballot " + next + " is below " + ballot);
        }
        if (ballot.equals(state.accepted())) {
            return new Step(state, true);
        }
        if (ballot.isBelow(state.promised())) {
            return new Step(state, false);
        }
        return new Step(new State(next, ballot, value), true);
    }
}
