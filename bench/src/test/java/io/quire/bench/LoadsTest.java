package io.quire.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LoadsTest {
    /** Lists seven ledgers, and counts. */
    private static final class CountingDriver implements LedgerDriver {
        private final AtomicInteger lists = new AtomicInteger();
        private final AtomicInteger opened = new AtomicInteger();
        private final AtomicInteger closed = new AtomicInteger();

        @Override
        public CompletionStage<Writer> create(int ensembleSize, int writeQuorum, int ackQuorum) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<Reader> open(long ledgerId) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<Long> recover(long ledgerId) {
            throw new UnsupportedOperationException();
        }

        @Override
        public CompletionStage<Long> list() {
            lists.incrementAndGet();
            return CompletableFuture.completedStage(7L);
        }

        @Override
        public LedgerDriver another() {
            opened.incrementAndGet();
            return this;
        }

        @Override
        public void close() {
            closed.incrementAndGet();
        }
    }

    private final CountingDriver driver = new CountingDriver();

    private BenchResult run(String load, Path scratch) {
        Meter meter = new Meter(List.of(), scratch);
        return new Loads(driver, LoadStep.parse(load), meter, scratch.resolve("ledgers")).run();
    }

    @Test
    @DisplayName("list counts ledgers, and lists once before it measures")
    void list(@TempDir Path scratch) {
        BenchResult result = run("list n=3", scratch);
        assertThat(driver.lists).hasValue(4);
        assertThat(result.errors()).isZero();
        assertThat(result.addsPerSecond()).isPositive();
    }

    @Test
    @DisplayName("join lets each client leave before the next one comes")
    void join(@TempDir Path scratch) {
        BenchResult result = run("join n=2", scratch);
        assertThat(driver.opened).hasValue(2);
        assertThat(driver.closed).hasValue(2);
        assertThat(result.errors()).isZero();
    }
}
