package io.quire.protocol.wire;

import io.quire.protocol.Ballot;
import io.quire.protocol.LedgerIdRange;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import java.util.List;
import java.util.Optional;

/** What a registry voter answers, always after its state is committed to disk. */
public sealed interface RegistryReply extends WireMessage {
    VoterId voter();

    /** The request that this answers. */
    long requestId();

    /** The promise is kept; this was accepted before ({@link Ballot#ZERO} and {@link RegisterValue#ABSENT}: nothing). */
    record Promised(VoterId voter, long requestId, Ballot ballot, Ballot accepted, RegisterValue value)
            implements RegistryReply {}

    /** The value is accepted, and {@code Accept.next} promised. */
    record Accepted(VoterId voter, long requestId, Ballot ballot) implements RegistryReply {}

    /** The ballot is below what is promised. */
    record BallotRejected(VoterId voter, long requestId, Ballot ballot, Ballot promised) implements RegistryReply {}

    /** What was accepted last. */
    record RegisterRead(VoterId voter, long requestId, Ballot accepted, RegisterValue value) implements RegistryReply {}

    /**
     * @param registers ascending
     * @param more whether the voter holds keys of the prefix behind the last of them
     */
    record RegistersListed(VoterId voter, long requestId, List<Listed> registers, boolean more)
            implements RegistryReply {
        public RegistersListed {
            registers = List.copyOf(registers);
        }
    }

    /** One register of a listing. */
    record Listed(RegistryKey key, Ballot accepted, RegisterValue value) {}

    /** The ledger was deleted and its register collected, at this voter for ever (R4): the answer to any request about it. */
    record LedgerCollected(VoterId voter, long requestId) implements RegistryReply {}

    /**
     * @param registers ascending
     * @param collected the ids of collected ledgers between where the copy goes on and where this part of it ends
     * @param next where the next part goes on, behind this key; empty when there is none
     */
    record RegistersCopied(
            VoterId voter,
            long requestId,
            List<Copied> registers,
            List<LedgerIdRange> collected,
            Optional<RegistryKey> next)
            implements RegistryReply {
        public RegistersCopied {
            registers = List.copyOf(registers);
            collected = List.copyOf(collected);
        }
    }

    /** All that a voter holds of one register. */
    record Copied(RegistryKey key, Ballot promised, Ballot accepted, RegisterValue value) {}

    /**
     * @param config the last config that the voter has stored to serve it, if any
     * @param serving whether it takes part in decisions of that config's epoch
     * @param next the config that the voter is sealed for, until it serves it (R5)
     */
    record VoterDescribed(
            VoterId voter,
            long requestId,
            Optional<RegistryConfig> config,
            boolean serving,
            Optional<RegistryConfig> next)
            implements RegistryReply {}

    /** What was asked is stored: the config, the seal, the activation or the copies. */
    record ConfigStored(VoterId voter, long requestId) implements RegistryReply {}

    /**
     * The voter does not serve such a request.
     *
     * @param config the config that it has stored, if any
     */
    record VoterRefused(VoterId voter, long requestId, String reason, Optional<RegistryConfig> config)
            implements RegistryReply {}
}
