package io.quire.persistence;

import com.typesafe.config.Config;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.persistence.state.DurableStateStoreProvider;

/** Makes the stores of durable states of an actor system; Pekko creates it. */
public final class LedgerStateStoreProvider implements DurableStateStoreProvider {
    private final LedgerStateStore<Object> store;

    /**
     * @param config the plugin's own section
     */
    public LedgerStateStoreProvider(ExtendedActorSystem system, Config config) {
        store = new LedgerStateStore<>(system, config);
    }

    @Override
    public LedgerScalaStateStore<Object> scaladslDurableStateStore() {
        return new LedgerScalaStateStore<>(store);
    }

    @Override
    public LedgerStateStore<Object> javadslDurableStateStore() {
        return store;
    }
}
