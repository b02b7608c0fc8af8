package io.quire.admin;

import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The bookies that run in this node, as far as operators tell them something. Thread-safe. */
public interface NodeBookies {
    /** Of a node that runs none. */
    NodeBookies NONE = new NodeBookies() {
        @Override
        public CompletionStage<Void> collectGarbage(boolean force) {
            return CompletableFuture.completedStage(null);
        }

        @Override
        public CompletionStage<List<Garbage>> garbage() {
            return CompletableFuture.completedStage(List.of());
        }

        @Override
        public CompletionStage<Boolean> setReadOnly(boolean readOnly) {
            return CompletableFuture.completedStage(false);
        }

        @Override
        public CompletionStage<Void> scrub(BookieId bookie) {
            return CompletableFuture.completedStage(null);
        }

        @Override
        public CompletionStage<List<Scrub>> scrubs() {
            return CompletableFuture.completedStage(List.of());
        }
    };

    /** Has one of them begin to verify what it stores, at once; nothing happens when it does not run here. */
    CompletionStage<Void> scrub(BookieId bookie);

    /** How far each is that answers, by ascending id. */
    CompletionStage<List<Scrub>> scrubs();

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
    record Scrub(
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
        public Scrub {
            someInLimbo = List.copyOf(someInLimbo);
        }
    }

    /**
     * Has them take no new entries, or no longer so; other reasons for that stay.
     *
     * @return whether all of them are read-only then; false when there are none
     */
    CompletionStage<Boolean> setReadOnly(boolean readOnly);

    /**
     * Has each of them start a garbage collection, unless one is under way.
     *
     * @param force whether these runs may drop any number of ledgers (H67)
     * @return completes when they were told
     */
    CompletionStage<Void> collectGarbage(boolean force);

    /** How garbage collection stands, for each that answers, by ascending id. */
    CompletionStage<List<Garbage>> garbage();

    /**
     * Garbage collection of one bookie.
     *
     * @param active whether a run is under way
     * @param forced whether that one is forced
     * @param lastRun since the bookie was started
     * @param next how long until the next run; empty while one is under way
     */
    record Garbage(BookieId bookie, boolean active, boolean forced, Optional<Run> lastRun, Optional<Duration> next) {}

    /**
     * A run that is over.
     *
     * @param endedBefore how long ago it ended
     * @param examined ledgers that were held
     * @param dropped ledgers that are gone
     * @param superseded how many of these were copies of ledgers that do not name the bookie any more
     * @param kept ledgers that were not given up when it came to it; they are looked at again
     * @param orphans ledgers that were never registered; they stay
     * @param someOrphans a few of them
     * @param unread ledgers whose register could not be read; they stay
     * @param heldBack ledgers that would have gone, had they not been too many
     * @param reason why it was held back or broken off; empty otherwise
     */
    record Run(
            boolean forced,
            Duration endedBefore,
            Duration took,
            long examined,
            long dropped,
            long superseded,
            long kept,
            long orphans,
            List<LedgerId> someOrphans,
            long unread,
            long heldBack,
            String reason) {
        public Run {
            someOrphans = List.copyOf(someOrphans);
        }
    }
}
