package io.quire.client;

import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Versioned;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The only writer of a ledger whose entry ids the application chooses. Ids are 0, 1, 2, ... in any order: an append
 * completes once it and every lower id are acknowledged. What has a hole before it waits in this process, within {@code
 * quire.client.writer.explicit-ids-window}, and ends as not applied when the hole is not filled in time or the ledger is
 * sealed. Thread-safe.
 */
public final class WriteAdvHandle extends WriteHandle {
    WriteAdvHandle(
            ClientContext context,
            ActorRef<LedgerReaderActor.Command> reader,
            Versioned<LedgerMetadata> created,
            LedgerKey key) {
        super(context, reader, created, key);
    }

    /**
     * Appends one entry under {@code entryId}. Beside what {@link #appendAsync(Payload)} says: fails with InvalidRequest
     * when the id is negative or too far ahead, with Conflict when it was appended already; neither is applied.
     */
    public CompletionStage<Long> writeAsync(long entryId, Payload payload) {
        return append(payload, true, answer -> new LedgerWriterActor.AppendAtFor(entryId, payload, answer));
    }
}
