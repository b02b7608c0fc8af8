package io.quire.bookie;

import io.quire.bookie.core.LedgerReplica;
import io.quire.bookie.core.ReplicaEffect;
import io.quire.bookie.core.ReplicaRefusal;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.JournalRecord;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.StashBuffer;

/**
 * One ledger of one store: the only place through which its state here changes (H10). Loads what the store knows of the
 * ledger, then runs a {@link LedgerReplica}. A child of {@link BookieActor}, which stops it when it has been idle; never
 * while it has records in the journal (R16).
 */
final class LedgerActor {
    private static final int STASH_MAX = 10_000;

    private final ActorContext<Command> context;
    private final Store store;
    private final LedgerId ledgerId;
    private final Map<Long, Client> clients = new HashMap<>();
    private final Map<Long, FenceWaiter> fences = new HashMap<>();
    private final Map<Long, Client> recoveries = new HashMap<>();
    private long lastFence;
    private long lastRecovery;
    private LedgerReplica replica;

    sealed interface Command {}

    /** A writer asks for the session {@code counter}. */
    record Open(long counter, BookieRequest.OpenSession request, ActorRef<BookieReply> client) implements Command {}

    record Add(BookieRequest.Batch batch, ActorRef<BookieReply> client) implements Command {}

    record RecoveryAdd(BookieRequest.RecoveryAddEntries request, ActorRef<BookieReply> client) implements Command {}

    record Probe(SessionId session, ActorRef<BookieReply> client) implements Command {}

    record CloseSession(long counter) implements Command {}

    /** Fences the ledger; {@code waiter} is told on this actor's thread, once the fence is durable or refused. */
    record Fence(Payload proof, FenceWaiter waiter) implements Command {}

    /** Several commands that came true at once. */
    record AllOf(List<Command> commands) implements Command {}

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

    private record Loaded(Optional<BookieStore.LedgerView> view, Throwable failure) implements Command {}

    private record RegisterRead(long counter, RegisterValue value, Throwable failure) implements Command {}

    private record TermsRead(long token, RegisterValue value, Throwable failure) implements Command {}

    private record BatchJournaled(long counter, long number, long lastAddConfirmed) implements Command {}

    private record VersionRead(long number, RegisterValue value, Throwable failure) implements Command {}

    private record LookedUp(long number, Map<Long, Payload> durable, Throwable failure) implements Command {}

    private record RecoveryJournaled(long token) implements Command {}

    private enum FenceJournaled implements Command {
        INSTANCE
    }

    private record Client(ActorRef<BookieReply> ref, long requestId) {}

    /**
     * What all ledgers of a store share.
     *
     * @param acks where acknowledgements are gathered, and told of sessions that ended
     * @param journalQueuedBytes what waits for the journal; lowered by the journal
     */
    record Store(
            BookieId id,
            BootEpoch bootEpoch,
            BookieStore data,
            LedgerReplica.Limits limits,
            Registry registry,
            ActorRef<JournalActor.Command> journal,
            AtomicLong journalQueuedBytes,
            ActorRef<BookieActor.Command> acks,
            Executor blocking) {}

    private LedgerActor(ActorContext<Command> context, Store store, LedgerId ledgerId) {
        this.context = context;
        this.store = store;
        this.ledgerId = ledgerId;
    }

    static Behavior<Command> create(Store store, LedgerId ledgerId) {
        return Behaviors.setup(context ->
                Behaviors.withStash(STASH_MAX, stash -> new LedgerActor(context, store, ledgerId).loading(stash)));
    }

    private Behavior<Command> loading(StashBuffer<Command> stash) {
        context.pipeToSelf(
                CompletableFuture.supplyAsync(() -> store.data().ledger(ledgerId), store.blocking()), Loaded::new);
        return Behaviors.receive(Command.class)
                .onMessage(Loaded.class, loaded -> onLoaded(loaded, stash))
                .onAnyMessage(command -> {
                    // Beyond the limit it is as if the message was lost: whoever sent it asks again.
                    if (!stash.isFull()) {
                        stash.stash(command);
                    } else if (command instanceof Open open) {
                        ended(open.counter());
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
                store.id(),
                ledgerId,
                loaded.view().map(LedgerActor::known).orElse(LedgerReplica.Known.NOTHING),
                store.limits());
        return stash.unstashAll(serving());
    }

    private static LedgerReplica.Known known(BookieStore.LedgerView view) {
        return new LedgerReplica.Known(view.fenced(), view.lastAddConfirmed(), view.lastEntryId(), view.heldAt());
    }

    private Behavior<Command> serving() {
        return Behaviors.receive(Command.class)
                .onMessage(Add.class, this::onAdd)
                .onMessage(AllOf.class, this::onAllOf)
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
                .onMessage(CheckIdle.class, this::onCheckIdle)
                .onMessage(Stop.class, stop -> Behaviors.stopped())
                .build();
    }

    private Behavior<Command> onOpen(Open open) {
        clients.put(open.counter(), new Client(open.client(), open.request().requestId()));
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
        long token = ++lastRecovery;
        recoveries.put(token, new Client(add.client(), add.request().requestId()));
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
        answerTo(batch.session().counter(), add.client());
        return run(replica.addBatch(
                batch.session().counter(),
                batch.number(),
                batch.endOffset(),
                batch.lastAddConfirmed(),
                batch.entries()));
    }

    private Behavior<Command> onAllOf(AllOf all) {
        for (Command command : all.commands()) {
            if (command instanceof BatchJournaled journaled) {
                onBatchJournaled(journaled);
            } else if (command instanceof RecoveryJournaled journaled) {
                onRecoveryJournaled(journaled);
            } else {
                onFenceJournaled();
            }
        }
        return Behaviors.same();
    }

    private Behavior<Command> onBatchJournaled(BatchJournaled journaled) {
        return run(replica.batchJournaled(journaled.counter(), journaled.number(), journaled.lastAddConfirmed()));
    }

    private Behavior<Command> onProbe(Probe probe) {
        answerTo(probe.session().counter(), probe.client());
        return run(replica.probe(probe.session().counter()));
    }

    private Behavior<Command> onCloseSession(CloseSession close) {
        replica.closeSession(close.counter());
        clients.remove(close.counter());
        return Behaviors.same();
    }

    private Behavior<Command> onFence(Fence fence) {
        long token = ++lastFence;
        fences.put(token, fence.waiter());
        return run(replica.fence(token, fence.proof()));
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

    private Behavior<Command> onCheckIdle(CheckIdle check) {
        if (replica.isIdle()) {
            store.acks().tell(new BookieActor.LedgerIdle(ledgerId, context.getSelf(), check.routed()));
        }
        return Behaviors.same();
    }

    private Behavior<Command> run(List<ReplicaEffect> effects) {
        for (ReplicaEffect effect : effects) {
            effect.accept(handler);
        }
        return Behaviors.same();
    }

    private final ReplicaEffect.Handler<Void> handler = new ReplicaEffect.Handler<>() {
        @Override
        public Void readRegister(ReplicaEffect.ReadRegister effect) {
            context.pipeToSelf(
                    store.registry().read(RegistryKey.ofLedger(ledgerId)),
                    (value, failure) -> new RegisterRead(effect.counter(), value, failure));
            return null;
        }

        @Override
        public Void sessionOpened(ReplicaEffect.SessionOpened effect) {
            Client client = clients.get(effect.counter());
            reply(
                    client,
                    new BookieReply.SessionOpened(
                            client.requestId(), ledgerId, sessionId(effect.counter()), effect.creditLimit()));
            return null;
        }

        @Override
        public Void sessionRefused(ReplicaEffect.SessionRefused effect) {
            Client client = clients.remove(effect.counter());
            ended(effect.counter());
            reply(
                    client,
                    new BookieReply.SessionRefused(
                            store.id(), client.requestId(), ledgerId, wire(effect.refusal()), effect.detail()));
            return null;
        }

        @Override
        public Void sessionEnded(ReplicaEffect.SessionEnded effect) {
            Client client = clients.remove(effect.counter());
            ended(effect.counter());
            if (client != null) {
                reply(
                        client,
                        new BookieReply.SessionEnded(
                                sessionId(effect.counter()), wire(effect.refusal()), effect.detail()));
            }
            return null;
        }

        @Override
        public Void batchRefused(ReplicaEffect.BatchRefused effect) {
            alarm(effect.refusal(), effect.detail());
            reply(
                    clients.get(effect.counter()),
                    new BookieReply.BatchRefused(
                            sessionId(effect.counter()), effect.number(), wire(effect.refusal()), effect.detail()));
            return null;
        }

        @Override
        public Void journalBatch(ReplicaEffect.JournalBatch effect) {
            journal(
                    new JournalRecord.Added(ledgerId, effect.lastAddConfirmed(), effect.entries()),
                    new BatchJournaled(effect.counter(), effect.number(), effect.lastAddConfirmed()));
            return null;
        }

        @Override
        public Void journalRecovered(ReplicaEffect.JournalRecovered effect) {
            journal(
                    new JournalRecord.Recovered(ledgerId, effect.version(), effect.entries()),
                    new RecoveryJournaled(effect.token()));
            return null;
        }

        @Override
        public Void readVersion(ReplicaEffect.ReadVersion effect) {
            context.pipeToSelf(
                    store.registry().read(RegistryKey.ofLedger(ledgerId)),
                    (value, failure) -> new VersionRead(effect.number(), value, failure));
            return null;
        }

        @Override
        public Void lookUp(ReplicaEffect.LookUp effect) {
            context.pipeToSelf(
                    CompletableFuture.supplyAsync(
                            () -> store.data().held(ledgerId, effect.entries()), store.blocking()),
                    (durable, failure) -> new LookedUp(effect.number(), durable, failure));
            return null;
        }

        @Override
        public Void entriesRecovered(ReplicaEffect.EntriesRecovered effect) {
            Client client = recoveries.remove(effect.token());
            reply(
                    client,
                    new BookieReply.EntriesRecovered(store.id(), store.bootEpoch(), client.requestId(), ledgerId));
            return null;
        }

        @Override
        public Void recoveryRefused(ReplicaEffect.RecoveryRefused effect) {
            alarm(effect.refusal(), effect.detail());
            Client client = recoveries.remove(effect.token());
            reply(
                    client,
                    new BookieReply.RequestRefused(
                            store.id(), client.requestId(), wire(effect.refusal()), effect.detail()));
            return null;
        }

        @Override
        public Void journalFence(ReplicaEffect.JournalFence effect) {
            journal(new JournalRecord.Fenced(ledgerId), FenceJournaled.INSTANCE);
            return null;
        }

        @Override
        public Void ack(ReplicaEffect.Ack effect) {
            List<BookieReply.BatchRange> ranges = effect.ranges().stream()
                    .map(range -> new BookieReply.BatchRange(range.first(), range.last()))
                    .toList();
            store.acks()
                    .tell(new BookieActor.AckReady(
                            clients.get(effect.counter()).ref(),
                            new BookieReply.SessionAck(
                                    sessionId(effect.counter()), effect.cumulative(), ranges, effect.creditLimit())));
            return null;
        }

        @Override
        public Void fenced(ReplicaEffect.Fenced effect) {
            fences.remove(effect.token()).fenced(effect.lastAddConfirmed());
            return null;
        }

        @Override
        public Void readTerms(ReplicaEffect.ReadTerms effect) {
            context.pipeToSelf(
                    store.registry().read(RegistryKey.ofLedger(ledgerId)),
                    (value, failure) -> new TermsRead(effect.token(), value, failure));
            return null;
        }

        @Override
        public Void fenceRefused(ReplicaEffect.FenceRefused effect) {
            fences.remove(effect.token()).refused(wire(effect.refusal()), effect.detail());
            return null;
        }
    };

    private void journal(JournalRecord record, Command whenDurable) {
        store.journalQueuedBytes().addAndGet(record.entries().byteSize());
        store.journal().tell(new JournalActor.Append(record, context.getSelf(), whenDurable));
    }

    /** Two contents under one id: somebody writes who must not, or a copy was damaged before it was sealed. */
    private void alarm(ReplicaRefusal refusal, String detail) {
        if (refusal == ReplicaRefusal.CONFLICTING_BYTES) {
            store.data().conflictRefused();
            context.getLog().error("Ledger {}: {}; the new bytes were refused", ledgerId, detail);
        }
    }

    /** A session may go on under another reference, that of a coalescer that was started anew. */
    private void answerTo(long counter, ActorRef<BookieReply> client) {
        Client known = clients.get(counter);
        if (known == null || !known.ref().equals(client)) {
            clients.put(counter, new Client(client, 0));
        }
    }

    private void ended(long counter) {
        store.acks().tell(new BookieActor.SessionEnded(counter));
    }

    private void reply(Client client, BookieReply reply) {
        Envelope.send(client.ref(), reply, store.acks());
    }

    private SessionId sessionId(long counter) {
        return new SessionId(store.id(), store.bootEpoch(), counter);
    }

    private static BookieReply.Refusal wire(ReplicaRefusal refusal) {
        return BookieReply.Refusal.valueOf(refusal.name());
    }
}
