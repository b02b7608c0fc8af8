package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerDeletionTest {
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final LedgerMetadata METADATA =
            LedgerMetadata.create(LEDGER, Replication.DEFAULT, ScriptedBookies.ensemble(3), Map.of(), 0);

    private final MemoryRegistry registry = new MemoryRegistry();
    private final AtomicLong lastOperation = new AtomicLong();

    private CompletionStage<Versioned<LedgerMetadata>> delete(Runnable beforeChange) {
        Supplier<OpId> opIds = () -> {
            beforeChange.run();
            return new OpId(new UUID(1, lastOperation.incrementAndGet()));
        };
        return LedgerDeletion.delete(registry, LEDGER, opIds);
    }

    private LedgerMetadata registered() {
        return LedgerMetadata.registered(registry.read(RegistryKey.ofLedger(LEDGER))
                        .toCompletableFuture()
                        .join())
                .orElseThrow()
                .value();
    }

    private static Throwable failureOf(CompletionStage<?> stage) {
        Throwable failure =
                stage.handle((value, thrown) -> thrown).toCompletableFuture().join();
        return failure instanceof CompletionException ? failure.getCause() : failure;
    }

    @Test
    @DisplayName("R22: who loses the compare-and-set deletes what is registered then, not what was read before")
    void conflict() {
        registry.put(METADATA);
        LedgerMetadata recovering = METADATA.inRecovery();
        delete(() -> {
                    if (lastOperation.get() == 0) {
                        registry.put(recovering);
                    }
                })
                .toCompletableFuture()
                .join();
        assertThat(registered()).isEqualTo(recovering.withDeletion(Deletion.DELETED));
    }

    @Test
    @DisplayName("a deletion whose answer is lost is found when it is looked for, and deleting again is no error")
    void lostAnswer() {
        registry.put(METADATA);
        registry.loseAnswer(true);
        assertThat(delete(() -> {}).toCompletableFuture().join().value().isDeleted())
                .isTrue();
        assertThat(delete(() -> {}).toCompletableFuture().join().version()).isEqualTo(2);
        assertThat(lastOperation).hasValue(1);
    }

    @Test
    @DisplayName("H20: a deletion that may have been registered never fails as one that was not")
    void ambiguous() {
        registry.put(METADATA);
        registry.loseAnswer(false);
        Throwable failure = failureOf(delete(() -> registry.setUnavailable(lastOperation.get() == 1)));
        assertThat(failure).isInstanceOfSatisfying(LedgerException.class, ledger -> {
            assertThat(ledger.code()).isEqualTo(Code.Unavailable);
            assertThat(ledger.outcome()).isEqualTo(Outcome.UNKNOWN);
        });
    }

    @Test
    @DisplayName("without a registry, or without the ledger, nothing was changed")
    void notApplied() {
        assertThat(failureOf(delete(() -> {})))
                .isInstanceOfSatisfying(LedgerException.class, ledger -> assertThat(ledger.code())
                        .isEqualTo(Code.NoSuchLedger));
        registry.put(METADATA);
        assertThat(failureOf(delete(() -> registry.setUnavailable(true))))
                .isInstanceOf(Registry.UnavailableException.class);
        registry.setUnavailable(false);
        assertThat(registered()).isEqualTo(METADATA);
    }
}
