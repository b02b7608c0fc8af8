package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerMetadata;
import java.util.Optional;

/**
 * What a {@link LedgerRecovery} wants done, called while it handles an input. Any request may be lost; the recovery asks
 * again. Implementations do not call the recovery back.
 */
public interface RecoveryOutbox {
    /** Read the ledger's register linearizably; answered by {@link LedgerRecovery#registerRead}. */
    void readRegister();

    /**
     * Register {@code proposed} at {@code expectedVersion}; answered by {@link LedgerRecovery#registered}, {@link
     * LedgerRecovery#registerConflict} or {@link LedgerRecovery#registerUnknown}. The same call again is a retry of the
     * same operation.
     */
    void register(long expectedVersion, LedgerMetadata proposed);

    /** Read the register of {@code bookie} linearizably; answered by {@link LedgerRecovery#bookieRegistered}. */
    void readRegistration(BookieId bookie);

    /** Fence the ledger at {@code bookie}; answered by {@link LedgerRecovery#fenced}. */
    void fence(BookieId bookie);

    /**
     * Read entries in {@code [firstEntryId, lastEntryId]} from {@code bookie}; answered by {@link
     * LedgerRecovery#entriesRead} or {@link LedgerRecovery#readRefused} with {@code request}.
     *
     * @param fencing whether the bookie has to fence the ledger first (H1)
     */
    void read(long request, BookieId bookie, long firstEntryId, long lastEntryId, boolean fencing);

    /**
     * Write copies of entries to {@code bookie}, for the recovery at {@code version} of the register (R24); answered by
     * {@link LedgerRecovery#entriesRecovered} or {@link LedgerRecovery#writeRefused} with {@code request}.
     */
    void write(long request, BookieId bookie, long version, EntryBatch entries);

    /** A bookie to take the place of {@code failed}, if there is one: none of {@code ensemble}. */
    Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble);

    /** The ledger is closed. */
    void recovered(RecoveryReport report);

    /** The ledger is not closed, as far as is known; it may be in recovery from now on. */
    void failed(Failure failure);
}
