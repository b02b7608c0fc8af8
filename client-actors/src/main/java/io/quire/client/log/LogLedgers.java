package io.quire.client.log;

import io.quire.protocol.Entry;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Payload;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletionStage;

/** What logs need of ledgers; stages fail with {@link io.quire.protocol.LedgerException}. Thread-safe. */
public interface LogLedgers {
    /** A ledger that this process writes. Thread-safe; appends are acknowledged in the order of the calls. */
    interface Writing {
        LedgerId ledgerId();

        /** Appends an entry; completes with its id once it is durable. */
        CompletionStage<Long> append(Payload entry);

        /** Closes the ledger for ever behind what was appended before. */
        CompletionStage<?> seal();

        /** Lets go of it, without sealing. */
        void close();
    }

    /** Creates a ledger for the log {@code name}. */
    CompletionStage<Writing> create(LogName name);

    /**
     * Closes a ledger, whoever writes it.
     *
     * @return its last entry, -1 when it has none; empty when there is no such ledger
     */
    CompletionStage<OptionalLong> seal(LedgerId ledgerId);

    /** Reads entries of a closed ledger, all of them. */
    CompletionStage<List<Entry>> read(LedgerId ledgerId, long firstEntryId, long lastEntryId);

    /** Deletes a ledger; one that is gone is no error. */
    CompletionStage<Void> delete(LedgerId ledgerId);
}
