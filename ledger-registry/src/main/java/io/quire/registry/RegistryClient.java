package io.quire.registry;

import io.quire.protocol.Deletion;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.RegistryTombstones;
import io.quire.protocol.RegistryVoters;
import io.quire.protocol.VoterId;
import io.quire.registry.core.Effect;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletionStage;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.actor.typed.javadsl.AskPattern;

/**
 * The {@link Registry} over the voters that the cluster's receptionist lists. Thread-safe; one per process.
 */
public final class RegistryClient implements Registry, RegistryVoters, RegistryTombstones {
    private final ActorSystem<?> system;
    private final RegistrySettings settings;
    private final ActorRef<RegistryClientActor.Command> actor;
    private final BiFunction<RegistryKey, Runnable, AutoCloseable> hints;
    private final Duration askTimeout;

    private RegistryClient(
            ActorSystem<?> system,
            RegistrySettings settings,
            ActorRef<RegistryClientActor.Command> actor,
            BiFunction<RegistryKey, Runnable, AutoCloseable> hints) {
        this.system = system;
        this.settings = settings;
        this.actor = actor;
        this.hints = hints;
        this.askTimeout = settings.operationTimeout().plusSeconds(2);
    }

    /**
     * Starts a client in {@code system}, for its life.
     *
     * @param hints subscribes to news of a register; what it calls makes a watch look sooner
     */
    public static RegistryClient create(
            ActorSystem<?> system, RegistrySettings settings, BiFunction<RegistryKey, Runnable, AutoCloseable> hints) {
        ActorRef<RegistryClientActor.Command> actor = system.systemActorOf(
                RegistryClientActor.create(settings, () -> new ProposerId(UUID.randomUUID()), System::nanoTime),
                "quire-registry-client",
                Props.empty());
        return new RegistryClient(system, settings, actor, hints);
    }

    @Override
    public CompletionStage<RegisterValue> read(RegistryKey key) {
        return this.<Effect.Outcome>ask(replyTo -> new RegistryClientActor.Read(key, replyTo))
                .thenApply(RegistryClientActor::valueOf);
    }

    @Override
    public CompletionStage<CasResult> compareAndSet(RegistryKey key, long expectedVersion, Payload value, OpId opId) {
        return this.<Effect.Outcome>ask(
                        replyTo -> new RegistryClientActor.CompareAndSet(key, expectedVersion, value, opId, replyTo))
                // The actor itself did not answer: nobody knows what it has sent (R2).
                .exceptionally(silence -> new Effect.Outcome.Unknown(String.valueOf(silence.getMessage())))
                .thenApply(outcome -> {
                    if (outcome instanceof Effect.Outcome.Applied applied) {
                        return new CasResult.Applied(applied.version());
                    } else if (outcome instanceof Effect.Outcome.Conflict conflict) {
                        return new CasResult.Conflict(conflict.current());
                    } else if (outcome instanceof Effect.Outcome.Unknown unknown) {
                        return new CasResult.Unknown(unknown.reason());
                    }
                    throw new UnavailableException(RegistryClientActor.reasonOf(outcome));
                });
    }

    @Override
    public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
        if (limit < 1 || limit > 1000) {
            throw new IllegalArgumentException("a page has 1 to 1000 registers: " + limit);
        }
        return this.<RegistryOperations.Listed>ask(
                        replyTo -> new RegistryClientActor.ListPage(prefix, after, limit, replyTo))
                .thenApply(listed -> listed.page().orElseThrow(() -> new UnavailableException(listed.reason())));
    }

    @Override
    public Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
        ActorRef<WatchActor.Command> watcher = system.systemActorOf(
                WatchActor.create(() -> read(key), listener, settings.watchPollInterval()),
                "quire-watch-" + UUID.randomUUID(),
                Props.empty());
        AutoCloseable subscription = hints.apply(key, () -> watcher.tell(WatchActor.Look.INSTANCE));
        return () -> {
            try {
                subscription.close();
            } catch (Exception e) {
                throw new IllegalStateException("a feed subscription could not be cancelled", e);
            } finally {
                watcher.tell(WatchActor.Stop.INSTANCE);
            }
        };
    }

    @Override
    public CompletionStage<Collection> collect(LedgerId ledgerId) {
        return AskPattern.<RegistryClientActor.Command, Collection>ask(
                        actor,
                        replyTo -> new RegistryClientActor.CollectLedger(ledgerId, RegistryClient::isPurged, replyTo),
                        askTimeout.multipliedBy(2),
                        system.scheduler())
                .exceptionally(silence -> new Collection.Unavailable(String.valueOf(silence.getMessage())));
    }

    private static boolean isPurged(RegisterValue value) {
        return LedgerMetadata.registered(value)
                .filter(metadata -> metadata.value().deletion() == Deletion.PURGED)
                .isPresent();
    }

    @Override
    public CompletionStage<Status> describe() {
        return this.<Optional<Status>>ask(RegistryClientActor.DescribeVoters::new)
                .thenApply(status ->
                        status.orElseThrow(() -> new UnavailableException("no serving registry voter was found")));
    }

    @Override
    public CompletionStage<Change> change(List<VoterId> voters, boolean dryRun) {
        OpId opId = new OpId(UUID.randomUUID());
        return AskPattern.<RegistryClientActor.Command, Change>ask(
                        actor,
                        replyTo -> new RegistryClientActor.ChangeVoters(voters, opId, dryRun, replyTo),
                        settings.operationTimeout().multipliedBy(4),
                        system.scheduler())
                .exceptionally(silence -> new Change.Unknown(String.valueOf(silence.getMessage())));
    }

    /** The config that this client works with; empty until voters that serve were found. */
    public CompletionStage<Optional<RegistryConfig>> config() {
        return this.<Optional<RegistryConfig>>ask(RegistryClientActor.DescribeConfig::new);
    }

    private <T> CompletionStage<T> ask(
            org.apache.pekko.japi.function.Function<ActorRef<T>, RegistryClientActor.Command> command) {
        return AskPattern.<RegistryClientActor.Command, T>ask(actor, command, askTimeout, system.scheduler())
                .exceptionally(failure -> {
                    throw new UnavailableException("the registry client did not answer: " + failure.getMessage());
                });
    }
}
