package io.quire.client;

import io.quire.client.core.Failure;
import io.quire.client.core.Placement;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.OpId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.function.LongSupplier;

/** Creates a ledger: an id, an ensemble, and its register from absent to OPEN. */
final class LedgerCreation {
    private final ClientContext client;
    private final Replication replication;
    private final Guard guard;
    private final Map<String, String> labels;
    private final LongSupplier wallClockMillis;

    /**
     * How a ledger's entries are guarded, and who may change it.
     *
     * @param password what an HMAC needs
     */
    record Guard(DigestType digest, LedgerPassword password) {
        static final Guard DEFAULT = new Guard(DigestType.CRC32C, LedgerPassword.NONE);

        Guard {
            if (digest.needsPassword() && password.isNone()) {
                throw new IllegalArgumentException("a ledger with digests of type " + digest + " needs a password");
            }
        }
    }

    LedgerCreation(
            ClientContext client,
            Replication replication,
            Guard guard,
            Map<String, String> labels,
            LongSupplier wallClockMillis) {
        this.client = client;
        this.replication = replication;
        this.guard = guard;
        this.labels = labels;
        this.wallClockMillis = wallClockMillis;
    }

    /** The created ledger; fails with a {@link LedgerException}. */
    CompletionStage<Versioned<LedgerMetadata>> create() {
        return client.ledgerIds
                .next()
                .thenCompose(this::create)
                .exceptionallyCompose(failure ->
                        CompletableFuture.failedStage(failureOf(failure).toException()));
    }

    /** The key of the ledger that was created. */
    LedgerKey keyOf(Versioned<LedgerMetadata> created) {
        return guard.password().keyOf(created.value().ledgerId());
    }

    private CompletionStage<Versioned<LedgerMetadata>> create(LedgerId ledgerId) {
        Placement.Choice choice = Placement.choose(
                client.feed.bookies(), replication.ensembleSize(), client.settings.distinct(), ledgerId.value());
        if (choice.failure().isPresent()) {
            return CompletableFuture.failedStage(choice.failure().get().toException());
        }
        Ensemble ensemble = choice.ensemble().orElseThrow();
        LedgerMetadata metadata = LedgerMetadata.create(
                        ledgerId, replication, ensemble, labels, wallClockMillis.getAsLong())
                .guardedBy(guard.digest(), guard.password().keyOf(ledgerId).verifier());
        return client.registry
                .compareAndSet(RegistryKey.ofLedger(ledgerId), 0, metadata.encode(), new OpId(UUID.randomUUID()))
                .thenApply(result -> registered(metadata, result));
    }

    private Versioned<LedgerMetadata> registered(LedgerMetadata metadata, Registry.CasResult result) {
        if (result instanceof Registry.CasResult.Applied applied) {
            Versioned<LedgerMetadata> created = new Versioned<>(applied.version(), metadata);
            client.feed.publish(created);
            return created;
        } else if (result instanceof Registry.CasResult.Unknown unknown) {
            throw new LedgerException(
                    Code.TimedOut,
                    Outcome.UNKNOWN,
                    "ledger " + metadata.ledgerId() + " may have been created, empty: " + unknown.reason());
        }
        throw new IllegalStateException("ledger id " + metadata.ledgerId() + " was handed out twice: " + result);
    }

    /** What a failed stage means to the caller. */
    static Failure failureOf(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        if (cause instanceof LedgerException ledger) {
            return new Failure(ledger.code(), ledger.outcome(), String.valueOf(ledger.getMessage()));
        } else if (cause instanceof Registry.UnavailableException) {
            return new Failure(Code.Unavailable, Outcome.NOT_APPLIED, String.valueOf(cause.getMessage()));
        } else if (cause instanceof IllegalArgumentException) {
            return new Failure(Code.InvalidRequest, Outcome.NOT_APPLIED, String.valueOf(cause.getMessage()));
        }
        return new Failure(Code.Unavailable, Outcome.UNKNOWN, String.valueOf(cause));
    }
}
