package io.quire.bookie;

import io.quire.protocol.BookieStatus;
import io.quire.protocol.ClusterFeed;
import io.quire.storage.FileStore;

/** The status that a bookie shows the others, with the free space of its disk. Not thread-safe. */
final class StatusBoard {
    private final ClusterFeed feed;
    private final FileStore root;
    private final long freeBytesMin;
    private BookieStatus status;

    StatusBoard(BookieActor.Setup setup, BookieBoot.Booted booted) {
        this.feed = setup.feed();
        this.root = booted.root();
        this.freeBytesMin = setup.settings().freeBytesMin();
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

    /**
     * Publishes the status of a bookie that serves.
     *
     * @return whether there is room for new entries
     */
    boolean publish() {
        BookieStatus.State state =
                root.freeBytes() < freeBytesMin ? BookieStatus.State.READ_ONLY : BookieStatus.State.WRITABLE;
        publish(state);
        return state == BookieStatus.State.WRITABLE;
    }

    /** Publishes that the bookie does not serve any more. */
    void publishDown() {
        publish(BookieStatus.State.DOWN);
    }

    private void publish(BookieStatus.State state) {
        status = status.next(state, root.freeBytes(), root.totalBytes());
        feed.publish(status);
    }
}
