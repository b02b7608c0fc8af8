package io.quire.bookie;

import io.quire.bookie.core.DiskSpace.Waiter;
import java.util.function.LongSupplier;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * How the threads of a store learn of the room on its disk, and tell the bookie of it. Thread-safe.
 *
 * @param commitBytes what commits of the ledger store may take
 */
record StoreRoom(SpaceSettings settings, LongSupplier commitBytes, ActorRef<BookieActor.Command> bookie) {
    /** What one commit of a flush may need. */
    long forCommit() {
        return commitBytes.getAsLong() - settings.flushMarginBytes();
    }

    /** The bookie is to look at the disk. */
    void changed() {
        bookie.tell(BookieActor.LookAtDisk.INSTANCE);
    }

    /** {@code waiter} found no room, and tries again. */
    void foundNone(Waiter waiter) {
        bookie.tell(new BookieActor.FoundNoRoom(waiter));
    }

    /** {@code waiter} has found room. */
    void found(Waiter waiter) {
        bookie.tell(new BookieActor.FoundRoom(waiter));
    }
}
