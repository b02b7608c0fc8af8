package io.quire.bookie;

import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.EntryBatch;
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

/**
 * Journals records in groups: what arrived while the last group was synced is the next one; there is no timer. When the
 * memtables are full the queue waits for the flusher. A failed sync stops this actor, and with it the bookie (H53).
 *
 * <p>One per store, on a thread of its own; a child of {@link BookieActor}.
 */
final class JournalActor extends AbstractBehavior<JournalActor.Command> {
    static final DispatcherSelector DISPATCHER = DispatcherSelector.fromConfig("quire.bookie.journal-dispatcher");

    private final BookieStore store;
    private final BookieMetrics metrics;
    private final AtomicLong queuedBytes;
    private final ActorRef<FlusherActor.Command> flusher;
    private final Deque<Append> queue = new ArrayDeque<>();
    private boolean groupScheduled;
    private boolean waitingForFlush;
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

    private enum WriteGroup implements Command {
        INSTANCE
    }

    private JournalActor(
            ActorContext<Command> context,
            BookieStore store,
            BookieMetrics metrics,
            AtomicLong queuedBytes,
            ActorRef<FlusherActor.Command> flusher) {
        super(context);
        this.store = store;
        this.metrics = metrics;
        this.queuedBytes = queuedBytes;
        this.flusher = flusher;
    }

    /**
     * @param queuedBytes raised by who appends, lowered here
     */
    static Behavior<Command> create(
            BookieStore store, BookieMetrics metrics, AtomicLong queuedBytes, ActorRef<FlusherActor.Command> flusher) {
        return Behaviors.setup(context -> new JournalActor(context, store, metrics, queuedBytes, flusher));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Append.class, this::onAppend)
                .onMessage(WriteGroup.class, write -> onWriteGroup())
                .onMessage(MemtableFlushed.class, flushed -> onMemtableFlushed())
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
            waitingForFlush = true;
            return this;
        }
        if (!records.isEmpty()) {
            write(records);
        }
        if (!queue.isEmpty()) {
            scheduleGroup();
        } else if (drainedTo != null) {
            drainedTo.tell(Drained.INSTANCE);
            return Behaviors.ignore();
        }
        return this;
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
        if (store.needsFlush()) {
            flusher.tell(FlusherActor.Flush.INSTANCE);
        }
    }

    private Behavior<Command> onMemtableFlushed() {
        store.releaseJournal();
        waitingForFlush = false;
        if (!queue.isEmpty()) {
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
