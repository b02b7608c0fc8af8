package io.quire.protocol;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;

/**
 * Registers that a majority of voters keeps: the only place where the cluster decides anything. Thread-safe.
 *
 * <p>Every stage completes, at the latest after the implementation's own deadline; it fails with {@link
 * UnavailableException} when no majority answered, which says nothing about the register.
 */
public interface Registry {
    /**
     * Reads the value that every later operation will see too (linearizable); {@link RegisterValue#COLLECTED} stands for
     * the last value of a register that was collected.
     */
    CompletionStage<RegisterValue> read(RegistryKey key);

    /**
     * Changes the register to {@code value} if its version is {@code expectedVersion} (0: if it was never written).
     *
     * @param opId unique to this change; the same for a retry of it
     */
    CompletionStage<CasResult> compareAndSet(RegistryKey key, long expectedVersion, Payload value, OpId opId);

    /**
     * One page of the registers whose key starts with {@code prefix}, ascending, each as a linearizable read of that key
     * would show it at some moment during the call.
     *
     * @param after start behind this key
     * @param limit at most this many, in {@code [1, 1000]}
     */
    CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit);

    /**
     * Calls {@code listener} with newer and newer values of one register, on some thread, one at a time. Versions may be
     * skipped; the last one is delivered in the end, also when all hints about it were lost.
     */
    Watch watch(RegistryKey key, Consumer<RegisterValue> listener);

    /** How a compare-and-set ended. */
    sealed interface CasResult {
        /** The register has the new value, at {@code version}. */
        record Applied(long version) implements CasResult {}

        /**
         * The register had another version and was not changed by this operation. When it was collected, an earlier
         * attempt of the same operation may have been applied.
         */
        record Conflict(RegisterValue current) implements CasResult {}

        /** Nobody can tell any more whether the register was changed by this operation. */
        record Unknown(String reason) implements CasResult {}
    }

    /**
     * @param entries ascending
     * @param next go on behind this key; empty on the last page
     */
    record Page(List<Item> entries, Optional<RegistryKey> next) {
        public Page {
            entries = List.copyOf(entries);
        }
    }

    /** One register of a page. */
    record Item(RegistryKey key, RegisterValue value) {}

    /** A watch that goes on until it is cancelled. */
    interface Watch {
        void cancel();
    }

    /** No majority of voters answered in time; the operation's outcome is unknown. */
    final class UnavailableException extends RuntimeException {
        private static final long serialVersionUID = 1;

        public UnavailableException(String message) {
            super(message);
        }
    }
}
