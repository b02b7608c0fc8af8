package io.quire.simulation;

import java.util.concurrent.CompletionStage;
import java.util.function.BiConsumer;

/** What a simulated process does when a stage completes; unlike a stage of its own, it does not swallow what it throws. */
final class Continuation {
    private Continuation() {}

    static <T> void of(CompletionStage<T> stage, SimulatedNode node, BiConsumer<? super T, Throwable> action) {
        stage.whenComplete((value, failure) -> {
            try {
                action.accept(value, failure);
            } catch (RuntimeException e) {
                node.schedule(0, () -> {
                    throw e;
                });
            }
        });
    }
}
