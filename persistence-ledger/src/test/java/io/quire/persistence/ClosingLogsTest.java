package io.quire.persistence;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class ClosingLogsTest {
    private final Map<String, CompletableFuture<Void>> underWay = new LinkedHashMap<>();
    private final ClosingLogs<String> closing = new ClosingLogs<>(2, this::close);

    private CompletionStage<Void> close(String log) {
        CompletableFuture<Void> closed = new CompletableFuture<>();
        underWay.put(log, closed);
        return closed;
    }

    private void addAll(String... ids) {
        for (String id : ids) {
            closing.add(id, "log " + id);
        }
    }

    @Test
    @DisplayName("no more are closed at once than allowed; whatever becomes of one, the next follows")
    void inTurn() {
        addAll("a", "b", "c", "d");
        assertThat(underWay).containsOnlyKeys("log a", "log b");
        underWay.get("log b").complete(null);
        assertThat(underWay).containsOnlyKeys("log a", "log b", "log c");
        underWay.get("log a").completeExceptionally(new IllegalStateException("failed"));
        assertThat(underWay).containsOnlyKeys("log a", "log b", "log c", "log d");
    }

    @Test
    @DisplayName("what still waits can be taken back, and is not closed; what is being closed cannot")
    void takenBack() {
        addAll("a", "b", "c", "d");
        assertThat(closing.takeBack("c")).contains("log c");
        assertThat(closing.takeBack("c")).isEmpty();
        assertThat(closing.takeBack("a")).isEmpty();
        underWay.get("log a").complete(null);
        assertThat(underWay).containsOnlyKeys("log a", "log b", "log d");
    }

    @Test
    @DisplayName("thousands whose close is over at once are closed one after the other")
    void many() {
        ClosingLogs<String> immediate = new ClosingLogs<>(1, log -> {
            underWay.put(log, new CompletableFuture<>());
            return log.equals("log 0") ? underWay.get("log 0") : CompletableFuture.completedStage(null);
        });
        for (int id = 0; id < 100_000; id++) {
            immediate.add(Integer.toString(id), "log " + id);
        }
        assertThat(underWay).hasSize(1);
        underWay.get("log 0").complete(null);
        assertThat(underWay).hasSize(100_000);
    }

    @Test
    @DisplayName("a limit below one is refused")
    void badLimit() {
        assertThatThrownBy(() -> new ClosingLogs<String>(0, this::close)).hasMessageContaining("at least 1");
    }
}
