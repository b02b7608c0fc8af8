package io.quire.client;

import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/** Registers in memory, whose answers get lost when the test says so. Thread-safe; every stage is complete at once. */
final class MemoryRegistry implements Registry {
    private final TreeMap<RegistryKey, RegisterValue> registers = new TreeMap<>();
    private final Deque<Boolean> lostAnswers = new ArrayDeque<>();
    private boolean isUnavailable;

    /** Whether all operations fail from now on, as without a majority of voters. */
    synchronized void setUnavailable(boolean isUnavailable) {
        this.isUnavailable = isUnavailable;
    }

    /** The answer to the next change is lost; {@code applied} says whether the change is not. */
    synchronized void loseAnswer(boolean applied) {
        lostAnswers.add(applied);
    }

    /** Registers {@code metadata}, whatever was there. */
    synchronized void put(LedgerMetadata metadata) {
        RegistryKey key = RegistryKey.ofLedger(metadata.ledgerId());
        RegisterValue current = registers.getOrDefault(key, RegisterValue.ABSENT);
        registers.put(key, current.changedTo(metadata.encode(), new OpId(new UUID(9, current.version()))));
    }

    @Override
    public synchronized CompletionStage<RegisterValue> read(RegistryKey key) {
        return isUnavailable ? unavailable() : CompletableFuture.completedStage(valueOf(key));
    }

    @Override
    public synchronized CompletionStage<CasResult> compareAndSet(
            RegistryKey key, long expectedVersion, Payload value, OpId opId) {
        if (isUnavailable) {
            return unavailable();
        }
        Boolean lost = lostAnswers.poll();
        CasResult result = Boolean.FALSE.equals(lost)
                ? new CasResult.Conflict(valueOf(key))
                : change(key, expectedVersion, value, opId);
        return CompletableFuture.completedStage(lost == null ? result : new CasResult.Unknown("the answer was lost"));
    }

    private CasResult change(RegistryKey key, long expectedVersion, Payload value, OpId opId) {
        RegisterValue current = valueOf(key);
        Optional<Long> written = current.versionWrittenBy(opId);
        if (written.isPresent()) {
            return new CasResult.Applied(written.get());
        }
        if (current.version() != expectedVersion) {
            return new CasResult.Conflict(current);
        }
        registers.put(key, current.changedTo(value, opId));
        return new CasResult.Applied(expectedVersion + 1);
    }

    private RegisterValue valueOf(RegistryKey key) {
        return registers.getOrDefault(key, RegisterValue.ABSENT);
    }

    private static <T> CompletionStage<T> unavailable() {
        return CompletableFuture.failedStage(new UnavailableException("no majority of voters"));
    }

    @Override
    public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
        throw new UnsupportedOperationException("nothing is listed here");
    }

    @Override
    public Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
        throw new UnsupportedOperationException("nothing is watched here");
    }
}
