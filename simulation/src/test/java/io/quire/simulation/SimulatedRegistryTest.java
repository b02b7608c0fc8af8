package io.quire.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.ProposerId;
import io.quire.protocol.Registry;
import io.quire.protocol.VoterId;
import io.quire.registry.RegistryContract;
import io.quire.registry.RegistrySettings;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** The simulated registry, over a network that loses, repeats and delays. */
class SimulatedRegistryTest extends RegistryContract {
    private static final NetworkFaults FAULTS = new NetworkFaults(0.02, 0.1, 0.05, 50_000, 500_000, 20_000_000);
    private static final long PATIENCE_NANOS = 60_000_000_000L;
    private static final RegistrySettings SETTINGS = new RegistrySettings(
            Duration.ofSeconds(30),
            Duration.ofMillis(100),
            Duration.ofMillis(5),
            1024,
            1000,
            100,
            Duration.ofSeconds(1));

    private final Simulation simulation = new Simulation(1, 10_000_000);
    private SimulatedRegistryClient client;

    SimulatedRegistryTest() {
        SimulatedNetwork network = new SimulatedNetwork(simulation, FAULTS);
        List<String> voters = List.of("voter0", "voter1", "voter2");
        for (String voter : voters) {
            VoterId identity = new VoterId(new UUID(0, voter.charAt(5)));
            SimulatedVoter program = new SimulatedVoter(identity, simulation.random(voter));
            new SimulatedNode(simulation, network, voter, program).start();
        }
        new SimulatedNode(simulation, network, "founder", new SimulatedFounder("test", 3, voters)).start();
        Random ids = simulation.random("proposers");
        new SimulatedNode(simulation, network, "client", node -> {
                    client = new SimulatedRegistryClient(
                            node, voters, SETTINGS, () -> new ProposerId(new UUID(ids.nextLong(), ids.nextLong())));
                    return client::received;
                })
                .start();
    }

    @Override
    protected Registry registry() {
        return client;
    }

    @Override
    protected <T> T await(CompletionStage<T> stage) {
        CompletableFuture<T> future = stage.toCompletableFuture();
        assertThat(simulation.runUntil(future::isDone, PATIENCE_NANOS))
                .as("answered in time")
                .isTrue();
        return future.join();
    }
}
