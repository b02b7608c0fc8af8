package io.quire.persistence;

import com.typesafe.config.Config;
import io.quire.bootstrap.QuireNode;
import java.util.Optional;
import org.apache.pekko.actor.AbstractExtensionId;
import org.apache.pekko.actor.ActorSystem;
import org.apache.pekko.actor.ClassicActorSystemProvider;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.actor.Extension;
import org.apache.pekko.actor.ExtensionIdProvider;

/**
 * Which Quire cluster the persistent actors of an actor system write to: that of the node that the application gives it
 * before the first of them starts, or of one that it starts itself ({@code quire.persistence.start-node}). Thread-safe.
 */
public final class QuirePersistence implements Extension {
    /** Names the extension. */
    public static final Id ID = new Id();

    private static final String SECTION = "quire.persistence";

    private final ActorSystem system;
    private final Config config;
    private Optional<QuireNode> node = Optional.empty();

    /** The extension's id. */
    public static final class Id extends AbstractExtensionId<QuirePersistence> implements ExtensionIdProvider {
        private Id() {}

        @Override
        public QuirePersistence createExtension(ExtendedActorSystem system) {
            return new QuirePersistence(system);
        }

        @Override
        public Id lookup() {
            return ID;
        }
    }

    private QuirePersistence(ActorSystem system) {
        this.system = system;
        this.config = system.settings().config().getConfig(SECTION);
    }

    /** That of {@code system}. */
    public static QuirePersistence get(ClassicActorSystemProvider system) {
        return ID.get(system);
    }

    /**
     * Has the plugin use {@code node}, which the application starts and stops; it has to outlive the persistent actors.
     *
     * @throws IllegalStateException when another one is in use
     */
    public synchronized void use(QuireNode node) {
        if (this.node.isPresent() && this.node.get() != node) {
            throw new IllegalStateException("another node is in use already: a plugin writes to one cluster");
        }
        this.node = Optional.of(node);
    }

    /**
     * The node in use; started now when the configuration says so.
     *
     * @throws IllegalStateException when there is none
     * @throws QuireNode.NodeStartException when it does not start
     */
    synchronized QuireNode node() {
        if (node.isEmpty()) {
            if (!config.getBoolean("start-node")) {
                throw new IllegalStateException("no Quire cluster to persist to: call QuirePersistence.get(system)"
                        + ".use(node) before the first persistent actor, or set " + SECTION + ".start-node = on and "
                        + SECTION + ".node");
            }
            QuireNode started = QuireNode.start(QuireNode.configOf(config.getConfig("node")));
            system.registerOnTermination(started::close);
            node = Optional.of(started);
        }
        return node.get();
    }

    /** The name of the log that the events of {@code persistenceId} are in. */
    String logOf(String persistenceId) {
        return prefix() + persistenceId;
    }

    /** What the names of all events' logs begin with. */
    String prefix() {
        return config.getString("prefix");
    }
}
