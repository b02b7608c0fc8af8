package io.quire.registry.core;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Founds a cluster's registry (R6): once as many voters as configured are known and none of them belongs to a cluster,
 * everybody computes the same config, asks each voter to store it, and activates it when a majority has. Voters refuse a
 * second, different config for ever, so that two foundings cannot both reach a majority. Not thread-safe.
 */
public final class Founding {
    private final String clusterName;
    private final int votersExpected;
    private final Map<VoterId, Optional<RegistryConfig>> described = new HashMap<>();
    private final Set<VoterId> serving = new HashSet<>();
    private final Set<VoterId> stored = new HashSet<>();

    /** What to do next. */
    public sealed interface Step {
        /** Wait for more voters. */
        record Wait(String reason) implements Step {}

        /** Ask each of {@code config.voters()} to store it. */
        record Propose(RegistryConfig config) implements Step {}

        /** Tell each voter that a majority has stored it. */
        record Activate(RegistryConfig config) implements Step {}

        /** The registry exists, with this config; nothing is to be founded. */
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

    /** A voter said who it is and what it has stored. */
    public Step voterDescribed(VoterId voter, Optional<RegistryConfig> config, boolean isServing) {
        described.put(voter, config);
        if (isServing) {
            serving.add(voter);
        }
        return next();
    }

    /** A voter has stored the proposed config. */
    public Step configStored(VoterId voter) {
        stored.add(voter);
        return next();
    }

    private Step next() {
        List<RegistryConfig> configs =
                described.values().stream().flatMap(Optional::stream).distinct().toList();
        Optional<RegistryConfig> foreign = configs.stream()
                .filter(config -> !config.clusterName().equals(clusterName))
                .findFirst();
        if (foreign.isPresent()) {
            return new Step.Refuse("a voter belongs to the cluster '"
                    + foreign.get().clusterName() + "', this one is '" + clusterName + "'");
        }
        if (!serving.isEmpty()) {
            return new Step.Exists(newest(configs));
        }
        if (described.size() > votersExpected) {
            return new Step.Refuse(described.size() + " voters are there, " + votersExpected + " are configured");
        }
        if (configs.size() > 1) {
            return new Step.Refuse("voters have stored different first configs: " + configs);
        }
        if (configs.size() == 1 && !configs.get(0).voters().containsAll(described.keySet())) {
            return new Step.Refuse("a voter has stored a first config that another one is not part of");
        }
        if (configs.isEmpty() && described.size() < votersExpected) {
            return new Step.Wait(described.size() + " of " + votersExpected + " voters are there");
        }
        RegistryConfig config = configs.isEmpty()
                ? RegistryConfig.founding(clusterName, List.copyOf(described.keySet()))
                : configs.get(0);
        return stored.size() >= config.majority() ? new Step.Activate(config) : new Step.Propose(config);
    }

    private static RegistryConfig newest(List<RegistryConfig> configs) {
        return configs.stream()
                .max(java.util.Comparator.comparingLong(RegistryConfig::epoch))
                .orElseThrow(() -> new IllegalStateException("a voter serves without a config"));
    }
}
