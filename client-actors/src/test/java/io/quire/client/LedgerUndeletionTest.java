package io.quire.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.OpId;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class LedgerUndeletionTest {
    private static final LedgerId LEDGER = new LedgerId(7);
    private static final LedgerMetadata OPEN =
            LedgerMetadata.create(LEDGER, Replication.DEFAULT, ScriptedBookies.ensemble(3), Map.of(), 0);

    private final MemoryRegistry registry = new MemoryRegistry();
    private final AtomicLong lastOperation = new AtomicLong();
    private Runnable beforeChange = () -> {};

    private Versioned<LedgerMetadata> undelete() {
        return LedgerUndeletion.undelete(registry, LEDGER, () -> {
                    beforeChange.run();
                    return new OpId(new UUID(1, lastOperation.incrementAndGet()));
                })
                .toCompletableFuture()
                .join();
    }

    private LedgerException failure() {
        Versioned<LedgerMetadata> back;
        try {
            back = undelete();
        } catch (CompletionException e) {
            return (LedgerException) e.getCause();
        }
        throw new AssertionError("it came back: " + back);
    }

    @Test
    @DisplayName("R22: a ledger that was not closed comes back in recovery, never open; a closed one as it was")
    void state() {
        registry.put(OPEN.withDeletion(Deletion.DELETED));
        assertThat(undelete().value()).isEqualTo(OPEN.inRecovery());
        assertThat(undelete().version()).as("it is not deleted any more").isEqualTo(2);

        LedgerMetadata closed = OPEN.inRecovery().closed(9, 100, List.of());
        registry.put(closed.withDeletion(Deletion.DELETED));
        assertThat(undelete().value()).isEqualTo(closed);
    }

    @Test
    @DisplayName("R22: what is not deleted is left as it is, also if it is open")
    void notDeleted() {
        registry.put(OPEN);
        assertThat(undelete()).isEqualTo(new Versioned<>(1, OPEN));
        assertThat(lastOperation).hasValue(0);
        assertThat(OPEN.state()).isEqualTo(LedgerState.OPEN);
    }

    @Test
    @DisplayName("R22: PURGED is terminal, also when it comes between the read and the change")
    void purged() {
        registry.put(OPEN.withDeletion(Deletion.DELETED));
        beforeChange = () -> registry.put(OPEN.withDeletion(Deletion.PURGED));
        LedgerException failure = failure();
        assertThat(failure.code()).isEqualTo(Code.Conflict);
        assertThat(failure.outcome()).isEqualTo(Outcome.NOT_APPLIED);
        assertThat(LedgerMetadata.registered(registry.read(RegistryKey.ofLedger(LEDGER))
                                .toCompletableFuture()
                                .join())
                        .orElseThrow()
                        .value()
                        .deletion())
                .isEqualTo(Deletion.PURGED);
    }

    @Test
    @DisplayName("a ledger that never was cannot be taken back")
    void absent() {
        assertThat(failure().code()).isEqualTo(Code.NoSuchLedger);
    }

    @Test
    @DisplayName("a lost answer is looked for; what cannot be found out is UNKNOWN")
    void lostAnswer() {
        registry.put(OPEN.withDeletion(Deletion.DELETED));
        registry.loseAnswer(true);
        assertThat(undelete().value()).isEqualTo(OPEN.inRecovery());

        registry.put(OPEN.withDeletion(Deletion.DELETED));
        registry.loseAnswer(false);
        beforeChange = () -> registry.setUnavailable(lastOperation.get() > 1);
        assertThat(failure().outcome()).isEqualTo(Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("without a majority of voters nothing is changed")
    void unavailable() {
        registry.setUnavailable(true);
        assertThatThrownBy(this::undelete).hasCauseInstanceOf(Registry.UnavailableException.class);
    }
}
