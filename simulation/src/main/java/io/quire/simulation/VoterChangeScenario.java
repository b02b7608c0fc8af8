package io.quire.simulation;

import io.quire.protocol.VoterId;
import io.quire.registry.RegistrySettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A {@link RegistryScenario} founded by 1, 3 or 5 voters, in which two operators add, remove and replace voters all the
 * time, under load and with the same bad luck (R5). They crash half way, too, and whoever meets what they left finishes
 * it. When the faults end each of them has to succeed with a change and to see all voters serve; then every operation
 * has to succeed.
 */
public class VoterChangeScenario extends RegistryScenario {
    private static final int SPARES = 3;

    private final List<SimulatedOperator> operators = new ArrayList<>();

    public VoterChangeScenario(long seed) {
        super(seed);
    }

    /** How many changes ended with a majority of their voters serving, as far as an operator has heard. */
    public final int changes() {
        return operators.stream().mapToInt(SimulatedOperator::changed).sum();
    }

    @Override
    protected final int foundingVoters(Random random) {
        return List.of(1, 3, 5).get(random.nextInt(3));
    }

    @Override
    protected final int spareVoters() {
        return SPARES;
    }

    @Override
    protected List<SimulatedNode.Program> operators(
            List<VoterId> identities, List<String> addresses, RegistrySettings settings, Simulation simulation) {
        IntStream.range(0, 2)
                .forEach(i -> operators.add(
                        new SimulatedOperator(identities, addresses, settings, simulation.random("operator" + i))));
        return List.copyOf(operators);
    }

    @Override
    protected void endOperations() {
        operators.forEach(SimulatedOperator::nowHealthy);
    }

    @Override
    protected boolean isSettled() {
        return operators.stream().allMatch(SimulatedOperator::isDone);
    }
}
