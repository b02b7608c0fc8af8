package io.quire.simulation;

import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.Replication;
import io.quire.simulation.SimulatedBookie.Loss;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Bookies that lose their disks, or cannot read them now and then, and the operator who formats new ones in their places.
 *
 * <p>Of the bookies that a ledger names, in any fragment or proposal, fewer than Qa ever lose their disks: then each
 * acknowledged entry has a copy left. Nothing here makes copies of what is lost, so that this is counted over the whole run.
 */
final class DiskLosses {
    private static final long MILLI = 1_000_000;
    private static final long PAUSE_MAX_NANOS = 120 * MILLI;
    private static final long OPERATOR_MAX_NANOS = 600 * MILLI;
    private static final int READS_MAX = 30;

    private final Simulation simulation;
    private final Random random;
    private final List<Machine> machines;
    private final BookieDirectory directory;
    private final LedgerStateChecker states;
    private final Replication replication;
    private final Set<BookieId> lost = new HashSet<>();
    /** Those that writers are not shown, though they may come back. */
    private final Set<BookieId> hidden = new HashSet<>();

    private final boolean unhealable;
    private boolean ended;

    /** A machine, and what runs on it. */
    record Machine(SimulatedNode node, SimulatedBookie bookie) {}

    DiskLosses(
            Simulation simulation,
            List<Machine> machines,
            BookieDirectory directory,
            LedgerStateChecker states,
            Replication replication,
            boolean unhealable) {
        this.unhealable = unhealable;
        this.simulation = simulation;
        this.random = simulation.random("disks");
        this.machines = machines;
        this.directory = directory;
        this.states = states;
        this.replication = replication;
    }

    /** Begins to lose disks. */
    void begin() {
        showHealed();
        nextLater();
    }

    private void nextLater() {
        simulation.schedule((long) (random.nextDouble() * PAUSE_MAX_NANOS), this::next);
    }

    /** No disk is lost any more; the operator replaces every bookie that lost one. */
    void end() {
        ended = true;
        machines.forEach(this::replace);
    }

    /** The stores whose data is gone. */
    Set<BookieId> lost() {
        return lost;
    }

    /**
     * Whether every store that lost only what others have is whole again; then those count for what they hold. Where nothing
     * tells whether a copy is good, and there is one other, nobody can know (H78).
     */
    boolean isAllHealed() {
        boolean healed = machines.stream()
                .allMatch(machine -> unhealable
                        || machine.bookie().isLost()
                        || machine.bookie().isWhole());
        if (healed && !unhealable) {
            machines.stream()
                    .filter(machine -> machine.bookie().isWhole())
                    .forEach(machine -> lost.remove(machine.bookie().identity()));
        }
        return healed;
    }

    /** Ledgers that a store waits for. */
    Set<LedgerId> ledgersInLimbo() {
        return machines.stream()
                .flatMap(machine -> machine.bookie().ledgersInLimbo().stream())
                .collect(Collectors.toCollection(TreeSet::new));
    }

    /** The stores that are in limbo, and why, for people. */
    List<String> unhealed() {
        return machines.stream()
                .filter(machine ->
                        !machine.bookie().isLost() && !machine.bookie().isWhole())
                .map(machine -> machine.bookie().limboReport())
                .toList();
    }

    /** How often such a store was refused to boot. */
    long refusedBoots() {
        return machines.stream()
                .mapToLong(machine -> machine.bookie().refusedBoots())
                .sum();
    }

    private void next() {
        if (ended) {
            return;
        }
        Machine machine = machines.get(random.nextInt(machines.size()));
        switch (random.nextInt(6)) {
            case 0 -> machine.bookie().takeCopy(machine.node());
            case 1 -> loseOne();
            default -> machine.node().disk().failRead(1 + random.nextInt(READS_MAX));
        }
        nextLater();
    }

    /** Some bookie that can be spared loses its disk in some way in which it can. */
    private void loseOne() {
        List<Loss> losses = new ArrayList<>(List.of(Loss.values()));
        Collections.shuffle(losses, random);
        List<Machine> anybody = new ArrayList<>(machines);
        Collections.shuffle(anybody, random);
        for (Loss loss : losses) {
            for (Machine machine : anybody) {
                if (machine.bookie().canSuffer(loss)
                        && isAffordable(machine.bookie().identity())) {
                    lose(machine, loss);
                    return;
                }
            }
        }
    }

    private void lose(Machine machine, Loss loss) {
        BookieId identity = machine.bookie().identity();
        simulation.trace(machine.node().address(), "loses the disk of", identity, loss);
        lost.add(identity);
        directory.remove(identity);
        hidden.add(identity);
        machine.bookie().lose(machine.node(), loss);
        simulation.schedule((long) (random.nextDouble() * OPERATOR_MAX_NANOS), machine.node()::start);
        if (random.nextBoolean()) {
            simulation.schedule((long) (random.nextDouble() * 2 * OPERATOR_MAX_NANOS), () -> replace(machine));
        }
    }

    /** A bookie that knows which ledgers are in limbo takes new ones, and is shown to writers again. */
    private void showHealed() {
        for (Machine machine : machines) {
            BookieId identity = machine.bookie().identity();
            if (machine.bookie().takesNewLedgers() && hidden.remove(identity)) {
                directory.add(identity, machine.node().address());
            }
        }
        simulation.schedule(PAUSE_MAX_NANOS, this::showHealed);
    }

    private boolean isAffordable(BookieId identity) {
        for (Set<BookieId> bookies : states.namedBookies()) {
            long gone = bookies.stream().filter(lost::contains).count();
            if (bookies.contains(identity) && gone + 1 >= replication.ackQuorum()) {
                return false;
            }
        }
        return true;
    }

    private void replace(Machine machine) {
        if (machine.bookie().isLost()) {
            BookieId fresh = new BookieId(new UUID(random.nextLong(), random.nextLong()));
            machine.bookie().formatAnew(machine.node(), fresh);
            directory.add(fresh, machine.node().address());
        }
    }
}
