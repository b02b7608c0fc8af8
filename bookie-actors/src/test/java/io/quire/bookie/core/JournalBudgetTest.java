package io.quire.bookie.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.core.JournalBudget.Decision;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class JournalBudgetTest {
    private final JournalBudget budget = new JournalBudget(100, 1000);

    @Test
    @DisplayName("H61: from half of the bytes on one memtable at a time goes down early")
    void rotatesEarly() {
        assertThat(budget.decide(500, false, false)).isEqualTo(Decision.GO_ON);
        assertThat(budget.decide(501, false, false)).isEqualTo(Decision.ROTATE);
        assertThat(budget.decide(501, true, false)).isEqualTo(Decision.ROTATE);
        assertThat(budget.decide(900, true, true)).isEqualTo(Decision.GO_ON);
    }

    @Test
    @DisplayName("H61: at the bound nothing that takes another segment is journaled, what fits into the last one is")
    void holdsBack() {
        assertThat(budget.decide(1000, true, true)).isEqualTo(Decision.HOLD_BACK);
        assertThat(budget.decide(901, true, false)).isEqualTo(Decision.HOLD_BACK);
        assertThat(budget.decide(1000, false, true)).isEqualTo(Decision.GO_ON);
        assertThat(budget.decide(900, true, true)).isEqualTo(Decision.GO_ON);
    }

    @Test
    @DisplayName("a journal of fewer than four segments is refused with the names of the settings")
    void tooSmall() {
        assertThatThrownBy(() -> new JournalBudget(100, 399))
                .hasMessageContaining("quire.bookie.journal.bytes-max")
                .hasMessageContaining("quire.bookie.journal.segment-bytes");
        assertThat(new JournalBudget(100, 400).decide(100, true, false)).isEqualTo(Decision.GO_ON);
    }

    @Test
    @DisplayName("H61: a journal of tiny records stays within its bytes, and never stands still for good")
    void tinyRecords() {
        // Each group takes a page of a segment of 25; a flush takes as long as 30 groups.
        long segments = 1;
        long pagesInSegment = 0;
        long flushedIn = -1;
        long held = 0;
        for (int group = 0; group < 100_000; group++) {
            boolean needsSegment = pagesInSegment == 25;
            Decision decision = budget.decide(segments * 100, needsSegment, flushedIn >= 0);
            if (decision != Decision.GO_ON && flushedIn < 0) {
                flushedIn = 30;
            }
            if (flushedIn >= 0 && flushedIn-- == 0) {
                segments = 2;
            }
            if (decision == Decision.HOLD_BACK) {
                held++;
                continue;
            }
            segments += needsSegment ? 1 : 0;
            pagesInSegment = needsSegment ? 1 : pagesInSegment + 1;
            assertThat(segments * 100).isLessThanOrEqualTo(1000);
        }
        assertThat(held).isLessThan(50_000);
    }
}
