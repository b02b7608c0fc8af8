package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class DurableBatchesTest {
    @Test
    @DisplayName("R10: whatever order batches come in, the ranges say exactly which are durable, in the fewest words")
    void agreesWithASet() {
        for (int seed = 0; seed < 300; seed++) {
            Random random = new Random(seed);
            int highest = 1 + random.nextInt(60);
            DurableBatches batches = new DurableBatches();
            TreeSet<Long> expected = new TreeSet<>();
            for (int i = 0; i < 80; i++) {
                long number = 1L + random.nextInt(highest);
                assertThat(batches.contains(number)).isEqualTo(expected.contains(number));
                batches.add(number);
                expected.add(number);
                check(batches, expected, highest);
            }
        }
    }

    private static void check(DurableBatches batches, Set<Long> expected, int highest) {
        long cumulative = 0;
        while (expected.contains(cumulative + 1)) {
            cumulative++;
        }
        assertThat(batches.cumulative()).isEqualTo(cumulative);
        List<DurableBatches.Range> ranges = new ArrayList<>();
        for (long number = cumulative + 1; number <= highest; number++) {
            if (expected.contains(number)) {
                long first = number;
                while (expected.contains(number + 1)) {
                    number++;
                }
                ranges.add(new DurableBatches.Range(first, number));
            }
        }
        assertThat(batches.ranges()).isEqualTo(ranges);
    }

    @Test
    @DisplayName("R10: the highest number there is makes no trouble")
    void highest() {
        DurableBatches batches = new DurableBatches();
        batches.add(Long.MAX_VALUE);
        batches.add(1);
        assertThat(batches.cumulative()).isEqualTo(1);
        assertThat(batches.ranges()).containsExactly(new DurableBatches.Range(Long.MAX_VALUE, Long.MAX_VALUE));
    }
}
