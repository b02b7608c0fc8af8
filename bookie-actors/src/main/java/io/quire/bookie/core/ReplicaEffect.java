package io.quire.bookie.core;

import io.quire.protocol.EntryBatch;
import java.util.List;

/**
 * What a {@link LedgerReplica} wants done. Nothing here waits for anything else here: what has to be durable first comes
 * back as an input.
 */
public sealed interface ReplicaEffect {
    <R> R accept(Handler<R> handler);

    /** Batch numbers {@code [first, last]}. */
    record Range(long first, long last) {}

    /** Read the ledger's register linearizably, for the session {@code counter}. */
    record ReadRegister(long counter) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.readRegister(this);
        }
    }

    /** The session is open. */
    record SessionOpened(long counter, long creditLimit) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.sessionOpened(this);
        }
    }

    /** No session was opened. */
    record SessionRefused(long counter, ReplicaRefusal refusal, String detail) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.sessionRefused(this);
        }
    }

    /** The session takes nothing more. */
    record SessionEnded(long counter, ReplicaRefusal refusal, String detail) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.sessionEnded(this);
        }
    }

    /** The batch was not kept. */
    record BatchRefused(long counter, long number, ReplicaRefusal refusal, String detail) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.batchRefused(this);
        }
    }

    /** Journal a batch, apply it, then call {@link LedgerReplica#batchJournaled}. */
    record JournalBatch(long counter, long number, long lastAddConfirmed, EntryBatch entries) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.journalBatch(this);
        }
    }

    /** Journal the fence, apply it, then call {@link LedgerReplica#fenceJournaled}. */
    record JournalFence() implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.journalFence(this);
        }
    }

    /** Tell the session's writer what is durable. */
    record Ack(long counter, long cumulative, List<Range> ranges, long creditLimit) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.ack(this);
        }
    }

    /** The fence that {@code token} asked for is durable. */
    record Fenced(long token, long lastAddConfirmed) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.fenced(this);
        }
    }

    /** One method for each effect. */
    interface Handler<R> {
        R readRegister(ReadRegister effect);

        R sessionOpened(SessionOpened effect);

        R sessionRefused(SessionRefused effect);

        R sessionEnded(SessionEnded effect);

        R batchRefused(BatchRefused effect);

        R journalBatch(JournalBatch effect);

        R journalFence(JournalFence effect);

        R ack(Ack effect);

        R fenced(Fenced effect);
    }
}
