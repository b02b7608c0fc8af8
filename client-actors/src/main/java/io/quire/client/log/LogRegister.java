package io.quire.client.log;

import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/** The registers of logs and cursors: each change is decided by one compare-and-set. Thread-safe. */
final class LogRegister {
    private static final int TRIES_MAX = 3;

    private final Registry registry;
    private final Supplier<OpId> opIds;

    /**
     * @param opIds gives another one each time
     */
    LogRegister(Registry registry, Supplier<OpId> opIds) {
        this.registry = registry;
        this.opIds = opIds;
    }

    /** What is decided about the log now. */
    CompletionStage<RegisteredLog> read(LogName name) {
        return registry.read(name.key())
                .thenApply(value -> LogMetadata.registered(name, value))
                .thenApply(found -> {
                    if (!found.value().name().equals(name)) {
                        throw LogFailures.invalid("the log's register belongs to another name: "
                                + found.value().name());
                    }
                    return found;
                });
    }

    /**
     * Registers {@code next} if nothing was registered since {@code expectedVersion}; empty if something was. An unknown
     * outcome is asked for again, with the same operation, and fails in the end.
     */
    CompletionStage<Optional<RegisteredLog>> change(long expectedVersion, LogMetadata next) {
        return change(next.name().key(), expectedVersion, next.encode())
                .thenApply(version -> version.map(now -> new RegisteredLog(now, next)));
    }

    /** Like the other one, for any register; the version that it made. */
    CompletionStage<Optional<Long>> change(RegistryKey key, long expectedVersion, Payload value) {
        return attempt(key, expectedVersion, value, opIds.get(), 1);
    }

    private CompletionStage<Optional<Long>> attempt(
            RegistryKey key, long expectedVersion, Payload value, OpId opId, int attempt) {
        return registry.compareAndSet(key, expectedVersion, value, opId)
                .handle((result, failure) -> {
                    if (failure == null && result instanceof Registry.CasResult.Applied applied) {
                        return CompletableFuture.completedStage(Optional.of(applied.version()));
                    }
                    if (failure == null && result instanceof Registry.CasResult.Conflict) {
                        return CompletableFuture.completedStage(Optional.<Long>empty());
                    }
                    if (attempt < TRIES_MAX) {
                        return attempt(key, expectedVersion, value, opId, attempt + 1);
                    }
                    return LogFailures.<Optional<Long>>failed(
                            Code.Unavailable,
                            Outcome.UNKNOWN,
                            "nobody knows whether " + key + " was changed: "
                                    + (failure == null ? result : failure.getMessage()));
                })
                .thenCompose(stage -> stage);
    }
}
