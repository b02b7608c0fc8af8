package io.quire.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

class BlockLedgerIdsTest {
    private final OneRegister register = new OneRegister();

    @Test
    @DisplayName("ids ascend from 0, one registry change for each block")
    void blocks() {
        BlockLedgerIds ids = new BlockLedgerIds(register, 4);
        for (long i = 0; i < 10; i++) {
            assertThat(take(ids)).isEqualTo(i);
        }
        assertThat(register.value.version()).isEqualTo(3);
    }

    @Test
    @DisplayName("R2, H88: a block whose reservation is ambiguous is abandoned, registered or not")
    void ambiguous() {
        BlockLedgerIds ids = new BlockLedgerIds(register, 4);
        register.answers.add(Answer.UNKNOWN_APPLIED);
        assertThat(take(ids)).isEqualTo(4);
        for (long i = 5; i < 8; i++) {
            assertThat(take(ids)).isEqualTo(i);
        }
        register.answers.add(Answer.UNKNOWN_LOST);
        assertThat(take(ids)).isEqualTo(8);
    }

    @Test
    @DisplayName("a registry that does not answer fails who waits, and the next one tries anew")
    void unavailable() {
        BlockLedgerIds ids = new BlockLedgerIds(register, 4);
        register.answers.add(Answer.UNAVAILABLE);
        assertThatThrownBy(() -> ids.next().toCompletableFuture().join())
                .hasCauseInstanceOf(Registry.UnavailableException.class);
        assertThat(take(ids)).isZero();
    }

    @Test
    @DisplayName("a register that cannot be read as ids fails who waits")
    void damaged() {
        register.value = RegisterValue.ABSENT.changedTo(Payload.ofUtf8("?"), new OpId(new java.util.UUID(0, 1)));
        BlockLedgerIds ids = new BlockLedgerIds(register, 4);
        assertThat(ids.next().toCompletableFuture()).isCompletedExceptionally();
        assertThat(ids.next().toCompletableFuture()).isCompletedExceptionally();
    }

    @Test
    @DisplayName("H88: no id is handed out twice by many clients with interleaved and ambiguous reservations")
    void unique() {
        register.random = new Random(5);
        register.deferred = true;
        List<CompletableFuture<LedgerId>> taken = new ArrayList<>();
        List<BlockLedgerIds> clients = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            clients.add(new BlockLedgerIds(register, 3));
        }
        for (int i = 0; i < 2_000; i++) {
            taken.add(
                    clients.get(register.random.nextInt(clients.size())).next().toCompletableFuture());
            register.runSome();
        }
        while (!register.pending.isEmpty()) {
            register.runSome();
        }
        assertThat(taken).allMatch(CompletableFuture::isDone);
        List<LedgerId> ids = taken.stream()
                .filter(id -> !id.isCompletedExceptionally())
                .map(CompletableFuture::join)
                .toList();
        assertThat(ids).hasSizeGreaterThan(1_500).doesNotHaveDuplicates();
    }

    private static long take(BlockLedgerIds ids) {
        return ids.next().toCompletableFuture().join().value();
    }

    private enum Answer {
        RIGHT,
        UNKNOWN_APPLIED,
        UNKNOWN_LOST,
        UNAVAILABLE
    }

    /** A registry of one register, in memory, whose answers come late and are lost as it is told. */
    private static final class OneRegister implements Registry {
        private final List<Answer> answers = new ArrayList<>();
        private final List<Runnable> pending = new ArrayList<>();
        private RegisterValue value = RegisterValue.ABSENT;
        private Random random = new Random(1);
        private boolean deferred;

        @Override
        public CompletionStage<RegisterValue> read(RegistryKey key) {
            CompletableFuture<RegisterValue> result = new CompletableFuture<>();
            run(() -> result.complete(value));
            return result;
        }

        @Override
        public CompletionStage<CasResult> compareAndSet(
                RegistryKey key, long expectedVersion, Payload next, OpId opId) {
            CompletableFuture<CasResult> result = new CompletableFuture<>();
            run(() -> {
                Answer answer = nextAnswer();
                boolean applies = value.version() == expectedVersion
                        && (answer == Answer.RIGHT || answer == Answer.UNKNOWN_APPLIED);
                if (applies) {
                    value = value.changedTo(next, opId);
                }
                if (answer == Answer.UNAVAILABLE) {
                    result.completeExceptionally(new UnavailableException("told so"));
                } else if (answer != Answer.RIGHT) {
                    result.complete(new CasResult.Unknown("told so"));
                } else {
                    result.complete(applies ? new CasResult.Applied(value.version()) : new CasResult.Conflict(value));
                }
            });
            return result;
        }

        private Answer nextAnswer() {
            if (deferred) {
                return random.nextInt(4) > 0 ? Answer.RIGHT : Answer.values()[random.nextInt(4)];
            }
            return answers.isEmpty() ? Answer.RIGHT : answers.remove(0);
        }

        private void run(Runnable action) {
            if (deferred) {
                pending.add(action);
            } else {
                action.run();
            }
        }

        void runSome() {
            for (int i = random.nextInt(4); i > 0 && !pending.isEmpty(); i--) {
                pending.remove(random.nextInt(pending.size())).run();
            }
        }

        @Override
        public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
            throw new UnsupportedOperationException();
        }
    }
}
