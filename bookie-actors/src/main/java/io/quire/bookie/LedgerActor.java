package io.quire.bookie;

import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.ReplicaEffect;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.StashBuffer;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * One ledger of one store: the only place through which its state here changes (H10). Loads what the store knows of the
 * ledger, then runs a {@link LedgerReplica}. A child of {@link BookieActor}, which stops it when it has been idle; never
 * while it has records in the journal (R16).
 */
final class LedgerActor {
    private static final int STASH_MAX = 10_000;

    private final ActorContext<Command> context;
    private final TimerScheduler<Command> timers;
    private final Store store;
    private final LedgerId ledgerId;
    private final LedgerEffects effects;
    private LedgerReplica replica;
    private LedgerTails tails;

    sealed interface Command {}

    /** A writer asks for the session {@code counter}. */
    record Open(long counter, BookieRequest.OpenSession request, ActorRef<BookieReply> client) implements Command {}

    record Add(BookieRequest.Batch batch, ActorRef<BookieReply> client) implements Command {}

    record RecoveryAdd(BookieRequest.RecoveryAddEntries request, ActorRef<BookieReply> client) implements Command {}

    record Subscribe(BookieRequest.SubscribeLedger request, ActorRef<BookieReply> client) implements Command {}

    record Grant(BookieRequest.GrantCredit request, ActorRef<BookieReply> client) implements Command {}

    record Unsubscribe(long requestId, ActorRef<BookieReply> client) implements Command {}

    record Probe(SessionId session, ActorRef<BookieReply> client) implements Command {}

    record CloseSession(long counter) implements Command {}

    /**
     * Fences the ledger; {@code waiter} is told on this actor's thread, once the fence is durable or refused.
     *
     * @param isRoom whether there is room for a fence that is not durable yet
     */
    record Fence(Payload proof, FenceWaiter waiter, boolean isRoom) implements Command {}

    /**
     * The register was read as purged or collected, or as {@code supersededAt} that version, closed and not naming this
     * store: drops what is held; {@code waiter} is told on this actor's thread.
     *
     * @param supersededAt empty when the ledger is gone for ever
     */
    record Drop(OptionalLong supersededAt, DropWaiter waiter) implements Command {}

    /** Asks whether nothing is held, durably and for ever; told on this actor's thread. */
    record AskNothingHeld(Consumer<Boolean> waiter) implements Command {}

    /** Several commands that came true at once. */
    record AllOf(List<Command> commands) implements Command {}

    /** Journals copies that the store's own repair brings; answered to {@code client} like a recovery add. */
    record Repair(long requestId, Versioned<LedgerMetadata> register, EntryBatch entries, ActorRef<BookieReply> client)
            implements Command {}

    /** Whether the store can vouch for the ledger has changed. */
    enum LimboChanged implements Command {
        INSTANCE
    }

    /**
     * What these commands were to tell of did not come true: the journal had no room for their records, and kept nothing
     * of them.
     */
    record NotJournaled(List<Command> commands, String reason) implements Command {}

    /** Asks whether the actor may be stopped; it answers {@link BookieActor.LedgerIdle} if so. */
    record CheckIdle(long routed) implements Command {}

    /** Ends the actor. */
    enum Stop implements Command {
        INSTANCE
    }

    /** Told how a fence ended. */
    interface FenceWaiter {
        /** It is durable; {@code lastAddConfirmed} is what is known then. */
        void fenced(long lastAddConfirmed);

        /** Nothing was fenced. */
        void refused(BookieReply.Refusal refusal, String detail);
    }

    /** Told how a drop ended. */
    interface DropWaiter {
        /** Nothing is held any more, durably. */
        void dropped();

        /** Everything stays. */
        void refused(String detail);
    }

    private record Loaded(Optional<BookieStore.LedgerView> view, Throwable failure) implements Command {}

    record RegisterRead(long counter, RegisterValue value, Throwable failure) implements Command {}

    record TermsRead(long token, RegisterValue value, Throwable failure) implements Command {}

    record BatchJournaled(long counter, long number, long lastAddConfirmed) implements Command {}

    record VersionRead(long number, RegisterValue value, Throwable failure) implements Command {}

    record LookedUp(long number, Map<Long, Payload> durable, Throwable failure) implements Command {}

    record RecoveryJournaled(long token) implements Command {}

    /** A read of the store for a reader that follows is done. */
    record TailRead(long token, BookieStore.EntryRange range, Throwable failure) implements Command {}

    private enum TailTick implements Command {
        INSTANCE
    }

    enum FenceJournaled implements Command {
        INSTANCE
    }

    enum DropJournaled implements Command {
        INSTANCE
    }

    /**
     * What all ledgers of a store share.
     *
     * @param acks where acknowledgements are gathered, and told of sessions that ended
     * @param tailCount how many readers follow ledgers of the store
     * @param journalQueuedBytes what waits for the journal; lowered by the journal
     */
    record Store(
            BookieId id,
            BootEpoch bootEpoch,
            BookieStore data,
            BookieSettings settings,
            AtomicInteger tailCount,
            Registry registry,
            ActorRef<JournalActor.Command> journal,
            AtomicLong journalQueuedBytes,
            ActorRef<BookieActor.Command> acks,
            Executor blocking) {
        TailFeed.Limits tails() {
            return settings.tail();
        }

        /** How many subscriptions the store may have. */
        int tailsMax() {
            return settings.tailsMax();
        }
    }

    private LedgerActor(ActorContext<Command> context, TimerScheduler<Command> timers, Store store, LedgerId ledgerId) {
        this.context = context;
        this.timers = timers;
        this.store = store;
        this.ledgerId = ledgerId;
        this.effects = new LedgerEffects(context, store, ledgerId);
    }

    static Behavior<Command> create(Store store, LedgerId ledgerId) {
        return Behaviors.setup(context -> Behaviors.withTimers(timers -> Behaviors.withStash(
                STASH_MAX, stash -> new LedgerActor(context, timers, store, ledgerId).loading(stash))));
    }

    private Behavior<Command> loading(StashBuffer<Command> stash) {
        context.pipeToSelf(
                CompletableFuture.supplyAsync(() -> store.data().ledgerOrMended(ledgerId), store.blocking()),
                Loaded::new);
        return Behaviors.receive(Command.class)
                .onMessage(Loaded.class, loaded -> onLoaded(loaded, stash))
                .onAnyMessage(command -> {
                    // Beyond the limit it is as if the message was lost: whoever sent it asks again.
                    if (!stash.isFull()) {
                        stash.stash(command);
                    } else if (command instanceof Open open) {
                        store.acks().tell(new BookieActor.SessionEnded(open.counter()));
                    }
                    return Behaviors.same();
                })
                .build();
    }

    private Behavior<Command> onLoaded(Loaded loaded, StashBuffer<Command> stash) {
        if (loaded.failure() != null) {
            throw new IllegalStateException("ledger " + ledgerId + " could not be loaded", loaded.failure());
        }
        replica = new LedgerReplica(
                store.id(), ledgerId, known(loaded.view()), store.settings().replica());
        tails = new LedgerTails(
                store,
                ledgerId,
                replica.lastAddConfirmed(),
                (read, token) -> context.pipeToSelf(read, (range, failure) -> new TailRead(token, range, failure)));
        return stash.unstashAll(serving());
    }

    private LedgerReplica.Known known(Optional<BookieStore.LedgerView> view) {
        boolean inLimbo = store.data().limbo().contains(ledgerId);
        return view.map(held -> new LedgerReplica.Known(
                        held.fenced(), held.lastAddConfirmed(), held.lastEntryId(), held.heldAt(), inLimbo))
                .orElse(inLimbo ? LedgerReplica.Known.NOTHING_IN_LIMBO : LedgerReplica.Known.NOTHING);
    }

    private Behavior<Command> serving() {
        return Behaviors.receive(Command.class)
                .onMessage(Add.class, this::onAdd)
                .onMessage(AllOf.class, this::onAllOf)
                .onMessage(NotJournaled.class, this::onNotJournaled)
                .onMessage(BatchJournaled.class, this::onBatchJournaled)
                .onMessage(Open.class, this::onOpen)
                .onMessage(RegisterRead.class, this::onRegisterRead)
                .onMessage(Probe.class, this::onProbe)
                .onMessage(CloseSession.class, this::onCloseSession)
                .onMessage(RecoveryAdd.class, this::onRecoveryAdd)
                .onMessage(VersionRead.class, this::onVersionRead)
                .onMessage(LookedUp.class, this::onLookedUp)
                .onMessage(RecoveryJournaled.class, this::onRecoveryJournaled)
                .onMessage(Fence.class, this::onFence)
                .onMessage(TermsRead.class, this::onTermsRead)
                .onMessage(FenceJournaled.class, journaled -> onFenceJournaled())
                .onMessage(Drop.class, this::onDrop)
                .onMessage(DropJournaled.class, journaled -> onDropJournaled())
                .onMessage(AskNothingHeld.class, this::onAskNothingHeld)
                .onMessage(Subscribe.class, this::onSubscribe)
                .onMessage(Grant.class, this::onGrant)
                .onMessage(Unsubscribe.class, this::onUnsubscribe)
                .onMessage(TailRead.class, this::onTailRead)
                .onMessage(TailTick.class, tick -> onTailTick())
                .onMessage(Repair.class, this::onRepair)
                .onMessage(LimboChanged.class, changed -> onLimboChanged())
                .onMessage(CheckIdle.class, this::onCheckIdle)
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .onSignal(PostStop.class, stop -> {
                    tails.close();
                    return Behaviors.same();
                })
                .build();
    }

    private Behavior<Command> onOpen(Open open) {
        effects.opening(open.counter(), open.client(), open.request().requestId());
        return run(replica.openSession(
                open.counter(), open.request().fragmentVersion(), open.request().proof()));
    }

    private Behavior<Command> onRegisterRead(RegisterRead read) {
        if (read.failure() != null) {
            return run(replica.registerUnavailable(
                    read.counter(),
                    "the register could not be read: " + read.failure().getMessage()));
        }
        try {
            return run(replica.registerRead(read.counter(), decode(read.value()).map(Versioned::value)));
        } catch (Fields.MalformedException e) {
            return run(replica.registerUnavailable(read.counter(), notUnderstood(e)));
        }
    }

    private static Optional<Versioned<LedgerMetadata>> decode(RegisterValue value) {
        return value.isAbsent()
                ? Optional.empty()
                : Optional.of(new Versioned<>(value.version(), LedgerMetadata.decode(value.value())));
    }

    /** Written by a newer version perhaps: no reason to end the bookie. */
    private static String notUnderstood(Fields.MalformedException e) {
        return "the register's value is not understood: " + e.getMessage();
    }

    private Behavior<Command> onRecoveryAdd(RecoveryAdd add) {
        long token = effects.recovering(add.client(), add.request().requestId());
        return run(replica.recoveries()
                .add(
                        token,
                        add.request().version(),
                        add.request().proof(),
                        add.request().entries()));
    }

    private Behavior<Command> onVersionRead(VersionRead read) {
        if (read.failure() != null) {
            return run(replica.recoveries()
                    .versionUnavailable(
                            "the register could not be read: " + read.failure().getMessage()));
        }
        try {
            return run(replica.recoveries().versionRead(read.number(), decode(read.value())));
        } catch (Fields.MalformedException e) {
            return run(replica.recoveries().versionUnavailable(notUnderstood(e)));
        }
    }

    /** What cannot be looked up is not known to be free of conflicts. */
    private Behavior<Command> onLookedUp(LookedUp lookedUp) {
        return run(
                lookedUp.failure() == null
                        ? replica.lookedUp(lookedUp.number(), lookedUp.durable())
                        : replica.lookUpFailed(
                                lookedUp.number(),
                                "the store could not be read: "
                                        + lookedUp.failure().getMessage()));
    }

    private Behavior<Command> onRecoveryJournaled(RecoveryJournaled journaled) {
        return run(replica.recoveries().journaled(journaled.token()));
    }

    private Behavior<Command> onAdd(Add add) {
        BookieRequest.Batch batch = add.batch();
        effects.answerTo(batch.session().counter(), add.client());
        return run(replica.addBatch(
                batch.session().counter(),
                batch.number(),
                batch.endOffset(),
                batch.lastAddConfirmed(),
                batch.entries(),
                batch.receipt()));
    }

    private Behavior<Command> onAllOf(AllOf all) {
        for (Command command : all.commands()) {
            if (command instanceof BatchJournaled journaled) {
                onBatchJournaled(journaled);
            } else if (command instanceof RecoveryJournaled journaled) {
                onRecoveryJournaled(journaled);
            } else if (command instanceof DropJournaled) {
                onDropJournaled();
            } else {
                onFenceJournaled();
            }
        }
        return Behaviors.same();
    }

    private Behavior<Command> onNotJournaled(NotJournaled not) {
        for (Command command : not.commands()) {
            if (command instanceof BatchJournaled batch) {
                run(replica.batchNotJournaled(batch.counter(), batch.number(), not.reason()));
            } else if (command instanceof RecoveryJournaled recovery) {
                run(replica.recoveries().notJournaled(recovery.token(), not.reason()));
            } else if (command instanceof DropJournaled) {
                run(replica.dropNotJournaled(not.reason()));
            } else {
                run(replica.fenceNotJournaled(not.reason()));
            }
        }
        return Behaviors.same();
    }

    private Behavior<Command> onBatchJournaled(BatchJournaled journaled) {
        run(replica.batchJournaled(journaled.counter(), journaled.number(), journaled.lastAddConfirmed()));
        tails.confirmed(replica.lastAddConfirmed());
        return Behaviors.same();
    }

    private Behavior<Command> onProbe(Probe probe) {
        effects.answerTo(probe.session().counter(), probe.client());
        return run(replica.probe(probe.session().counter()));
    }

    private Behavior<Command> onCloseSession(CloseSession close) {
        replica.closeSession(close.counter());
        effects.closed(close.counter());
        return Behaviors.same();
    }

    private Behavior<Command> onSubscribe(Subscribe subscribe) {
        tails.subscribe(subscribe.request(), subscribe.client());
        if (!tails.isEmpty() && !timers.isTimerActive(TailTick.INSTANCE)) {
            timers.startTimerWithFixedDelay(
                    TailTick.INSTANCE,
                    TailTick.INSTANCE,
                    Duration.ofNanos(store.tails().heartbeatNanos() / 2));
        }
        return Behaviors.same();
    }

    private Behavior<Command> onGrant(Grant grant) {
        tails.grant(grant.request(), grant.client());
        return Behaviors.same();
    }

    private Behavior<Command> onUnsubscribe(Unsubscribe unsubscribe) {
        tails.unsubscribe(unsubscribe.requestId(), unsubscribe.client());
        return Behaviors.same();
    }

    private Behavior<Command> onTailRead(TailRead read) {
        tails.read(read);
        return Behaviors.same();
    }

    private Behavior<Command> onTailTick() {
        tails.tick();
        if (tails.isEmpty()) {
            timers.cancel(TailTick.INSTANCE);
        }
        return Behaviors.same();
    }

    private Behavior<Command> onFence(Fence fence) {
        if (!fence.isRoom() && !replica.isFencedDurably()) {
            fence.waiter().refused(BookieReply.Refusal.READ_ONLY, "the disk has no room for a fence");
            return Behaviors.same();
        }
        return run(replica.fence(effects.fencing(fence.waiter()), fence.proof()));
    }

    private Behavior<Command> onTermsRead(TermsRead read) {
        if (read.failure() != null) {
            return run(replica.termsUnavailable(
                    read.token(),
                    "the register could not be read: " + read.failure().getMessage()));
        }
        try {
            return run(replica.termsRead(read.token(), decode(read.value()).map(Versioned::value)));
        } catch (Fields.MalformedException e) {
            return run(replica.termsUnavailable(read.token(), notUnderstood(e)));
        }
    }

    private Behavior<Command> onFenceJournaled() {
        return run(replica.fenceJournaled());
    }

    private Behavior<Command> onRepair(Repair repair) {
        long token = effects.recovering(repair.client(), repair.requestId());
        return run(replica.recoveries().repair(token, repair.register(), repair.entries()));
    }

    private Behavior<Command> onLimboChanged() {
        return run(replica.limboChanged(store.data().limbo().contains(ledgerId)));
    }

    private Behavior<Command> onDrop(Drop drop) {
        long token = effects.dropping(drop.waiter());
        return run(
                drop.supersededAt().isPresent()
                        ? replica.dropSuperseded(token, drop.supersededAt().getAsLong())
                        : replica.drop(token));
    }

    private Behavior<Command> onDropJournaled() {
        tails.end();
        return run(replica.dropJournaled());
    }

    private Behavior<Command> onAskNothingHeld(AskNothingHeld ask) {
        ask.waiter().accept(replica.holdsNothing());
        return Behaviors.same();
    }

    private Behavior<Command> onCheckIdle(CheckIdle check) {
        if (replica.isIdle() && tails.isEmpty()) {
            store.acks().tell(new BookieActor.LedgerIdle(ledgerId, context.getSelf(), check.routed()));
        }
        return Behaviors.same();
    }

    private Behavior<Command> run(List<ReplicaEffect> wanted) {
        for (ReplicaEffect effect : wanted) {
            effect.accept(effects);
        }
        return Behaviors.same();
    }
}
