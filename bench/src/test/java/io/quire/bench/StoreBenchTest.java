package io.quire.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.bookie.storage.StoreKind;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StoreBenchTest {
    @TempDir
    private Path parent;

    @ParameterizedTest
    @EnumSource(StoreKind.class)
    @DisplayName("a small churn and a small fill tell what they should, and leave nothing behind")
    void smallRuns(StoreKind kind) throws IOException {
        Map<String, Object> churn = StoreBench.run(options(StoreBenchOptions.Workload.CHURN, kind, 2 << 20), parent);
        assertThat((List<?>) churn.get("mb_per_s_by_quarter")).hasSize(4);
        assertThat(churn).containsEntry("store", kind.text());
        Map<String, Object> flush = StoreBench.run(options(StoreBenchOptions.Workload.FLUSH, kind, 2 << 20), parent);
        assertThat((Double) flush.get("mb_per_s")).isPositive();
        assertThat(parent).isEmptyDirectory();
        assertThatThrownBy(() -> options(StoreBenchOptions.Workload.FLUSH, kind, 5))
                .isInstanceOf(IllegalArgumentException.class);
    }

    private static StoreBenchOptions options(StoreBenchOptions.Workload workload, StoreKind kind, long liveBytes) {
        return new StoreBenchOptions(workload, kind, liveBytes, 10, true, 1000, true);
    }
}
