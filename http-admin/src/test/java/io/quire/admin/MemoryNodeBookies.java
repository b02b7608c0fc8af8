package io.quire.admin;

import io.quire.protocol.BookieId;
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
    final List<BookieId> scrubbed = new CopyOnWriteArrayList<>();
    volatile List<Scrub> scrubs = List.of();

    @Override
    public CompletionStage<Void> scrub(BookieId bookie) {
        scrubbed.add(bookie);
        return CompletableFuture.completedStage(null);
    }

    @Override
    public CompletionStage<List<Scrub>> scrubs() {
        return CompletableFuture.completedStage(scrubs);
    }

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
