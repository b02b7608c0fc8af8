package io.quire.bookie;

import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import java.util.List;

/**
 * How far a bookie is in verifying what it stores, and what it cannot vouch for.
 *
 * @param active whether a pass is under way
 * @param passes completed since the store was formatted
 * @param ledgerId the pass stands at this ledger
 * @param bytes verified in this pass, or the last one, since the start of the bookie
 * @param entries found good in it
 * @param damaged places found in it that are not
 * @param everythingInLimbo whether it is not known yet which ledgers the store has lost something of
 * @param ledgersInLimbo how many are known
 * @param someInLimbo the first of them
 * @param limboReason why everything was in limbo, or is; empty if it never was
 */
public record ScrubStatus(
        BookieId bookie,
        boolean active,
        long passes,
        long ledgerId,
        long bytes,
        long entries,
        long damaged,
        boolean everythingInLimbo,
        long ledgersInLimbo,
        List<LedgerId> someInLimbo,
        String limboReason) {
    static final int LEDGERS_SHOWN = 20;

    public ScrubStatus {
        someInLimbo = List.copyOf(someInLimbo);
    }
}
