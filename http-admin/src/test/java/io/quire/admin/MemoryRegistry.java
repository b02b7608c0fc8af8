package io.quire.admin;

import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** Registers in memory; every stage is complete at once. Thread-safe. */
final class MemoryRegistry implements Registry {
    private final NavigableMap<RegistryKey, RegisterValue> registers = new TreeMap<>();
    private final List<Watcher> watchers = new ArrayList<>();
    private boolean isUnavailable;

    private record Watcher(RegistryKey key, Consumer<RegisterValue> listener) {}

    /** Whether all operations fail from now on, as without a majority of voters. */
    synchronized void setUnavailable(boolean isUnavailable) {
        this.isUnavailable = isUnavailable;
    }

    /** Registers {@code metadata}, whatever was there. */
    synchronized void put(LedgerMetadata metadata) {
        RegistryKey key = RegistryKey.ofLedger(metadata.ledgerId());
        registers.merge(
                key,
                RegisterValue.ABSENT.changedTo(metadata.encode(), opId()),
                (old, first) -> old.changedTo(metadata.encode(), opId()));
    }

    /** Purges a registered ledger. */
    synchronized void purge(LedgerId ledgerId) {
        put(LedgerMetadata.decode(registers.get(RegistryKey.ofLedger(ledgerId)).value())
                .withDeletion(Deletion.PURGED));
    }

    @Override
    public synchronized CompletionStage<RegisterValue> read(RegistryKey key) {
        return isUnavailable
                ? CompletableFuture.failedStage(new UnavailableException("no majority of voters"))
                : CompletableFuture.completedStage(registers.getOrDefault(key, RegisterValue.ABSENT));
    }

    @Override
    public synchronized CompletionStage<CasResult> compareAndSet(
            RegistryKey key, long expectedVersion, Payload value, OpId opId) {
        if (isUnavailable) {
            return CompletableFuture.failedStage(new UnavailableException("no majority of voters"));
        }
        RegisterValue current = registers.getOrDefault(key, RegisterValue.ABSENT);
        if (current.version() != expectedVersion) {
            return CompletableFuture.completedStage(new CasResult.Conflict(current));
        }
        RegisterValue changed = current.changedTo(value, opId);
        registers.put(key, changed);
        watchers.stream().filter(watcher -> watcher.key().equals(key)).forEach(watcher -> watcher.listener()
                .accept(changed));
        return CompletableFuture.completedStage(new CasResult.Applied(expectedVersion + 1));
    }

    @Override
    public synchronized CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
        if (isUnavailable) {
            return CompletableFuture.failedStage(new UnavailableException("no majority of voters"));
        }
        List<Item> items = new ArrayList<>();
        for (Map.Entry<RegistryKey, RegisterValue> register : registers.entrySet()) {
            boolean isBehind =
                    after.map(key -> register.getKey().compareTo(key) > 0).orElse(true);
            if (isBehind && register.getKey().path().startsWith(prefix)) {
                if (items.size() == limit) {
                    return CompletableFuture.completedStage(
                            new Page(items, Optional.of(items.get(limit - 1).key())));
                }
                items.add(new Item(register.getKey(), register.getValue()));
            }
        }
        return CompletableFuture.completedStage(new Page(items, Optional.empty()));
    }

    @Override
    public synchronized Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
        Watcher watcher = new Watcher(key, listener);
        watchers.add(watcher);
        listener.accept(registers.getOrDefault(key, RegisterValue.ABSENT));
        return () -> remove(watcher);
    }

    private synchronized void remove(Watcher watcher) {
        watchers.remove(watcher);
    }

    /** How many watches go on. */
    synchronized int watchers() {
        return watchers.size();
    }

    private static OpId opId() {
        return new OpId(new UUID(0, 0));
    }
}
