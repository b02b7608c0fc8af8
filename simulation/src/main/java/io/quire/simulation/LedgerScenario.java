package io.quire.simulation;

import io.quire.bookie.core.GarbageCollector;
import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.client.core.RecoverySettings;
import io.quire.client.core.TombstoneKeeper;
import io.quire.client.core.WriterSettings;
import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.Ensemble;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerPassword;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.VoterId;
import io.quire.registry.RegistrySettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Stream;

/**
 * Append and read: writers create ledgers on 3 to 6 bookies and append, readers follow, while messages get lost, repeated
 * and late, bookies and voters crash, pause and have failing disks, clocks jump, and the network falls apart. Then all of that ends:
 * every writer has to be able to seal, every ledger to be recovered, and every acknowledged entry to be read.
 *
 * <p>One run, once. Subclasses plant errors, to see whether they are found.
 */
public class LedgerScenario {
    private static final long MILLI = 1_000_000;
    private static final long STEPS_MAX = 2_000_000;
    private static final long PAUSE_MAX_NANOS = 400 * MILLI;
    private static final long OUTAGE_MAX_NANOS = 600 * MILLI;
    private static final long CLOCK_PAUSE_MAX_NANOS = 300 * MILLI;
    private static final long LEAP_MAX_NANOS = 600_000 * MILLI;
    /** Longer than some of what processes wait for, and shorter than the rest. */
    private static final long SHORT_LEAP_MAX_NANOS = 3_000 * MILLI;

    private static final int WALL_JUMP_MAX_MILLIS = 600_000;
    private static final long PATIENCE_NANOS = 120_000 * MILLI;

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
    private final List<SimulatedWriter> writers = new ArrayList<>();
    private final List<SimulatedReader> readers = new ArrayList<>();
    private final List<SimulatedRecoverer> recoverers = new ArrayList<>();
    private final List<DiskLosses.Machine> machines = new ArrayList<>();
    private final BookieDirectory directory = new BookieDirectory();
    private final Workload workload;
    private final DigestType digest;
    private final LedgerPassword password;
    private SimulatedTail tail;
    private Optional<SimulatedDeleter> deleter = Optional.empty();
    private DiskLosses losses;
    private final FenceChecker fences = new FenceChecker();
    /** Ledgers whose last entries are under way, or were. */
    private final List<LedgerId> contested = new ArrayList<>();

    private final AckDurabilityChecker durability = new AckDurabilityChecker();
    private final LedgerContentChecker content = new LedgerContentChecker();
    private final LedgerStateChecker states;
    private final GarbageChecker garbage = new GarbageChecker();
    private Optional<SimulatedUndeleter> undeleter = Optional.empty();
    private final Random clocks;
    private final long chaosNanos;
    private final long chaosPauseNanos;
    private boolean healed;

    /** What goes on beside appending and reading. */
    public enum Workload {
        APPEND_AND_READ,
        /** One to three recover any ledger at any time, its writer alive or not, also the same one at once. */
        RECOVERY,
        /** Every ledger is taken over while its writer writes, again and again, on a network whose ways are slow. */
        DUEL,
        /** As RECOVERY; bookies lose their disks, or get older copies of them back, and others take their places. */
        WIPED_BOOKIE,
        /** As RECOVERY; somebody deletes ledgers, whatever is done with them. */
        DELETE_UNDER_WRITE,
        /**
         * As DUEL, with a few entries to each ledger; most fences are lost, and writers stand still when their entries are
         * under way.
         */
        LOST_FENCES,
        /**
         * As DELETE_UNDER_WRITE; deletions are taken back, or ledgers purged, dropped at all bookies, and their registers
         * collected (I10).
         */
        GARBAGE
    }

    /**
     * @param acknowledged entries acknowledged to writers
     * @param reads entries given to readers
     * @param recoveries ledgers that recoverers found closed or closed themselves
     * @param follows entries given to readers that follow
     * @param refusedBoots how often a bookie that had lost its disk was refused to boot
     * @param deletions ledgers that were deleted
     * @param drops ledgers that stores dropped, each counted for each store
     * @param collections ledgers whose registers were collected
     * @param violation what is wrong, if anything, and what happened last
     */
    public record Result(
            long seed,
            long steps,
            long acknowledged,
            long reads,
            long recoveries,
            long follows,
            long refusedBoots,
            long deletions,
            long drops,
            long collections,
            Optional<String> violation) {}

    public LedgerScenario(long seed) {
        this(seed, Workload.APPEND_AND_READ);
    }

    public LedgerScenario(long seed, Workload workload) {
        this.workload = workload;
        states = new LedgerStateChecker(workload == Workload.GARBAGE);
        simulation = new Simulation(seed, STEPS_MAX);
        network = new SimulatedNetwork(simulation, NetworkFaults.NONE);
        random = simulation.random("scenario");
        chaos = new Chaos(simulation, network, random);
        clocks = simulation.random("clocks");
        Random guards = simulation.random("guards");
        digest = DigestType.values()[guards.nextInt(DigestType.values().length)];
        boolean withPassword = digest.needsPassword() || guards.nextBoolean();
        password = withPassword ? LedgerPassword.of(new byte[] {1, 2, 3}) : LedgerPassword.NONE;
        chaosNanos = (1_000 + random.nextInt(2_000)) * MILLI * (workload == Workload.LOST_FENCES ? 3 : 1);
        chaosPauseNanos = (40 + random.nextInt(400)) * MILLI;
    }

    /** Runs it all. */
    public final Result run() {
        Optional<String> violation;
        try {
            violation = play();
        } catch (RuntimeException e) {
            violation = Optional.of(e + " at " + e.getStackTrace()[0]);
        }
        return new Result(
                simulation.seed(),
                simulation.steps(),
                content.acknowledgedEntries(),
                content.reads(),
                recoverers.stream().mapToLong(SimulatedRecoverer::recoveries).sum(),
                content.follows(),
                losses == null ? 0 : losses.refusedBoots(),
                states.deletions(),
                garbage.drops(),
                garbage.collections(),
                violation.map(this::withTrace));
    }

    private String withTrace(String violation) {
        return "seed " + simulation.seed() + ": " + violation + "\nWhat happened last:\n  "
                + String.join("\n  ", simulation.trace());
    }

    private Optional<String> play() {
        build();
        everything().forEach(node -> simulation.schedule(chaos.upTo(200 * MILLI), node::start));
        disturbNetwork();
        simulation.schedule(chaos.upTo(chaosPauseNanos), this::disturb);
        disturbClocksLater();
        if (workload == Workload.WIPED_BOOKIE) {
            losses.begin();
        }
        simulation.runFor(chaosNanos);
        healed = true;
        chaos.end(everything().toList());
        losses.end();
        deleter.ifPresent(SimulatedDeleter::finish);
        undeleter.ifPresent(SimulatedUndeleter::finish);
        writers.forEach(SimulatedWriter::finish);
        if (!simulation.runUntil(() -> writers.stream().allMatch(SimulatedWriter::isFinished), PATIENCE_NANOS)) {
            return Optional.of("a writer could not seal its ledger on a healthy cluster");
        }
        recoverers.forEach(SimulatedRecoverer::finish);
        if (!simulation.runUntil(() -> recoverers.stream().allMatch(SimulatedRecoverer::isFinished), PATIENCE_NANOS)) {
            return Optional.of(
                    "I8: a ledger could not be recovered on a healthy cluster; in limbo: " + losses.unhealed());
        }
        readers.forEach(SimulatedReader::finish);
        if (!simulation.runUntil(() -> readers.stream().allMatch(SimulatedReader::isFinished), PATIENCE_NANOS)) {
            return Optional.of("a reader could not read every ledger on a healthy cluster");
        }
        tail.finish();
        if (!simulation.runUntil(tail::isFinished, PATIENCE_NANOS)) {
            return Optional.of("a reader could not follow every ledger to its end on a healthy cluster");
        }
        if (workload == Workload.WIPED_BOOKIE && !simulation.runUntil(losses::isAllHealed, PATIENCE_NANOS)) {
            // A writer that died while it created a ledger left one that nobody has heard of but the stores that wait
            // for it.
            recoverers.get(0).finishAlso(losses.ledgersInLimbo());
        }
        if (workload == Workload.WIPED_BOOKIE && !simulation.runUntil(losses::isAllHealed, PATIENCE_NANOS)) {
            return Optional.of("R21: a bookie did not come out of limbo on a healthy cluster: " + losses.unhealed());
        }
        if (!simulation.runUntil(this::isGarbageGone, PATIENCE_NANOS)) {
            return Optional.of("I10: a purged ledger is not gone everywhere on a healthy cluster: " + garbage.purged());
        }
        bookies.forEach(bookie -> bookie.crashFor(chaos.upTo(OUTAGE_MAX_NANOS)));
        simulation.runFor(5_000 * MILLI);
        content.closed().stream()
                .filter(metadata -> !garbage.isPurged(metadata.ledgerId()))
                .forEach(this::requireCopies);
        if (!garbage.purged().stream().allMatch(this::isGone)) {
            return Optional.of("I10: a purged ledger came back at a restart");
        }
        deleter.ifPresent(SimulatedDeleter::judge);
        return Optional.empty();
    }

    /**
     * I3: every entry of a closed ledger is on an ack quorum of its registered write set, disks that were lost counted as
     * if they had it; at least one that was not lost has it.
     */
    private void requireCopies(LedgerMetadata metadata) {
        for (long entryId = 0; entryId <= metadata.lastEntryId(); entryId++) {
            Ensemble ensemble = metadata.fragmentOf(entryId).ensemble();
            Payload payload = content.appended(metadata.ledgerId(), entryId);
            int holders = AckSet.EMPTY;
            int gone = AckSet.EMPTY;
            for (int position = 0; position < ensemble.size(); position++) {
                BookieId member = ensemble.at(position);
                boolean holds = copiesAt(member, metadata.ledgerId(), entryId).contains(payload);
                holders = holds ? AckSet.with(holders, position) : holders;
                gone = losses.lost().contains(member) ? AckSet.with(gone, position) : gone;
            }
            if (holders == AckSet.EMPTY || !metadata.replication().isAckQuorum(entryId, holders | gone)) {
                throw new IllegalStateException("I3: entry " + entryId + " is only on the members "
                        + Integer.toBinaryString(holders) + " of its fragment in " + metadata);
            }
        }
    }

    private boolean isGarbageGone() {
        return garbage.purged().stream().allMatch(ledgerId -> garbage.isCollected(ledgerId) && isGone(ledgerId));
    }

    /** Whether all stores run, and none of them holds anything of the ledger. */
    private boolean isGone(LedgerId ledgerId) {
        return machines.stream()
                .allMatch(machine -> machine.node().isUp()
                        && machine.bookie().isServing()
                        && machine.bookie().viewOf(ledgerId).isEmpty());
    }

    private List<Payload> copiesAt(BookieId member, LedgerId ledgerId, long entryId) {
        return machines.stream()
                .flatMap(machine -> machine.bookie().copyOf(member, ledgerId, entryId).stream())
                .toList();
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
        Replication replication = newReplication();
        buildBookies(identities, voterAddresses, replication);
        losses = new DiskLosses(simulation, machines, directory, states, replication, digest == DigestType.DUMMY);
        SimulatedWriter.Checkers checkers = new SimulatedWriter.Checkers(durability, content, states);
        boolean allSynced = random.nextBoolean();
        int percent = allSynced ? 0 : random.nextInt(101);
        // What is acknowledged from memory is no promise: nothing is lost by losing it.
        int inMemoryPercent = workload == Workload.LOST_FENCES ? 0 : percent;
        int writerCount = workload == Workload.LOST_FENCES ? 3 : 1 + random.nextInt(3);
        for (int i = 0; i < writerCount; i++) {
            String address = "writer" + i;
            SimulatedWriter writer = new SimulatedWriter(
                    simulation.random(address),
                    new SimulatedWriter.Plan(
                            voterAddresses,
                            registry,
                            directory,
                            replication,
                            digest,
                            password,
                            writerSettings(),
                            (1 + random.nextInt(isDuel() ? 3 : 30)) * MILLI,
                            inMemoryPercent,
                            workload == Workload.LOST_FENCES
                                    ? SimulatedWriter.Pace.FEW_AND_PAUSED
                                    : SimulatedWriter.Pace.STEADY,
                            contested::add),
                    checkers);
            writers.add(writer);
            clients.add(node(address, writer));
        }
        for (int i = 0; i < 2; i++) {
            String address = "reader" + i;
            SimulatedReader reader = new SimulatedReader(
                    simulation.random(address),
                    new SimulatedReader.Plan(voterAddresses, registry, directory, password),
                    content,
                    states);
            readers.add(reader);
            clients.add(node(address, reader));
        }
        buildRecoverers(voterAddresses);
        clients.add(newTail(new SimulatedReader.Plan(voterAddresses, registry, directory, password), checkers));
        if (workload == Workload.DELETE_UNDER_WRITE || workload == Workload.GARBAGE) {
            buildDeleter(new SimulatedReader.Plan(voterAddresses, registry, directory, password));
        }
        if (workload == Workload.GARBAGE) {
            buildKeepers(new SimulatedReader.Plan(voterAddresses, registry, directory, password));
        }
    }

    private boolean isDuel() {
        return workload == Workload.DUEL || workload == Workload.LOST_FENCES;
    }

    private void buildDeleter(SimulatedReader.Plan plan) {
        Random deletions = simulation.random("deleter");
        SimulatedDeleter built = new SimulatedDeleter(
                deletions,
                new SimulatedDeleter.Plan(plan, 10 + deletions.nextInt(90), (20 + deletions.nextInt(300)) * MILLI),
                content,
                states);
        deleter = Optional.of(built);
        clients.add(node("deleter", built));
    }

    private void buildKeepers(SimulatedReader.Plan plan) {
        Random keepers = simulation.random("keepers");
        SimulatedUndeleter built = new SimulatedUndeleter(
                simulation.random("undeleter"), plan, (50 + keepers.nextInt(500)) * MILLI, states);
        undeleter = Optional.of(built);
        clients.add(node("undeleter", built));
        TombstoneKeeper.Settings settings = new TombstoneKeeper.Settings(
                (20 + keepers.nextInt(400)) * MILLI, 40 * MILLI, 5 * MILLI, 1 + keepers.nextInt(8), 1000);
        for (int i = 0; i < 2; i++) {
            clients.add(node(
                    "keeper" + i,
                    new SimulatedKeeper(
                            simulation.random("keeper" + i),
                            new SimulatedKeeper.Plan(plan, settings),
                            states,
                            garbage)));
        }
    }

    private Optional<SimulatedGarbage.Plan> garbageOf(String address) {
        return workload == Workload.GARBAGE
                ? Optional.of(new SimulatedGarbage.Plan(
                        simulation.random("garbage of " + address),
                        new GarbageCollector.Settings(3, 4, 500, 200, 0.5, 2, 1000, 2_000 * MILLI),
                        garbage))
                : Optional.empty();
    }

    private SimulatedNode newTail(SimulatedReader.Plan plan, SimulatedWriter.Checkers checkers) {
        tail = new SimulatedTail(simulation.random("tail"), plan, checkers);
        return node("tail", tail);
    }

    private void buildRecoverers(List<String> voterAddresses) {
        int count =
                switch (workload) {
                    case APPEND_AND_READ -> 0;
                    case LOST_FENCES -> 3;
                    default -> 1 + random.nextInt(3);
                };
        int calm = workload == Workload.WIPED_BOOKIE ? 80 : 600;
        long thinkMax = isDuel() ? 20 : 1 + random.nextInt(calm);
        RecoverySettings settings = new RecoverySettings(
                1 + random.nextInt(30),
                1_000 + random.nextInt(10_000),
                1 + random.nextInt(10),
                200 + random.nextInt(3000),
                60 * MILLI,
                20 * MILLI,
                (100 + random.nextInt(400)) * MILLI,
                100 * MILLI,
                3_000 * MILLI);
        for (int i = 0; i < count; i++) {
            String address = "recoverer" + i;
            SimulatedRecoverer recoverer = new SimulatedRecoverer(
                    simulation.random(address),
                    new SimulatedRecoverer.Plan(
                            voterAddresses,
                            registry,
                            directory,
                            password,
                            settings,
                            thinkMax * MILLI,
                            workload == Workload.LOST_FENCES ? () -> contested : content::ledgers),
                    content,
                    states,
                    fences);
            recoverers.add(recoverer);
            clients.add(node(address, recoverer));
        }
    }

    private void buildBookies(Random identities, List<String> voterAddresses, Replication replication) {
        SimulatedBookie.Plan plan = new SimulatedBookie.Plan(
                voterAddresses,
                registry,
                new BookieStore.Settings(64 << 10, 16 << 10, 2, 16 << 10, 3, 1 + random.nextInt(6)),
                new LedgerReplica.Limits(4_000 + random.nextInt(60_000), 3, 8),
                new TailFeed.Limits(20, 2_000, 10_000, 40 * MILLI, 500 * MILLI));
        SimulatedBookie.Checkers checkers = new SimulatedBookie.Checkers(durability, states, fences);
        int count = replication.ensembleSize() + random.nextInt(3);
        for (int i = 0; i < count; i++) {
            String address = "bookie" + i;
            BookieId identity = new BookieId(uuid(identities));
            SimulatedBookie bookie =
                    new SimulatedBookie(identity, simulation.random(address), plan, checkers, garbageOf(address));
            SimulatedNode node = node(address, bookie);
            bookies.add(node);
            machines.add(new DiskLosses.Machine(node, bookie));
            directory.add(identity, address);
        }
    }

    private Replication newReplication() {
        List<Replication> choices = List.of(
                new Replication(3, 3, 2),
                new Replication(3, 2, 2),
                new Replication(3, 2, 1),
                new Replication(5, 3, 2),
                new Replication(4, 2, 2),
                new Replication(1, 1, 1));
        Replication chosen = choices.get(random.nextInt(choices.size()));
        return switch (workload) {
            case WIPED_BOOKIE ->
                any(
                        new Replication(3, 3, 2),
                        new Replication(3, 2, 2),
                        new Replication(5, 3, 2),
                        new Replication(4, 2, 2),
                        new Replication(4, 4, 3),
                        new Replication(5, 3, 3));
            case LOST_FENCES -> any(new Replication(3, 3, 2), new Replication(3, 3, 2), new Replication(5, 3, 2));
            default -> chosen;
        };
    }

    private Replication any(Replication... choices) {
        return choices[random.nextInt(choices.length)];
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

    private SimulatedNode node(String address, SimulatedNode.Program program) {
        return new SimulatedNode(simulation, network, address, program);
    }

    private static UUID uuid(Random random) {
        return new UUID(random.nextLong(), random.nextLong());
    }

    private void disturbNetwork() {
        if (workload == Workload.LOST_FENCES) {
            chaos.loseFences();
        } else if (workload == Workload.DUEL) {
            chaos.slowWays();
        } else {
            chaos.changeNetwork();
        }
    }

    private void disturb() {
        if (healed) {
            return;
        }
        SimulatedNode bookie = chaos.any(bookies);
        switch (isDuel() ? 7 + random.nextInt(16) : random.nextInt(12)) {
            case 0 -> bookie.crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 1, 2, 3 -> chaos.crashAtEffect(bookie, 12, OUTAGE_MAX_NANOS);
            case 4 -> bookie.disk().failSync(1 + random.nextInt(6));
            case 5 -> bookie.disk().failCommit(1 + random.nextInt(6));
            case 6 -> bookie.pause(chaos.upTo(PAUSE_MAX_NANOS));
            case 7 -> chaos.any(voters).crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 8 -> chaos.any(clients).crashFor(chaos.upTo(OUTAGE_MAX_NANOS));
            case 9 -> chaos.any(clients).pause(chaos.upTo(PAUSE_MAX_NANOS));
            case 10 -> chaos.partition(everything().toList(), OUTAGE_MAX_NANOS);
            default -> disturbNetwork();
        }
        simulation.schedule(chaos.upTo(chaosPauseNanos), this::disturb);
    }

    private void disturbClocksLater() {
        simulation.schedule(clockNanosUpTo(CLOCK_PAUSE_MAX_NANOS), this::disturbClocks);
    }

    /**
     * Clocks on walls are set by minutes (H100). Those for intervals leap, while their process runs or after it was
     * suspended, or stand still while it does.
     */
    private void disturbClocks() {
        if (healed) {
            return;
        }
        List<SimulatedNode> nodes = everything().toList();
        SimulatedNode node = nodes.get(clocks.nextInt(nodes.size()));
        switch (clocks.nextInt(6)) {
            case 0, 1 -> node.jumpWallClock(clocks.nextInt(2 * WALL_JUMP_MAX_MILLIS + 1) - WALL_JUMP_MAX_MILLIS);
            case 2 -> node.leapClock(clockNanosUpTo(SHORT_LEAP_MAX_NANOS));
            case 3 -> node.leapClock(clockNanosUpTo(LEAP_MAX_NANOS));
            case 4 -> node.suspend(clockNanosUpTo(PAUSE_MAX_NANOS), clockNanosUpTo(LEAP_MAX_NANOS));
            default -> node.freeze(clockNanosUpTo(PAUSE_MAX_NANOS));
        }
        disturbClocksLater();
    }

    private long clockNanosUpTo(long nanosMax) {
        return (long) (clocks.nextDouble() * nanosMax);
    }
}
