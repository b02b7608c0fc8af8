package io.quire.client;

import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;

/**
 * Marks a ledger DELETED, whatever its state, and changes nothing else of it (R22): one compare-and-set upon the value
 * that was read, again from the read when somebody else was faster or nobody knows. From then on no session opens for the
 * ledger, nobody recovers it, and whoever writes it loses it with the next look at the register; what goes on in sessions
 * that are open already may be acknowledged until then. Stateless.
 */
public final class LedgerDeletion {
    private static final int ATTEMPTS_MAX = 20;

    private final Registry registry;
    private final LedgerId ledgerId;
    private final Supplier<OpId> opIds;

    private LedgerDeletion(Registry registry, LedgerId ledgerId, Supplier<OpId> opIds) {
        this.registry = registry;
        this.ledgerId = ledgerId;
        this.opIds = opIds;
    }

    /**
     * Deletes a ledger; deleting a deleted one is no error.
     *
     * @param opIds gives another one each time
     * @return what is registered; or fails with a {@link LedgerException} that says whether the ledger may be deleted all
     *     the same, or with {@link Registry.UnavailableException}: then nothing was changed
     */
    public static CompletionStage<Versioned<LedgerMetadata>> delete(
            Registry registry, LedgerId ledgerId, Supplier<OpId> opIds) {
        return new LedgerDeletion(registry, ledgerId, opIds).attempt(1, false);
    }

    /** @param ambiguous whether an earlier attempt may have been registered */
    private CompletionStage<Versioned<LedgerMetadata>> attempt(int number, boolean ambiguous) {
        if (number > ATTEMPTS_MAX) {
            return CompletableFuture.failedStage(new LedgerException(
                    Code.Conflict, Outcome.UNKNOWN, "ledger " + ledgerId + " is being changed by others"));
        }
        return registry.read(RegistryKey.ofLedger(ledgerId))
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(ambiguous ? unknown(failure) : failure))
                .thenCompose(value -> {
                    Versioned<LedgerMetadata> found =
                            LedgerMetadata.registered(value).orElseThrow(() -> LedgerClient.noSuchLedger(ledgerId));
                    return found.value().isDeleted()
                            ? CompletableFuture.completedStage(found)
                            : change(found, number, ambiguous);
                });
    }

    private CompletionStage<Versioned<LedgerMetadata>> change(
            Versioned<LedgerMetadata> found, int number, boolean ambiguous) {
        LedgerMetadata deleted = found.value().withDeletion(Deletion.DELETED);
        return registry.compareAndSet(RegistryKey.ofLedger(ledgerId), found.version(), deleted.encode(), opIds.get())
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(ambiguous ? unknown(failure) : failure))
                .thenCompose(result -> {
                    if (result instanceof Registry.CasResult.Applied applied) {
                        return CompletableFuture.completedStage(new Versioned<>(applied.version(), deleted));
                    }
                    return attempt(number + 1, ambiguous || result instanceof Registry.CasResult.Unknown);
                });
    }

    private LedgerException unknown(Throwable failure) {
        return new LedgerException(
                Code.Unavailable,
                Outcome.UNKNOWN,
                "whether ledger " + ledgerId + " is deleted is not known: " + failure.getMessage(),
                failure);
    }
}
