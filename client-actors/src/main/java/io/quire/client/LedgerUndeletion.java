package io.quire.client;

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
 * Takes the deletion of a ledger back, as long as it is not purged (R22): one compare-and-set upon the value that was read,
 * again from the read when somebody else was faster or nobody knows. A ledger that was not closed is in recovery then; it
 * has to be recovered to be read to its end. Stateless.
 */
public final class LedgerUndeletion {
    private static final int ATTEMPTS_MAX = 20;

    private final Registry registry;
    private final LedgerId ledgerId;
    private final Supplier<OpId> opIds;

    private LedgerUndeletion(Registry registry, LedgerId ledgerId, Supplier<OpId> opIds) {
        this.registry = registry;
        this.ledgerId = ledgerId;
        this.opIds = opIds;
    }

    /**
     * Takes a deletion back; a ledger that is not deleted is left as it is.
     *
     * @param opIds gives another one each time
     * @return what is registered; or fails with a {@link LedgerException}: Conflict when the ledger is purged, NoSuchLedger
     *     when it was collected or never was; its outcome says whether the deletion may be taken back all the same. Or fails
     *     with {@link Registry.UnavailableException}: then nothing was changed
     */
    public static CompletionStage<Versioned<LedgerMetadata>> undelete(
            Registry registry, LedgerId ledgerId, Supplier<OpId> opIds) {
        return new LedgerUndeletion(registry, ledgerId, opIds).attempt(1, Outcome.NOT_APPLIED);
    }

    /** @param outcome of the attempts before */
    private CompletionStage<Versioned<LedgerMetadata>> attempt(int number, Outcome outcome) {
        if (number > ATTEMPTS_MAX) {
            return CompletableFuture.failedStage(new LedgerException(
                    Code.Conflict, Outcome.UNKNOWN, "ledger " + ledgerId + " is being changed by others"));
        }
        return registry.read(RegistryKey.ofLedger(ledgerId))
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(explained(failure, outcome)))
                .thenCompose(value -> {
                    Versioned<LedgerMetadata> found = LedgerMetadata.registered(value)
                            .orElseThrow(() -> new LedgerException(
                                    Code.NoSuchLedger, outcome, "there is no ledger " + ledgerId + ", or no longer"));
                    return switch (found.value().deletion()) {
                        case NONE -> CompletableFuture.completedStage(found);
                        case DELETED -> change(found, number, outcome);
                        case PURGED ->
                            throw new LedgerException(
                                    Code.Conflict,
                                    outcome,
                                    "ledger " + ledgerId
                                            + " is purged: its entries are being dropped, and it cannot be taken back");
                    };
                });
    }

    private CompletionStage<Versioned<LedgerMetadata>> change(
            Versioned<LedgerMetadata> found, int number, Outcome outcome) {
        LedgerMetadata back = found.value().undeleted();
        return registry.compareAndSet(RegistryKey.ofLedger(ledgerId), found.version(), back.encode(), opIds.get())
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(explained(failure, outcome)))
                .thenCompose(result -> {
                    if (result instanceof Registry.CasResult.Applied applied) {
                        return CompletableFuture.completedStage(new Versioned<>(applied.version(), back));
                    }
                    boolean unknown = result instanceof Registry.CasResult.Unknown;
                    return attempt(number + 1, unknown ? Outcome.UNKNOWN : outcome);
                });
    }

    private Throwable explained(Throwable failure, Outcome outcome) {
        return outcome == Outcome.NOT_APPLIED
                ? failure
                : new LedgerException(
                        Code.Unavailable,
                        outcome,
                        "whether the deletion of ledger " + ledgerId + " is taken back is not known: "
                                + failure.getMessage(),
                        failure);
    }
}
