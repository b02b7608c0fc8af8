package io.quire.bookie;

import io.quire.bookie.core.DiskSpace;
import io.quire.bookie.core.DiskSpace.Work;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.javadsl.ActorContext;

/**
 * Brings the requests of clients to the actors of their ledgers, which it starts and stops, and to the reads. What the
 * whole store refuses it refuses here, before anything is kept.
 *
 * <p>It knows the ledger of each session. A ledger's actor reports the sessions that ended or never opened, and each
 * ledger has a bounded number of them, so that what is known here is bounded by the ledgers in memory.
 *
 * <p>Used on the thread of the {@link BookieActor} alone.
 */
final class RequestRouter {
    private static final Duration CONFIRM_TIMEOUT = Duration.ofSeconds(2);

    private final ActorContext<Object> context;
    private final LedgerActor.Store store;
    private final BookieSettings settings;
    private final BookieMetrics metrics;
    private final BookieReads reads;
    private final Map<LedgerId, Routed> ledgers = new HashMap<>();
    private final Map<Long, Routed> sessions = new HashMap<>();
    private final AtomicInteger sessionCount = new AtomicInteger();
    private final DiskSpace space;
    private long lastSession;
    private long lastLedgerActor;

    private static final class Routed {
        private final ActorRef<LedgerActor.Command> actor;
        /** The sessions that its actor opened, or is about to open or refuse. */
        private final Set<Long> sessions = new HashSet<>();

        private long messages;
        private long messagesWhenLastLookedAt = -1;

        Routed(ActorRef<LedgerActor.Command> actor) {
            this.actor = actor;
        }

        void tell(LedgerActor.Command command) {
            messages++;
            actor.tell(command);
        }
    }

    /**
     * @param context of the bookie, the parent of the ledgers' actors
     * @param space what there is room for
     */
    RequestRouter(
            ActorContext<Object> context,
            LedgerActor.Store store,
            DiskSpace space,
            BookieMetrics metrics,
            BookieReads reads) {
        this.context = context;
        this.store = store;
        this.space = space;
        this.settings = store.settings();
        this.metrics = metrics;
        this.reads = reads;
    }

    /** How many sessions are known here, open or in the making. Thread-safe. */
    int sessions() {
        return sessionCount.get();
    }

    /** Has {@code request} answered to {@code client}, now or later. */
    void route(BookieRequest request, ActorRef<BookieReply> client) {
        if (!request.target().equals(bookie())) {
            refuse(request, client, Refusal.WRONG_BOOKIE, "this is bookie " + bookie());
        } else if (request instanceof BookieRequest.AddEntries add) {
            add.batches().forEach(batch -> add(batch, client));
        } else if (request instanceof BookieRequest.ReadEntries read) {
            read(read, client);
        } else if (request instanceof BookieRequest.ReadLastAddConfirmed read) {
            reads.readLastAddConfirmed(read, client);
        } else if (request instanceof BookieRequest.OpenSession open) {
            openSession(open, client);
        } else if (request instanceof BookieRequest.ProbeSession probe) {
            probe(probe, client);
        } else if (request instanceof BookieRequest.CloseSession close) {
            closeSession(close.session());
        } else if (request instanceof BookieRequest.RecoveryAddEntries add) {
            recoveryAdd(add, client);
        } else if (request instanceof BookieRequest.SubscribeLedger subscribe) {
            ledger(subscribe.ledgerId()).tell(new LedgerActor.Subscribe(subscribe, client));
        } else if (request instanceof BookieRequest.GrantCredit grant) {
            grantCredit(grant, client);
        } else if (request instanceof BookieRequest.UnsubscribeLedger unsubscribe) {
            Routed ledger = ledgers.get(unsubscribe.ledgerId());
            if (ledger != null) {
                ledger.tell(new LedgerActor.Unsubscribe(unsubscribe.requestId(), client));
            }
        } else if (request instanceof BookieRequest.FenceLedger fence) {
            fence(fence, client);
        } else if (request instanceof BookieRequest.ConfirmDropped confirm) {
            confirmDropped(confirm, client);
        } else if (request instanceof BookieRequest.IdentifyBookie identify) {
            send(client, new BookieReply.BookieIdentified(bookie(), bootEpoch(), identify.requestId()));
        }
    }

    private void add(BookieRequest.Batch batch, ActorRef<BookieReply> client) {
        Routed ledger = ledgerOf(batch.session());
        int bytesMax = store.data().entriesBytesMax();
        if (ledger == null) {
            send(client, unknown(batch.session()));
        } else if (!space.admits(batch.entries().isEmpty() ? Work.FENCE : Work.NORMAL)) {
            refuseBatch(client, batch, Refusal.READ_ONLY, readOnly());
        } else if (batch.entries().byteSize() > bytesMax) {
            refuseBatch(
                    client,
                    batch,
                    Refusal.OVERLOADED,
                    "a batch of " + batch.entries().byteSize() + " bytes; at most " + bytesMax + " fit");
        } else if (store.journalQueuedBytes().get() > settings.journalQueueBytesMax()) {
            refuseBatch(client, batch, Refusal.OVERLOADED, "too much waits for the journal");
        } else {
            ledger.tell(new LedgerActor.Add(batch, client));
        }
    }

    private String readOnly() {
        return "the store takes no new entries: "
                + (space.readOnlyReasons().isEmpty() ? "its disk is full" : space.readOnlyReasons());
    }

    /**
     * A store that takes no new entries takes these, as long as its disk lets: they are copies of entries that are
     * somewhere already.
     */
    private void recoveryAdd(BookieRequest.RecoveryAddEntries add, ActorRef<BookieReply> client) {
        int bytesMax = store.data().entriesBytesMax();
        if (!space.admits(Work.RECOVERY)) {
            refuse(add, client, Refusal.READ_ONLY, "the store's disk has no room for copies");
        } else if (add.entries().byteSize() > bytesMax) {
            refuse(
                    add,
                    client,
                    Refusal.OVERLOADED,
                    "entries of " + add.entries().byteSize() + " bytes; at most " + bytesMax + " fit");
        } else if (store.journalQueuedBytes().get() > settings.journalQueueBytesMax()) {
            refuse(add, client, Refusal.OVERLOADED, "too much waits for the journal");
        } else {
            ledger(add.ledgerId()).tell(new LedgerActor.RecoveryAdd(add, client));
        }
    }

    private void grantCredit(BookieRequest.GrantCredit grant, ActorRef<BookieReply> client) {
        Routed ledger = ledgers.get(grant.ledgerId());
        if (ledger == null) {
            refuse(grant, client, Refusal.UNKNOWN_SESSION, "no subscription of this boot");
        } else {
            ledger.tell(new LedgerActor.Grant(grant, client));
        }
    }

    private void refuseBatch(ActorRef<BookieReply> client, BookieRequest.Batch batch, Refusal refusal, String detail) {
        metrics.refusedBatches.increment();
        send(client, new BookieReply.BatchRefused(batch.session(), batch.number(), refusal, detail));
    }

    private void openSession(BookieRequest.OpenSession request, ActorRef<BookieReply> client) {
        if (!space.admits(Work.NORMAL)) {
            refuse(request, client, Refusal.READ_ONLY, readOnly());
            return;
        }
        Routed ledger = ledger(request.ledgerId());
        int sessionsMax = settings.replica().sessionsMax() + settings.replica().openingsMax();
        if (ledger.sessions.size() >= sessionsMax) {
            refuse(request, client, Refusal.OVERLOADED, "the ledger has " + sessionsMax + " sessions already");
            return;
        }
        long counter = ++lastSession;
        sessions.put(counter, ledger);
        ledger.sessions.add(counter);
        sessionCount.set(sessions.size());
        ledger.tell(new LedgerActor.Open(counter, request, client));
    }

    private void probe(BookieRequest.ProbeSession request, ActorRef<BookieReply> client) {
        Routed ledger = ledgerOf(request.session());
        if (ledger == null) {
            send(client, unknown(request.session()));
        } else {
            ledger.tell(new LedgerActor.Probe(request.session(), client));
        }
    }

    private void closeSession(SessionId session) {
        Routed ledger = ledgerOf(session);
        if (ledger != null) {
            sessionEnded(session.counter());
            ledger.tell(new LedgerActor.CloseSession(session.counter()));
        }
    }

    /** The session takes nothing more, or was never opened. */
    void sessionEnded(long counter) {
        Routed ledger = sessions.remove(counter);
        if (ledger != null) {
            ledger.sessions.remove(counter);
            sessionCount.set(sessions.size());
        }
    }

    private void fence(BookieRequest.FenceLedger request, ActorRef<BookieReply> client) {
        ActorRef<Object> self = context.getSelf();
        ledger(request.ledgerId())
                .tell(new LedgerActor.Fence(
                        request.proof(),
                        waiter(
                                request,
                                client,
                                lastAddConfirmed -> self.tell(new BookieActor.ReplyReady(
                                        client,
                                        new BookieReply.LedgerFenced(
                                                bookie(),
                                                bootEpoch(),
                                                request.requestId(),
                                                request.ledgerId(),
                                                lastAddConfirmed)))),
                        space.admits(Work.FENCE)));
    }

    /** Drops a ledger through its actor. */
    void drop(LedgerId ledgerId, LedgerActor.Drop drop) {
        ledger(ledgerId).tell(drop);
    }

    /**
     * A ledger without an actor has nothing in the journal and no session, so that the store alone knows; and what comes
     * from now on reads its register first, which is purged. Otherwise its actor knows.
     */
    private void confirmDropped(BookieRequest.ConfirmDropped request, ActorRef<BookieReply> client) {
        Map<LedgerId, CompletableFuture<Boolean>> answers = new LinkedHashMap<>();
        for (LedgerId ledgerId : request.ledgerIds()) {
            Routed ledger = ledgers.get(ledgerId);
            CompletableFuture<Boolean> answer = new CompletableFuture<>();
            if (ledger == null) {
                answer = CompletableFuture.supplyAsync(
                        () -> store.data().ledger(ledgerId).isEmpty(), store.blocking());
            } else {
                ledger.tell(new LedgerActor.AskNothingHeld(answer::complete));
            }
            answers.put(ledgerId, answer.exceptionally(failure -> false));
        }
        ActorRef<Object> self = context.getSelf();
        CompletionStage<Void> all = CompletableFuture.allOf(answers.values().toArray(CompletableFuture[]::new))
                .completeOnTimeout(null, CONFIRM_TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
        all.thenRun(() -> {
            List<LedgerId> gone = answers.entrySet().stream()
                    .filter(answer -> answer.getValue().getNow(false))
                    .map(Map.Entry::getKey)
                    .toList();
            BookieReply reply = new BookieReply.DropsConfirmed(bookie(), bootEpoch(), request.requestId(), gone);
            Envelope.send(client, reply, self);
        });
    }

    private void read(BookieRequest.ReadEntries request, ActorRef<BookieReply> client) {
        if (request.fencing()) {
            ledger(request.ledgerId())
                    .tell(new LedgerActor.Fence(
                            request.proof(),
                            waiter(request, client, lastAddConfirmed -> reads.readEntries(request, client)),
                            space.admits(Work.FENCE)));
        } else {
            reads.readEntries(request, client);
        }
    }

    /** Runs {@code whenFenced} on the thread of the ledger's actor, or answers there that the fence was refused. */
    private LedgerActor.FenceWaiter waiter(
            BookieRequest request, ActorRef<BookieReply> client, LongConsumer whenFenced) {
        ActorRef<Object> self = context.getSelf();
        return new LedgerActor.FenceWaiter() {
            @Override
            public void fenced(long lastAddConfirmed) {
                whenFenced.accept(lastAddConfirmed);
            }

            @Override
            public void refused(Refusal refusal, String detail) {
                Refusals.repliesTo(request, refusal, detail).forEach(reply -> Envelope.send(client, reply, self));
            }
        };
    }

    /** A ledger is in limbo now, or no more; empty: any may be. */
    void limboChanged(Optional<LedgerId> changed) {
        ledgers.forEach((ledgerId, ledger) -> {
            if (changed.isEmpty() || changed.get().equals(ledgerId)) {
                ledger.tell(LedgerActor.LimboChanged.INSTANCE);
            }
        });
    }

    /** Copies that the store's own repair brings. */
    void journalCopies(LedgerId ledgerId, LedgerActor.Repair copies) {
        ledger(ledgerId).tell(copies);
    }

    /** Asks the ledgers that nobody talked to since the last time whether they can be stopped. */
    void checkIdle() {
        for (Routed ledger : ledgers.values()) {
            if (ledger.messages == ledger.messagesWhenLastLookedAt) {
                ledger.actor.tell(new LedgerActor.CheckIdle(ledger.messages));
            }
            ledger.messagesWhenLastLookedAt = ledger.messages;
        }
    }

    /** Stops a ledger's actor, if nothing was sent to it since it found itself idle. */
    void ledgerIdle(BookieActor.LedgerIdle idle) {
        Routed ledger = ledgers.get(idle.ledgerId());
        // An answer of an actor that was stopped meanwhile says nothing about the one that took its place (R16).
        if (ledger != null && ledger.actor.equals(idle.actor()) && ledger.messages == idle.routed()) {
            ledgers.remove(idle.ledgerId());
            sessions.keySet().removeAll(ledger.sessions);
            sessionCount.set(sessions.size());
            context.unwatch(ledger.actor);
            ledger.actor.tell(LedgerActor.Stop.INSTANCE);
        }
    }

    private Routed ledger(LedgerId ledgerId) {
        return ledgers.computeIfAbsent(ledgerId, id -> {
            ActorRef<LedgerActor.Command> actor =
                    context.spawn(LedgerActor.create(store, id), "ledger-" + id + "-" + ++lastLedgerActor);
            context.watch(actor);
            return new Routed(actor);
        });
    }

    /** The ledger of a session of this boot, if its actor lives. */
    private Routed ledgerOf(SessionId session) {
        boolean ours = session.bookie().equals(bookie()) && session.bootEpoch().equals(bootEpoch());
        return ours ? sessions.get(session.counter()) : null;
    }

    private void refuse(BookieRequest request, ActorRef<BookieReply> client, Refusal refusal, String detail) {
        Refusals.repliesTo(request, refusal, detail).forEach(reply -> send(client, reply));
    }

    private static BookieReply unknown(SessionId session) {
        return new BookieReply.SessionEnded(session, Refusal.UNKNOWN_SESSION, "no session of this boot");
    }

    private void send(ActorRef<BookieReply> client, BookieReply reply) {
        Envelope.send(client, reply, context.getSelf());
    }

    private BookieId bookie() {
        return store.id();
    }

    private BootEpoch bootEpoch() {
        return store.bootEpoch();
    }
}
