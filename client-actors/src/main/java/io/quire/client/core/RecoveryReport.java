package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.List;

/**
 * How a recovery ended.
 *
 * @param ledger closed, as registered
 * @param entriesRecovered entries found behind the last-add-confirmed that the bookies knew; 0 when somebody else closed
 *     the ledger
 * @param copiesWritten copies that were written back
 * @param bookiesUnheard members of the last fragment that did not answer
 */
public record RecoveryReport(
        Versioned<LedgerMetadata> ledger, long entriesRecovered, long copiesWritten, List<BookieId> bookiesUnheard) {
    public RecoveryReport {
        bookiesUnheard = List.copyOf(bookiesUnheard);
    }
}
