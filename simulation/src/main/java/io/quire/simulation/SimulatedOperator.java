package io.quire.simulation;

import io.quire.protocol.OpId;
import io.quire.protocol.ProposerId;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryVoters.Change;
import io.quire.protocol.RegistryVoters.VoterState;
import io.quire.protocol.VoterId;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.function.Consumer;

/** Somebody who changes the registry's voters again and again: adds, removes and replaces one, or takes quite others. */
final class SimulatedOperator implements SimulatedNode.Program {
    private static final int VOTERS_MAX = 5;
    private static final long THINK_MAX_NANOS = 600_000_000;

    private final List<VoterId> identities;
    private final List<String> addresses;
    private final RegistrySettings settings;
    private final Random random;
    private Optional<SimulatedRegistryClient> client = Optional.empty();
    private boolean healthy;
    private boolean done;
    private int changed;

    SimulatedOperator(List<VoterId> identities, List<String> addresses, RegistrySettings settings, Random random) {
        this.identities = List.copyOf(identities);
        this.addresses = List.copyOf(addresses);
        this.settings = settings;
        this.random = random;
    }

    /** From now on changes until one has succeeded, and then no more. */
    void nowHealthy() {
        healthy = true;
    }

    /** Whether it has changed the voters on the healthy cluster, and sees each of them serve. */
    boolean isDone() {
        return done && seesAllServing();
    }

    int changed() {
        return changed;
    }

    private boolean seesAllServing() {
        return client.flatMap(c -> c.operations().voterStatus())
                .filter(status -> status.voters().stream()
                        .filter(voter -> voter.votes())
                        .allMatch(voter -> voter.state() == VoterState.SERVING
                                && voter.epoch() == status.config().epoch()))
                .isPresent();
    }

    @Override
    public Consumer<Envelope> start(SimulatedNode node) {
        SimulatedRegistryClient started = new SimulatedRegistryClient(
                node, addresses, settings, () -> new ProposerId(new UUID(random.nextLong(), random.nextLong())));
        client = Optional.of(started);
        think(node, started);
        return started::received;
    }

    private void think(SimulatedNode node, SimulatedRegistryClient mine) {
        node.schedule((long) (random.nextDouble() * THINK_MAX_NANOS), () -> {
            Optional<RegistryConfig> config = mine.operations().config();
            if (done) {
                return;
            } else if (config.isEmpty()) {
                think(node, mine);
                return;
            }
            boolean last = healthy;
            OpId opId = new OpId(new UUID(random.nextLong(), random.nextLong()));
            boolean dryRun = random.nextInt(10) == 0;
            mine.operations().changeVoters(another(config.get().voters()), opId, dryRun, outcome -> {
                changed += outcome instanceof Change.Changed ? 1 : 0;
                done = last && outcome instanceof Change.Changed;
                think(node, mine);
            });
        });
    }

    private List<VoterId> another(List<VoterId> voters) {
        List<VoterId> others = new ArrayList<>(identities);
        others.removeAll(voters);
        List<VoterId> next = new ArrayList<>(voters);
        int choice = random.nextInt(10);
        if (choice == 0) {
            next.clear();
            List<VoterId> all = new ArrayList<>(identities);
            int size = 1 + random.nextInt(VOTERS_MAX);
            while (next.size() < size && !all.isEmpty()) {
                next.add(all.remove(random.nextInt(all.size())));
            }
            return next;
        }
        boolean grows = choice < 4 && next.size() < VOTERS_MAX;
        if (!grows && (next.size() > 1 || !others.isEmpty())) {
            next.remove(random.nextInt(next.size()));
        }
        if ((grows || choice > 6 || next.isEmpty()) && !others.isEmpty()) {
            next.add(others.get(random.nextInt(others.size())));
        }
        return next;
    }
}
