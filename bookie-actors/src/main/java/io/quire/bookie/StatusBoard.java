package io.quire.bookie;

import io.quire.bookie.core.DiskSpace;
import io.quire.bookie.core.ReadOnlyReason;
import io.quire.bookie.storage.Limbo;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.ClusterFeed;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/** The status that a bookie shows the others, with the free space of its disk. Not thread-safe. */
final class StatusBoard {
    private final ClusterFeed feed;
    private final DiskSpace space;
    private final Limbo limbo;
    private BookieStatus status;

    StatusBoard(BookieActor.Setup setup, BookieBoot.Booted booted, DiskSpace space) {
        this.feed = setup.feed();
        this.space = space;
        this.limbo = booted.store().limbo();
        this.status = new BookieStatus(
                booted.bookie(),
                booted.bootEpoch(),
                0,
                setup.place().name(),
                setup.node(),
                setup.place().address(),
                BookieStatus.State.WRITABLE,
                0,
                0,
                setup.labels());
    }

    /** Publishes the status of a bookie that serves. */
    void publish() {
        List<String> reasons = reasons();
        publish(reasons.isEmpty() ? BookieStatus.State.WRITABLE : BookieStatus.State.READ_ONLY, reasons);
    }

    /**
     * Publishes the status of a bookie that serves if its reasons to take no new entries are not those published.
     *
     * @return whether that was so
     */
    boolean publishIfChanged() {
        boolean changed = !status.readOnlyReasons().equals(reasons());
        if (changed) {
            publish();
        }
        return changed;
    }

    /** Publishes that the bookie does not serve any more. */
    void publishDown() {
        publish(BookieStatus.State.DOWN, List.of());
    }

    private List<String> reasons() {
        Set<ReadOnlyReason> reasons = EnumSet.noneOf(ReadOnlyReason.class);
        reasons.addAll(space.readOnlyReasons());
        if (limbo.isEverything()) {
            reasons.add(ReadOnlyReason.LIMBO);
        }
        return reasons.stream().map(Enum::name).sorted().toList();
    }

    private void publish(BookieStatus.State state, List<String> reasons) {
        status = status.next(state, reasons, space.freeBytes(), space.totalBytes());
        feed.publish(status);
    }
}
