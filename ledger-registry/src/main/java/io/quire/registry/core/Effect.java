package io.quire.registry.core;

import io.quire.protocol.Ballot;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.VoterId;

/** What a {@link RegisterProposer} wants done. Messages may be lost; it asks again. */
public sealed interface Effect {
    <R> R accept(Handler<R> handler);

    /** Ask {@code to} what it accepted last. */
    record SendRead(VoterId to, long round) implements Effect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.sendRead(this);
        }
    }

    /** Ask {@code to} for a promise. */
    record SendPrepare(VoterId to, long round, Ballot ballot) implements Effect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.sendPrepare(this);
        }
    }

    /** Ask {@code to} to accept a value and to promise {@code next}. */
    record SendAccept(VoterId to, long round, Ballot ballot, RegisterValue value, Ballot next) implements Effect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.sendAccept(this);
        }
    }

    /** The operation {@code token} is over. */
    record Completed(long token, Outcome outcome) implements Effect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.completed(this);
        }
    }

    /** One method for each effect. */
    interface Handler<R> {
        R sendRead(SendRead effect);

        R sendPrepare(SendPrepare effect);

        R sendAccept(SendAccept effect);

        R completed(Completed effect);
    }

    /** How an operation ended. */
    sealed interface Outcome {
        /** A read: the value at some moment during the operation. */
        record ReadValue(RegisterValue value) implements Outcome {}

        /** A change that is registered, at {@code value.version()} unless others have changed it since. */
        record Applied(long version, RegisterValue value) implements Outcome {}

        /** A change that is not registered and never will be. */
        record Conflict(RegisterValue current) implements Outcome {}

        /** A change that may be registered, or may still become so. */
        record Unknown(String reason) implements Outcome {}

        /** No majority answered in time; nothing was asked to be changed. */
        record Unavailable(String reason) implements Outcome {}
    }
}
