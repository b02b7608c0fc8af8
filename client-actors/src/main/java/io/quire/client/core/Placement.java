package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerException.Code;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Chooses the bookies of an ensemble from what they say of themselves: writable, no two in one node (R27), those with
 * more free space first. Bookies with about as much free space are mixed by a hash of the ledger, so that ledgers and
 * the first places of their write sets spread over all of them. Stateless; same input, same choice.
 */
public final class Placement {
    /** Free space is compared in this many steps of the fullest disk's size. */
    private static final int STEPS = 8;

    private Placement() {}

    /** What keeps bookies apart. */
    public enum Distinct {
        /** No two in one node: they would fail together. */
        NODE,
        /** Any two stores will do; only for a cluster of one node. */
        STORE
    }

    /** An ensemble, or why there is none. */
    public record Choice(Optional<Ensemble> ensemble, Optional<Failure> failure) {}

    /**
     * @param size how many bookies are needed
     * @param salt differs from ledger to ledger
     */
    public static Choice choose(Collection<BookieStatus> bookies, int size, Distinct distinct, long salt) {
        List<BookieStatus> ranked = ranked(bookies, salt);
        Set<String> nodes = new HashSet<>();
        List<BookieId> chosen = new ArrayList<>();
        for (BookieStatus bookie : ranked) {
            if (chosen.size() < size && (nodes.add(bookie.node()) || distinct == Distinct.STORE)) {
                chosen.add(bookie.bookieId());
            }
        }
        if (chosen.size() < size) {
            String of = distinct == Distinct.NODE ? " in different nodes" : "";
            return new Choice(
                    Optional.empty(),
                    Optional.of(Failure.notApplied(
                            Code.NotEnoughBookies,
                            size + " writable bookies" + of + " are needed, there are " + chosen.size() + " ("
                                    + bookies.size() + " bookies known, " + ranked.size() + " writable, in "
                                    + nodes.size() + " nodes)")));
        }
        return new Choice(Optional.of(new Ensemble(chosen)), Optional.empty());
    }

    /**
     * A bookie for the place of {@code failed} in {@code ensemble}: not a member, and in a node of its own where that is
     * asked for.
     *
     * @param avoided bookies that are taken only when there is no other
     */
    public static Optional<BookieId> replace(
            Collection<BookieStatus> bookies,
            BookieId failed,
            Ensemble ensemble,
            Set<BookieId> avoided,
            Distinct distinct,
            long salt) {
        Set<String> nodes = new HashSet<>();
        for (BookieStatus bookie : bookies) {
            if (ensemble.contains(bookie.bookieId()) && !bookie.bookieId().equals(failed)) {
                nodes.add(bookie.node());
            }
        }
        List<BookieStatus> candidates = ranked(bookies, salt).stream()
                .filter(bookie -> !ensemble.contains(bookie.bookieId()))
                .filter(bookie -> distinct == Distinct.STORE || !nodes.contains(bookie.node()))
                .toList();
        return Stream.concat(
                        candidates.stream().filter(bookie -> !avoided.contains(bookie.bookieId())), candidates.stream())
                .map(BookieStatus::bookieId)
                .findFirst();
    }

    private static List<BookieStatus> ranked(Collection<BookieStatus> bookies, long salt) {
        List<BookieStatus> writable = bookies.stream()
                .filter(bookie -> bookie.state() == BookieStatus.State.WRITABLE)
                .toList();
        long largest =
                writable.stream().mapToLong(BookieStatus::freeBytes).max().orElse(0);
        long step = Math.max(1, largest / STEPS);
        List<BookieStatus> ranked = new ArrayList<>(writable);
        ranked.sort(Comparator.comparingLong((BookieStatus bookie) -> -(bookie.freeBytes() / step))
                .thenComparingLong(bookie -> mix(bookie.bookieId(), salt))
                .thenComparing(BookieStatus::bookieId));
        return ranked;
    }

    private static long mix(BookieId bookie, long salt) {
        long mixed = bookie.value().getLeastSignificantBits() ^ (salt * 0x9E3779B97F4A7C15L);
        mixed = (mixed ^ (mixed >>> 30)) * 0xBF58476D1CE4E5B9L;
        mixed = (mixed ^ (mixed >>> 27)) * 0x94D049BB133111EBL;
        return mixed ^ (mixed >>> 31);
    }
}
