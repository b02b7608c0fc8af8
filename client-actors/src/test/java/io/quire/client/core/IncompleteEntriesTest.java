package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.BookieId;
import io.quire.protocol.IncompleteRange;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class IncompleteEntriesTest {
    private static final BookieId FIRST = new BookieId(new UUID(0, 1));
    private static final BookieId SECOND = new BookieId(new UUID(0, 2));
    private static final BookieId THIRD = new BookieId(new UUID(0, 3));

    private final IncompleteEntries entries = new IncompleteEntries(3);

    @Test
    @DisplayName("nothing missing is no range")
    void none() {
        assertThat(entries.take()).isEmpty();
    }

    @Test
    @DisplayName("R12: what one member misses in a row is one range, of its own")
    void oneRange() {
        entries.add(SECOND, 4);
        entries.add(SECOND, 5);
        entries.add(THIRD, 5);
        entries.add(SECOND, 6);
        assertThat(entries.take()).containsExactly(new IncompleteRange(SECOND, 4, 6), new IncompleteRange(THIRD, 5, 5));
    }

    @Test
    @DisplayName("R12: the stripe of a member is one range; what lies between belongs to others")
    void stripe() {
        entries.add(FIRST, 0);
        entries.add(FIRST, 3);
        entries.add(FIRST, 6);
        assertThat(entries.take()).containsExactly(new IncompleteRange(FIRST, 0, 6));
    }

    @Test
    @DisplayName("R12: a gap wider than the ensemble begins a new range")
    void gap() {
        entries.add(FIRST, 0);
        entries.add(FIRST, 4);
        entries.add(FIRST, 5);
        assertThat(entries.take()).containsExactly(new IncompleteRange(FIRST, 0, 0), new IncompleteRange(FIRST, 4, 5));
    }

    @Test
    @DisplayName("what was taken is not noted any more")
    void taken() {
        entries.add(FIRST, 1);
        assertThat(entries.take()).hasSize(1);
        assertThat(entries.take()).isEmpty();
        entries.add(FIRST, 2);
        assertThat(entries.take()).containsExactly(new IncompleteRange(FIRST, 2, 2));
    }

    @Test
    @DisplayName("an entry that is noted twice is noted once")
    void twice() {
        entries.add(FIRST, 4);
        entries.add(FIRST, 6);
        entries.add(FIRST, 5);
        assertThat(entries.take()).containsExactly(new IncompleteRange(FIRST, 4, 6));
    }

    @Test
    @DisplayName("R12: every missing entry is in a range of its member, and a range begins and ends with a missing one")
    void covers() {
        for (long seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            int size = 1 + random.nextInt(5);
            List<BookieId> bookies =
                    List.of(FIRST, SECOND, THIRD, bookie(4), bookie(5)).subList(0, size);
            IncompleteEntries tried = new IncompleteEntries(size);
            List<Set<Long>> missing =
                    bookies.stream().<Set<Long>>map(bookie -> new HashSet<>()).toList();
            for (long id = 0; id < 100; id++) {
                int position = random.nextInt(size);
                if (random.nextInt(3) == 0) {
                    tried.add(bookies.get(position), id);
                    missing.get(position).add(id);
                }
            }
            List<IncompleteRange> ranges = tried.take();
            for (int position = 0; position < size; position++) {
                BookieId bookie = bookies.get(position);
                Set<Long> ends = new HashSet<>();
                Set<Long> covered = new HashSet<>();
                for (IncompleteRange range : ranges) {
                    if (range.bookie().equals(bookie)) {
                        ends.add(range.firstEntryId());
                        ends.add(range.lastEntryId());
                        for (long id = range.firstEntryId(); id <= range.lastEntryId(); id++) {
                            assertThat(covered.add(id))
                                    .as("seed %d: ranges apart", seed)
                                    .isTrue();
                        }
                    }
                }
                assertThat(covered).as("seed %d", seed).containsAll(missing.get(position));
                assertThat(missing.get(position)).as("seed %d", seed).containsAll(ends);
            }
        }
    }

    private static BookieId bookie(int number) {
        return new BookieId(new UUID(0, number));
    }
}
