package io.quire.simulation;

import io.quire.protocol.RegistryConfig;
import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.core.Founding;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/** A node that founds the registry: the production {@link Founding}, and around it what FoundingActor does. */
public final class SimulatedFounder implements SimulatedNode.Program {
    private static final long TICK_NANOS = 50_000_000;

    private final String clusterName;
    private final int votersExpected;
    private final List<String> voterAddresses;

    public SimulatedFounder(String clusterName, int votersExpected, List<String> voterAddresses) {
        this.clusterName = clusterName;
        this.votersExpected = votersExpected;
        this.voterAddresses = List.copyOf(voterAddresses);
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        Incarnation incarnation = new Incarnation(node);
        incarnation.tick();
        node.scheduleEvery(TICK_NANOS, incarnation::tick);
        return incarnation::received;
    }

    private final class Incarnation {
        private final SimulatedNode node;
        private final Founding founding = new Founding(clusterName, votersExpected);
        private final Map<VoterId, String> voters = new TreeMap<>();
        private final Map<Long, RegistryConfig> proposed = new TreeMap<>();
        private long lastId;
        private boolean done;

        Incarnation(SimulatedNode node) {
            this.node = node;
        }

        void tick() {
            if (!done) {
                proposed.clear();
                voterAddresses.forEach(address -> node.send(address, new RegistryRequest.DescribeVoter(++lastId)));
            }
        }

        void received(Envelope envelope) {
            if (done) {
                return;
            }
            if (envelope.message() instanceof RegistryReply.VoterDescribed described) {
                voters.put(described.voter(), SimulatedNetwork.hostOf(envelope.from()));
                follow(founding.voterDescribed(
                        described.voter(), described.next().or(described::config), described.serving()));
            } else if (envelope.message() instanceof RegistryReply.ConfigStored stored) {
                RegistryConfig config = proposed.remove(stored.requestId());
                if (config != null) {
                    follow(founding.configStored(stored.voter(), config));
                }
            }
        }

        private void follow(Founding.Step step) {
            if (step instanceof Founding.Step.Exists) {
                done = true;
            } else if (step instanceof Founding.Step.Propose propose) {
                propose.config()
                        .voters()
                        .forEach(voter -> send(
                                voter,
                                new RegistryRequest.FoundCluster(voter, idOf(propose.config()), propose.config())));
            } else if (step instanceof Founding.Step.Activate activate) {
                activate.config()
                        .voters()
                        .forEach(voter -> send(
                                voter,
                                new RegistryRequest.ActivateConfig(voter, idOf(activate.config()), activate.config())));
            } else if (step instanceof Founding.Step.Refuse refuse) {
                throw new IllegalStateException("founding refused: " + refuse.reason());
            }
        }

        private long idOf(RegistryConfig config) {
            lastId++;
            proposed.put(lastId, config);
            return lastId;
        }

        private void send(VoterId voter, RegistryRequest request) {
            String address = voters.get(voter);
            if (address != null) {
                node.send(address, request);
            }
        }
    }
}
