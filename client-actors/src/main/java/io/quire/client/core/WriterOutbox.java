package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.SessionId;
import java.util.Optional;

/**
 * What a {@link LedgerWriter} wants done, called while it handles an input; calls are used instead of effect values
 * since there are several for every batch. Implementations do not call the writer back.
 */
public interface WriterOutbox {
    /** Ask the member at {@code position} of the last fragment for a session. */
    void openSession(int position);

    /**
     * Send a batch in {@code session}; a repetition has the same content.
     *
     * @param receipt whether {@link LedgerWriter#batchesReceived} is wanted, before the batch is durable
     */
    void sendBatch(
            int position,
            SessionId session,
            long number,
            long endOffset,
            long lastAddConfirmed,
            EntryBatch entries,
            boolean receipt);

    /** Ask what of {@code session} is durable. */
    void probe(int position, SessionId session);

    /** The session is not needed any more. */
    void closeSession(int position, SessionId session);

    /**
     * The entry is acknowledged. Exactly one of this and {@link #appendFailed} comes for each entry, in order of ids.
     *
     * @param ackMask the members that are known to hold it, as positions of the last fragment's ensemble
     */
    void appended(long entryId, int ackMask);

    /** The entry was not acknowledged in time, or the writer lost its ledger. */
    void appendFailed(long entryId, Failure failure);

    /** Read the ledger's register linearizably; answered by {@link LedgerWriter#registerRead}. */
    void readRegister();

    /**
     * A bookie to take the place of {@code failed}, if there is one: none of {@code ensemble}. A failed bookie is avoided
     * for a while by everybody.
     */
    Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble);

    /**
     * Register {@code proposed} at {@code expectedVersion}; answered by {@link LedgerWriter#registered}, {@link
     * LedgerWriter#registerConflict} or {@link LedgerWriter#registerUnknown}. The same call again is a retry of the same
     * operation.
     */
    void register(long expectedVersion, LedgerMetadata proposed);

    /** The fragment that new entries go to has other members. */
    void ensembleChanged(LedgerMetadata metadata, long version);

    /** Every append before the force {@code token} is durable at an ack quorum. */
    void forced(long token);

    /** That cannot be said. */
    void forceFailed(long token, Failure failure);

    /** The ledger is closed as registered. */
    void sealed(LedgerMetadata metadata, long version);

    /** The seal that was asked for did not succeed. */
    void sealFailed(Failure failure);
}
