package io.quire.client.log;

import java.util.List;
import java.util.Optional;

/**
 * What one read of a log gave.
 *
 * @param records ascending; without any, there is a gap, or the end
 * @param gap stands before the place that {@code next} names; then there are no records
 * @param next where to read on
 * @param isAtEnd whether there is nothing to read at {@code next} for now
 */
public record LogBatch(List<LogRecord> records, Optional<LogGap> gap, LogPosition next, boolean isAtEnd) {
    public LogBatch {
        records = List.copyOf(records);
    }

    static LogBatch of(List<LogRecord> records, LogPosition next) {
        return new LogBatch(records, Optional.empty(), next, false);
    }

    static LogBatch of(LogGap gap) {
        return new LogBatch(List.of(), Optional.of(gap), gap.to(), false);
    }

    static LogBatch end(LogPosition at) {
        return new LogBatch(List.of(), Optional.empty(), at, true);
    }
}
