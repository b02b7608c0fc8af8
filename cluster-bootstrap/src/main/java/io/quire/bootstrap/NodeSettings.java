package io.quire.bootstrap;

import com.typesafe.config.Config;
import io.quire.bookie.BookieBoot;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What a node is; section {@code quire.node} of the configuration, explained in {@code quire-node.conf}.
 *
 * @param name what people call it
 * @param clusterName the cluster; stores and voters are formatted for it
 * @param stores the stores that it serves, possibly none
 * @param voterDirectories the registry voters that it serves, possibly none
 * @param formation how it finds the others
 * @param autoInit whether a registry is founded when none exists
 * @param foundingVoters how many voters found it
 * @param http whether HTTP is served
 * @param startTimeout how long starting may take
 */
public record NodeSettings(
        String name,
        String clusterName,
        List<Store> stores,
        List<Path> voterDirectories,
        Formation formation,
        boolean autoInit,
        int foundingVoters,
        boolean http,
        Duration startTimeout) {
    /** How a node finds the others. */
    public enum Formation {
        /** It is the first and only one, or others join it. */
        SELF,
        /** {@code pekko.cluster.seed-nodes}. */
        SEED_NODES,
        /** Pekko Cluster Bootstrap: {@code pekko.management.cluster.bootstrap} and {@code pekko.discovery}. */
        BOOTSTRAP
    }

    /**
     * @param directory the store's own
     * @param journalDirectory of its journal, perhaps on a disk of its own
     * @param labels rack, zone and the like
     */
    public record Store(Path directory, Path journalDirectory, Map<String, String> labels) {
        public Store {
            directory = directory.toAbsolutePath().normalize();
            journalDirectory = journalDirectory.toAbsolutePath().normalize();
            labels = Map.copyOf(labels);
        }
    }

    public NodeSettings {
        stores = List.copyOf(stores);
        voterDirectories = List.copyOf(voterDirectories);
        Set<Path> directories = new HashSet<>();
        for (Store store : stores) {
            if (!directories.add(store.directory()) || !directories.add(store.journalDirectory())) {
                throw new IllegalArgumentException("quire.node.stores names " + store.directory() + " or "
                        + store.journalDirectory() + " twice; each store needs directories of its own");
            }
        }
        if (name.isEmpty() || clusterName.isEmpty()) {
            throw new IllegalArgumentException("quire.node.name and quire.node.cluster-name must not be empty");
        }
        if (foundingVoters < 1) {
            throw new IllegalArgumentException(
                    "quire.node.registry.founding-voters must be positive: " + foundingVoters);
        }
    }

    /** Reads section {@code quire.node} of {@code root}. */
    public static NodeSettings from(Config root) {
        Config config = root.getConfig("quire.node");
        List<Store> stores = new ArrayList<>();
        for (Config store : config.getConfigList("stores")) {
            Map<String, String> labels = new TreeMap<>();
            if (store.hasPath("labels")) {
                store.getObject("labels").forEach((key, value) -> labels.put(key, String.valueOf(value.unwrapped())));
            }
            Path directory = Path.of(store.getString("directory"));
            Path journal = store.hasPath("journal-directory")
                    ? Path.of(store.getString("journal-directory"))
                    : BookieBoot.journalIn(directory);
            stores.add(new Store(directory, journal, labels));
        }
        return new NodeSettings(
                config.getString("name"),
                config.getString("cluster-name"),
                stores,
                config.getStringList("registry.directories").stream()
                        .map(directory -> Path.of(directory).toAbsolutePath())
                        .toList(),
                formation(config.getString("formation")),
                config.getBoolean("registry.auto-init"),
                config.getInt("registry.founding-voters"),
                config.getBoolean("http"),
                config.getDuration("start-timeout"));
    }

    private static Formation formation(String text) {
        return switch (text) {
            case "self" -> Formation.SELF;
            case "seed-nodes" -> Formation.SEED_NODES;
            case "bootstrap" -> Formation.BOOTSTRAP;
            default ->
                throw new IllegalArgumentException(
                        "quire.node.formation must be self, seed-nodes or bootstrap: " + text);
        };
    }

    /** The roles that the node has in the cluster. */
    List<String> roles() {
        List<String> roles = new ArrayList<>();
        if (!stores.isEmpty()) {
            roles.add("bookie");
        }
        if (!voterDirectories.isEmpty()) {
            roles.add("registry");
        }
        if (http) {
            roles.add("admin");
        }
        if (stores.isEmpty() && voterDirectories.isEmpty()) {
            roles.add("client");
        }
        return roles;
    }
}
