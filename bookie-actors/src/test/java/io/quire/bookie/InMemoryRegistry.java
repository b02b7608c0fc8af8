package io.quire.bookie;

import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** A linearizable registry of one process, in memory. Thread-safe; everything completes at once, unless delayed. */
public final class InMemoryRegistry implements Registry {
    private final ConcurrentHashMap<RegistryKey, RegisterValue> registers = new ConcurrentHashMap<>();
    private final List<Watcher> watchers = new CopyOnWriteArrayList<>();
    private final LinkedBlockingQueue<Runnable> delayed = new LinkedBlockingQueue<>();
    private volatile boolean available = true;
    private volatile boolean delaying;

    /** While set, reads wait for {@link #releaseDelayed}. */
    void setDelayed(boolean delaying) {
        this.delaying = delaying;
    }

    /** Waits until at least {@code reads} are delayed. */
    void awaitDelayed(int reads) {
        long deadlineNanos = System.nanoTime() + 20_000_000_000L;
        while (delayed.size() < reads) {
            if (System.nanoTime() - deadlineNanos > 0) {
                throw new AssertionError("nobody reads");
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    void releaseDelayed() {
        delaying = false;
        for (Runnable next = delayed.poll(); next != null; next = delayed.poll()) {
            next.run();
        }
    }

    private record Watcher(RegistryKey key, Consumer<RegisterValue> listener) {}

    /** While not available every operation fails and changes nothing. */
    public void setAvailable(boolean available) {
        this.available = available;
    }

    @Override
    public CompletionStage<RegisterValue> read(RegistryKey key) {
        if (delaying) {
            CompletableFuture<RegisterValue> later = new CompletableFuture<>();
            delayed.add(() -> later.complete(registers.getOrDefault(key, RegisterValue.ABSENT)));
            return later;
        }
        return answer(() -> registers.getOrDefault(key, RegisterValue.ABSENT));
    }

    @Override
    public CompletionStage<CasResult> compareAndSet(RegistryKey key, long expectedVersion, Payload value, OpId opId) {
        return answer(() -> change(key, expectedVersion, value, opId));
    }

    private synchronized CasResult change(RegistryKey key, long expectedVersion, Payload value, OpId opId) {
        RegisterValue current = registers.getOrDefault(key, RegisterValue.ABSENT);
        Optional<Long> written = current.versionWrittenBy(opId);
        if (written.isPresent()) {
            return new CasResult.Applied(written.get());
        }
        if (current.version() != expectedVersion) {
            return new CasResult.Conflict(current);
        }
        RegisterValue next = current.changedTo(value, opId);
        registers.put(key, next);
        watchers.stream().filter(watcher -> watcher.key().equals(key)).forEach(watcher -> watcher.listener()
                .accept(next));
        return new CasResult.Applied(next.version());
    }

    @Override
    public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
        return answer(() -> {
            List<Item> items = new ArrayList<>();
            registers.keySet().stream()
                    .filter(key -> key.path().startsWith(prefix))
                    .filter(key -> after.isEmpty() || key.compareTo(after.get()) > 0)
                    .sorted()
                    .limit(limit + 1L)
                    .forEach(key -> items.add(new Item(key, registers.get(key))));
            boolean more = items.size() > limit;
            List<Item> page = more ? items.subList(0, limit) : items;
            return new Page(page, more ? Optional.of(page.get(limit - 1).key()) : Optional.empty());
        });
    }

    @Override
    public synchronized Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
        Watcher watcher = new Watcher(key, listener);
        watchers.add(watcher);
        listener.accept(registers.getOrDefault(key, RegisterValue.ABSENT));
        return () -> watchers.remove(watcher);
    }

    private <T> CompletionStage<T> answer(Supplier<T> operation) {
        return available
                ? CompletableFuture.completedStage(operation.get())
                : CompletableFuture.failedStage(new UnavailableException("switched off"));
    }
}
