package io.quire.registry.core;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import java.util.Optional;

/**
 * A voter's part in configs: which one it serves, and which one it is sealed for (R5, R6). Each step gives the state to
 * make durable before answering; a refused one leaves it as it is. Immutable.
 *
 * <pre>
 *   config  serving  next
 *   -       no       -      formatted: free for a founding or a change
 *   c       no       -      founding: c is stored, and not active yet
 *   c       yes      -      serves c
 *   c       any      n      sealed: takes no part in c's epoch or any other before n's; if n names it, it takes copies
 *   -       no       n      the same of one that never served
 * </pre>
 *
 * <p>Every step is idempotent, and no step goes back to an older epoch.
 *
 * @param voter who this is
 * @param config the last config that was stored in order to serve it
 * @param serving whether {@code config} was activated here
 * @param next the config that this voter is sealed for
 */
public record VoterState(
        VoterId voter, Optional<RegistryConfig> config, boolean serving, Optional<RegistryConfig> next) {
    /** A voter whose identity was just minted. */
    public static VoterState formatted(VoterId voter) {
        return new VoterState(voter, Optional.empty(), false, Optional.empty());
    }

    /**
     * @param state the state to make durable
     * @param refusal why nothing was done; empty when the request is granted
     */
    public record Step(VoterState state, Optional<String> refusal) {
        public boolean granted() {
            return refusal.isEmpty();
        }
    }

    /** Whether it takes part in the decisions of {@code config}'s epoch. */
    public boolean isActive() {
        return serving && next.isEmpty();
    }

    /** Why a request about registers in {@code epoch} is not served; empty when it is. */
    public Optional<String> refusalOfEpoch(long epoch) {
        if (next.isPresent()) {
            return Optional.of(
                    "the voter is sealed for config epoch " + next.get().epoch());
        } else if (!serving) {
            return Optional.of("the voter does not serve yet");
        } else if (config.orElseThrow().epoch() != epoch) {
            return Optional.of("the voter is in another config epoch than " + epoch);
        }
        return Optional.empty();
    }

    /** Stores the first config; any other is refused for ever (R6). */
    public Step found(RegistryConfig first) {
        if (!first.voters().contains(voter)) {
            return refused("the config does not name voter " + voter);
        } else if (next.isPresent()
                || config.filter(stored -> !stored.equals(first)).isPresent()) {
            return refused("the voter has stored another config already");
        }
        return granted(new VoterState(voter, Optional.of(first), serving, next));
    }

    /** Ends all epochs before that of {@code sealedFor}. */
    public Step seal(RegistryConfig sealedFor) {
        if (serving && config.filter(sealedFor::equals).isPresent()) {
            return granted(this);
        }
        Optional<RegistryConfig> latest = next.or(() -> config);
        if (latest.isPresent() && !latest.get().clusterId().equals(sealedFor.clusterId())) {
            return refused("the voter belongs to the cluster '" + latest.get().clusterName() + "'");
        } else if (latest.isEmpty() && !sealedFor.voters().contains(voter)) {
            return refused("the config does not name voter " + voter);
        } else if (next.isPresent() && next.get().equals(sealedFor)) {
            return granted(this);
        } else if (latest.isPresent() && latest.get().epoch() >= sealedFor.epoch()) {
            return refused("the voter is in config epoch " + latest.get().epoch() + " already");
        }
        return granted(new VoterState(voter, config, serving, Optional.of(sealedFor)));
    }

    /** Why its registers are no source of copies for {@code target}; empty when they are. */
    public Optional<String> refusalOfCopying(RegistryConfig target) {
        boolean serves = serving && config.orElseThrow().equals(target);
        // A first config that was stored and never activated here counts too: such a voter has accepted nothing.
        boolean sealedBehind = next.filter(target::equals).isPresent()
                && config.filter(c -> c.epoch() == target.epoch() - 1).isPresent();
        return serves || sealedBehind
                ? Optional.empty()
                : Optional.of("the voter is not sealed behind the config epoch before " + target.epoch());
    }

    /** Why it takes no copies for {@code target}; empty when it does. A voter that serves takes none. */
    public Optional<String> refusalOfCopies(RegistryConfig target) {
        return next.filter(target::equals).isPresent() && target.voters().contains(voter)
                ? Optional.empty()
                : Optional.of("the voter takes no copies for config epoch " + target.epoch());
    }

    /** Serves a config that is stored: as its first one (R6), or having the complete copy (R5). */
    public Step activate(RegistryConfig stored) {
        if (refusalOfCopies(stored).isEmpty()) {
            return granted(new VoterState(voter, next, true, Optional.empty()));
        } else if (next.isEmpty() && config.filter(stored::equals).isPresent()) {
            return granted(new VoterState(voter, config, true, next));
        }
        return refused("the voter has not stored this config, or is beyond it");
    }

    private Step refused(String reason) {
        return new Step(this, Optional.of(reason));
    }

    private static Step granted(VoterState state) {
        return new Step(state, Optional.empty());
    }
}
