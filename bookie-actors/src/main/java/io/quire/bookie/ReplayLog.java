package io.quire.bookie;

import io.quire.bookie.storage.ReplayProgress;
import java.time.Duration;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** Tells people now and then how far a long boot has come. Not thread-safe. */
final class ReplayLog implements ReplayProgress {
    private static final long PAUSE_NANOS = Duration.ofSeconds(5).toNanos();
    private static final double SECOND_NANOS = 1e9;
    private static final double MEGABYTE = 1e6;

    private final LongSupplier nanoClock;
    private final Consumer<String> lines;
    private final long startNanos;
    private long toldNanos;

    ReplayLog(LongSupplier nanoClock, Consumer<String> lines) {
        this.nanoClock = nanoClock;
        this.lines = lines;
        this.startNanos = nanoClock.getAsLong();
        this.toldNanos = startNanos;
    }

    @Override
    public void replayed(long bytes, long bytesMax) {
        long nowNanos = nanoClock.getAsLong();
        if (nowNanos - toldNanos >= PAUSE_NANOS) {
            toldNanos = nowNanos;
            double seconds = (nowNanos - startNanos) / SECOND_NANOS;
            lines.accept(String.format(
                    Locale.ROOT,
                    "%d %% of the journal replayed, %.0f of at most %.0f MB, at %.0f MB/s",
                    100 * bytes / bytesMax,
                    bytes / MEGABYTE,
                    bytesMax / MEGABYTE,
                    bytes / MEGABYTE / seconds));
        }
    }
}
