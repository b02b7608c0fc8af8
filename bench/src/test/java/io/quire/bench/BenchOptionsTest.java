package io.quire.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.quire.protocol.Replication;
import java.net.URI;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BenchOptionsTest {
    @Test
    @DisplayName("an ensemble larger than the spawned cluster is refused before anything is spawned")
    void ensembleTooLarge() {
        assertThatThrownBy(() -> new BenchOptions(3, 10, 1, 1, 0, new Replication(5, 3, 2), 0, 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("5");
    }

    @Test
    @DisplayName("a spawned node of one takes a short load without errors, and its directory is gone afterwards")
    void shortLoad(@TempDir Path scratch) {
        BenchResult result = LoadGenerator.write(
                new BenchOptions(1, 100, 2, 10, 0, new Replication(1, 1, 1), 0, 1), scratch, line -> {});
        assertThat(result.errors()).isZero();
        assertThat(result.addsPerSecond()).isPositive();
        assertThat(result.maxMillis()).isGreaterThanOrEqualTo(result.p50Millis());
        assertThat(scratch).isEmptyDirectory();
    }

    @Test
    @DisplayName("appends that are refused at once are counted, and the run ends")
    void refusedAppends(@TempDir Path scratch) {
        BenchResult result = LoadGenerator.write(
                new BenchOptions(1, 2 << 20, 1, 3, 0, new Replication(1, 1, 1), 0, 1), scratch, line -> {});
        assertThat(result.addsPerSecond()).isZero();
        assertThat(result.errors()).isEqualTo(3);
    }

    @Test
    @DisplayName("a cluster that is not there is said so")
    void noCluster() {
        assertThatThrownBy(() -> LoadGenerator.write(
                        new BenchOptions(3, 10, 1, 1, 0, Replication.DEFAULT, 0, 1),
                        URI.create("http://127.0.0.1:1"),
                        line -> {}))
                .isInstanceOf(IllegalStateException.class)
                .hasStackTraceContaining("ConnectException");
    }

    @Test
    @DisplayName("the JSON names are those that scripts read")
    void jsonNames() throws Exception {
        assertThat(new ObjectMapper().writeValueAsString(new BenchResult(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)))
                .isEqualTo("{\"adds_per_s\":1.0,\"mb_per_s\":2.0,\"p50_ms\":3.0,\"p99_ms\":4.0,\"p999_ms\":5.0,"
                        + "\"max_ms\":6.0,\"cpu_us_per_add\":7.0,\"client_cores\":8.0,\"bookie_cores\":9.0,"
                        + "\"device_bytes_per_byte\":10.0,\"other_cores\":11.0,\"errors\":12}");
    }
}
