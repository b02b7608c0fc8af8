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

    /** The batch was not kept; conflicting bytes are an alarm. */
    record BatchRefused(long counter, long number, ReplicaRefusal refusal, String detail) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.batchRefused(this);
        }
    }

    /**
     * Journal a batch, apply it, then call {@link LedgerReplica#batchJournaled}.
     *
     * @param receipt whether to tell the writer at once that the batch was taken
     */
    record JournalBatch(long counter, long number, long lastAddConfirmed, EntryBatch entries, boolean receipt)
            implements ReplicaEffect {
        /** A batch whose writer waits until it is durable. */
        public JournalBatch(long counter, long number, long lastAddConfirmed, EntryBatch entries) {
            this(counter, number, lastAddConfirmed, entries, false);
        }

        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.journalBatch(this);
        }
    }

    /** Read the ledger's register linearizably, then call {@link RecoveryAdds#versionRead} with {@code number}. */
    record ReadVersion(long number) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.readVersion(this);
        }
    }

    /** Look up what is held of these entries, then call {@link LedgerReplica#lookedUp} with {@code number}. */
    record LookUp(long number, EntryBatch entries) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.lookUp(this);
        }
    }

    /** Journal entries held at {@code version} from now on, apply them, then call {@link RecoveryAdds#journaled}. */
    record JournalRecovered(long token, long version, EntryBatch entries) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.journalRecovered(this);
        }
    }

    /** All entries of the recovery add {@code token} are held durably. */
    record EntriesRecovered(long token) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.entriesRecovered(this);
        }
    }

    /** The recovery add was not carried out; conflicting bytes are an alarm. */
    record RecoveryRefused(long token, ReplicaRefusal refusal, String detail) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.recoveryRefused(this);
        }
    }

    /** Journal the fence, apply it, then call {@link LedgerReplica#fenceJournaled}. */
    record JournalFence() implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.journalFence(this);
        }
    }

    /** Journal that everything held of the ledger goes, apply it, then call {@link LedgerReplica#dropJournaled}. */
    record JournalDrop() implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.journalDrop(this);
        }
    }

    /** Nothing is held of the ledger any more, durably; end the readers that follow it. */
    record Dropped(long token) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.dropped(this);
        }
    }

    /** Nothing was dropped. */
    record DropRefused(long token, String detail) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.dropRefused(this);
        }
    }

    /** Tell the session's writer what is durable. */
    record Ack(long counter, long cumulative, List<Range> ranges, long creditLimit) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.ack(this);
        }
    }

    /** Read the ledger's register linearizably, for the fence {@code token}; then call {@link LedgerReplica#termsRead}. */
    record ReadTerms(long token) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.readTerms(this);
        }
    }

    /** The fence that {@code token} asked for was not carried out. */
    record FenceRefused(long token, ReplicaRefusal refusal, String detail) implements ReplicaEffect {
        @Override
        public <R> R accept(Handler<R> handler) {
            return handler.fenceRefused(this);
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

        R readTerms(ReadTerms effect);

        R fenceRefused(FenceRefused effect);

        R readVersion(ReadVersion effect);

        R lookUp(LookUp effect);

        R journalRecovered(JournalRecovered effect);

        R entriesRecovered(EntriesRecovered effect);

        R recoveryRefused(RecoveryRefused effect);

        R journalDrop(JournalDrop effect);

        R dropped(Dropped effect);

        R dropRefused(DropRefused effect);
    }
}
