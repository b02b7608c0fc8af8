package io.quire.client;

import io.quire.client.core.Durability;
import io.quire.client.core.ExplicitIds;
import io.quire.client.core.ExplicitIds.Waiting;
import io.quire.client.core.Failure;
import io.quire.client.core.LedgerWriter;
import io.quire.client.core.WriterOutbox;
import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.OpId;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.UUID;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * The writer of one ledger, as an actor: send {@link Append}, get {@link Appended} or {@link AppendFailed}, one of them,
 * in order. States: creating the ledger (where the caller wants a new one), writing, stopped by {@link Close} or its
 * parent. Stopping never seals.
 *
 * <p>{@code LedgerClient.writer} gives the behavior to spawn.
 */
public final class LedgerWriterActor {
    private static final Duration LINGER = Duration.ofSeconds(2);
    /** Deadlines that are far off are looked after that much more rarely. */
    private static final int INTERVALS_WHEN_BUSY = 10;

    private final ActorContext<Command> context;
    private final TimerScheduler<Command> timers;
    private final ClientContext client;
    private final LedgerWriter core;
    private final LedgerId ledgerId;
    private final LedgerKey key;
    private final ActorRef<BookieReply> replies;
    private final Deque<AppendListener> appends = new ArrayDeque<>();
    private final Seals seals = new Seals();
    private final Map<Long, ForceListener> forces = new HashMap<>();
    private final ExplicitIds<AppendListener> holes;
    private final int pumpEntries;
    private long lastForce;
    private int appendedSincePump;
    private boolean pumpScheduled;
    private final WriterTicks.Ticket ticks;
    /** When the core was last looked after, or began to need it. */
    private long lastTickNanos;

    private boolean ticking;
    private final Runnable whenStopped;
    private long changeVersion = -1;
    private OpId changeOperation;

    /** What a writer is told. */
    public sealed interface Command {}

    /** Appends one entry under the next id. */
    public record Append(Payload payload, Durability durability, ActorRef<? super AppendResult> replyTo)
            implements Command {
        /** Appends one entry durably. */
        public Append(Payload payload, ActorRef<? super AppendResult> replyTo) {
            this(payload, Durability.SYNCED, replyTo);
        }
    }

    /**
     * Appends one entry under an id that the caller chose; it is sent once every lower id was appended (R9). A writer is
     * used with this or with {@link Append}, not with both.
     */
    public record AppendAt(long entryId, Payload payload, ActorRef<? super AppendResult> replyTo) implements Command {}

    /** Waits until every append before this is durable at an ack quorum. */
    public record Force(ActorRef<? super ForceResult> replyTo) implements Command {}

    /**
     * Closes the ledger for ever, behind every append before this.
     *
     * @param expectedLastEntryId where it has to end; if it does not, nothing is changed
     */
    public record Seal(OptionalLong expectedLastEntryId, ActorRef<? super SealResult> replyTo) implements Command {
        public Seal(ActorRef<? super SealResult> replyTo) {
            this(OptionalLong.empty(), replyTo);
        }
    }

    /** Lets go of the ledger and stops, without sealing. Pending appends end with outcome UNKNOWN. */
    public enum Close implements Command {
        INSTANCE
    }

    /** How an append ended. */
    public sealed interface AppendResult {}

    /**
     * The entry is on an ack quorum of bookies, durably.
     *
     * @param acknowledgedBy the members known to hold it then, as a mask of positions in the last fragment's ensemble
     */
    public record Appended(LedgerId ledgerId, long entryId, int acknowledgedBy) implements AppendResult {}

    /** The entry was not acknowledged; {@code outcome} says whether it may be in the ledger all the same. */
    public record AppendFailed(LedgerException.Code code, LedgerException.Outcome outcome, String message)
            implements AppendResult {}

    /** How a force ended. */
    public sealed interface ForceResult {}

    /** Every append before it is durable. */
    public record Forced(LedgerId ledgerId, long lastAddConfirmed) implements ForceResult {}

    /** Some append before it is not known to be durable. */
    public record ForceFailed(LedgerException.Code code, LedgerException.Outcome outcome, String message)
            implements ForceResult {}

    /** How a seal ended. */
    public sealed interface SealResult {}

    /** The ledger is closed. */
    public record Sealed(Versioned<LedgerMetadata> metadata) implements SealResult {}

    /** The ledger was not closed by this writer, as far as it knows. */
    public record SealFailed(LedgerException.Code code, LedgerException.Outcome outcome, String message)
            implements SealResult {}

    /** Told of one append, on the writer's thread. */
    interface AppendListener {
        void appended(LedgerId ledgerId, long entryId, int acknowledgedBy);

        void failed(Failure failure);
    }

    /** Told of one seal, on the writer's thread. */
    interface SealListener {
        void sealed(Versioned<LedgerMetadata> metadata);

        void failed(Failure failure);
    }

    /** Told of one force, on the writer's thread. */
    interface ForceListener {
        void forced(long lastAddConfirmed);

        void failed(Failure failure);
    }

    record AppendFor(Payload payload, Durability durability, AppendListener listener) implements Command {}

    record AppendAtFor(long entryId, Payload payload, AppendListener listener) implements Command {}

    record ForceFor(ForceListener listener) implements Command {}

    record SealFor(OptionalLong expectedLastEntryId, SealListener listener) implements Command {}

    /** Asks how far the writer is. */
    record Describe(ActorRef<Progress> replyTo) implements Command {}

    /** How far a writer is. */
    record Progress(Versioned<LedgerMetadata> metadata, long lastAddConfirmed, long lastAddPushed, long length) {}

    record Created(Versioned<LedgerMetadata> metadata, Throwable failure) implements Command {}

    private record Replied(BookieReply reply) implements Command {}

    private record RegisterRead(RegisterValue value, Throwable failure) implements Command {}

    private record ChangeDone(Registry.CasResult result, Throwable failure) implements Command {}

    private enum Pump implements Command {
        INSTANCE
    }

    private enum Tick implements Command {
        INSTANCE
    }

    enum Stop implements Command {
        INSTANCE
    }

    private LedgerWriterActor(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ClientContext client,
            Versioned<LedgerMetadata> created,
            LedgerKey key,
            Runnable whenStopped) {
        this.context = context;
        this.timers = timers;
        this.client = client;
        this.whenStopped = whenStopped;
        this.ledgerId = created.value().ledgerId();
        this.key = key;
        this.replies = context.messageAdapter(BookieReply.class, Replied::new);
        this.core = new LedgerWriter(created, key, client.settings.writer(), new Outbox(), now());
        this.holes = new ExplicitIds<>(
                client.settings.explicitIdsWindow(), client.settings.writer().pendingBytesMax());
        this.ticks = client.ticks.enrol(() -> context.getSelf().tell(Tick.INSTANCE));
        this.pumpEntries = client.settings.writer().batchEntriesMax();
    }

    /**
     * The writer of a ledger that exists and was created for it.
     *
     * @param key of the ledger
     * @param whenStopped run once, last, however the actor ends
     */
    static Behavior<Command> of(
            ClientContext client, Versioned<LedgerMetadata> created, LedgerKey key, Runnable whenStopped) {
        return Behaviors.setup(context -> Behaviors.withTimers(
                timers -> new LedgerWriterActor(context, timers, client, created, key, whenStopped).start()));
    }

    /** The writer of a ledger that was just created for {@code context}'s actor. */
    static Behavior<Command> started(
            ActorContext<Command> context,
            TimerScheduler<Command> timers,
            ClientContext client,
            Versioned<LedgerMetadata> created,
            LedgerKey key) {
        return new LedgerWriterActor(context, timers, client, created, key, () -> {}).start();
    }

    private Behavior<Command> start() {
        return Behaviors.receive(Command.class)
                .onMessage(
                        AppendFor.class, append -> onAppend(append.payload(), append.durability(), append.listener()))
                .onMessage(
                        Append.class,
                        append -> onAppend(append.payload(), append.durability(), new ReplyOfAppend(append.replyTo())))
                .onMessage(
                        AppendAtFor.class, append -> onAppendAt(append.entryId(), append.payload(), append.listener()))
                .onMessage(
                        AppendAt.class,
                        append -> onAppendAt(append.entryId(), append.payload(), new ReplyOfAppend(append.replyTo())))
                .onMessage(ForceFor.class, force -> onForce(force.listener()))
                .onMessage(Force.class, force -> onForce(new ReplyOfForce(ledgerId, force.replyTo())))
                .onMessage(Pump.class, pump -> onPump())
                .onMessage(Replied.class, this::onReplied)
                .onMessage(Tick.class, tick -> onTick())
                .onMessage(Seal.class, seal -> onSeal(seal.expectedLastEntryId(), new ReplyOfSeal(seal.replyTo())))
                .onMessage(SealFor.class, seal -> onSeal(seal.expectedLastEntryId(), seal.listener()))
                .onMessage(ChangeDone.class, this::onChangeDone)
                .onMessage(RegisterRead.class, this::onRegisterRead)
                .onMessage(Describe.class, this::onDescribe)
                .onMessage(Close.class, close -> onClose())
                .onSignal(PostStop.class, signal -> onPostStop())
                .build();
    }

    private Behavior<Command> onPostStop() {
        try {
            ticks.close();
            failWaiting(holes.clear(), LedgerException.Code.NoWriter);
            core.close();
        } finally {
            whenStopped.run();
        }
        return Behaviors.same();
    }

    /** Requests that were on their way when the handle was closed are still answered; then the actor stops. */
    private Behavior<Command> onClose() {
        failWaiting(holes.clear(), LedgerException.Code.NoWriter);
        core.close();
        ticks.sleep();
        stopLater(timers);
        return Behaviors.receive(Command.class)
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .onMessage(Replied.class, this::onReplied) // a session that opens late is closed at once
                .onAnyMessage(command -> {
                    UnwrittenLedger.refuse(command, UnwrittenLedger.CLOSED);
                    return Behaviors.same();
                })
                .onSignal(PostStop.class, signal -> onPostStop())
                .build();
    }

    static void stopLater(TimerScheduler<Command> timers) {
        timers.startSingleTimer(Stop.INSTANCE, Stop.INSTANCE, LINGER);
    }

    private Behavior<Command> onAppendAt(long entryId, Payload payload, AppendListener listener) {
        Optional<Failure> refusal =
                core.refusalOf(payload.length()).or(() -> holes.refusalOf(entryId, payload.length()));
        if (refusal.isPresent()) {
            client.appendFailures.increment();
            listener.failed(refusal.get());
            return Behaviors.same();
        }
        long deadline = now() + client.settings.writer().appendTimeoutNanos();
        holes.offer(entryId, payload, listener, deadline);
        drainHoles();
        keepTicking();
        return Behaviors.same();
    }

    /** Appends what waited for its turn, as far as the writer has room; the rest goes on waiting under its ids. */
    private void drainHoles() {
        if (holes.isEmpty()) {
            return;
        }
        holes.drain(
                        payload -> core.refusalOf(payload.length()),
                        ready -> onAppend(ready.payload(), Durability.SYNCED, ready.caller()))
                .filter(refusal -> refusal.code() != LedgerException.Code.Overloaded)
                .ifPresent(refusal -> failWaiting(holes.clear(), refusal.code()));
    }

    /** Ends appends that wait for a hole to be filled: they were never sent. */
    private void failWaiting(List<Waiting<AppendListener>> waiting, LedgerException.Code code) {
        for (Waiting<AppendListener> append : waiting) {
            client.appendFailures.increment();
            append.caller()
                    .failed(new Failure(
                            code,
                            LedgerException.Outcome.NOT_APPLIED,
                            "entry " + append.entryId() + " waited for its turn, and entry " + holes.next()
                                    + " was not appended"));
        }
    }

    private Behavior<Command> onForce(ForceListener listener) {
        long token = ++lastForce;
        forces.put(token, listener);
        core.pump(now());
        core.force(token, now());
        keepTicking();
        return Behaviors.same();
    }

    private Behavior<Command> onAppend(Payload payload, Durability durability, AppendListener listener) {
        Optional<Failure> refusal = core.refusalOf(payload.length());
        if (refusal.isPresent()) {
            client.appendFailures.increment();
            listener.failed(refusal.get());
            return Behaviors.same();
        }
        appends.add(listener);
        core.append(payload, durability, now());
        appendedSincePump++;
        if (appendedSincePump >= pumpEntries) {
            return pump();
        }
        if (!pumpScheduled) {
            pumpScheduled = true;
            context.getSelf().tell(Pump.INSTANCE);
        }
        return Behaviors.same();
    }

    private Behavior<Command> onPump() {
        pumpScheduled = false;
        return pump();
    }

    private Behavior<Command> pump() {
        appendedSincePump = 0;
        core.pump(now());
        keepTicking();
        return Behaviors.same();
    }

    private Behavior<Command> onReplied(Replied replied) {
        BookieReply reply = replied.reply();
        if (reply instanceof BookieReply.EntriesAdded added) {
            for (BookieReply.SessionAck ack : added.acks()) {
                core.batchesAdded(
                        positionOf(ack.session()),
                        ack.session(),
                        ack.cumulative(),
                        ack.ranges().stream()
                                .map(range -> new long[] {range.first(), range.last()})
                                .toList(),
                        ack.creditLimit(),
                        now());
            }
        } else if (reply instanceof BookieReply.BatchReceived received) {
            core.batchesReceived(
                    positionOf(received.session()),
                    received.session(),
                    List.of(new long[] {received.number(), received.number()}),
                    now());
        } else if (reply instanceof BookieReply.SessionOpened opened) {
            core.sessionOpened(positionOf(opened.session()), opened.session(), opened.creditLimit(), now());
        } else if (reply instanceof BookieReply.SessionRefused refused) {
            context.getLog()
                    .debug("Bookie {} opens no session of ledger {}: {}", refused.bookie(), ledgerId, refused.detail());
            core.sessionRefused(
                    core.metadata().lastFragment().ensemble().positionOf(refused.bookie()),
                    rejectionOf(refused.refusal()),
                    now());
        } else if (reply instanceof BookieReply.SessionEnded ended) {
            core.sessionEnded(positionOf(ended.session()), ended.session(), rejectionOf(ended.refusal()), now());
        } else if (reply instanceof BookieReply.BatchRefused refused) {
            context.getLog()
                    .debug("A batch of ledger {} was refused: {} {}", ledgerId, refused.refusal(), refused.detail());
            core.batchRefused(positionOf(refused.session()), refused.session(), rejectionOf(refused.refusal()), now());
        }
        drainHoles();
        keepTicking();
        return Behaviors.same();
    }

    private Behavior<Command> onTick() {
        lastTickNanos = now();
        core.tick(lastTickNanos);
        drainHoles();
        failWaiting(holes.expire(lastTickNanos), LedgerException.Code.TimedOut);
        keepTicking();
        return Behaviors.same();
    }

    /** Asks to be woken when the core, or an append that waits for its turn, is to be looked after next. */
    private void keepTicking() {
        LedgerWriter.Attention attention = core.attention();
        if (attention == LedgerWriter.Attention.NONE && holes.isEmpty()) {
            ticking = false;
            ticks.sleep();
            return;
        }
        long now = now();
        lastTickNanos = ticking ? lastTickNanos : now;
        ticking = true;
        long interval = client.ticks.intervalNanos();
        long latest = lastTickNanos + INTERVALS_WHEN_BUSY * interval;
        switch (attention) {
            case SOON -> ticks.wakeAt(lastTickNanos + interval);
            case WHEN_QUIET -> ticks.wakeAt(Math.min(now + interval, latest));
            default -> ticks.wakeAt(latest);
        }
    }

    private Behavior<Command> onSeal(OptionalLong expectedLastEntryId, SealListener listener) {
        seals.add(expectedLastEntryId, listener);
        failWaiting(holes.clear(), LedgerException.Code.LedgerClosed);
        core.pump(now());
        if (expectedLastEntryId.isPresent()) {
            core.seal(expectedLastEntryId.getAsLong(), now());
        } else {
            core.seal(now());
        }
        keepTicking();
        return Behaviors.same();
    }

    private Behavior<Command> onChangeDone(ChangeDone done) {
        if (done.failure() != null) {
            core.registerUnknown(String.valueOf(done.failure().getMessage()), now());
        } else if (done.result() instanceof Registry.CasResult.Applied applied) {
            core.registered(applied.version(), now());
        } else if (done.result() instanceof Registry.CasResult.Conflict conflict) {
            core.registerConflict(LedgerMetadata.registered(conflict.current()), now());
        } else if (done.result() instanceof Registry.CasResult.Unknown unknown) {
            core.registerUnknown(unknown.reason(), now());
        }
        keepTicking();
        return Behaviors.same();
    }

    private Behavior<Command> onRegisterRead(RegisterRead read) {
        if (read.failure() == null) {
            core.registerRead(LedgerMetadata.registered(read.value()), now());
        } else {
            core.registerUnavailable();
        }
        keepTicking();
        return Behaviors.same();
    }

    private Behavior<Command> onDescribe(Describe describe) {
        describe.replyTo()
                .tell(new Progress(
                        new Versioned<>(core.version(), core.metadata()),
                        core.lastAddConfirmed(),
                        core.lastAddPushed(),
                        core.lengthConfirmed()));
        return Behaviors.same();
    }

    private int positionOf(SessionId session) {
        return core.metadata().lastFragment().ensemble().positionOf(session.bookie());
    }

    private long now() {
        return client.nanoClock.getAsLong();
    }

    private static LedgerWriter.Rejection rejectionOf(BookieReply.Refusal refusal) {
        return switch (refusal) {
            case UNKNOWN_SESSION -> LedgerWriter.Rejection.UNKNOWN_SESSION;
            case FENCED, NOT_OPEN, NO_SUCH_LEDGER, NOT_A_MEMBER -> LedgerWriter.Rejection.NOT_WRITABLE;
            case UNAUTHORIZED -> LedgerWriter.Rejection.UNAUTHORIZED;
            case IN_LIMBO, READ_ONLY -> LedgerWriter.Rejection.CLOSED_TO_ENTRIES;
            case WRONG_BOOKIE, OVERLOADED, UNAVAILABLE, DAMAGED, CONFLICTING_BYTES, NOT_RECOVERING ->
                LedgerWriter.Rejection.BUSY;
        };
    }

    /** Turns what the core wants into messages. */
    private final class Outbox implements WriterOutbox {
        @Override
        public void openSession(int position) {
            Fragment fragment = core().metadata().lastFragment();
            client.channel(fragment.ensemble().at(position))
                    .tell(new BookieChannelActor.Open(ledgerId, fragment.fragmentVersion(), key.proof(), replies));
        }

        @Override
        public void sendBatch(
                int position,
                SessionId session,
                long number,
                long endOffset,
                long lastAddConfirmed,
                EntryBatch entries,
                boolean receipt) {
            client.channel(session.bookie())
                    .tell(new BookieChannelActor.Send(
                            new BookieRequest.Batch(session, number, endOffset, lastAddConfirmed, entries, receipt)));
        }

        @Override
        public void probe(int position, SessionId session) {
            client.channel(session.bookie()).tell(new BookieChannelActor.Probe(session));
        }

        @Override
        public void closeSession(int position, SessionId session) {
            client.channel(session.bookie()).tell(new BookieChannelActor.Close(session));
        }

        @Override
        public void appended(long entryId, int ackMask) {
            client.appends.increment();
            appends.remove().appended(ledgerId, entryId, ackMask);
        }

        @Override
        public void appendFailed(long entryId, Failure failure) {
            client.appendFailures.increment();
            appends.remove().failed(failure);
        }

        @Override
        public void readRegister() {
            context.pipeToSelf(client.registry.read(RegistryKey.ofLedger(ledgerId)), RegisterRead::new);
        }

        @Override
        public Optional<BookieId> replacementOf(BookieId failed, Ensemble ensemble) {
            return client.replacementOf(failed, ensemble, ledgerId);
        }

        @Override
        public void register(long expectedVersion, LedgerMetadata proposed) {
            if (changeVersion != expectedVersion) {
                changeVersion = expectedVersion;
                changeOperation = new OpId(UUID.randomUUID());
            }
            context.pipeToSelf(
                    client.registry.compareAndSet(
                            RegistryKey.ofLedger(ledgerId), expectedVersion, proposed.encode(), changeOperation),
                    ChangeDone::new);
        }

        @Override
        public void ensembleChanged(LedgerMetadata metadata, long version) {
            client.ensembleChanges.increment();
            context.getLog()
                    .info(
                            "Ledger {} goes on from entry {} on bookies {}",
                            ledgerId,
                            metadata.lastFragment().firstEntryId(),
                            metadata.lastFragment().ensemble().bookies());
            client.feed.publish(new Versioned<>(version, metadata));
        }

        @Override
        public void forced(long token) {
            forces.remove(token).forced(core().lastAddConfirmed());
        }

        @Override
        public void forceFailed(long token, Failure failure) {
            forces.remove(token).failed(failure);
        }

        @Override
        public void sealed(LedgerMetadata metadata, long version) {
            Versioned<LedgerMetadata> registered = new Versioned<>(version, metadata);
            client.feed.publish(registered);
            seals.sealed(registered);
        }

        @Override
        public void sealFailed(Failure failure) {
            seals.failed(failure);
        }

        private LedgerWriter core() {
            return core;
        }
    }

    private record ReplyOfAppend(ActorRef<? super AppendResult> replyTo) implements AppendListener {
        @Override
        public void appended(LedgerId ledgerId, long entryId, int acknowledgedBy) {
            replyTo.tell(new Appended(ledgerId, entryId, acknowledgedBy));
        }

        @Override
        public void failed(Failure failure) {
            replyTo.tell(new AppendFailed(failure.code(), failure.outcome(), failure.message()));
        }
    }

    private record ReplyOfForce(LedgerId ledgerId, ActorRef<? super ForceResult> replyTo) implements ForceListener {
        @Override
        public void forced(long lastAddConfirmed) {
            replyTo.tell(new Forced(ledgerId, lastAddConfirmed));
        }

        @Override
        public void failed(Failure failure) {
            replyTo.tell(new ForceFailed(failure.code(), failure.outcome(), failure.message()));
        }
    }

    private record ReplyOfSeal(ActorRef<? super SealResult> replyTo) implements SealListener {
        @Override
        public void sealed(Versioned<LedgerMetadata> metadata) {
            replyTo.tell(new Sealed(metadata));
        }

        @Override
        public void failed(Failure failure) {
            replyTo.tell(new SealFailed(failure.code(), failure.outcome(), failure.message()));
        }
    }
}
