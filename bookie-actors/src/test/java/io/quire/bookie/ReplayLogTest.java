package io.quire.bookie;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ReplayLogTest {
    private static final long SECOND = 1_000_000_000;

    private final List<String> lines = new ArrayList<>();
    private long now = 77;

    @Test
    @DisplayName("a long replay says every five seconds how far it is and how fast, a short one nothing")
    void longReplay() {
        ReplayLog log = new ReplayLog(() -> now, lines::add);
        for (int second = 1; second <= 12; second++) {
            now += SECOND;
            log.replayed(second * 10_000_000L, 400_000_000);
            assertThat(lines).hasSize(second / 5);
        }
        assertThat(lines)
                .containsExactly(
                        "12 % of the journal replayed, 50 of at most 400 MB, at 10 MB/s",
                        "25 % of the journal replayed, 100 of at most 400 MB, at 10 MB/s");
    }
}
