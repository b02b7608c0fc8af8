package io.quire.registry.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.LedgerIdRange;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerIdSetTest {
    private static final long IDS = 60;

    @Test
    @DisplayName("R4: ranges hold what was added, as a plain set does; they neither overlap nor touch")
    void likeAPlainSet() {
        for (long seed = 0; seed < 200; seed++) {
            Random random = new Random(seed * 7_919 + 3);
            LedgerIdSet set = new LedgerIdSet();
            TreeSet<Long> plain = new TreeSet<>();
            TreeMap<Long, Long> stored = new TreeMap<>();
            for (int i = 0; i < 40; i++) {
                long first = random.nextInt((int) IDS);
                long last = Math.min(IDS - 1, first + random.nextInt(4));
                LedgerIdSet.Merge merge = set.add(new LedgerIdRange(first, last));
                LongStream.rangeClosed(first, last).forEach(plain::add);
                merge.gone().forEach(gone -> assertThat(stored.remove(gone)).isNotNull());
                stored.put(merge.range().first(), merge.range().last());
                assertThat(stored).as("seed %d, step %d", seed, i).isEqualTo(rangesOf(plain));
            }
            for (long id = 0; id < IDS + 2; id++) {
                assertThat(set.contains(id)).as("id %d", id).isEqualTo(plain.contains(id));
            }
            long from = random.nextInt((int) IDS);
            long to = from + random.nextInt((int) IDS);
            List<LedgerIdRange> expected = new ArrayList<>();
            rangesOf(plain.subSet(from, true, to, true))
                    .forEach((first, last) -> expected.add(new LedgerIdRange(first, last)));
            assertThat(set.ranges(new LedgerIdRange(from, to))).isEqualTo(expected);
        }
    }

    @Test
    @DisplayName("the highest id of all can be added")
    void highest() {
        LedgerIdSet set = new LedgerIdSet();
        set.add(new LedgerIdRange(Long.MAX_VALUE, Long.MAX_VALUE));
        assertThat(set.add(new LedgerIdRange(Long.MAX_VALUE - 1, Long.MAX_VALUE))
                        .range())
                .isEqualTo(new LedgerIdRange(Long.MAX_VALUE - 1, Long.MAX_VALUE));
        assertThat(set.contains(Long.MAX_VALUE)).isTrue();
        assertThat(set.contains(0)).isFalse();
    }

    private static Map<Long, Long> rangesOf(Iterable<Long> ids) {
        TreeMap<Long, Long> ranges = new TreeMap<>();
        for (long id : ids) {
            boolean touches = !ranges.isEmpty() && ranges.lastEntry().getValue() == id - 1;
            ranges.put(touches ? ranges.lastKey() : id, id);
        }
        return ranges;
    }
}
