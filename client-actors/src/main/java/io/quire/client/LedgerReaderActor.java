package io.quire.client;

import io.quire.client.core.Failure;
import io.quire.client.core.HedgeBudget;
import io.quire.client.core.LastAddConfirmedRead;
import io.quire.client.core.RangeRead;
import io.quire.client.core.ReadOutbox;
import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.PreRestart;
import org.apache.pekko.actor.typed.SupervisorStrategy;
import org.apache.pekko.actor.typed.javadsl.AbstractBehavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.Receive;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Carries out the reads of one process. One per process, for its life; a failure ends the reads under way, and the actor
 * is started anew for others. Whoever asks bounds the wait for the answer.
 */
final class LedgerReaderActor extends AbstractBehavior<LedgerReaderActor.Command> {
    private static final Duration TICK = Duration.ofMillis(10);
    /** A question, one that hedges it, and what is left of those before. */
    private static final int QUESTIONS_MAX = 4;

    /** How long a bookie that did not answer is asked last, by all reads; gossip tells later than that it is down. */
    private static final long SUSPICION_NANOS = Duration.ofSeconds(10).toNanos();

    private final ClientContext client;
    private final ClientSettings.Reader settings;
    private final TimerScheduler<Command> timers;
    private final ActorRef<BookieReply> replies;
    private final HedgeBudget hedges;
    private final Map<Long, Read> reads = new HashMap<>();
    private final Map<Long, Asked> asked = new HashMap<>();
    private final Map<Long, ConfirmedRead> confirmedReads = new HashMap<>();
    private final Map<BookieId, Long> silentSinceNanos = new HashMap<>();
    private long lastId;
    private boolean ticking;

    sealed interface Command {}

    /**
     * Reads a range.
     *
     * @param key of the ledger
     * @param unconfirmed whether it may reach beyond what is confirmed
     */
    record ReadRange(
            LedgerMetadata metadata,
            LedgerKey key,
            long firstEntryId,
            long lastEntryId,
            boolean unconfirmed,
            int entriesMax,
            long bytesMax,
            CompletableFuture<List<Entry>> result)
            implements Command {}

    /** Finds the last-add-confirmed of an open ledger, not below {@code known}. */
    record ReadConfirmed(LedgerMetadata metadata, long known, CompletableFuture<Long> result) implements Command {}

    private record Replied(BookieReply reply) implements Command {}

    private record RegisterRead(long read, RegisterValue value, Throwable failure) implements Command {}

    private enum Tick implements Command {
        INSTANCE
    }

    private record Asked(long read, long request, long askedNanos) {}

    /** One range read under way. */
    private final class Read implements ReadOutbox {
        private final long id;
        private final LedgerId ledgerId;
        private final CompletableFuture<List<Entry>> result;
        private final RangeRead core;
        private final Deque<Long> wireIds = new ArrayDeque<>();

        Read(long id, ReadRange command, RangeRead.Limits limits) {
            this.id = id;
            this.ledgerId = command.metadata().ledgerId();
            this.result = command.result();
            this.core = new RangeRead(
                    command.metadata(),
                    command.key(),
                    command.firstEntryId(),
                    command.lastEntryId(),
                    command.unconfirmed(),
                    limits,
                    this);
        }

        @Override
        public void read(
                long request, BookieId bookie, long firstEntryId, long lastEntryId, int entriesMax, int bytesMax) {
            long wireId = ++lastId;
            wireIds.add(wireId);
            if (wireIds.size() > QUESTIONS_MAX) {
                asked.remove(wireIds.remove());
            }
            asked.put(wireId, new Asked(id, request, now()));
            ask(new BookieRequest.ReadEntries(
                    bookie, wireId, ledgerId, firstEntryId, lastEntryId, entriesMax, bytesMax, false));
        }

        @Override
        public void readRegister() {
            getContext()
                    .pipeToSelf(
                            client.registry.read(RegistryKey.ofLedger(ledgerId)),
                            (value, failure) -> new RegisterRead(id, value, failure));
        }

        @Override
        public boolean mayHedge() {
            boolean may = hedges.take();
            if (may) {
                client.hedgedReads.increment();
            }
            return may;
        }

        @Override
        public void silent(BookieId bookie) {
            silentSinceNanos.put(bookie, now());
        }

        @Override
        public boolean isSuspect(BookieId bookie) {
            Long since = silentSinceNanos.get(bookie);
            return (since != null && now() - since < SUSPICION_NANOS) || client.isDown(bookie);
        }

        @Override
        public void done(List<Entry> entries) {
            client.reads.increment((double) entries.size());
            result.complete(entries);
        }

        @Override
        public void failed(Failure failure) {
            result.completeExceptionally(failure.toException());
        }

        private void endIfOver() {
            if (core.isOver()) {
                wireIds.forEach(asked::remove);
                reads.remove(id);
            }
        }
    }

    /** One search for a last-add-confirmed under way. */
    private static final class ConfirmedRead {
        private final LedgerMetadata metadata;
        private final LastAddConfirmedRead core;
        private final CompletableFuture<Long> result;
        private final long deadlineNanos;

        ConfirmedRead(ReadConfirmed command, long deadlineNanos) {
            this.metadata = command.metadata();
            this.core = new LastAddConfirmedRead(metadata.replication(), command.known());
            this.result = command.result();
            this.deadlineNanos = deadlineNanos;
        }
    }

    private LedgerReaderActor(ActorContext<Command> context, TimerScheduler<Command> timers, ClientContext client) {
        super(context);
        this.client = client;
        this.settings = client.settings.reader();
        this.hedges = new HedgeBudget(settings.hedgeDelayMin().toNanos(), settings.hedgeShare());
        this.timers = timers;
        this.replies = context.messageAdapter(BookieReply.class, Replied::new);
    }

    static Behavior<Command> create(ClientContext client) {
        return Behaviors.supervise(Behaviors.<Command>setup(
                        context -> Behaviors.withTimers(timers -> new LedgerReaderActor(context, timers, client))))
                .onFailure(SupervisorStrategy.restart());
    }

    @Override
    public Receive<Command> createReceive() {
        return newReceiveBuilder()
                .onMessage(ReadRange.class, this::onReadRange)
                .onMessage(ReadConfirmed.class, this::onReadConfirmed)
                .onMessage(Replied.class, this::onReplied)
                .onMessage(RegisterRead.class, this::onRegisterRead)
                .onMessage(Tick.class, tick -> onTick())
                .onSignal(PreRestart.class, signal -> onEnd())
                .onSignal(PostStop.class, signal -> onEnd())
                .build();
    }

    /** Nobody waits for an answer that will not come (H97). */
    private Behavior<Command> onEnd() {
        LedgerException ended = new Failure(
                        Code.Unavailable, Outcome.NOT_APPLIED, "the reader ended before it had an answer")
                .toException();
        reads.values().forEach(read -> read.result.completeExceptionally(ended));
        confirmedReads.values().forEach(read -> read.result.completeExceptionally(ended));
        return this;
    }

    private Behavior<Command> onReadRange(ReadRange command) {
        if (reads.size() >= settings.readsMax()) {
            command.result()
                    .completeExceptionally(new Failure(
                                    Code.Overloaded, Outcome.NOT_APPLIED, reads.size() + " reads are under way already")
                            .toException());
            return this;
        }
        long now = now();
        Read read = new Read(
                ++lastId,
                command,
                new RangeRead.Limits(
                        command.entriesMax(),
                        command.bytesMax(),
                        settings.requestEntriesMax(),
                        settings.requestBytesMax(),
                        settings.requestTimeout().toNanos(),
                        hedges.delayNanos(),
                        settings.retryInterval().toNanos(),
                        now + settings.readTimeout().toNanos()));
        reads.put(read.id, read);
        read.core.start(now);
        read.endIfOver();
        keepTicking();
        return this;
    }

    private Behavior<Command> onReadConfirmed(ReadConfirmed command) {
        LedgerMetadata metadata = command.metadata();
        if (confirmedReads.size() >= settings.readsMax()) {
            command.result()
                    .completeExceptionally(new Failure(
                                    Code.Overloaded,
                                    Outcome.NOT_APPLIED,
                                    confirmedReads.size() + " searches for a last-add-confirmed are under way already")
                            .toException());
            return this;
        }
        long id = ++lastId;
        confirmedReads.put(
                id, new ConfirmedRead(command, now() + settings.requestTimeout().toNanos()));
        for (BookieId bookie : metadata.lastFragment().ensemble().bookies()) {
            ask(new BookieRequest.ReadLastAddConfirmed(bookie, id, metadata.ledgerId()));
        }
        keepTicking();
        return this;
    }

    private Behavior<Command> onReplied(Replied replied) {
        BookieReply reply = replied.reply();
        if (reply instanceof BookieReply.EntriesRead answer) {
            silentSinceNanos.remove(answer.bookie());
            Asked request = asked.remove(answer.requestId());
            Read read = request == null ? null : reads.get(request.read());
            if (read != null) {
                hedges.answered(now() - request.askedNanos());
                read.core.entriesRead(request.request(), answer.entries(), answer.coveredTo(), now());
                read.endIfOver();
            }
        } else if (reply instanceof BookieReply.RequestRefused refused) {
            Asked request = asked.remove(refused.requestId());
            Read read = request == null ? null : reads.get(request.read());
            if (read != null) {
                read.core.refused(request.request(), refused.refusal() + ": " + refused.detail(), now());
                read.endIfOver();
            }
        } else if (reply instanceof BookieReply.LastAddConfirmedRead answer) {
            ConfirmedRead read = confirmedReads.get(answer.requestId());
            if (read != null) {
                read.core.answered(
                        read.metadata.lastFragment().ensemble().positionOf(answer.bookie()), answer.lastAddConfirmed());
                if (read.core.isCovered()) {
                    confirmedReads.remove(answer.requestId());
                    read.result.complete(read.core.highest());
                }
            }
        }
        return this;
    }

    private Behavior<Command> onRegisterRead(RegisterRead answer) {
        Read read = reads.get(answer.read());
        if (read != null && answer.failure() != null) {
            read.core.registerUnavailable();
        } else if (read != null) {
            read.core.registerRead(LedgerMetadata.registered(answer.value()).map(Versioned::value), now());
            read.endIfOver();
        }
        return this;
    }

    private Behavior<Command> onTick() {
        long now = now();
        for (Read read : new ArrayList<>(reads.values())) {
            read.core.tick(now);
            read.endIfOver();
        }
        confirmedReads.values().removeIf(read -> {
            boolean late = now - read.deadlineNanos >= 0;
            if (late && read.core.answers() > 0) {
                read.result.complete(read.core.highest());
            } else if (late) {
                read.result.completeExceptionally(new Failure(
                                Code.Unavailable,
                                Outcome.NOT_APPLIED,
                                "no bookie of the last fragment answered in time")
                        .toException());
            }
            return late;
        });
        if (reads.isEmpty() && confirmedReads.isEmpty()) {
            ticking = false;
            timers.cancel(Tick.INSTANCE);
        }
        return this;
    }

    private void ask(BookieRequest.Question question) {
        client.channel(question.target()).tell(new BookieChannelActor.Ask(question, replies));
    }

    private void keepTicking() {
        if (!ticking) {
            ticking = true;
            timers.startTimerWithFixedDelay(Tick.INSTANCE, Tick.INSTANCE, TICK);
        }
    }

    private long now() {
        return client.nanoClock.getAsLong();
    }
}
