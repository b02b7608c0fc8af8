package io.quire.multijvm;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for conditions by looking again and again, never for a fixed time. */
final class Await {
    private static final long LOOK_AGAIN_NANOS = Duration.ofMillis(20).toNanos();

    private Await() {}

    /** Returns once {@code condition} holds; fails with {@code what} when it does not within {@code deadline}. */
    static void until(String what, Duration deadline, BooleanSupplier condition) {
        get(what, deadline, () -> condition.getAsBoolean() ? Optional.of(true) : Optional.empty());
    }

    /** What {@code found} finds in the end; fails with {@code what} when that is nothing within {@code deadline}. */
    static <T> T get(String what, Duration deadline, Supplier<Optional<T>> found) {
        long endNanos = System.nanoTime() + deadline.toNanos();
        while (true) {
            Optional<T> result = found.get();
            if (result.isPresent()) {
                return result.get();
            }
            if (System.nanoTime() - endNanos >= 0) {
                throw new AssertionError("not within " + deadline.toSeconds() + " s: " + what);
            }
            LockSupport.parkNanos(LOOK_AGAIN_NANOS);
            if (Thread.interrupted()) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while waiting: " + what);
            }
        }
    }
}
