package io.quire.protocol.wire;

import io.quire.protocol.Ballot;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerIdRange;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import java.util.List;
import java.util.Optional;

/**
 * What a registry voter is asked (CASPaxos, Rystsov 2018). Requests about registers name the voter and the config epoch
 * that the sender believes in; a voter of another epoch refuses.
 */
public sealed interface RegistryRequest extends WireMessage {
    /** Unique per sender; echoed. */
    long requestId();

    /** A request about registers: it needs the right voter in the right epoch. */
    sealed interface OfEpoch extends RegistryRequest {
        VoterId target();

        long configEpoch();
    }

    /** A request about one register. */
    sealed interface OfRegister extends OfEpoch {
        RegistryKey key();
    }

    /** Phase one: promise to accept nothing below {@code ballot}. */
    record Prepare(VoterId target, long configEpoch, long requestId, RegistryKey key, Ballot ballot)
            implements OfRegister {}

    /**
     * Phase two: accept {@code value} at {@code ballot} and, in the same commit, promise {@code next} (R1).
     *
     * @param next at least {@code ballot}
     */
    record Accept(
            VoterId target,
            long configEpoch,
            long requestId,
            RegistryKey key,
            Ballot ballot,
            RegisterValue value,
            Ballot next)
            implements OfRegister {}

    /** What was accepted last, without a promise. */
    record ReadRegister(VoterId target, long configEpoch, long requestId, RegistryKey key) implements OfRegister {}

    /** The accepted states of the keys that start with {@code prefix}, behind {@code after}, at most {@code limit}. */
    record ListRegisters(
            VoterId target, long configEpoch, long requestId, String prefix, Optional<RegistryKey> after, int limit)
            implements OfEpoch {}

    /**
     * Forget the register of a ledger that was read as purged, and know its id as deleted for ever (R4). Answered by
     * {@link RegistryReply.LedgerCollected}.
     */
    record CollectLedger(VoterId target, long configEpoch, long requestId, LedgerId ledgerId) implements OfEpoch {}

    /** Asks a voter who it is and which config it has stored. */
    record DescribeVoter(long requestId) implements RegistryRequest {}

    /** Proposes the first config (R6). */
    record FoundCluster(VoterId target, long requestId, RegistryConfig config) implements RegistryRequest {}

    /**
     * Tells a voter that it may serve {@code config}, which it has stored: every voter of a first config has (R6), or
     * the voter has the complete copy of the epoch before (R5).
     */
    record ActivateConfig(VoterId target, long requestId, RegistryConfig config) implements RegistryRequest {}

    /**
     * Ends every epoch below that of {@code next} at this voter, for ever (R5). One that {@code next} names takes copies
     * from then on. Only for a config that was chosen in the epoch before.
     */
    record SealVoter(VoterId target, long requestId, RegistryConfig next) implements RegistryRequest {}

    /**
     * All states of registers behind {@code after}, as many as fit into a message, of a voter that served the epoch
     * before {@code next} and is sealed for it, or that serves {@code next}.
     */
    record CopyRegisters(VoterId target, long requestId, RegistryConfig next, Optional<RegistryKey> after)
            implements RegistryRequest {}

    /** Merges what was copied into what a voter holds that is sealed for {@code next} and does not serve it yet. */
    record StoreCopies(
            VoterId target,
            long requestId,
            RegistryConfig next,
            List<RegistryReply.Copied> registers,
            List<LedgerIdRange> collected)
            implements RegistryRequest {
        public StoreCopies {
            registers = List.copyOf(registers);
            collected = List.copyOf(collected);
        }
    }
}
