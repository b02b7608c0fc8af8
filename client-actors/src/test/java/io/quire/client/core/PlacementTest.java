package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BookieStatus.State;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.LedgerException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class PlacementTest {
    private static BookieStatus bookie(int number, String node, State state, long freeBytes) {
        return new BookieStatus(
                new BookieId(new UUID(number, number)),
                new BootEpoch(1),
                1,
                "b" + number,
                node,
                "address",
                state,
                freeBytes,
                1000,
                Map.of());
    }

    private static List<BookieStatus> oneEachNode(int count) {
        List<BookieStatus> bookies = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            bookies.add(bookie(i, "node" + i, State.WRITABLE, 1000));
        }
        return bookies;
    }

    @Test
    @DisplayName("R27: no two bookies of an ensemble are in one node")
    void distinctNodes() {
        List<BookieStatus> bookies = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            bookies.add(bookie(i, "node" + i % 3, State.WRITABLE, 1000));
        }
        for (long salt = 0; salt < 200; salt++) {
            Set<Long> nodes = new HashSet<>();
            Placement.choose(bookies, 3, Placement.Distinct.NODE, salt)
                    .ensemble()
                    .orElseThrow()
                    .bookies()
                    .forEach(chosen -> nodes.add(chosen.value().getMostSignificantBits() % 3));
            assertThat(nodes).hasSize(3);
        }
        assertThat(Placement.choose(bookies, 4, Placement.Distinct.NODE, 1).ensemble())
                .isEmpty();
        assertThat(Placement.choose(bookies, 4, Placement.Distinct.STORE, 1).ensemble())
                .isPresent();
    }

    @Test
    @DisplayName("too few bookies are refused with what is needed and what is there")
    void notEnough() {
        List<BookieStatus> bookies = new ArrayList<>(oneEachNode(2));
        bookies.add(bookie(7, "node7", State.READ_ONLY, 1000));
        bookies.add(bookie(8, "node8", State.DOWN, 1000));
        Placement.Choice choice = Placement.choose(bookies, 3, Placement.Distinct.NODE, 0);
        assertThat(choice.ensemble()).isEmpty();
        assertThat(choice.failure().orElseThrow().code()).isEqualTo(LedgerException.Code.NotEnoughBookies);
        assertThat(choice.failure().orElseThrow().outcome()).isEqualTo(LedgerException.Outcome.NOT_APPLIED);
        assertThat(choice.failure().orElseThrow().message()).contains("3", "4 bookies known", "2 writable");
    }

    @Test
    @DisplayName("a disk that is much fuller than the others is left out while there are others")
    void mostFreeSpace() {
        List<BookieStatus> bookies = new ArrayList<>(oneEachNode(4));
        bookies.set(1, bookie(1, "node1", State.WRITABLE, 300));
        for (long salt = 0; salt < 100; salt++) {
            assertThat(Placement.choose(bookies, 3, Placement.Distinct.NODE, salt)
                            .ensemble()
                            .orElseThrow()
                            .contains(bookies.get(1).bookieId()))
                    .isFalse();
        }
    }

    @Test
    @DisplayName("many ledgers spread evenly over equal bookies, in every position")
    void spreads() {
        List<BookieStatus> bookies = oneEachNode(6);
        Map<BookieId, Integer> first = new HashMap<>();
        for (long salt = 0; salt < 6000; salt++) {
            first.merge(
                    Placement.choose(bookies, 3, Placement.Distinct.NODE, salt)
                            .ensemble()
                            .orElseThrow()
                            .at(0),
                    1,
                    Integer::sum);
        }
        assertThat(first).hasSize(6);
        assertThat(first.values()).allSatisfy(count -> assertThat(count).isBetween(800, 1200));
    }
}
