package io.quire.multijvm;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieId;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Where the entries of one ledger are: what each bookie that a fragment names holds, by its own word. */
final class LedgerCopies {
    private final LedgerMetadata metadata;
    private final Map<BookieId, BitSet> held = new HashMap<>();

    private LedgerCopies(LedgerMetadata metadata) {
        this.metadata = metadata;
    }

    /** Reads the entries {@code [0, last]} of every bookie that the ledger names; all of them must run. */
    static LedgerCopies of(LedgerReads reads, LedgerMetadata metadata, long last) {
        LedgerCopies copies = new LedgerCopies(metadata);
        LedgerId ledgerId = metadata.ledgerId();
        for (Fragment fragment : metadata.fragments()) {
            for (BookieId bookie : fragment.ensemble().bookies()) {
                copies.held.computeIfAbsent(bookie, asked -> reads.heldBy(asked, ledgerId, last));
            }
        }
        return copies;
    }

    /** Each entry of {@code acks}, which are all from 0 on, is at the members that acknowledged it, and at an ack quorum. */
    void requireAcknowledged(List<AckLog.Ack> acks) {
        for (int i = 0; i < acks.size(); i++) {
            AckLog.Ack ack = acks.get(i);
            assertThat(ack.entryId()).isEqualTo(i);
            List<BookieId> members = metadata.fragmentOf(i).ensemble().bookies();
            for (int position = 0; position < members.size(); position++) {
                if (ack.isBy(position) && !isHeld(members.get(position), i)) {
                    throw new AssertionError("the bookie at position " + position + " acknowledged entry " + i
                            + " and does not hold it");
                }
            }
        }
        requireAckQuorums(acks.size());
    }

    /** Each of the first {@code count} entries is at an ack quorum of the members that its fragment names. */
    void requireAckQuorums(long count) {
        for (int i = 0; i < count; i++) {
            int entry = i;
            long copies = metadata.fragmentOf(i).ensemble().bookies().stream()
                    .filter(bookie -> isHeld(bookie, entry))
                    .count();
            if (copies < metadata.replication().ackQuorum()) {
                throw new AssertionError("entry " + i + " was acknowledged and is on " + copies + " bookies");
            }
        }
    }

    private boolean isHeld(BookieId bookie, int entryId) {
        return held.get(bookie).get(entryId);
    }
}
