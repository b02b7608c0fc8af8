package io.quire.client.log;

import io.quire.client.log.LogEntry.LastOf;
import io.quire.client.log.LogRecord.Producer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * The last append of each producer of late, so that a repeated one is found out (H44). Whose turn was longest ago is
 * forgotten first. Not thread-safe.
 */
final class Producers {
    private final int max;
    private final Map<String, Last> lasts = new LinkedHashMap<>(16, 0.75f, true);

    /** An append, which may be under way. */
    record Last(Producer producer, CompletionStage<LogPosition> position) {}

    /**
     * @param max how many are remembered
     */
    Producers(int max) {
        this.max = max;
    }

    Optional<Last> last(String id) {
        return Optional.ofNullable(lasts.get(id));
    }

    void put(Producer producer, CompletionStage<LogPosition> position) {
        lasts.put(producer.id(), new Last(producer, position));
        if (lasts.size() > max) {
            lasts.remove(lasts.keySet().iterator().next());
        }
    }

    /** It was not appended after all: what was known before holds, unless there is something newer. */
    void takeBack(Producer producer, Optional<Last> before) {
        if (last(producer.id()).filter(last -> last.producer().equals(producer)).isPresent()) {
            before.ifPresentOrElse(last -> lasts.put(producer.id(), last), () -> lasts.remove(producer.id()));
        }
    }

    /** Learns from an entry of a ledger that is read from its beginning. */
    void learn(LogEntry entry, LogPosition position) {
        if (entry instanceof LogEntry.Start start) {
            start.producers().forEach(last -> put(last.producer(), CompletableFuture.completedStage(last.position())));
        } else if (entry instanceof LogEntry.Appended record) {
            record.producer().ifPresent(producer -> put(producer, CompletableFuture.completedStage(position)));
        }
    }

    /** For the start of the next ledger; whose turn was longest ago stands first. Every append has ended well. */
    List<LastOf> list() {
        return lasts.values().stream()
                .map(last -> new LastOf(
                        last.producer(), last.position().toCompletableFuture().join()))
                .toList();
    }
}
