package io.quire.protocol;

import java.util.Collection;
import java.util.Optional;

/**
 * What gossip has brought here: hints for placement, lookup and watching, always somewhat old, never a base for a
 * decision (P1, P3). Thread-safe; reads are local and do not block.
 */
public interface ClusterFeed {
    /** The newest known status of every bookie. */
    Collection<BookieStatus> bookies();

    /** The newest known metadata of a live ledger (open, recovering or lately closed); empty says nothing. */
    Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId);

    /** Spreads a status of a bookie of this node. */
    void publish(BookieStatus status);

    /** Spreads what a register was just read or changed to. */
    void publish(Versioned<LedgerMetadata> metadata);
}
