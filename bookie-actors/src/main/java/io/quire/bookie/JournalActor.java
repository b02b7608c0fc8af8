package io.quire.bookie;

import io.quire.bookie.core.DiskSpace.Waiter;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.EntryBatch;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Journals records in groups: what arrived while the last group was synced is the next one; there is no timer. When the
 * memtables are full the queue waits for the flusher. A failed sync stops this actor, and with it the bookie (H53).
 *
 * <p>What finds no room, for another segment or because the flusher waits for some, is refused: who asked for it is told,
 * nothing of it is kept, and the journal goes on with what comes when there is room (H61).
 *
 * <p>One per store, on a thread of its own; a child of {@link BookieActor}.
 */
final class JournalActor extends AbstractBehavior<JournalActor.Command> {
    static final DispatcherSelector DISPATCHER = DispatcherSelector.fromConfig("quire.bookie.journal-dispatcher");

    /** A sync takes at least a page. */
    private static final int PAGE_BYTES = 4096;

    private final BookieStore store;
    private final BookieMetrics metrics;
    private final AtomicLong queuedBytes;
    private final ActorRef<FlusherActor.Command> flusher;
    private final StoreRoom room;
    private final TimerScheduler<Command> timers;
    private final Deque<Append> queue = new ArrayDeque<>();
    private boolean groupScheduled;
    private boolean waitingForFlush;
    private boolean flushWaits;
    private boolean waitingForRoom;
    private long bytesSinceLook;
    private ActorRef<Drained> drainedTo;

    sealed interface Command {}

    /**
     * Journals {@code record}; {@code whenDurable} goes to {@code owner} once it is durable and applied. One owner's
     * messages come in journal order.
     */
    record Append(JournalRecord record, ActorRef<LedgerActor.Command> owner, LedgerActor.Command whenDurable)
            implements Command {}

    /** Nothing will be appended any more: finish what is queued. */
    record Drain(ActorRef<Drained> replyTo) implements Command {}

    /** The queue is empty, for good: what comes later is dropped, unanswered. */
    enum Drained {
        INSTANCE
    }

    /** A memtable was flushed: there is room, and journal segments to recycle. */
    enum MemtableFlushed implements Command {
        INSTANCE
    }

    /** The flusher found no room for a commit. */
    enum FlushWaits implements Command {
        INSTANCE
    }

    /** The flusher has found room. */
    enum FlushGoesOn implements Command {
        INSTANCE
    }

    private enum TryAgain implements Command {
        INSTANCE
    }

    private enum WriteGroup implements Command {
        INSTANCE
    }

    private JournalActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            Parts parts,
            ActorRef<FlusherActor.Command> flusher) {
        super(context);
        this.timers = timers;
        this.store = parts.store();
        this.metrics = parts.metrics();
        this.queuedBytes = parts.queuedBytes();
        this.room = parts.room();
        this.flusher = flusher;
    }

    /**
     * What a journal works with.
     *
     * @param queuedBytes raised by who appends, lowered here
     */
    record Parts(BookieStore store, BookieMetrics metrics, AtomicLong queuedBytes, StoreRoom room) {}

    static Behavior<Command> create(Parts parts, ActorRef<FlusherActor.Command> flusher) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new JournalActor(context, timers, parts, flusher)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Append.class, this::onAppend)
                .onMessage(WriteGroup.class, write -> onWriteGroup())
                .onMessage(MemtableFlushed.class, flushed -> onMemtableFlushed())
                .onMessage(FlushWaits.class, waits -> onFlushWaits())
                .onMessage(FlushGoesOn.class, goesOn -> onFlushGoesOn())
                .onMessage(TryAgain.class, again -> onTryAgain())
                .onMessage(Drain.class, this::onDrain)
                .build();
    }

    private Behavior<Command> onAppend(Append append) {
        queue.add(append);
        scheduleGroup();
        return this;
    }

    /** The group is written when the mailbox has been drained into the queue: the message stands behind the others. */
    private void scheduleGroup() {
        if (!groupScheduled && !waitingForFlush) {
            groupScheduled = true;
            getContext().getSelf().tell(WriteGroup.INSTANCE);
        }
    }

    private Behavior<Command> onWriteGroup() {
        groupScheduled = false;
        List<JournalRecord> records = new ArrayList<>();
        long weight = 0;
        for (Append append : queue) {
            weight += append.record().weight();
            records.add(append.record());
        }
        int count = store.groupOf(records);
        if (count < records.size()) {
            records = records.subList(0, count);
            weight = records.stream().mapToLong(JournalRecord::weight).sum();
        }
        if (!records.isEmpty() && !store.hasRoomFor(weight)) {
            if (!flushWaits) {
                waitingForFlush = true;
                requestFlush();
                return this;
            }
            refuseQueue("the disk has no room for what is in memory already");
        } else if (!records.isEmpty() && isRoomForGroup()) {
            write(records);
        }
        return onGroupEnded();
    }

    private Behavior<Command> onGroupEnded() {
        if (!queue.isEmpty()) {
            scheduleGroup();
        } else if (drainedTo != null) {
            drainedTo.tell(Drained.INSTANCE);
            return Behaviors.ignore();
        }
        return this;
    }

    /** Has a segment for the next group, or refuses all that waits for one. */
    private boolean isRoomForGroup() {
        try {
            store.makeJournalRoom();
        } catch (OutOfSpaceException e) {
            waitForRoom(e);
            refuseQueue("the disk has no room for another journal segment");
            return false;
        }
        if (waitingForRoom) {
            waitingForRoom = false;
            timers.cancel(TryAgain.INSTANCE);
            getContext().getLog().info("The disk has room for another journal segment again");
            room.found(Waiter.JOURNAL);
        }
        return true;
    }

    private void waitForRoom(OutOfSpaceException cause) {
        metrics.segmentsWithoutRoom.increment();
        if (!waitingForRoom) {
            waitingForRoom = true;
            getContext().getLog().warn("The disk has no room for another journal segment: {}", cause.getMessage());
            room.foundNone(Waiter.JOURNAL);
        }
        requestFlush();
        timers.startSingleTimer(TryAgain.INSTANCE, room.settings().retryInterval());
    }

    private Behavior<Command> onTryAgain() {
        if (waitingForRoom) {
            isRoomForGroup();
        }
        return this;
    }

    /** Tells who waits, each in the order in which it asked, that nothing of it was kept. */
    private void refuseQueue(String reason) {
        Map<ActorRef<LedgerActor.Command>, List<LedgerActor.Command>> refused = new LinkedHashMap<>();
        for (Append append : queue) {
            refused.computeIfAbsent(append.owner(), owner -> new ArrayList<>()).add(append.whenDurable());
            queuedBytes.addAndGet(-append.record().entries().byteSize());
        }
        queue.clear();
        refused.forEach((owner, commands) -> owner.tell(new LedgerActor.NotJournaled(commands, reason)));
    }

    private void requestFlush() {
        if (store.needsFlush()) {
            flusher.tell(FlusherActor.Flush.INSTANCE);
        }
    }

    private void write(List<JournalRecord> records) {
        long start = System.nanoTime();
        store.append(records);
        metrics.journalSync.record(System.nanoTime() - start, java.util.concurrent.TimeUnit.NANOSECONDS);
        Map<ActorRef<LedgerActor.Command>, List<LedgerActor.Command>> durable = new LinkedHashMap<>();
        long entries = 0;
        long bytes = 0;
        for (int i = 0; i < records.size(); i++) {
            Append append = queue.remove();
            durable.computeIfAbsent(append.owner(), owner -> new ArrayList<>()).add(append.whenDurable());
            EntryBatch added = append.record().entries();
            entries += added.count();
            bytes += added.byteSize();
            queuedBytes.addAndGet(-added.byteSize());
        }
        durable.forEach((owner, messages) ->
                owner.tell(messages.size() == 1 ? messages.get(0) : new LedgerActor.AllOf(messages)));
        metrics.journalGroupEntries.record((double) entries);
        metrics.journalGroupBytes.record((double) bytes);
        metrics.addedEntries.increment((double) entries);
        metrics.addedBytes.increment((double) bytes);
        requestFlush();
        bytesSinceLook += bytes + PAGE_BYTES;
        if (bytesSinceLook >= room.settings().sampleBytes()) {
            bytesSinceLook = 0;
            room.changed();
        }
    }

    private Behavior<Command> onMemtableFlushed() {
        store.releaseJournal();
        return goOn();
    }

    private Behavior<Command> onFlushWaits() {
        flushWaits = true;
        return goOn();
    }

    private Behavior<Command> onFlushGoesOn() {
        flushWaits = false;
        return this;
    }

    private Behavior<Command> goOn() {
        waitingForFlush = false;
        if (!queue.isEmpty() || drainedTo != null) {
            scheduleGroup();
        }
        return this;
    }

    private Behavior<Command> onDrain(Drain drain) {
        drainedTo = drain.replyTo();
        scheduleGroup();
        return this;
    }
}
