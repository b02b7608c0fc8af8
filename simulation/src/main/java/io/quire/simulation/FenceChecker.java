package io.quire.simulation;

import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Replication;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * B0: whoever closes a ledger by recovery has fenced so many members of the last fragment, durably, that in none of its
 * write sets an ack quorum is left. Reads that fence keep acknowledged entries also where this does not hold; it is held
 * to on its own, so that neither is the only line of defence.
 */
public final class FenceChecker {
    private final Map<LedgerId, Set<BookieId>> fenced = new HashMap<>();

    /** A bookie has fenced a ledger, durably. */
    void fenced(BookieId bookie, LedgerId ledgerId) {
        fenced.computeIfAbsent(ledgerId, id -> new HashSet<>()).add(bookie);
    }

    /** A recovery is about to close the ledger that is registered as {@code recovering}. */
    void requireCovered(LedgerMetadata recovering) {
        Replication replication = recovering.replication();
        Ensemble ensemble = recovering.lastFragment().ensemble();
        Set<BookieId> known = fenced.getOrDefault(recovering.ledgerId(), Set.of());
        for (int start = 0; start < ensemble.size(); start++) {
            int unfenced = 0;
            for (int i = 0; i < replication.writeQuorum(); i++) {
                unfenced += known.contains(ensemble.at((start + i) % ensemble.size())) ? 0 : 1;
            }
            if (unfenced >= replication.ackQuorum()) {
                throw new IllegalStateException("B0: ledger " + recovering.ledgerId() + " is closed with " + unfenced
                        + " members of a write set not fenced: " + recovering);
            }
        }
    }
}
