package io.quire.persistence;

import org.apache.pekko.Done;
import org.apache.pekko.persistence.state.scaladsl.DurableStateUpdateStore;
import org.apache.pekko.persistence.state.scaladsl.GetObjectResult;
import scala.concurrent.Future;
import scala.jdk.javaapi.FutureConverters;

/**
 * {@link LedgerStateStore} for Scala. Thread-safe.
 *
 * @param <A> what the states are
 */
public final class LedgerScalaStateStore<A> implements DurableStateUpdateStore<A> {
    private final LedgerStateStore<A> store;

    LedgerScalaStateStore(LedgerStateStore<A> store) {
        this.store = store;
    }

    @Override
    public Future<GetObjectResult<A>> getObject(String persistenceId) {
        return FutureConverters.asScala(store.getObject(persistenceId).thenApply(result -> result.toScala()));
    }

    @Override
    public Future<Done> upsertObject(String persistenceId, long revision, A value, String tag) {
        return FutureConverters.asScala(store.upsertObject(persistenceId, revision, value, tag));
    }

    @Override
    @Deprecated
    public Future<Done> deleteObject(String persistenceId) {
        return FutureConverters.asScala(store.deleteObject(persistenceId));
    }

    @Override
    public Future<Done> deleteObject(String persistenceId, long revision) {
        return FutureConverters.asScala(store.deleteObject(persistenceId, revision));
    }
}
