package io.quire.protocol;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;

/**
 * The E bookies of one fragment; the order matters, since write sets are positions.
 *
 * @param bookies all different, 1 to {@value Replication#ENSEMBLE_SIZE_MAX}
 */
public record Ensemble(List<BookieId> bookies) {
    public Ensemble {
        bookies = List.copyOf(bookies);
        if (bookies.isEmpty() || bookies.size() > Replication.ENSEMBLE_SIZE_MAX) {
            throw new IllegalArgumentException(
                    "an ensemble has 1 to " + Replication.ENSEMBLE_SIZE_MAX + " bookies: " + bookies.size());
        }
        if (new HashSet<>(bookies).size() != bookies.size()) {
            throw new IllegalArgumentException("a bookie stands twice in the ensemble " + bookies);
        }
    }

    public int size() {
        return bookies.size();
    }

    /** The bookie at {@code position}, in {@code [0, size)}. */
    public BookieId at(int position) {
        return bookies.get(position);
    }

    /** The position of {@code bookie}, or -1 when it is no member. */
    public int positionOf(BookieId bookie) {
        return bookies.indexOf(bookie);
    }

    /** This ensemble with {@code bookie} at {@code position}. */
    public Ensemble with(int position, BookieId bookie) {
        List<BookieId> changed = new ArrayList<>(bookies);
        changed.set(position, bookie);
        return new Ensemble(changed);
    }

    public boolean contains(BookieId bookie) {
        return bookies.contains(bookie);
    }
}
