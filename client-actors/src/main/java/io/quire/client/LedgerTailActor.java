package io.quire.client;

import io.quire.client.core.Failure;
import io.quire.client.core.TailOutbox;
import io.quire.client.core.TailRead;
import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Envelope;
import io.quire.protocol.wire.WireMessage;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Follows one ledger for one {@link LedgerTail}: runs a {@link TailRead}. Ends when the ledger's last entry was given, when
 * it cannot go on, or when it is told to; however it ends, it completes what its handle waits for.
 */
final class LedgerTailActor extends AbstractBehavior<LedgerTailActor.Command> {
    private final ClientContext client;
    private final ReadHandle handle;
    private final CompletableFuture<ReadHandle.LedgerEntries> over;
    private final ActorRef<BookieReply> replies;
    private final ActorRef<LedgerReaderActor.Command> reader;
    private final TailRead core;
    private final Registry.Watch watch;
    private Next waiting;
    private boolean refreshing;
    private boolean ended;
    private Failure ending = new Failure(Code.Unavailable, Outcome.NOT_APPLIED, "the tail was closed");

    sealed interface Command {}

    /** Completes {@code result} once there are entries; the one before must be complete. */
    record Next(int countMax, long bytesMax, CompletableFuture<ReadHandle.LedgerEntries> result) implements Command {}

    /** Nothing is wanted any more. */
    enum Close implements Command {
        INSTANCE
    }

    private record Replied(BookieReply reply) implements Command {}

    private record RepliedTogether(Bundle bundle) implements Command {}

    private record Seen(Versioned<LedgerMetadata> metadata) implements Command {}

    private record Fetched(long fetch, List<Entry> entries, Throwable failure) implements Command {}

    private record Refreshed(Long lastAddConfirmed, Throwable failure) implements Command {}

    private enum Tick implements Command {
        INSTANCE
    }

    private LedgerTailActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ReadHandle handle,
            ActorRef<LedgerReaderActor.Command> reader,
            long firstEntryId,
            CompletableFuture<ReadHandle.LedgerEntries> over) {
        super(context);
        this.client = handle.context;
        this.handle = handle;
        this.reader = reader;
        this.over = over;
        this.replies = context.messageAdapter(BookieReply.class, Replied::new);
        // The same address: what comes there is told apart by its class.
        context.messageAdapter(Bundle.class, RepliedTogether::new);
        LedgerId ledgerId = handle.getId();
        TailRead.Settings settings = client.settings.tail();
        this.core = new TailRead(
                handle.getLedgerMetadata(),
                handle.key,
                firstEntryId,
                Math.floorMod(context.getSelf().path().hashCode(), 1 << 16),
                settings,
                new Outbox());
        timers.startTimerWithFixedDelay(
                Tick.INSTANCE, Tick.INSTANCE, Duration.ofNanos(Math.max(1, settings.avoidNanos() / 4)));
        ActorRef<Command> self = context.getSelf();
        this.watch = client.registry.watch(RegistryKey.ofLedger(ledgerId), value -> LedgerMetadata.registered(value)
                .ifPresent(seen -> self.tell(new Seen(seen))));
        core.start(now());
    }

    /**
     * @param over completed when nothing more will ever be given: empty at the ledger's end, else with the reason
     */
    static Behavior<Command> create(
            ReadHandle handle,
            ActorRef<LedgerReaderActor.Command> reader,
            long firstEntryId,
            CompletableFuture<ReadHandle.LedgerEntries> over) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new LedgerTailActor(context, timers, handle, reader, firstEntryId, over)));
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(Next.class, this::onNext)
                .onMessage(Replied.class, replied -> onReply(replied.reply()))
                .onMessage(RepliedTogether.class, this::onRepliedTogether)
                .onMessage(Seen.class, this::onSeen)
                .onMessage(Fetched.class, this::onFetched)
                .onMessage(Refreshed.class, this::onRefreshed)
                .onMessage(Tick.class, tick -> onTick())
                .onMessage(Close.class, close -> Behaviors.stopped())
                .onSignal(PostStop.class, stop -> onPostStop())
                .build();
    }

    private Behavior<Command> onNext(Next next) {
        waiting = next;
        return give();
    }

    private Behavior<Command> onRepliedTogether(RepliedTogether together) {
        Behavior<Command> next = Behaviors.same();
        for (WireMessage message : together.bundle().messages()) {
            if (message instanceof BookieReply reply) {
                next = onReply(reply);
            }
        }
        return next;
    }

    private Behavior<Command> onReply(BookieReply reply) {
        if (reply instanceof BookieReply.EntriesPushed pushed) {
            core.pushed(
                    pushed.requestId(),
                    pushed.bookie(),
                    new TailRead.Push(
                            pushed.number(),
                            pushed.endOffset(),
                            pushed.entries(),
                            pushed.coveredTo(),
                            pushed.lastAddConfirmed()),
                    now());
        } else if (reply instanceof BookieReply.RequestRefused refused) {
            core.refused(refused.requestId(), now());
        }
        return give();
    }

    private Behavior<Command> onSeen(Seen seen) {
        handle.learned(seen.metadata());
        core.learned(seen.metadata(), now());
        return give();
    }

    private Behavior<Command> onFetched(Fetched fetched) {
        if (fetched.failure() == null) {
            core.fetched(fetched.fetch(), fetched.entries(), now());
        } else {
            core.fetchFailed(fetched.fetch(), LedgerCreation.failureOf(fetched.failure()), now());
        }
        return give();
    }

    private Behavior<Command> onRefreshed(Refreshed refreshed) {
        refreshing = false;
        if (refreshed.failure() != null) {
            Failure failure = LedgerCreation.failureOf(refreshed.failure());
            // Whatever else it is may pass.
            if (failure.code() == Code.NoSuchLedger) {
                core.fail(failure);
            }
        } else {
            core.learned(handle.getLedgerMetadata(), now());
            core.confirmed(refreshed.lastAddConfirmed(), now());
        }
        return give();
    }

    private Behavior<Command> onTick() {
        core.tick(now());
        return give();
    }

    /** Gives what there is to who waits, and ends when there will never be more. */
    private Behavior<Command> give() {
        if (waiting != null && core.hasReady()) {
            List<Entry> entries = core.take(waiting.countMax(), waiting.bytesMax(), now());
            client.reads.increment((double) entries.size());
            Next next = waiting;
            waiting = null;
            handle.confirmed(entries.get(entries.size() - 1).entryId());
            next.result().complete(new ReadHandle.LedgerEntries(entries));
        }
        if (core.hasReady()) {
            return this;
        }
        if (core.isEnded()) {
            ended = true;
            return Behaviors.stopped();
        }
        if (core.failure().isPresent()) {
            ending = core.failure().get();
            return Behaviors.stopped();
        }
        return this;
    }

    private Behavior<Command> onPostStop() {
        watch.cancel();
        core.stop();
        if (ended) {
            over.complete(new ReadHandle.LedgerEntries(List.of()));
        } else {
            over.completeExceptionally(ending.toException());
        }
        return this;
    }

    private long now() {
        return client.nanoClock.getAsLong();
    }

    private final class Outbox implements TailOutbox {
        private final LedgerId ledgerId = handle.getId();

        @Override
        public void subscribe(
                long subscription, BookieId bookie, long firstEntryId, long lastAddConfirmed, long creditLimit) {
            Optional<ActorRef<BookieRequest>> target = client.bookie(bookie);
            if (target.isEmpty()) {
                ActorRef<Command> self = getContext().getSelf();
                self.tell(new Replied(new BookieReply.RequestRefused(
                        bookie, subscription, BookieReply.Refusal.UNAVAILABLE, "its address is not known")));
                return;
            }
            send(
                    target,
                    new BookieRequest.SubscribeLedger(
                            bookie, subscription, ledgerId, firstEntryId, lastAddConfirmed, creditLimit));
        }

        @Override
        public void grant(long subscription, BookieId bookie, long lastAddConfirmed, long creditLimit) {
            send(
                    client.bookie(bookie),
                    new BookieRequest.GrantCredit(bookie, subscription, ledgerId, lastAddConfirmed, creditLimit));
        }

        @Override
        public void unsubscribe(long subscription, BookieId bookie) {
            send(client.bookie(bookie), new BookieRequest.UnsubscribeLedger(bookie, subscription, ledgerId));
        }

        private void send(Optional<ActorRef<BookieRequest>> target, BookieRequest request) {
            target.ifPresent(ref -> Envelope.send(ref, request, replies));
        }

        @Override
        public void fetch(long fetch, long firstEntryId, long lastEntryId) {
            CompletableFuture<List<Entry>> result = new CompletableFuture<>();
            reader.tell(new LedgerReaderActor.ReadRange(
                    handle.getLedgerMetadata().value(),
                    handle.key,
                    firstEntryId,
                    lastEntryId,
                    false,
                    Integer.MAX_VALUE,
                    client.settings.tail().creditBytes(),
                    result));
            getContext().pipeToSelf(result, (entries, failure) -> new Fetched(fetch, entries, failure));
        }

        @Override
        public void refresh() {
            if (!refreshing) {
                refreshing = true;
                getContext().pipeToSelf(handle.readLastAddConfirmedAsync(), Refreshed::new);
            }
        }
    }
}
