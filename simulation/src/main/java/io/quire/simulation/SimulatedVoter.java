package io.quire.simulation;

import io.quire.protocol.VoterId;
import io.quire.protocol.wire.RegistryReply;
import io.quire.protocol.wire.RegistryRequest;
import io.quire.registry.storage.AcceptorStore;
import io.quire.simulation.SimulatedNetwork.Envelope;
import io.quire.storage.KeyValueStore;
import io.quire.storage.StorageException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;

/**
 * A registry voter on a {@link SimulatedNode}: the production {@link AcceptorStore}, and around it what VoterActor does.
 * Requests that arrive while a commit runs are the next group. A store that fails stops the node, which starts again
 * from its disk a little later.
 */
public class SimulatedVoter implements SimulatedNode.Program {
    private static final String STORE = "registry";
    private static final long COMMIT_MAX_NANOS = 300_000;
    private static final long RESTART_MAX_NANOS = 200_000_000;

    private final VoterId identity;
    private final Random random;

    /**
     * @param identity what its directory is formatted with
     * @param random how long commits and restarts take
     */
    public SimulatedVoter(VoterId identity, Random random) {
        this.identity = identity;
        this.random = random;
    }

    /** Answers a group as {@link AcceptorStore#answer} does. */
    protected List<RegistryReply> answer(AcceptorStore acceptors, List<RegistryRequest> requests) {
        return acceptors.answer(requests);
    }

    @Override
    public final Consumer<Envelope> start(SimulatedNode node) {
        try {
            KeyValueStore store = node.disk().openKeyValueStore(STORE);
            if (!AcceptorStore.isFormatted(store)) {
                AcceptorStore.format(store, identity);
            }
            return new Incarnation(node, AcceptorStore.open(store))::received;
        } catch (StorageException e) {
            stop(node);
            return envelope -> {};
        }
    }

    private void stop(SimulatedNode node) {
        node.crashFor((long) (random.nextDouble() * RESTART_MAX_NANOS));
    }

    private final class Incarnation {
        private final SimulatedNode node;
        private final AcceptorStore acceptors;
        private final List<Envelope> group = new ArrayList<>();

        Incarnation(SimulatedNode node, AcceptorStore acceptors) {
            this.node = node;
            this.acceptors = acceptors;
        }

        void received(Envelope envelope) {
            if (!(envelope.message() instanceof RegistryRequest)) {
                throw new IllegalArgumentException("a voter does not take " + envelope);
            }
            if (group.isEmpty()) {
                node.schedule((long) (random.nextDouble() * COMMIT_MAX_NANOS), this::flush);
            }
            group.add(envelope);
        }

        private void flush() {
            if (!node.effect()) {
                return;
            }
            List<RegistryReply> replies;
            try {
                replies = answer(
                        acceptors,
                        group.stream().map(e -> (RegistryRequest) e.message()).toList());
            } catch (StorageException e) {
                stop(node);
                return;
            }
            for (int i = 0; i < replies.size(); i++) {
                node.send(group.get(i).from(), replies.get(i));
            }
            group.clear();
        }
    }
}
