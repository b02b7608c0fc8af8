package io.quire.multijvm;

import io.quire.client.LedgerClient;
import io.quire.client.LedgerWriterActor;
import io.quire.client.LedgerWriterActor.Append;
import io.quire.client.LedgerWriterActor.AppendFailed;
import io.quire.client.LedgerWriterActor.AppendResult;
import io.quire.client.LedgerWriterActor.Appended;
import io.quire.client.LedgerWriterActor.Seal;
import io.quire.client.LedgerWriterActor.SealFailed;
import io.quire.client.LedgerWriterActor.SealResult;
import io.quire.client.LedgerWriterActor.Sealed;
import io.quire.protocol.Replication;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;

/**
 * Appends to a new ledger in a closed loop, a bounded number at once, and notes every answer. The first append that fails
 * ends the appending. Lives as long as its process.
 */
final class WriterDriver extends AbstractBehavior<WriterDriver.Command> {
    private static final Duration TICK = Duration.ofMillis(10);
    private static final long SAY_EVERY = 1000;

    private final WriterLoad load;
    private final AckLog acks;
    private final ActorRef<LedgerWriterActor.Command> writer;
    private final ActorRef<AppendResult> appendResults;
    private final ActorRef<SealResult> sealResults;
    private final Deque<Long> sentNanos = new ArrayDeque<>();
    private final long startNanos = System.nanoTime();
    private long sent;
    private long acknowledged;
    private long failed;
    private long slowestNanos;
    private boolean stopped;
    private boolean said;

    sealed interface Command {}

    enum StopAppending implements Command {
        INSTANCE
    }

    enum SealLedger implements Command {
        INSTANCE
    }

    private enum Tick implements Command {
        INSTANCE
    }

    private record AppendDone(AppendResult result) implements Command {}

    private record SealDone(SealResult result) implements Command {}

    private WriterDriver(ActorContext<Command> context, LedgerClient client, WriterLoad load, AckLog acks) {
        super(context);
        this.load = load;
        this.acks = acks;
        this.writer = context.spawn(client.writer(Replication.DEFAULT, Map.of()), "writer");
        this.appendResults = context.messageAdapter(AppendResult.class, AppendDone::new);
        this.sealResults = context.messageAdapter(SealResult.class, SealDone::new);
    }

    static Behavior<Command> create(LedgerClient client, WriterLoad load, AckLog acks) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> {
            timers.startTimerWithFixedDelay(Tick.INSTANCE, TICK);
            return new WriterDriver(context, client, load, acks).started();
        }));
    }

    private Behavior<Command> started() {
        appendMore();
        return this;
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(AppendDone.class, this::onAppendDone)
                .onMessage(Tick.class, tick -> appendMore())
                .onMessage(StopAppending.class, stop -> onStopAppending())
                .onMessage(SealLedger.class, seal -> onSealLedger())
                .onMessage(SealDone.class, this::onSealDone)
                .build();
    }

    private Behavior<Command> appendMore() {
        long dueNow = load.perSecond() == WriterLoad.UNLIMITED
                ? Long.MAX_VALUE
                : 1 + TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos) * load.perSecond() / 1000;
        long end = Math.min(load.entries(), dueNow);
        while (!stopped && sent < end && sentNanos.size() < load.outstanding()) {
            sentNanos.add(System.nanoTime());
            writer.tell(new Append(EntryContent.of(load.seed(), sent), appendResults));
            sent++;
        }
        return this;
    }

    private Behavior<Command> onAppendDone(AppendDone done) {
        slowestNanos = Math.max(slowestNanos, System.nanoTime() - sentNanos.remove());
        if (done.result() instanceof Appended appended) {
            onAppended(appended);
        } else if (done.result() instanceof AppendFailed failure) {
            failed++;
            stopped = true;
            if (failed == 1) {
                Lifeline.say("FIRST FAILURE " + failure);
            }
        }
        appendMore();
        sayIfDone();
        return this;
    }

    private void onAppended(Appended appended) {
        if (acknowledged == 0) {
            Lifeline.say("LEDGER " + appended.ledgerId().value());
        }
        acks.add(appended.entryId(), appended.acknowledgedBy());
        acknowledged++;
        if (acknowledged % SAY_EVERY == 0) {
            Lifeline.say("ACKNOWLEDGED " + acknowledged);
        }
    }

    private Behavior<Command> onStopAppending() {
        stopped = true;
        sayIfDone();
        return this;
    }

    private void sayIfDone() {
        if (!said && sentNanos.isEmpty() && (stopped || sent == load.entries())) {
            said = true;
            Lifeline.say("DONE " + acknowledged + " " + failed + " " + TimeUnit.NANOSECONDS.toMillis(slowestNanos));
        }
    }

    private Behavior<Command> onSealLedger() {
        writer.tell(new Seal(sealResults));
        return this;
    }

    private Behavior<Command> onSealDone(SealDone done) {
        if (done.result() instanceof Sealed sealed) {
            Lifeline.say("SEALED " + sealed.metadata().value().lastEntryId());
        } else if (done.result() instanceof SealFailed failure) {
            Lifeline.say("NOT SEALED " + failure);
        }
        return this;
    }
}
