package io.quire.simulation;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/** What gossip tells every client of the bookies, at once and without fail; it is a hint for them all the same. */
final class BookieDirectory {
    private final List<BookieStatus> statuses = new ArrayList<>();
    private final Map<BookieId, String> addresses = new HashMap<>();

    /** A bookie that may be chosen from now on. */
    void add(BookieId bookie, String address) {
        add(new BookieStatus(
                bookie,
                new BootEpoch(1),
                1,
                address,
                address,
                address,
                BookieStatus.State.WRITABLE,
                1000,
                1000,
                Map.of()));
    }

    /** A bookie that says this of itself from now on. */
    void add(BookieStatus status) {
        addresses.put(status.bookieId(), status.address());
        statuses.add(status);
    }

    /** Bookies say something else of themselves. */
    void replaceAll(UnaryOperator<BookieStatus> change) {
        statuses.replaceAll(change);
    }

    /** A bookie that nobody chooses any more; who knows it still finds where it was. */
    void remove(BookieId bookie) {
        statuses.removeIf(status -> status.bookieId().equals(bookie));
    }

    /** Those that may be chosen, oldest first; the list follows what happens later. */
    List<BookieStatus> statuses() {
        return Collections.unmodifiableList(statuses);
    }

    /** Where a bookie is, or was last. */
    String addressOf(BookieId bookie) {
        return addresses.get(bookie);
    }
}
