package io.quire.simulation;

import io.quire.bookie.storage.StoreKind;
import io.quire.simulation.CrashPointStore.Doing;
import io.quire.simulation.CrashPointStore.Visit;
import io.quire.simulation.SimulatedDisk.Moment;
import io.quire.simulation.SimulatedDisk.PowerFailure;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/**
 * Power fails at every operation that a store does to its disk, before and behind it; what becomes of writes that were not
 * synced is up to the seed. At some of them it fails once more, at every operation of the boot that follows.
 *
 * <p>One run, once.
 */
final class CrashPointScenario {
    /** Of how many crash points one has its boot cut short everywhere; beside those of formatting. */
    private static final int NESTED_EVERY = 9;

    private final long seed;
    private final StoreKind kind;
    private final Map<Visit, Integer> cuts = new TreeMap<>();
    private final CrashPointStore uncut;

    CrashPointScenario(long seed) {
        this(seed, StoreKind.LMDB);
    }

    CrashPointScenario(long seed, StoreKind kind) {
        this.seed = seed;
        this.kind = kind;
        this.uncut = new CrashPointStore(new SimulatedDisk(new Random(seed)), kind, seed);
    }

    /** Runs it all. */
    public Verdict run() {
        return Verdict.of(seed, this::play);
    }

    /** How often power failed at each. */
    Map<Visit, Integer> cuts() {
        return cuts;
    }

    private void play() {
        uncut.play();
        int points =
                uncut.visits().values().stream().mapToInt(Integer::intValue).sum();
        for (int point = 1; point <= points; point++) {
            for (Moment moment : Moment.values()) {
                crashAt(point, moment);
            }
        }
    }

    private void crashAt(int point, Moment moment) {
        SimulatedDisk disk = new SimulatedDisk(new Random(seed * 1_000_003 + point));
        CrashPointStore store = new CrashPointStore(disk, kind, seed);
        String where = "power failed " + moment + " operation " + point;
        try {
            disk.failPower(point, moment);
            if (!fails(store, store::play)) {
                throw new AssertionError("the story has no operation " + point);
            }
            boolean nested = (point + seed) % NESTED_EVERY == 0 || store.last().doing() == Doing.FORMAT;
            Runnable goBack = nested ? store.whatIsLeft() : () -> {};
            store.recover();
            store.judge();
            boolean cut = nested;
            for (int second = 1; cut; second++) {
                where = "power failed " + moment + " operation " + point + ", then at operation " + second
                        + " of the boot";
                goBack.run();
                disk.failPower(second, (second + point) % 2 == 0 ? Moment.BEFORE : Moment.AFTER);
                cut = fails(store, store::recover);
                disk.endPowerFailures();
                if (cut) {
                    store.recover();
                    store.judge();
                }
            }
        } catch (RuntimeException | AssertionError e) {
            throw new AssertionError(where + ": " + e.getMessage(), e);
        }
    }

    private boolean fails(CrashPointStore store, Runnable work) {
        try {
            work.run();
            return false;
        } catch (PowerFailure e) {
            cuts.merge(store.last(), 1, Integer::sum);
            return true;
        }
    }
}
