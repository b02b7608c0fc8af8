package io.quire.admin;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.CopyOnWriteArrayList;

/** Bookies that remember what they were told, and say what the test wants. */
final class MemoryNodeBookies implements NodeBookies {
    final List<Boolean> forced = new CopyOnWriteArrayList<>();
    /** What was wished. */
    final List<Boolean> readOnlyWishes = new CopyOnWriteArrayList<>();

    volatile List<Garbage> garbage = List.of();

    @Override
    public CompletionStage<Boolean> setReadOnly(boolean readOnly) {
        readOnlyWishes.add(readOnly);
        return CompletableFuture.completedStage(readOnly);
    }

    @Override
    public CompletionStage<Void> collectGarbage(boolean force) {
        forced.add(force);
        return CompletableFuture.completedStage(null);
    }

    @Override
    public CompletionStage<List<Garbage>> garbage() {
        return CompletableFuture.completedStage(garbage);
    }
}
