package io.quire.simulation;

import io.quire.simulation.SimulatedNetwork.Envelope;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Consumer;

/**
 * A machine with a disk on which one process runs, crashes and is started again. Each start is an incarnation: timers of
 * an older one never fire, and a process that is down hears nothing. The disk outlives them.
 *
 * <p>The process is a {@link Program}, which gets this node and uses {@link #send}, {@link #schedule}, {@link #disk} and
 * {@link #nanoTime}. Not thread-safe.
 */
public final class SimulatedNode {
    /** What every clock on a wall shows at the start, milliseconds since 1970. */
    private static final long WALL_START_MILLIS = 1_700_000_000_000L;

    private final Simulation simulation;
    private final SimulatedNetwork network;
    private final String address;
    private final SimulatedDisk disk;
    private final Program program;
    private final Deque<Runnable> heldWhilePaused = new ArrayDeque<>();
    private long incarnation;
    private boolean up;
    private boolean paused;
    private long clockOffsetNanos;
    private long wallOffsetMillis;
    /** How many effects happen before the one at which the node crashes; it does not when negative. */
    private int effectsToCrash = -1;

    /** What a process does; it holds no state of an incarnation outside of what {@link #start} makes. */
    @FunctionalInterface
    public interface Program {
        /**
         * Starts a new incarnation, from what the node's disk holds.
         *
         * @return takes the messages of this incarnation
         */
        Consumer<Envelope> start(SimulatedNode node);
    }

    /** A node that is down until it is started. */
    public SimulatedNode(Simulation simulation, SimulatedNetwork network, String address, Program program) {
        this.simulation = simulation;
        this.network = network;
        this.address = address;
        this.disk = new SimulatedDisk(simulation.random("disk of " + address));
        this.program = program;
    }

    /** Where whatever incarnation is up can be reached. */
    public String address() {
        return address;
    }

    /** Where this incarnation alone can be reached: messages that it sends come from there. */
    public String incarnationAddress() {
        return address + "#" + incarnation;
    }

    public SimulatedDisk disk() {
        return disk;
    }

    /** Counts the starts. */
    public long incarnation() {
        return incarnation;
    }

    public boolean isUp() {
        return up;
    }

    /** This machine's clock for intervals: it begins anywhere, also just below the overflow, and anew with each start. */
    public long nanoTime() {
        return simulation.nowNanos() + clockOffsetNanos;
    }

    /** Milliseconds since 1970 by this machine's clock on the wall, which is anything but right (H100). */
    public long wallMillis() {
        return WALL_START_MILLIS + simulation.nowNanos() / 1_000_000 + wallOffsetMillis;
    }

    /** Sets the clock on the wall forward, or back when negative. Clocks for intervals do not see it. */
    public void jumpWallClock(long millis) {
        simulation.trace(address, "sets its clock by", millis, "ms");
        wallOffsetMillis += millis;
    }

    /** The clock for intervals leaps forward, as when the machine was moved to another host. */
    public void leapClock(long nanos) {
        simulation.trace(address, "is", nanos, "later at once");
        clockOffsetNanos += nanos;
    }

    /** Starts the process; does nothing when it is up. */
    public void start() {
        if (up) {
            return;
        }
        incarnation++;
        up = true;
        clockOffsetNanos = simulation.random("clock of " + address).nextLong();
        simulation.trace(address, "starts, incarnation", incarnation);
        inside(() -> {
            Consumer<Envelope> receiver = program.start(this);
            if (up) {
                Consumer<Envelope> held = envelope -> whenRunning(() -> receiver.accept(envelope));
                network.register(address, held);
                network.register(incarnationAddress(), held);
            }
        });
    }

    /** Kills the process and lets the disk lose what was not durable; does nothing when it is down. */
    public void crash() {
        if (!up) {
            return;
        }
        simulation.trace(address, "crashes");
        up = false;
        paused = false;
        effectsToCrash = -1;
        heldWhilePaused.clear();
        network.unregister(address);
        network.unregister(incarnationAddress());
        disk.crash();
    }

    /** The process ends by itself, and says why; somebody may start it again. */
    void refuse(String reason) {
        simulation.trace(address, "does not boot:", reason);
        crash();
    }

    /** Crashes now and starts again later. */
    public void crashFor(long nanos) {
        crash();
        simulation.schedule(nanos, this::start);
    }

    /**
     * Crashes when the process asks for its {@code nth} effect from now on, 1 being the next; the effect does not happen.
     * What the process still does before it returns to the simulation has no effect either.
     */
    public void crashAtEffect(int nth) {
        if (nth < 1) {
            throw new IllegalArgumentException("1 is the next, not " + nth);
        }
        effectsToCrash = nth - 1;
    }

    /** Forgets a crash that was to come at an effect. */
    public void cancelCrash() {
        effectsToCrash = -1;
    }

    /**
     * Counts an effect for {@link #crashAtEffect}; sends count by themselves, other things where the process says so.
     *
     * @return whether it may happen
     */
    public boolean effect() {
        if (up && effectsToCrash >= 0 && effectsToCrash-- == 0) {
            crash();
        }
        return up;
    }

    /** Stops the process as a long pause of its machine does: messages and timers come late, but all of them. */
    public void pause(long nanos) {
        stop(nanos, 0);
    }

    /** Like {@link #pause}, and the clock for intervals stands still meanwhile, as in a virtual machine that is suspended. */
    public void freeze(long nanos) {
        stop(nanos, nanos);
    }

    /**
     * Like {@link #pause}, and when the process goes on, its clock for intervals shows {@code leapNanos} more than the pause
     * took: what waited meanwhile is handled long after its time.
     */
    public void suspend(long nanos, long leapNanos) {
        stop(nanos, -leapNanos);
    }

    /** @param unseenNanos of the pause, which the clock does not show; negative when it shows more than there were */
    private void stop(long nanos, long unseenNanos) {
        if (!up || paused) {
            return;
        }
        simulation.trace(address, "pauses for", nanos, "of which it does not see", unseenNanos);
        paused = true;
        long pausing = incarnation;
        simulation.schedule(nanos, () -> {
            if (up && incarnation == pausing) {
                paused = false;
                clockOffsetNanos -= unseenNanos;
                resume();
            }
        });
    }

    /** Sends a message, if the process is up. */
    public void send(String to, Object message) {
        if (effect()) {
            network.send(incarnationAddress(), to, message);
        }
    }

    /** Lets this incarnation do something later. */
    public void schedule(long delayNanos, Runnable action) {
        long scheduling = incarnation;
        simulation.schedule(delayNanos, () -> {
            if (up && incarnation == scheduling) {
                whenRunning(action);
            }
        });
    }

    /** Lets this incarnation do something again and again, with {@code periodNanos} between. */
    public void scheduleEvery(long periodNanos, Runnable action) {
        schedule(periodNanos, () -> {
            action.run();
            scheduleEvery(periodNanos, action);
        });
    }

    private void whenRunning(Runnable action) {
        if (paused) {
            heldWhilePaused.add(action);
        } else {
            inside(action);
        }
    }

    private void resume() {
        while (up && !paused && !heldWhilePaused.isEmpty()) {
            inside(heldWhilePaused.poll());
        }
    }

    /** Runs a piece of the process. What it throws after it has crashed belongs to the crash. */
    private void inside(Runnable action) {
        long running = incarnation;
        try {
            action.run();
        } catch (RuntimeException e) {
            if (up && incarnation == running) {
                throw e;
            }
            simulation.trace(address, "was crashing:", e.toString());
        }
    }
}
