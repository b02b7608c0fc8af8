package io.quire.persistence;

import com.typesafe.config.Config;
import io.quire.client.blob.Blobs;
import io.quire.persistence.StateRegister.State;
import io.quire.protocol.LedgerId;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import org.apache.pekko.Done;
import org.apache.pekko.actor.ExtendedActorSystem;
import org.apache.pekko.persistence.state.javadsl.DurableStateUpdateStore;
import org.apache.pekko.persistence.state.javadsl.GetObjectResult;
import org.apache.pekko.serialization.Serialization;
import org.apache.pekko.serialization.SerializationExtension;
import org.apache.pekko.serialization.Serializer;
import org.apache.pekko.serialization.Serializers;

/**
 * A store of durable states of Pekko Persistence: a register for each persistence id, changed by compare-and-set, so that
 * of two incarnations that change the same revision one is refused. A state above a limit is a blob that the register
 * names. A change is acknowledged when a majority of the voters has it durably, and the blob its ack quorum of bookies.
 *
 * <p>Configured by {@code quire.persistence.state}. Thread-safe.
 *
 * @param <A> what the states are
 */
public final class LedgerStateStore<A> implements DurableStateUpdateStore<A> {
    /** Names the plugin. */
    public static final String IDENTIFIER = "quire.persistence.state";

    private final QuirePersistence persistence;
    private final Serialization serialization;
    private final long inlineBytesMax;

    /**
     * @param config the plugin's own section
     */
    LedgerStateStore(ExtendedActorSystem system, Config config) {
        this.persistence = QuirePersistence.get(system);
        this.serialization = SerializationExtension.get(system);
        this.inlineBytesMax = config.getBytes("inline-bytes-max");
    }

    private Registry registry() {
        return persistence.node().registry();
    }

    private Blobs blobs() {
        return Blobs.create(
                persistence.node().client(),
                persistence.node().logs().settings().replication());
    }

    @Override
    public CompletionStage<GetObjectResult<A>> getObject(String persistenceId) {
        return registry().read(StateRegister.keyOf(persistenceId)).thenCompose(value -> {
            StateRegister register = StateRegister.of(persistenceId, value);
            return register.state().isEmpty()
                    ? CompletableFuture.completedStage(new GetObjectResult<>(Optional.empty(), register.revision()))
                    : valueOf(register.state().get())
                            .thenApply(state -> new GetObjectResult<>(Optional.of(state), register.revision()));
        });
    }

    private CompletionStage<A> valueOf(State state) {
        CompletionStage<byte[]> bytes = state.blob().isPresent()
                ? blobs().get(state.blob().get())
                : CompletableFuture.completedStage(state.bytes().orElseThrow().toByteArray());
        return bytes.thenApply(this.<A>deserializing(state));
    }

    @SuppressWarnings("unchecked") // Whoever names the class of the states is whoever wrote them.
    private <T> Function<byte[], T> deserializing(State state) {
        return bytes -> (T) serialization
                .deserialize(bytes, state.serializerId(), state.manifest())
                .get();
    }

    /**
     * {@inheritDoc}
     *
     * @param revision one more than that of the state it takes the place of; otherwise, and when another one is faster, it
     *     fails and changes nothing
     */
    @Override
    public CompletionStage<Done> upsertObject(String persistenceId, long revision, A value, String tag) {
        Serializer serializer = serialization.findSerializerFor(value);
        String manifest = Serializers.manifestFor(serializer, value);
        byte[] bytes = serializer.toBinary(value);
        if (bytes.length <= inlineBytesMax) {
            State state =
                    new State(serializer.identifier(), manifest, Optional.of(Payload.wrap(bytes)), Optional.empty());
            return change(new StateRegister(persistenceId, revision, tag, Optional.of(state)));
        }
        return blobs().put(bytes)
                .thenCompose(blob -> change(new StateRegister(
                        persistenceId,
                        revision,
                        tag,
                        Optional.of(new State(
                                serializer.identifier(), manifest, Optional.empty(), Optional.of(blob.ledgerId()))))));
    }

    /** Deletes whatever state there is, which may be one that another incarnation wrote. */
    @Override
    @Deprecated
    public CompletionStage<Done> deleteObject(String persistenceId) {
        return registry()
                .read(StateRegister.keyOf(persistenceId))
                .thenCompose(value -> deleteObject(
                        persistenceId, StateRegister.of(persistenceId, value).revision() + 1));
    }

    /** Deletes a state; its revision goes on counting. */
    @Override
    public CompletionStage<Done> deleteObject(String persistenceId, long revision) {
        return change(new StateRegister(persistenceId, revision, "", Optional.empty()));
    }

    private CompletionStage<Done> change(StateRegister next) {
        return registry().read(StateRegister.keyOf(next.persistenceId())).thenCompose(value -> {
            StateRegister current = StateRegister.of(next.persistenceId(), value);
            return current.revision() == next.revision() - 1
                    ? set(value, current, next)
                    : refused(next, "its revision is " + current.revision());
        });
    }

    private CompletionStage<Done> set(RegisterValue value, StateRegister current, StateRegister next) {
        return registry()
                .compareAndSet(
                        StateRegister.keyOf(next.persistenceId()),
                        value.version(),
                        next.encode(),
                        new OpId(UUID.randomUUID()))
                .thenCompose(result -> {
                    if (result instanceof Registry.CasResult.Applied) {
                        return discard(current.blob());
                    }
                    return result instanceof Registry.CasResult.Conflict
                            ? refused(next, "another incarnation was faster")
                            : CompletableFuture.failedStage(
                                    new IllegalStateException("nobody knows whether revision " + next.revision()
                                            + " of the state of '" + next.persistenceId() + "' was stored: " + result));
                });
    }

    private CompletionStage<Done> refused(StateRegister next, String why) {
        return discard(next.blob())
                .thenCompose(done -> CompletableFuture.failedStage(new IllegalStateException("revision "
                        + next.revision() + " of the state of '" + next.persistenceId() + "' was not stored: " + why)));
    }

    /** Deletes a blob that no register names; one that cannot be deleted stays, and harms nobody. */
    private CompletionStage<Done> discard(Optional<LedgerId> blob) {
        return blob.isEmpty()
                ? CompletableFuture.completedStage(Done.getInstance())
                : blobs().delete(blob.get()).handle((deleted, failure) -> Done.getInstance());
    }
}
