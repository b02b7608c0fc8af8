package io.quire.simulation;

import io.quire.protocol.VoterId;
import io.quire.registry.RegistrySettings;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A {@link VoterChangeScenario} in which two collectors delete ledgers for ever and take their registers out of the
 * registry (R4), while others still try to change them by what they knew, or to create them, and while voters change. What
 * was deleted stays deleted: it shows as it was purged, or as collected; and once all voters have it, only as collected.
 */
public class CollectionScenario extends VoterChangeScenario {
    private static final int REGISTERS = 6;

    private final List<SimulatedCollector> collectors = new ArrayList<>();

    public CollectionScenario(long seed) {
        super(seed);
    }

    /** How many registers were collected. */
    public final int collections() {
        return collectors.stream().mapToInt(SimulatedCollector::collected).sum();
    }

    @Override
    protected final int registers(int few) {
        return REGISTERS;
    }

    /** What a client never read it does not change: that may be the last value of all. */
    @Override
    protected final int blindAheadMax() {
        return 0;
    }

    @Override
    protected final List<SimulatedNode.Program> operators(
            List<VoterId> identities, List<String> addresses, RegistrySettings settings, Simulation simulation) {
        List<SimulatedNode.Program> programs =
                new ArrayList<>(super.operators(identities, addresses, settings, simulation));
        IntStream.range(0, 2)
                .forEach(i -> collectors.add(
                        new SimulatedCollector(judges(), addresses, settings, simulation.random("collector" + i))));
        programs.addAll(collectors);
        return programs;
    }

    @Override
    protected final void endOperations() {
        super.endOperations();
        collectors.forEach(SimulatedCollector::nowHealthy);
    }

    @Override
    protected final boolean isSettled() {
        return super.isSettled() && collectors.stream().allMatch(SimulatedCollector::isDone);
    }
}
