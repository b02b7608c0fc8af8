package io.quire.admin;

import io.quire.client.ReadHandle;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * A ledger as one request sees it.
 *
 * @param reader reads it
 * @param metadata what was registered when the request came
 * @param hasWriterHere whether {@code reader} is its writer too, which knows exactly what is confirmed
 */
record OpenLedger(ReadHandle reader, Versioned<LedgerMetadata> metadata, boolean hasWriterHere) {
    boolean isClosed() {
        return metadata.value().isClosed();
    }

    /** The last entry that can be read: of a closed ledger its last, of an open one the last confirmed; -1 for none. */
    CompletionStage<Long> end() {
        if (isClosed()) {
            return CompletableFuture.completedStage(metadata.value().lastEntryId());
        } else if (hasWriterHere) {
            return CompletableFuture.completedStage(reader.getLastAddConfirmed());
        }
        return reader.readLastAddConfirmedAsync();
    }
}
