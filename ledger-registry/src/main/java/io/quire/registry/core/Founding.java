package io.quire.registry.core;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Founds a cluster's registry (R6): once as many voters as configured are known and none of them belongs to a cluster,
 * everybody computes the same config, asks each voter to store it, and activates it when every voter that it names has.
 *
 * <p>A majority would not do: with more voters formatted than configured, {A, B, C} and {C, D, E} can each have one
 * without C. A voter stores one config and refuses any other for ever, so that of two configs that share a voter only
 * one is ever stored by all (decision 008). Hence a voter that serves is proof that its config is the one, and whoever
 * is named by it is completed. A founding that stopped half way goes on wherever it stopped, once all its voters are
 * back, until all of them serve: one that missed its activation would otherwise be missing for ever. Not thread-safe.
 */
public final class Founding {
    private final String clusterName;
    private final int votersExpected;
    private final Set<VoterId> described = new TreeSet<>();
    private final Set<VoterId> serving = new TreeSet<>();
    /** What voters are known to have stored, which they never give up. */
    private final Map<VoterId, RegistryConfig> stored = new TreeMap<>();

    /** What to do next. */
    public sealed interface Step {
        /** Wait for more voters. */
        record Wait(String reason) implements Step {}

        /** Ask each of {@code config.voters()} to store it. */
        record Propose(RegistryConfig config) implements Step {}

        /** Tell each voter that all have stored it. */
        record Activate(RegistryConfig config) implements Step {}

        /** Nothing that was not known before. */
        record NothingNew() implements Step {}

        /** The registry exists, with this config or a later one; nothing is left to be done here. */
        record Exists(RegistryConfig config) implements Step {}

        /** The voters here do not belong together; an operator has to look. */
        record Refuse(String reason) implements Step {}
    }

    public Founding(String clusterName, int votersExpected) {
        if (votersExpected < 1) {
            throw new IllegalArgumentException("a registry needs at least one voter: " + votersExpected);
        }
        this.clusterName = clusterName;
        this.votersExpected = votersExpected;
    }

    /**
     * A voter said who it is and what it has stored.
     *
     * @param config the config that it is sealed for, or else the one that it has stored
     */
    public Step voterDescribed(VoterId voter, Optional<RegistryConfig> config, boolean isServing) {
        described.add(voter);
        config.ifPresent(c -> stored.put(voter, c));
        if (isServing) {
            serving.add(voter);
        }
        return next();
    }

    /** A voter has stored {@code config}, or had before. */
    public Step configStored(VoterId voter, RegistryConfig config) {
        boolean known = config.equals(stored.put(voter, config));
        return known ? new Step.NothingNew() : next();
    }

    private Step next() {
        List<RegistryConfig> configs = stored.values().stream().distinct().toList();
        Optional<RegistryConfig> foreign = configs.stream()
                .filter(config -> !config.clusterName().equals(clusterName))
                .findFirst();
        if (foreign.isPresent()) {
            return new Step.Refuse("a voter belongs to the cluster '"
                    + foreign.get().clusterName() + "', this one is '" + clusterName + "'");
        }
        Optional<RegistryConfig> changed =
                configs.stream().filter(config -> config.epoch() > 1).findFirst();
        if (changed.isPresent()) {
            return new Step.Exists(changed.get());
        }
        if (!serving.isEmpty()) {
            return afterActivation(newestServed());
        }
        if (described.size() > votersExpected) {
            return new Step.Refuse(described.size() + " voters are there, " + votersExpected + " are configured");
        }
        if (configs.size() > 1) {
            return new Step.Refuse(
                    "voters have stored different first configs, of which at most one can be completed: " + configs);
        }
        if (configs.size() == 1 && !configs.get(0).voters().containsAll(described)) {
            return new Step.Refuse("a voter has stored a first config that another one is not part of");
        }
        if (configs.isEmpty() && described.size() < votersExpected) {
            return new Step.Wait(described.size() + " of " + votersExpected + " voters are there");
        }
        RegistryConfig config =
                configs.isEmpty() ? RegistryConfig.founding(clusterName, List.copyOf(described)) : configs.get(0);
        if (stored.keySet().containsAll(config.voters())) {
            return new Step.Activate(config);
        }
        if (stored.keySet().containsAll(described)) {
            return new Step.Wait("a founding is half done, and waits for the voters "
                    + config.voters().stream()
                            .filter(voter -> !stored.containsKey(voter))
                            .toList());
        }
        return new Step.Propose(config);
    }

    /** Somebody serves, so all have stored the config: do the other voters serve as well? */
    private Step afterActivation(RegistryConfig config) {
        List<VoterId> behind = config.voters().stream()
                .filter(voter -> !serving.contains(voter))
                .toList();
        if (behind.isEmpty()) {
            return new Step.Exists(config);
        }
        if (behind.stream()
                .anyMatch(voter -> !stored.getOrDefault(voter, config).equals(config))) {
            return new Step.Refuse("voters have stored different first configs");
        }
        if (behind.stream().noneMatch(described::contains)) {
            return new Step.Wait("the registry serves; voters missing: " + behind);
        }
        boolean allStored = behind.stream().filter(described::contains).allMatch(stored::containsKey);
        return allStored ? new Step.Activate(config) : new Step.Propose(config);
    }

    private RegistryConfig newestServed() {
        return serving.stream()
                .map(stored::get)
                .filter(Objects::nonNull)
                .max(Comparator.comparingLong(RegistryConfig::epoch))
                .orElseThrow(() -> new IllegalStateException("a voter serves without a config"));
    }
}
