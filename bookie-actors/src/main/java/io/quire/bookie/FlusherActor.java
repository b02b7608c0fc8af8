package io.quire.bookie;

import io.quire.bookie.storage.BookieStore;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Brings full memtables into the ledger store, one commit at a message. A failed commit stops this actor, and with it
 * the bookie.
 *
 * <p>One per store, on a thread of its own; a child of {@link BookieActor}.
 */
final class FlusherActor extends AbstractBehavior<FlusherActor.Command> {
    static final DispatcherSelector DISPATCHER = DispatcherSelector.fromConfig("quire.bookie.flusher-dispatcher");

    private final BookieStore store;
    private final BookieMetrics metrics;
    private ActorRef<JournalActor.Command> journal;
    private boolean stepping;
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

    /** Everything is in the ledger store. */
    enum AllFlushed {
        INSTANCE
    }

    private enum Step implements Command {
        INSTANCE
    }

    private FlusherActor(ActorContext<Command> context, BookieStore store, BookieMetrics metrics) {
        super(context);
        this.store = store;
        this.metrics = metrics;
    }

    static Behavior<Command> create(BookieStore store, BookieMetrics metrics) {
        return Behaviors.setup(context -> new FlusherActor(context, store, metrics));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Tell.class, this::onTell)
                .onMessage(Flush.class, flush -> onFlush())
                .onMessage(Step.class, step -> onStep())
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
            boolean flushed = store.flushStep();
            metrics.flushCommit.record(System.nanoTime() - start, TimeUnit.NANOSECONDS);
            if (flushed && journal != null) {
                journal.tell(JournalActor.MemtableFlushed.INSTANCE);
            }
        }
        if (store.needsFlush()) {
            return onFlush();
        }
        if (allFlushedTo != null) {
            allFlushedTo.tell(AllFlushed.INSTANCE);
            return Behaviors.ignore();
        }
        return this;
    }

    private Behavior<Command> onFlushAll(FlushAll all) {
        allFlushedTo = all.replyTo();
        store.rotate();
        return onFlush();
    }
}
