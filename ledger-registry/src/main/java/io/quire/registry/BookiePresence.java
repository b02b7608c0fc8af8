package io.quire.registry;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Shows bookies whose cluster member is gone as DOWN: what a bookie last said of itself outlives its node. A view of
 * this node alone, nothing that is spread. Not thread-safe.
 *
 * <p>A bookie is shown as DOWN while its node is no member, and after a removal of its node until it says something
 * newer. While this node itself is no member it knows nobody, and shows what it heard.
 */
final class BookiePresence {
    private final String self;
    private final Set<String> members = new HashSet<>();
    private final Map<BookieId, BookieStatus> lastWords = new HashMap<>();

    /**
     * @param self this node, written as in {@link BookieStatus#node()}
     */
    BookiePresence(String self) {
        this.self = self;
    }

    /** A node is a member, in whatever stage of joining or leaving. */
    void memberSeen(String node) {
        members.add(node);
    }

    /**
     * A node was removed from the cluster.
     *
     * @param heard the newest known status of every bookie
     */
    void memberRemoved(String node, Collection<BookieStatus> heard) {
        members.remove(node);
        for (BookieStatus bookie : heard) {
            if (bookie.node().equals(node)) {
                lastWords.put(bookie.bookieId(), bookie);
            }
        }
    }

    /** What to show of a bookie that last said {@code bookie}. */
    BookieStatus shown(BookieStatus bookie) {
        return isGone(bookie) ? down(bookie) : bookie;
    }

    private boolean isGone(BookieStatus bookie) {
        if (members.contains(self) && !members.contains(bookie.node())) {
            return true;
        }
        BookieStatus last = lastWords.get(bookie.bookieId());
        if (last != null && bookie.isNewerThan(last)) {
            lastWords.remove(bookie.bookieId());
            return false;
        }
        return last != null;
    }

    private static BookieStatus down(BookieStatus bookie) {
        return new BookieStatus(
                bookie.bookieId(),
                bookie.bootEpoch(),
                bookie.sequence(),
                bookie.name(),
                bookie.node(),
                bookie.address(),
                BookieStatus.State.DOWN,
                bookie.freeBytes(),
                bookie.totalBytes(),
                bookie.labels(),
                List.of());
    }
}
