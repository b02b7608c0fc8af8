package io.quire.bookie;

import io.quire.bookie.core.DiskSpace.Waiter;
import io.quire.bookie.storage.BookieStore;
import io.quire.storage.StorageException;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Brings full memtables into the ledger store, one commit at a message, and gives dead space back in small steps between
 * them. A commit for which the disk has no room is not tried; it waits until there is some (H61). A failed commit stops this
 * actor, and with it the bookie.
 *
 * <p>One per store, on a thread of its own; a child of {@link BookieActor}.
 */
final class FlusherActor extends AbstractBehavior<FlusherActor.Command> {
    static final DispatcherSelector DISPATCHER = DispatcherSelector.fromConfig("quire.bookie.flusher-dispatcher");

    /** Looked at by one step of compaction, during which a flush has to wait. */
    private static final int COMPACTION_STEP_BYTES = 4 << 20;

    private static final Duration COMPACTION_IDLE = Duration.ofSeconds(1);
    private static final Duration COMPACTION_NO_SPACE = Duration.ofSeconds(10);

    private final TimerScheduler<Command> timers;
    private final BookieStore store;
    private final long compactionBytesPerSecond;
    private final BookieMetrics metrics;
    private final StoreRoom room;
    private ActorRef<JournalActor.Command> journal;
    private boolean stepping;
    private boolean waitingForRoom;
    private ActorRef<AllFlushed> allFlushedTo;

    sealed interface Command {}

    /** A memtable is full. */
    enum Flush implements Command {
        INSTANCE
    }

    /** Whom to tell that a memtable is flushed. */
    record Tell(ActorRef<JournalActor.Command> journal) implements Command {}

    /** The journal is drained: flush everything, then do nothing more. */
    record FlushAll(ActorRef<AllFlushed> replyTo) implements Command {}

    /** How the last flush ended. */
    enum AllFlushed {
        /** Everything is in the ledger store. */
        ALL,
        /** The disk has no room for all of it; the rest is in the journal. */
        NO_ROOM
    }

    private enum Step implements Command {
        INSTANCE
    }

    private enum Compact implements Command {
        INSTANCE
    }

    private FlusherActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            BookieStore store,
            long compactionBytesPerSecond,
            BookieMetrics metrics,
            StoreRoom room) {
        super(context);
        this.timers = timers;
        this.store = store;
        this.compactionBytesPerSecond = compactionBytesPerSecond;
        this.metrics = metrics;
        this.room = room;
        compactAfter(COMPACTION_IDLE);
    }

    static Behavior<Command> create(
            BookieStore store, long compactionBytesPerSecond, BookieMetrics metrics, StoreRoom room) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new FlusherActor(context, timers, store, compactionBytesPerSecond, metrics, room)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Tell.class, this::onTell)
                .onMessage(Flush.class, flush -> onFlush())
                .onMessage(Step.class, step -> onStep())
                .onMessage(Compact.class, compact -> onCompact())
                .onMessage(FlushAll.class, this::onFlushAll)
                .build();
    }

    private Behavior<Command> onTell(Tell tell) {
        journal = tell.journal();
        return this;
    }

    private Behavior<Command> onFlush() {
        if (!stepping) {
            stepping = true;
            getContext().getSelf().tell(Step.INSTANCE);
        }
        return this;
    }

    private Behavior<Command> onStep() {
        stepping = false;
        if (store.needsFlush()) {
            long start = System.nanoTime();
            BookieStore.FlushOutcome outcome = store.flushStep(room.forCommit());
            if (outcome == BookieStore.FlushOutcome.NO_ROOM) {
                return waitForRoom();
            }
            metrics.flushCommit.record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
            goOn();
            if (outcome == BookieStore.FlushOutcome.FLUSHED) {
                tellJournal(JournalActor.MemtableFlushed.INSTANCE);
            }
        }
        if (store.needsFlush()) {
            return onFlush();
        }
        if (allFlushedTo != null) {
            timers.cancelAll();
            allFlushedTo.tell(AllFlushed.ALL);
            return Behaviors.ignore();
        }
        return this;
    }

    private Behavior<Command> onCompact() {
        try {
            long bytes = store.compactStep(COMPACTION_STEP_BYTES);
            compactAfter(bytes == 0 ? COMPACTION_IDLE : timeFor(bytes));
        } catch (StorageException.OutOfSpaceException e) {
            getContext().getLog().warn("no room to compact segments: {}", e.getMessage());
            compactAfter(COMPACTION_NO_SPACE);
        }
        return this;
    }

    private Duration timeFor(long bytes) {
        return Duration.ofNanos((long) (1e9 * bytes / compactionBytesPerSecond));
    }

    private void compactAfter(Duration delay) {
        timers.startSingleTimer(Compact.INSTANCE, delay);
    }

    private Behavior<Command> waitForRoom() {
        metrics.flushesWithoutRoom.increment();
        if (!waitingForRoom) {
            waitingForRoom = true;
            getContext()
                    .getLog()
                    .warn("The disk has no room for the flush of a memtable; it is tried again until there is some");
            room.foundNone(Waiter.FLUSHER);
            tellJournal(JournalActor.FlushWaits.INSTANCE);
        }
        if (allFlushedTo != null) {
            timers.cancelAll();
            allFlushedTo.tell(AllFlushed.NO_ROOM);
            return Behaviors.ignore();
        }
        stepping = true;
        timers.startSingleTimer(Step.INSTANCE, room.settings().retryInterval());
        return this;
    }

    private void goOn() {
        if (waitingForRoom) {
            waitingForRoom = false;
            getContext().getLog().info("The disk has room again; the flush goes on");
            // The journal first: what the bookie then admits must not be refused there.
            tellJournal(JournalActor.FlushGoesOn.INSTANCE);
            room.found(Waiter.FLUSHER);
        }
    }

    private void tellJournal(JournalActor.Command command) {
        if (journal != null) {
            journal.tell(command);
        }
    }

    private Behavior<Command> onFlushAll(FlushAll all) {
        allFlushedTo = all.replyTo();
        store.rotate();
        // Not at the timer's time: it may be that there is room now, and nobody waits for long.
        timers.cancel(Step.INSTANCE);
        stepping = false;
        return onFlush();
    }
}
