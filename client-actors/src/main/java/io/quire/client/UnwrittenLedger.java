package io.quire.client;

import io.quire.client.LedgerWriterActor.Append;
import io.quire.client.LedgerWriterActor.AppendAt;
import io.quire.client.LedgerWriterActor.AppendAtFor;
import io.quire.client.LedgerWriterActor.AppendFailed;
import io.quire.client.LedgerWriterActor.AppendFor;
import io.quire.client.LedgerWriterActor.Close;
import io.quire.client.LedgerWriterActor.Command;
import io.quire.client.LedgerWriterActor.Created;
import io.quire.client.LedgerWriterActor.Force;
import io.quire.client.LedgerWriterActor.ForceFailed;
import io.quire.client.LedgerWriterActor.ForceFor;
import io.quire.client.LedgerWriterActor.Seal;
import io.quire.client.LedgerWriterActor.SealFailed;
import io.quire.client.LedgerWriterActor.SealFor;
import io.quire.client.LedgerWriterActor.Stop;
import io.quire.client.core.Failure;
import io.quire.protocol.LedgerException;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.StashBuffer;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/** A writer that has no ledger yet, or never will: requests wait, or are answered with the reason. Stateless. */
final class UnwrittenLedger {
    private static final int STASH_MAX = 100_000;
    static final Failure CLOSED =
            new Failure(LedgerException.Code.NoWriter, LedgerException.Outcome.NOT_APPLIED, "the writer was closed");

    private UnwrittenLedger() {}

    /** Creates a ledger first; appends wait for it. */
    static Behavior<Command> create(ClientContext client, LedgerCreation creation) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> Behaviors.withStash(STASH_MAX, stash -> {
            context.pipeToSelf(creation.create(), Created::new);
            return creating(context, timers, client, creation, stash);
        })));
    }

    private static Behavior<Command> creating(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ClientContext client,
            LedgerCreation creation,
            StashBuffer<Command> stash) {
        return Behaviors.receive(Command.class)
                .onMessage(
                        Created.class,
                        created -> created.failure() == null
                                ? stash.unstashAll(LedgerWriterActor.started(
                                        context,
                                        timers,
                                        client,
                                        created.metadata(),
                                        creation.keyOf(created.metadata())))
                                : stash.unstashAll(failed(LedgerCreation.failureOf(created.failure()))))
                .onMessage(Close.class, close -> {
                    LedgerWriterActor.stopLater(timers);
                    return stash.unstashAll(failed(CLOSED));
                })
                .onAnyMessage(command -> {
                    if (stash.isFull()) {
                        refuse(
                                command,
                                new Failure(
                                        LedgerException.Code.Overloaded,
                                        LedgerException.Outcome.NOT_APPLIED,
                                        "too many appends wait for the ledger to be created"));
                    } else {
                        stash.stash(command);
                    }
                    return Behaviors.same();
                })
                .onSignal(PostStop.class, signal -> {
                    stash.forEach(command -> refuse(command, CLOSED));
                    return Behaviors.same();
                })
                .build();
    }

    /** There is no ledger to write: every request is answered with the reason. */
    private static Behavior<Command> failed(Failure failure) {
        return Behaviors.receive(Command.class)
                .onMessage(Close.class, close -> Behaviors.stopped())
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .onAnyMessage(command -> {
                    refuse(command, failure);
                    return Behaviors.same();
                })
                .build();
    }

    /** Answers a request that cannot be done; everything else is dropped. */
    static void refuse(Command command, Failure failure) {
        if (command instanceof Append append) {
            append.replyTo().tell(new AppendFailed(failure.code(), failure.outcome(), failure.message()));
        } else if (command instanceof AppendFor append) {
            append.listener().failed(failure);
        } else if (command instanceof AppendAt append) {
            append.replyTo().tell(new AppendFailed(failure.code(), failure.outcome(), failure.message()));
        } else if (command instanceof AppendAtFor append) {
            append.listener().failed(failure);
        } else if (command instanceof Force force) {
            force.replyTo().tell(new ForceFailed(failure.code(), failure.outcome(), failure.message()));
        } else if (command instanceof ForceFor force) {
            force.listener().failed(failure);
        } else if (command instanceof Seal seal) {
            seal.replyTo().tell(new SealFailed(failure.code(), failure.outcome(), failure.message()));
        } else if (command instanceof SealFor seal) {
            seal.listener().failed(failure);
        }
    }
}
