package io.quire.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class PumpTest {
    private final Meter meter = new Meter(List.of(), Path.of("."));

    @Test
    @DisplayName("an open loop counts the wait of what was due while the system stood still")
    void noCoordinatedOmission() {
        AtomicInteger calls = new AtomicInteger();
        BenchResult result = new Pump(meter)
                .open(
                        () -> {
                            if (calls.incrementAndGet() == 20) {
                                // A call that blocks its caller for a while: a closed loop would see one slow
                                // answer.
                                Pump.sleep(Duration.ofMillis(700));
                            }
                            return CompletableFuture.completedFuture(1L);
                        },
                        200,
                        0,
                        1);
        // Most of the operations were due while nothing went on.
        assertThat(result.p50Millis()).isGreaterThan(50);
        assertThat(result.maxMillis()).isGreaterThan(400);
    }

    @Test
    @DisplayName("failures are counted, end their place in a closed loop, and the run ends")
    void failures() {
        BenchResult result = new Pump(meter)
                .closed(List.of(() -> CompletableFuture.failedFuture(new IllegalStateException("no"))), 0, 1);
        assertThat(result.errors()).isEqualTo(1);
        assertThat(result.addsPerSecond()).isZero();
        assertThat(meter.firstError()).hasMessage("no");
    }

    @Test
    @DisplayName("a fixed number of operations is run, each once, and no more at a time than allowed")
    void all() {
        AtomicInteger running = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        Supplier<CompletionStage<Long>> operation = () -> {
            most.accumulateAndGet(running.incrementAndGet(), Math::max);
            return CompletableFuture.supplyAsync(() -> {
                running.decrementAndGet();
                return 10L;
            });
        };
        new Pump(meter).all(Stream.generate(() -> operation).limit(200).iterator(), 4, 3);
        assertThat(most.get()).isBetween(1, 4);
        assertThat(running.get()).isZero();
        assertThat(meter.errors()).isZero();
    }
}
