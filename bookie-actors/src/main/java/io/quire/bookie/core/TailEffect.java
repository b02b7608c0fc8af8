package io.quire.bookie.core;

import io.quire.protocol.EntryBatch;

/** What a {@link TailFeed} wants done for the subscription {@code token}. */
public sealed interface TailEffect {
    <R> R accept(Handler<R> handler);

    /**
     * Read durable entries in {@code [first, last]}, at most {@code bytesMax} encoded bytes except that one always fits,
     * then call {@link TailFeed#entriesRead} or {@link TailFeed#readFailed}.
     */
    record Read(long token, long first, long last, int bytesMax) implements TailEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.read(this);
        }
    }

    /**
     * Tell the subscriber.
     *
     * @param number of the push; one that repeats the last number is a heartbeat
     * @param endOffset the encoded bytes pushed up to and with this one
     * @param coveredTo what is held below this id was pushed
     */
    record Push(long token, long number, long endOffset, EntryBatch entries, long coveredTo, long lastAddConfirmed)
            implements TailEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.push(this);
        }
    }

    /** The subscription has ended, or never began. */
    record Ended(long token, ReplicaRefusal refusal, String detail) implements TailEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.ended(this);
        }
    }

    /** One method for each effect. */
    interface Handler<R> {
        R read(Read effect);

        R push(Push effect);

        R ended(Ended effect);
    }
}
