package io.quire.persistence;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;

/**
 * What nobody uses any more, closed in turn, so that thousands of actors that stop at once do not keep the cluster from
 * those that recover meanwhile. At most one waits for each id; an id that is used again is to be taken back first, so that
 * what waits is never more than the ids that were in use. Thread-safe.
 *
 * @param <T> what is closed
 */
final class ClosingLogs<T> {
    private final int atOnce;
    private final Function<T, CompletionStage<Void>> close;
    private final Map<String, T> waiting = new LinkedHashMap<>();
    private int underWay;
    private boolean isBeginning;

    /**
     * @param atOnce how many are closed at once, at least 1
     * @param close closes one; its stage completes when that is over, well or not
     */
    ClosingLogs(int atOnce, Function<T, CompletionStage<Void>> close) {
        if (atOnce < 1) {
            throw new IllegalArgumentException("closes-at-once must be at least 1: " + atOnce);
        }
        this.atOnce = atOnce;
        this.close = close;
    }

    /** Closes {@code log} as soon as it is its turn; {@code id} does not wait yet. */
    void add(String id, T log) {
        synchronized (this) {
            waiting.put(id, log);
        }
        closeNext();
    }

    /** What waits under {@code id} and will not be closed now; empty if its turn came, or it was never added. */
    synchronized Optional<T> takeBack(String id) {
        return Optional.ofNullable(waiting.remove(id));
    }

    /** Not by calling itself: closes that are over at once would follow each other as deep as the queue is long. */
    private void closeNext() {
        for (Optional<T> next = beginNext(false); next.isPresent(); next = beginNext(true)) {
            close.apply(next.get()).whenComplete((closed, failure) -> {
                synchronized (this) {
                    underWay--;
                }
                closeNext();
            });
        }
    }

    /** The one whose turn it is, unless there is none, or another thread is at it already. */
    private synchronized Optional<T> beginNext(boolean isOnIt) {
        if (isBeginning && !isOnIt) {
            return Optional.empty();
        }
        Iterator<T> first = waiting.values().iterator();
        isBeginning = underWay < atOnce && first.hasNext();
        if (!isBeginning) {
            return Optional.empty();
        }
        T next = first.next();
        first.remove();
        underWay++;
        return Optional.of(next);
    }
}
