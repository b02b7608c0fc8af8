package io.quire.simulation;

import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.client.core.RecoverySettings;
import io.quire.client.core.WriterSettings;
import io.quire.client.log.LogMetadata;
import io.quire.client.log.LogMetadata.Segment;
import io.quire.client.log.LogName;
import io.quire.protocol.BookieId;
import io.quire.protocol.ProposerId;
import io.quire.protocol.Replication;
import io.quire.protocol.VoterId;
import io.quire.registry.RegistrySettings;
import io.quire.simulation.SimulatedNetwork.Envelope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Two or three writers fight over one log, on a cluster of voters and bookies that crash, pause and lose messages, with
 * clocks that are wrong. Then all of that ends; the log is sealed, read whole, and has to hold what was acknowledged (I9).
 *
 * <p>One run, once.
 */
public final class LogScenario {
    private static final long MILLI = 1_000_000;
    private static final long STEPS_MAX = 2_000_000;
    private static final long OUTAGE_MAX_NANOS = 600 * MILLI;
    private static final long PAUSE_MAX_NANOS = 400 * MILLI;
    private static final long LEAP_MAX_NANOS = 3_000 * MILLI;
    private static final int WALL_JUMP_MAX_MILLIS = 600_000;
    private static final long PATIENCE_NANOS = 120_000 * MILLI;
    private static final LogName LOG = new LogName("fought over");

    private final Simulation simulation;
    private final SimulatedNetwork network;
    private final Random random;
    private final Chaos chaos;
    private final RegistrySettings registry = new RegistrySettings(
            Duration.ofMillis(600), Duration.ofMillis(60), Duration.ofMillis(4), 64, 100, 10, Duration.ofMillis(100));
    private final List<SimulatedNode> voters = new ArrayList<>();
    private final List<SimulatedNode> founders = new ArrayList<>();
    private final List<SimulatedNode> bookies = new ArrayList<>();
    private final List<SimulatedNode> clients = new ArrayList<>();
    private final List<SimulatedLogWriter> writers = new ArrayList<>();
    private final BookieDirectory directory = new BookieDirectory();
    private final SimulatedBookie.Checkers checkers =
            new SimulatedBookie.Checkers(new AckDurabilityChecker(), new LedgerStateChecker(false), new FenceChecker());
    private final LogHistory history = new LogHistory();
    private final Judge judge = new Judge();
    private final long chaosNanos;
    private final long chaosPauseNanos;
    private SimulatedLedgers.Plan ledgers;
    private boolean healed;

    /**
     * @param acknowledged records acknowledged to writers
     * @param takeovers how often somebody became the log's writer
     * @param violation what is wrong, if anything, and what happened last
     */
    public record Result(long seed, long steps, long acknowledged, long takeovers, Optional<String> violation) {}

    public LogScenario(long seed) {
        simulation = new Simulation(seed, STEPS_MAX);
        network = new SimulatedNetwork(simulation, NetworkFaults.NONE);
        random = simulation.random("scenario");
        chaos = new Chaos(simulation, network, random);
        chaosNanos = (2_000 + random.nextInt(4_000)) * MILLI;
        chaosPauseNanos = (40 + random.nextInt(400)) * MILLI;
    }

    /** Runs it all. */
    public Result run() {
        Optional<String> violation;
        try {
            violation = play();
        } catch (RuntimeException e) {
            violation = Optional.of(e + " at " + e.getStackTrace()[0]);
        }
        return new Result(
                simulation.seed(),
                simulation.steps(),
                history.acknowledgements(),
                writers.stream().mapToLong(SimulatedLogWriter::takeovers).sum(),
                violation.map(text -> "seed " + simulation.seed() + ": " + text + "\nWhat happened last:\n  "
                        + String.join("\n  ", simulation.trace())));
    }

    private Optional<String> play() {
        build();
        everything().forEach(node -> simulation.schedule(chaos.upTo(200 * MILLI), node::start));
        disturbNetwork();
        simulation.schedule(chaos.upTo(chaosPauseNanos), this::disturb);
        simulation.runFor(chaosNanos);
        healed = true;
        chaos.end(everything().toList());
        writers.forEach(SimulatedLogWriter::finish);
        if (!simulation.runUntil(() -> writers.stream().allMatch(SimulatedLogWriter::isIdle), PATIENCE_NANOS)) {
            return Optional.of("H97: a writer of the log is not answered on a healthy cluster");
        }
        judge.begin();
        if (!simulation.runUntil(() -> judge.finished, PATIENCE_NANOS)) {
            return Optional.of("the log cannot be read whole on a healthy cluster");
        }
        history.judge();
        return Optional.empty();
    }

    private Stream<SimulatedNode> everything() {
        return Stream.of(voters, founders, bookies, clients).flatMap(List::stream);
    }

    private void build() {
        Random identities = simulation.random("identities");
        List<String> voterAddresses = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            String address = "voter" + i;
            voterAddresses.add(address);
            voters.add(node(address, new SimulatedVoter(new VoterId(uuid(identities)), simulation.random(address))));
        }
        founders.add(node("founder", new SimulatedFounder("simulated", 3, voterAddresses)));
        List<Replication> choices = List.of(
                new Replication(3, 3, 2), new Replication(3, 2, 2), new Replication(4, 3, 2), new Replication(1, 1, 1));
        Replication replication = choices.get(random.nextInt(choices.size()));
        buildBookies(identities, voterAddresses, replication);
        ledgers = new SimulatedLedgers.Plan(directory, replication, writerSettings(), recoverySettings());
        int count = 2 + random.nextInt(2);
        for (int i = 0; i < count; i++) {
            String address = "writer" + i;
            SimulatedLogWriter writer = new SimulatedLogWriter(
                    address,
                    simulation.random(address),
                    new SimulatedLogWriter.Plan(
                            LOG, voterAddresses, registry, ledgers, checkers, (5 + random.nextInt(60)) * MILLI),
                    history);
            writers.add(writer);
            clients.add(node(address, writer));
        }
        judge.voters = voterAddresses;
        clients.add(node("judge", judge));
    }

    private void buildBookies(Random identities, List<String> voterAddresses, Replication replication) {
        SimulatedBookie.Plan plan = new SimulatedBookie.Plan(
                voterAddresses,
                registry,
                new BookieStore.Settings(64 << 10, 16 << 10, 2, 16 << 10, 3, 1 + random.nextInt(6)),
                new LedgerReplica.Limits(4_000 + random.nextInt(60_000), 3, 8),
                new TailFeed.Limits(20, 2_000, 10_000, 40 * MILLI, 500 * MILLI));
        int count = replication.ensembleSize() + random.nextInt(3);
        for (int i = 0; i < count; i++) {
            String address = "bookie" + i;
            BookieId identity = new BookieId(uuid(identities));
            bookies.add(node(address, new SimulatedBookie(identity, simulation.random(address), plan, checkers)));
            directory.add(identity, address);
        }
    }

    private WriterSettings writerSettings() {
        return new WriterSettings(
                1 << 20,
                1 + random.nextInt(20),
                200 + random.nextInt(3000),
                1 + random.nextInt(5),
                20_000,
                20_000 + random.nextInt(100_000),
                800 * MILLI,
                60 * MILLI,
                100 * MILLI,
                20 * MILLI,
                100 * MILLI,
                2_000 * MILLI,
                new WriterSettings.Members((150 + random.nextInt(500)) * MILLI, random.nextBoolean()));
    }

    private RecoverySettings recoverySettings() {
        return new RecoverySettings(
                1 + random.nextInt(30),
                1_000 + random.nextInt(10_000),
                1 + random.nextInt(10),
                200 + random.nextInt(3000),
                60 * MILLI,
                20 * MILLI,
                (100 + random.nextInt(400)) * MILLI,
                100 * MILLI,
                3_000 * MILLI);
    }

    private SimulatedNode node(String address, SimulatedNode.Program program) {
        return new SimulatedNode(simulation, network, address, program);
    }

    private static UUID uuid(Random random) {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private void disturbNetwork() {
        if (random.nextBoolean()) {
            chaos.slowWays();
        } else {
            chaos.changeNetwork();
        }
    }

    private void disturb() {
        if (healed) {
            return;
        }
        SimulatedNode client = chaos.any(clients);
        switch (random.nextInt(10)) {
            case 0 -> chaos.any(bookies).crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 1 -> chaos.crashAtEffect(chaos.any(bookies), 12, OUTAGE_MAX_NANOS);
            case 2 -> chaos.any(voters).crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 3 -> client.crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 4, 5 -> client.pause(chaos.upTo(PAUSE_MAX_NANOS));
            case 6 -> client.leapClock(chaos.upTo(LEAP_MAX_NANOS));
            case 7 -> client.jumpWallClock(random.nextInt(2 * WALL_JUMP_MAX_MILLIS + 1) - WALL_JUMP_MAX_MILLIS);
            case 8 -> chaos.partition(everything().toList(), OUTAGE_MAX_NANOS);
            default -> disturbNetwork();
        }
        simulation.schedule(chaos.upTo(chaosPauseNanos), this::disturb);
    }

    /** Seals the log's ledgers in the end, reads them, and shows them to the history. */
    private final class Judge implements SimulatedNode.Program {
        private List<String> voters;
        private SimulatedNode node;
        private SimulatedRegistryClient client;
        private SimulatedLedgers reader;
        private boolean finished;

        @Override
        public Consumer<Envelope> start(SimulatedNode started) {
            Random judging = simulation.random("judge " + started.incarnation());
            node = started;
            client = new SimulatedRegistryClient(started, voters, registry, () -> new ProposerId(uuid(judging)));
            reader = new SimulatedLedgers(started, client, judging, ledgers, checkers);
            return envelope -> {
                if (!client.received(envelope)) {
                    reader.received(envelope);
                }
            };
        }

        void begin() {
            node.schedule(0, this::readRegister);
        }

        private void readRegister() {
            Continuation.of(client.read(LOG.key()), node, (value, failure) -> {
                if (failure != null) {
                    readRegister();
                } else if (value.isAbsent()) {
                    finished = true; // nobody has come so far
                } else {
                    look(LogMetadata.decode(value.value()).segments(), 0);
                }
            });
        }

        private void look(List<Segment> segments, int index) {
            if (index == segments.size()) {
                finished = true;
                return;
            }
            Segment segment = segments.get(index);
            Continuation.of(
                    reader.seal(segment.ledgerId())
                            .thenCompose(end -> reader.read(segment.ledgerId(), 0, end.orElseThrow())),
                    node,
                    (entries, failure) -> {
                        if (failure != null) {
                            look(segments, index);
                        } else {
                            history.holds(segment, entries);
                            look(segments, index + 1);
                        }
                    });
        }
    }
}
