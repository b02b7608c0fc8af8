package io.quire.client.core;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class HedgeBudgetTest {
    @Test
    @DisplayName("the delay is the 99th percentile of the answers of late, and never below the least")
    void delay() {
        HedgeBudget budget = new HedgeBudget(50, 0.1);
        assertThat(budget.delayNanos()).isEqualTo(Long.MAX_VALUE);
        for (int i = 0; i < 64; i++) {
            budget.answered(10);
        }
        assertThat(budget.delayNanos()).isEqualTo(50);
        for (int i = 0; i < 512; i++) {
            budget.answered(i % 64 == 0 ? 900 : 100);
        }
        assertThat(budget.delayNanos()).isEqualTo(900);
        for (int i = 0; i < 512; i++) {
            budget.answered(i % 256 == 0 ? 900 : 100);
        }
        assertThat(budget.delayNanos()).isEqualTo(100);
    }

    @Test
    @DisplayName("hedges are earned by answers, and saved up to ten")
    void budget() {
        HedgeBudget budget = new HedgeBudget(0, 0.25);
        assertThat(budget.take()).isFalse();
        for (int i = 0; i < 4; i++) {
            budget.answered(1);
        }
        assertThat(budget.take()).isTrue();
        assertThat(budget.take()).isFalse();
        for (int i = 0; i < 1000; i++) {
            budget.answered(1);
        }
        for (int i = 0; i < 10; i++) {
            assertThat(budget.take()).isTrue();
        }
        assertThat(budget.take()).isFalse();
    }

    @Test
    @DisplayName("a share of zero never hedges")
    void off() {
        HedgeBudget budget = new HedgeBudget(0, 0);
        for (int i = 0; i < 1000; i++) {
            budget.answered(1);
        }
        assertThat(budget.take()).isFalse();
    }
}
