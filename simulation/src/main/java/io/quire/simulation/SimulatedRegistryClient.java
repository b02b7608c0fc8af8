package io.quire.simulation;

import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.RegistryOperations;
import io.quire.registry.RegistrySettings;
import io.quire.registry.core.Effect;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * The registry client of one incarnation of a process on a {@link SimulatedNode}: the production {@link
 * RegistryOperations}, and around it what RegistryClientActor does. The process hands it what it does not know itself
 * through {@link #received}.
 *
 * <p>As a {@link Registry} its stages complete within the simulation, on its one thread. Not thread-safe.
 */
public final class SimulatedRegistryClient implements Registry {
    private static final long TICK_NANOS = 20_000_000;
    private static final int DISCOVERY_TICKS = 5;
    private static final int REFRESH_TICKS = 25;

    private final SimulatedNode node;
    private final RegistrySettings settings;
    private final List<String> voterAddresses;
    private final RegistryOperations operations;
    private final Map<VoterId, String> voters = new TreeMap<>();
    private long lastId;
    private int ticks;

    /**
     * @param proposerIds gives another one each time
     */
    public SimulatedRegistryClient(
            SimulatedNode node,
            List<String> voterAddresses,
            RegistrySettings settings,
            Supplier<ProposerId> proposerIds) {
        this.node = node;
        this.settings = settings;
        this.voterAddresses = List.copyOf(voterAddresses);
        this.operations = new RegistryOperations(settings, proposerIds, node::nanoTime, this::send);
        discover();
        node.scheduleEvery(TICK_NANOS, this::tick);
    }

    /**
     * Takes a message if it is a voter's.
     *
     * @return whether it is
     */
    public boolean received(Envelope envelope) {
        if (envelope.message() instanceof RegistryReply.VoterDescribed described) {
            voters.put(described.voter(), SimulatedNetwork.hostOf(envelope.from()));
            operations.voterDescribed(described);
            return true;
        } else if (envelope.message() instanceof RegistryReply reply) {
            operations.replied(reply);
            return true;
        }
        return false;
    }

    /** The operations, with callbacks and all their outcomes. */
    public RegistryOperations operations() {
        return operations;
    }

    @Override
    public CompletionStage<RegisterValue> read(RegistryKey key) {
        CompletableFuture<RegisterValue> result = new CompletableFuture<>();
        operations.read(key, outcome -> {
            if (outcome instanceof Effect.Outcome.ReadValue read) {
                result.complete(read.value());
            } else {
                result.completeExceptionally(new UnavailableException(outcome.toString()));
            }
        });
        return result;
    }

    @Override
    public CompletionStage<CasResult> compareAndSet(RegistryKey key, long expectedVersion, Payload value, OpId opId) {
        CompletableFuture<CasResult> result = new CompletableFuture<>();
        operations.compareAndSet(key, expectedVersion, value, opId, outcome -> {
            if (outcome instanceof Effect.Outcome.Applied applied) {
                result.complete(new CasResult.Applied(applied.version()));
            } else if (outcome instanceof Effect.Outcome.Conflict conflict) {
                result.complete(new CasResult.Conflict(conflict.current()));
            } else if (outcome instanceof Effect.Outcome.Unknown unknown) {
                result.complete(new CasResult.Unknown(unknown.reason()));
            } else {
                result.completeExceptionally(new UnavailableException(outcome.toString()));
            }
        });
        return result;
    }

    @Override
    public CompletionStage<Page> list(String prefix, Optional<RegistryKey> after, int limit) {
        CompletableFuture<Page> result = new CompletableFuture<>();
        operations.list(prefix, after, limit, listed -> {
            if (listed.page().isPresent()) {
                result.complete(listed.page().get());
            } else {
                result.completeExceptionally(new UnavailableException(listed.reason()));
            }
        });
        return result;
    }

    /** Reads again and again: there are no hints here. */
    @Override
    public Watch watch(RegistryKey key, Consumer<RegisterValue> listener) {
        Polling polling = new Polling(key, listener);
        polling.look();
        return () -> polling.cancelled = true;
    }

    private void send(VoterId voter, RegistryRequest request) {
        String address = voters.get(voter);
        if (address != null) {
            node.send(address, request);
        }
    }

    private void tick() {
        ticks++;
        if (ticks % DISCOVERY_TICKS == 0) {
            discover();
        }
        operations.tick();
    }

    private void discover() {
        boolean complete = !operations.wantsDescriptions()
                && ticks % REFRESH_TICKS != 0
                && voters.keySet().containsAll(operations.config().get().voters());
        if (!complete) {
            voterAddresses.forEach(address -> node.send(address, new RegistryRequest.DescribeVoter(++lastId)));
        }
    }

    private final class Polling {
        private final RegistryKey key;
        private final Consumer<RegisterValue> listener;
        private long deliveredVersion = -1;
        private boolean cancelled;

        Polling(RegistryKey key, Consumer<RegisterValue> listener) {
            this.key = key;
            this.listener = listener;
        }

        void look() {
            operations.read(key, outcome -> {
                if (cancelled) {
                    return;
                }
                if (outcome instanceof Effect.Outcome.ReadValue read
                        && read.value().version() > deliveredVersion) {
                    deliveredVersion = read.value().version();
                    listener.accept(read.value());
                }
                node.schedule(settings.watchPollInterval().toNanos(), () -> {
                    if (!cancelled) {
                        look();
                    }
                });
            });
        }
    }
}
