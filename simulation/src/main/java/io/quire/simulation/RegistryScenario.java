package io.quire.simulation;

import io.quire.protocol.ProposerId;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.VoterId;
import io.quire.registry.RegistrySettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * A registry of 3 or 5 voters, founded by two nodes at once and used by 3 to 8 clients, while messages get lost,
 * repeated and late, machines crash and pause, commits fail and the network falls apart. Then all of that ends, and
 * every operation has to succeed. Judged are the history of each register and the claims that were made about it.
 *
 * <p>One run, once. Subclasses plant errors, to see whether they are found.
 */
public class RegistryScenario {
    private static final long MILLI = 1_000_000;
    private static final long STEPS_MAX = 500_000;
    private static final int HEALTHY_OPERATIONS = 4;
    private static final long PAUSE_MAX_NANOS = 400 * MILLI;
    private static final long OUTAGE_MAX_NANOS = 500 * MILLI;
    private static final long PATIENCE_NANOS = 60_000 * MILLI;

    private final Simulation simulation;
    private final SimulatedNetwork network;
    private final Random random;
    private final Chaos chaos;
    private final RegistrySettings settings;
    private final List<SimulatedNode> voters = new ArrayList<>();
    private final List<SimulatedNode> founders = new ArrayList<>();
    private final List<SimulatedNode> clients = new ArrayList<>();
    private final List<SimulatedNode> operators = new ArrayList<>();
    private final List<RegistryWorkload> workloads = new ArrayList<>();
    private final NavigableMap<RegistryKey, RegisterJudge> judges = new TreeMap<>();
    private final long chaosNanos;
    private final long chaosPauseNanos;
    private boolean healed;

    /**
     * @param operations how many reads and changes were judged
     * @param violation what is wrong, if anything, and what happened last
     */
    public record Result(long seed, long steps, int operations, Optional<String> violation) {}

    public RegistryScenario(long seed) {
        simulation = new Simulation(seed, STEPS_MAX);
        network = new SimulatedNetwork(simulation, NetworkFaults.NONE);
        random = simulation.random("scenario");
        chaos = new Chaos(simulation, network, random);
        settings = new RegistrySettings(
                Duration.ofMillis(600),
                Duration.ofMillis(60),
                Duration.ofMillis(4),
                64,
                List.of(1, 2, 100).get(random.nextInt(3)),
                10,
                Duration.ofMillis(100));
        chaosNanos = (1_000 + random.nextInt(1_500)) * MILLI;
        chaosPauseNanos = (40 + random.nextInt(400)) * MILLI;
    }

    /** A voter; subclasses may give a bad one. */
    protected SimulatedVoter newVoter(VoterId identity, Random random) {
        return new SimulatedVoter(identity, random);
    }

    /** The next proposer id of client {@code number}; subclasses may give a bad one. */
    protected ProposerId newProposerId(int number, Random random) {
        return new ProposerId(new UUID(random.nextLong(), random.nextLong()));
    }

    /** How many voters found the registry. */
    protected int foundingVoters(Random random) {
        return random.nextBoolean() ? 3 : 5;
    }

    /** How many registers there are, {@code few} or another number. */
    protected int registers(int few) {
        return few;
    }

    /** How far ahead of what it knows a client may expect a register to be. */
    protected int blindAheadMax() {
        return 2;
    }

    /** What is judged, by register. */
    protected final NavigableMap<RegistryKey, RegisterJudge> judges() {
        return judges;
    }

    /** How many further voters are formatted, for changes of voters. */
    protected int spareVoters() {
        return 0;
    }

    /**
     * Programs that change the registry itself.
     *
     * @param identities of all voters, the spare ones among them
     */
    protected List<SimulatedNode.Program> operators(
            List<VoterId> identities, List<String> addresses, RegistrySettings settings, Simulation simulation) {
        return List.of();
    }

    /** Ends what operators begin; called when the faults end. */
    protected void endOperations() {}

    /** Whether everything that operators began is completed; waited for on the healthy cluster. */
    protected boolean isSettled() {
        return true;
    }

    /** Runs it all. */
    public final Result run() {
        Optional<String> violation;
        try {
            violation = play();
        } catch (RuntimeException e) {
            violation = Optional.of(e + " at " + e.getStackTrace()[0]);
        }
        int operations =
                judges.values().stream().mapToInt(RegisterJudge::operations).sum();
        return new Result(simulation.seed(), simulation.steps(), operations, violation.map(this::withTrace));
    }

    private String withTrace(String violation) {
        return "seed " + simulation.seed() + ": " + violation + "\nWhat happened last:\n  "
                + String.join("\n  ", simulation.trace());
    }

    private Optional<String> play() {
        build();
        allNodes().forEach(node -> simulation.schedule(chaos.upTo(200 * MILLI), node::start));
        chaos.changeNetwork();
        simulation.schedule(chaos.upTo(chaosPauseNanos), this::disturb);
        simulation.runFor(chaosNanos);
        healed = true;
        endOperations();
        chaos.end(allNodes());
        simulation.runFor(PAUSE_MAX_NANOS + settings.operationTimeout().toNanos() + 500 * MILLI);
        if (!simulation.runUntil(this::isSettled, PATIENCE_NANOS)) {
            return violation(true).or(() -> Optional.of("a change of voters was not completed on a healthy cluster"));
        }
        workloads.forEach(RegistryWorkload::nowHealthy);
        boolean done = simulation.runUntil(
                () -> workloads.stream()
                        .allMatch(w -> w.isDone() || w.violation().isPresent()),
                PATIENCE_NANOS);
        return violation(done);
    }

    private List<SimulatedNode> allNodes() {
        return Stream.of(voters, founders, clients, operators)
                .flatMap(List::stream)
                .toList();
    }

    private Optional<String> violation(boolean done) {
        for (Map.Entry<RegistryKey, RegisterJudge> judge : judges.entrySet()) {
            Optional<String> violation = judge.getValue().violation();
            if (violation.isPresent()) {
                return Optional.of(judge.getKey() + ": " + violation.get());
            }
        }
        Optional<String> violation = workloads.stream()
                .map(RegistryWorkload::violation)
                .flatMap(Optional::stream)
                .findFirst();
        return done ? violation : violation.or(() -> Optional.of("operations did not end on a healthy cluster"));
    }

    private void build() {
        int voterCount = foundingVoters(random);
        List<VoterId> voterIds = new ArrayList<>();
        List<String> addresses = new ArrayList<>();
        Random identities = simulation.random("identities");
        for (int i = 0; i < voterCount + spareVoters(); i++) {
            String address = "voter" + i;
            VoterId identity = new VoterId(new UUID(identities.nextLong(), identities.nextLong()));
            addresses.add(address);
            voterIds.add(identity);
            voters.add(node(address, newVoter(identity, simulation.random(address))));
        }
        for (int i = 0; i < 2; i++) {
            founders.add(node(
                    "founder" + i, new SimulatedFounder("simulated", voterCount, addresses.subList(0, voterCount))));
        }
        int keys = registers(1 + random.nextInt(3));
        for (int i = 0; i < keys; i++) {
            judges.put(RegistryWorkload.key(i), new RegisterJudge());
        }
        long thinkMaxNanos = (1 + random.nextInt(100)) * MILLI;
        RegistryWorkload.Plan plan =
                new RegistryWorkload.Plan(addresses, settings, thinkMaxNanos, blindAheadMax(), HEALTHY_OPERATIONS);
        int clientCount = 3 + random.nextInt(RegistryWorkload.CLIENTS_MAX - 2);
        for (int i = 0; i < clientCount; i++) {
            int number = i;
            String address = "client" + i;
            RegistryWorkload workload = new RegistryWorkload(
                    address, simulation.random(address), plan, judges, () -> newProposerId(number, identities));
            workloads.add(workload);
            clients.add(node(address, workload));
        }
        for (SimulatedNode.Program operator : operators(voterIds, addresses, settings, simulation)) {
            operators.add(node("operator" + operators.size(), operator));
        }
    }

    private SimulatedNode node(String address, SimulatedNode.Program program) {
        return new SimulatedNode(simulation, network, address, program);
    }

    private void disturb() {
        if (healed) {
            return;
        }
        SimulatedNode voter = chaos.any(voters);
        switch (random.nextInt(11)) {
            case 0 -> voter.crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 1, 2 -> chaos.crashAtEffect(voter, 12, OUTAGE_MAX_NANOS);
            case 3 -> voter.disk().failCommit(1 + random.nextInt(6));
            case 4 -> voter.pause(chaos.upTo(PAUSE_MAX_NANOS));
            case 5 -> chaos.any(clients).pause(chaos.upTo(PAUSE_MAX_NANOS));
            case 6 -> chaos.any(clients).crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 7 -> chaos.crashAtEffect(chaos.any(clients), 12, OUTAGE_MAX_NANOS);
            case 8 -> {
                chaos.crashAtEffect(chaos.any(founders), 8, OUTAGE_MAX_NANOS);
                operators.forEach(operator -> chaos.crashAtEffect(operator, 60, OUTAGE_MAX_NANOS));
            }
            case 9 ->
                chaos.partition(
                        Stream.of(voters, clients, operators)
                                .flatMap(List::stream)
                                .toList(),
                        OUTAGE_MAX_NANOS);
            default -> chaos.changeNetwork();
        }
        simulation.schedule(chaos.upTo(chaosPauseNanos), this::disturb);
    }
}
