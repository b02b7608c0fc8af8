package io.quire.bookie;

import io.micrometer.core.instrument.MeterRegistry;
import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.LedgerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.SessionId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Envelope;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.ActorPath;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorRefResolver;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Adapter;
import org.apache.pekko.actor.typed.javadsl.BehaviorBuilder;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.apache.pekko.pattern.Patterns;

/**
 * One bookie: boots a store, routes requests to the actors of its ledgers, gathers their acknowledgements, and publishes
 * the store's status.
 *
 * <p>States: booting (every request is answered "unavailable"), serving, stopping (draining journal and memtables). It
 * stops when it is told to, when its boot epoch is superseded (R7), and when journal, flusher or a ledger's actor fails;
 * the node is told why and decides what becomes of itself. However it ends, the store is closed and its directory free
 * once the node is told.
 */
public final class BookieActor {
    private static final Duration IDENTIFY_TIMEOUT = Duration.ofSeconds(1);
    private static final DispatcherSelector BLOCKING = DispatcherSelector.fromConfig("quire.bookie.read-dispatcher");

    private final ActorContext<Object> context;
    private final TimerScheduler<Object> timers;
    private final Setup setup;
    private final Executor blocking;

    private CompletionStage<BookieBoot.Booted> boot;
    /** What the node is told once the store is closed. */
    private Event outcome = new Event.Failed("its actor was stopped");

    private boolean closed;

    // From here on: only while serving.
    private BookieBoot.Booted booted;
    private BookieMetrics metrics;
    private LedgerActor.Store shared;
    private ActorRef<JournalActor.Command> journal;
    private ActorRef<FlusherActor.Command> flusher;
    private Registry.Watch ownRegister;
    private BookieStatus status;
    private final Map<LedgerId, Routed> ledgers = new HashMap<>();
    private final Map<Long, LedgerId> sessionLedgers = new HashMap<>();
    private final Map<ActorRef<BookieReply>, List<BookieReply.SessionAck>> acks = new LinkedHashMap<>();
    private final AtomicLong journalQueuedBytes = new AtomicLong();
    private BookieReads reads;
    private long lastSession;
    private long lastLedgerActor;

    /** What this actor is told by others than clients. */
    public sealed interface Command {}

    /** Stops the bookie in order: what is acknowledged is flushed, and the store is marked clean. */
    public enum Stop implements Command {
        INSTANCE
    }

    /** What becomes of a bookie, for the node. */
    public sealed interface Event {
        /** It serves. */
        record Started(BookieId bookie, BootEpoch bootEpoch, String name) implements Event {}

        /** It does not serve, or not any more; the actor stops. */
        record Failed(String reason) implements Event {}

        /** It stopped in order. */
        record Stopped(BookieId bookie) implements Event {}
    }

    /** An acknowledgement to be sent with others to the same client. */
    record AckReady(ActorRef<BookieReply> client, BookieReply.SessionAck ack) implements Command {}

    /** A ledger's actor has nothing to do, after the given number of messages. */
    record LedgerIdle(LedgerId ledgerId, ActorRef<LedgerActor.Command> actor, long routed) implements Command {}

    private enum FlushAcks {
        INSTANCE
    }

    private enum PublishStatus {
        INSTANCE
    }

    private enum CheckIdle {
        INSTANCE
    }

    private record Boot(BookieBoot.Booted booted, Throwable failure) {}

    private record OwnRegister(RegisterValue value) {}

    private record Closed(Throwable failure) {}

    private static final class Routed {
        private final ActorRef<LedgerActor.Command> actor;
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
     * What a bookie is given.
     *
     * @param node the cluster member it runs in, host:port
     * @param labels rack, zone and the like
     * @param events told what becomes of it
     */
    public record Setup(
            BookieBoot.Place place,
            String node,
            Map<String, String> labels,
            BookieSettings settings,
            Registry registry,
            ClusterFeed feed,
            MeterRegistry meters,
            ActorRef<Event> events) {}

    private BookieActor(ActorContext<Object> context, TimerScheduler<Object> timers, Setup setup) {
        this.context = context;
        this.timers = timers;
        this.setup = setup;
        this.blocking = context.getSystem().dispatchers().lookup(BLOCKING);
    }

    /** A bookie that understands {@link BookieRequest} and {@link Command}. */
    public static Behavior<Object> create(Setup setup) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new BookieActor(context, timers, setup).booting()));
    }

    private Behavior<Object> booting() {
        boot = new BookieBoot(setup.place(), setup.settings(), setup.registry(), this::answersAs, blocking).boot();
        context.pipeToSelf(boot, Boot::new);
        return phase().onMessage(Boot.class, this::onBoot)
                .onMessage(
                        BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, "the bookie is starting"))
                .onMessage(Stop.class, stop -> stopWhenBooted())
                .build();
    }

    /** A boot under way cannot be taken back: wait for it, then close what it opened. */
    private Behavior<Object> stopWhenBooted() {
        return phase().onMessage(Boot.class, done -> {
                    if (done.failure() != null) {
                        return failed(reasonOf(done.failure()));
                    }
                    booted = done.booted();
                    return closeStore();
                })
                .onMessage(
                        BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, "the bookie is stopping"))
                .build();
    }

    private BehaviorBuilder<Object> phase() {
        return Behaviors.receive(Object.class).onSignal(PostStop.class, stop -> onPostStop());
    }

    /** All children have ended: nobody works with the store any more. */
    private Behavior<Object> onPostStop() {
        if (ownRegister != null) {
            ownRegister.cancel();
        }
        if (metrics != null) {
            metrics.close();
        }
        if (booted == null) {
            boot.thenAccept(late -> late.close(false));
        } else if (!closed) {
            closed = true;
            try {
                // Blocks, on a thread that is not meant for it: but the node must not be told before it is done.
                booted.close(false);
            } catch (RuntimeException e) {
                context.getLog().error("Bookie {} could not close its store", booted.bookie(), e);
            }
        }
        setup.events().tell(outcome);
        return Behaviors.same();
    }

    private Behavior<Object> onBoot(Boot done) {
        if (done.failure() != null) {
            return failed(reasonOf(done.failure()));
        }
        booted = done.booted();
        BookieStore store = booted.store();
        metrics = new BookieMetrics(setup.meters(), booted.bookie());
        reads = new BookieReads(booted, setup.settings(), metrics, blocking, context.getSelf());
        metrics.gauge("bookie.journal.queue.bytes", journalQueuedBytes, AtomicLong::get);
        metrics.gauge("bookie.memtable.bytes", store, BookieStore::memtableWeight);
        metrics.gauge("bookie.entry.conflicts", store, BookieStore::conflicts);
        metrics.gauge("bookie.read.in.progress", reads, BookieReads::inProgress);
        flusher = context.spawn(FlusherActor.create(store, metrics), "flusher", FlusherActor.DISPATCHER);
        journal = context.spawn(
                JournalActor.create(store, metrics, journalQueuedBytes, flusher), "journal", JournalActor.DISPATCHER);
        flusher.tell(new FlusherActor.Tell(journal));
        context.watch(flusher);
        context.watch(journal);
        shared = new LedgerActor.Store(
                booted.bookie(),
                booted.bootEpoch(),
                store,
                setup.settings().replica(),
                setup.registry(),
                journal,
                journalQueuedBytes,
                context.getSelf().narrow(),
                blocking);
        ActorRef<Object> self = context.getSelf();
        ownRegister = setup.registry()
                .watch(RegistryKey.ofBookie(booted.bookie()), value -> self.tell(new OwnRegister(value)));
        status = new BookieStatus(
                booted.bookie(),
                booted.bootEpoch(),
                0,
                setup.place().name(),
                setup.node(),
                setup.place().address(),
                BookieStatus.State.WRITABLE,
                0,
                0,
                setup.labels());
        publishStatus();
        timers.startTimerWithFixedDelay(PublishStatus.INSTANCE, setup.settings().statusInterval());
        timers.startTimerWithFixedDelay(CheckIdle.INSTANCE, setup.settings().ledgerIdleTimeout());
        context.getLog()
                .info(
                        "Bookie {} '{}' serves, boot {}, {} journal records replayed",
                        booted.bookie(),
                        setup.place().name(),
                        booted.bootEpoch(),
                        store.replayedRecords());
        setup.events()
                .tell(new Event.Started(
                        booted.bookie(), booted.bootEpoch(), setup.place().name()));
        return serving();
    }

    private Behavior<Object> serving() {
        return phase().onMessage(BookieRequest.AddEntries.class, this::onAddEntries)
                .onMessage(AckReady.class, this::onAckReady)
                .onMessage(FlushAcks.class, flush -> onFlushAcks())
                .onMessage(BookieRequest.ReadEntries.class, this::onReadEntries)
                .onMessage(BookieRequest.ReadLastAddConfirmed.class, this::onReadLastAddConfirmed)
                .onMessage(BookieRequest.OpenSession.class, this::onOpenSession)
                .onMessage(BookieRequest.ProbeSession.class, this::onProbeSession)
                .onMessage(BookieRequest.CloseSession.class, this::onCloseSession)
                .onMessage(BookieRequest.FenceLedger.class, this::onFenceLedger)
                .onMessage(BookieRequest.IdentifyBookie.class, this::onIdentify)
                .onMessage(LedgerIdle.class, this::onLedgerIdle)
                .onMessage(CheckIdle.class, check -> onCheckIdle())
                .onMessage(PublishStatus.class, publish -> {
                    publishStatus();
                    return Behaviors.same();
                })
                .onMessage(OwnRegister.class, this::onOwnRegister)
                .onMessage(Stop.class, stop -> drain())
                .onSignal(Terminated.class, this::onChildTerminated)
                .build();
    }

    private Behavior<Object> onAddEntries(BookieRequest.AddEntries request) {
        if (isForeign(request)) {
            return Behaviors.same();
        }
        ActorRef<BookieReply> client = Envelope.sender(context);
        for (BookieRequest.Batch batch : request.batches()) {
            Routed ledger = ledgerOf(batch.session());
            if (ledger == null) {
                send(client, unknown(batch.session()));
            } else if (status.state() != BookieStatus.State.WRITABLE
                    && !batch.entries().isEmpty()) {
                refuseBatch(client, batch, Refusal.READ_ONLY, "the store takes no new entries");
            } else if (batch.entries().byteSize() > booted.store().entriesBytesMax()) {
                refuseBatch(
                        client,
                        batch,
                        Refusal.OVERLOADED,
                        "a batch of " + batch.entries().byteSize() + " bytes; at most "
                                + booted.store().entriesBytesMax() + " fit");
            } else if (journalQueuedBytes.get() > setup.settings().journalQueueBytesMax()) {
                refuseBatch(client, batch, Refusal.OVERLOADED, "too much waits for the journal");
            } else {
                ledger.tell(new LedgerActor.Add(batch, client));
            }
        }
        return Behaviors.same();
    }

    private void refuseBatch(ActorRef<BookieReply> client, BookieRequest.Batch batch, Refusal refusal, String detail) {
        metrics.refusedBatches.increment();
        send(client, new BookieReply.BatchRefused(batch.session(), batch.number(), refusal, detail));
    }

    /** Gathers what the ledgers acknowledge until the mailbox is drained: one message for each client. */
    private Behavior<Object> onAckReady(AckReady ready) {
        if (acks.isEmpty()) {
            context.getSelf().tell(FlushAcks.INSTANCE);
        }
        List<BookieReply.SessionAck> gathered = acks.computeIfAbsent(ready.client(), client -> new ArrayList<>());
        int last = gathered.size() - 1;
        if (last >= 0 && gathered.get(last).session().equals(ready.ack().session())) {
            gathered.set(last, ready.ack());
        } else {
            gathered.add(ready.ack());
        }
        return Behaviors.same();
    }

    private Behavior<Object> onFlushAcks() {
        acks.forEach((client, gathered) -> send(client, new BookieReply.EntriesAdded(gathered)));
        acks.clear();
        return Behaviors.same();
    }

    private Behavior<Object> onOpenSession(BookieRequest.OpenSession request) {
        if (isForeign(request)) {
            return Behaviors.same();
        }
        ActorRef<BookieReply> client = Envelope.sender(context);
        if (status.state() != BookieStatus.State.WRITABLE) {
            send(
                    client,
                    new BookieReply.SessionRefused(
                            booted.bookie(),
                            request.requestId(),
                            request.ledgerId(),
                            Refusal.READ_ONLY,
                            "the store takes no new entries"));
            return Behaviors.same();
        }
        long counter = ++lastSession;
        sessionLedgers.put(counter, request.ledgerId());
        ledger(request.ledgerId()).tell(new LedgerActor.Open(counter, request, client));
        return Behaviors.same();
    }

    private Behavior<Object> onProbeSession(BookieRequest.ProbeSession request) {
        if (isForeign(request)) {
            return Behaviors.same();
        }
        ActorRef<BookieReply> client = Envelope.sender(context);
        Routed ledger = ledgerOf(request.session());
        if (ledger == null) {
            send(client, unknown(request.session()));
        } else {
            ledger.tell(new LedgerActor.Probe(request.session(), client));
        }
        return Behaviors.same();
    }

    private Behavior<Object> onCloseSession(BookieRequest.CloseSession request) {
        Routed ledger = isForeign(request) ? null : ledgerOf(request.session());
        if (ledger != null) {
            sessionLedgers.remove(request.session().counter());
            ledger.tell(new LedgerActor.CloseSession(request.session().counter()));
        }
        return Behaviors.same();
    }

    private Behavior<Object> onFenceLedger(BookieRequest.FenceLedger request) {
        if (isForeign(request)) {
            return Behaviors.same();
        }
        ActorRef<BookieReply> client = Envelope.sender(context);
        ActorRef<Object> self = context.getSelf();
        ledger(request.ledgerId())
                .tell(new LedgerActor.Fence(lastAddConfirmed -> Envelope.send(
                        client,
                        new BookieReply.LedgerFenced(
                                booted.bookie(),
                                booted.bootEpoch(),
                                request.requestId(),
                                request.ledgerId(),
                                lastAddConfirmed),
                        self)));
        return Behaviors.same();
    }

    private Behavior<Object> onReadEntries(BookieRequest.ReadEntries request) {
        if (isForeign(request)) {
            return Behaviors.same();
        }
        ActorRef<BookieReply> client = Envelope.sender(context);
        if (request.fencing()) {
            ledger(request.ledgerId())
                    .tell(new LedgerActor.Fence(lastAddConfirmed -> reads.readEntries(request, client)));
        } else {
            reads.readEntries(request, client);
        }
        return Behaviors.same();
    }

    private Behavior<Object> onReadLastAddConfirmed(BookieRequest.ReadLastAddConfirmed request) {
        if (!isForeign(request)) {
            reads.readLastAddConfirmed(request, Envelope.sender(context));
        }
        return Behaviors.same();
    }

    private Behavior<Object> onIdentify(BookieRequest.IdentifyBookie request) {
        if (!isForeign(request)) {
            send(
                    Envelope.sender(context),
                    new BookieReply.BookieIdentified(booted.bookie(), booted.bootEpoch(), request.requestId()));
        }
        return Behaviors.same();
    }

    private Behavior<Object> onCheckIdle() {
        for (Routed ledger : ledgers.values()) {
            if (ledger.messages == ledger.messagesWhenLastLookedAt) {
                ledger.actor.tell(new LedgerActor.CheckIdle(ledger.messages));
            }
            ledger.messagesWhenLastLookedAt = ledger.messages;
        }
        return Behaviors.same();
    }

    private Behavior<Object> onLedgerIdle(LedgerIdle idle) {
        Routed ledger = ledgers.get(idle.ledgerId());
        // An answer of an actor that was stopped meanwhile says nothing about the one that took its place (R16).
        if (ledger != null && ledger.actor.equals(idle.actor()) && ledger.messages == idle.routed()) {
            ledgers.remove(idle.ledgerId());
            sessionLedgers.values().removeIf(idle.ledgerId()::equals);
            context.unwatch(ledger.actor);
            ledger.actor.tell(LedgerActor.Stop.INSTANCE);
        }
        return Behaviors.same();
    }

    private Behavior<Object> onOwnRegister(OwnRegister own) {
        if (own.value().isAbsent()) {
            return Behaviors.same();
        }
        BookieRegistration registration = BookieRegistration.decode(own.value().value());
        if (registration.bootEpoch().compareTo(booted.bootEpoch()) > 0) {
            return failServing("boot " + booted.bootEpoch() + " of bookie " + booted.bookie()
                    + " was superseded by boot " + registration.bootEpoch() + " at " + registration.address());
        }
        return Behaviors.same();
    }

    private Behavior<Object> onChildTerminated(Terminated terminated) {
        return failServing("its " + terminated.getRef().path().name() + " failed; see the log");
    }

    /** Crash-only: nothing is flushed or marked clean, the next boot replays the journal. */
    private Behavior<Object> failServing(String reason) {
        Behavior<Object> stopped = failed(reason);
        publish(BookieStatus.State.DOWN);
        return stopped;
    }

    private Behavior<Object> failed(String reason) {
        context.getLog().error("Bookie '{}' stops: {}", setup.place().name(), reason);
        outcome = new Event.Failed(reason);
        return Behaviors.stopped();
    }

    private Behavior<Object> drain() {
        context.getLog().info("Bookie {} stops", booted.bookie());
        publish(BookieStatus.State.DOWN);
        ownRegister.cancel();
        timers.cancelAll();
        ActorRef<JournalActor.Drained> drained = context.messageAdapter(JournalActor.Drained.class, done -> done);
        journal.tell(new JournalActor.Drain(drained));
        return phase().onMessage(JournalActor.Drained.class, done -> flushAll())
                .onMessage(AckReady.class, this::onAckReady)
                .onMessage(FlushAcks.class, flush -> onFlushAcks())
                .onMessage(
                        BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, "the bookie is stopping"))
                .onSignal(Terminated.class, this::onTerminatedWhileStopping)
                .build();
    }

    /** A ledger that fails now has lost nothing that was acknowledged; a journal or flusher would never be done. */
    private Behavior<Object> onTerminatedWhileStopping(Terminated terminated) {
        ActorPath path = terminated.getRef().path();
        boolean needed = path.equals(journal.path()) || path.equals(flusher.path());
        return needed ? onChildTerminated(terminated) : Behaviors.same();
    }

    private Behavior<Object> flushAll() {
        ActorRef<FlusherActor.AllFlushed> flushed = context.messageAdapter(FlusherActor.AllFlushed.class, done -> done);
        flusher.tell(new FlusherActor.FlushAll(flushed));
        return phase().onMessage(FlusherActor.AllFlushed.class, done -> closeStore())
                .onMessage(AckReady.class, this::onAckReady)
                .onMessage(FlushAcks.class, flush -> onFlushAcks())
                .onMessage(
                        BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, "the bookie is stopping"))
                .onSignal(Terminated.class, this::onTerminatedWhileStopping)
                .build();
    }

    private Behavior<Object> closeStore() {
        context.pipeToSelf(
                CompletableFuture.runAsync(() -> booted.close(true), blocking), (done, failure) -> new Closed(failure));
        return phase().onMessage(Closed.class, done -> {
                    closed = true;
                    if (done.failure() != null) {
                        return failed("the store could not be closed: " + reasonOf(done.failure()));
                    }
                    outcome = new Event.Stopped(booted.bookie());
                    return Behaviors.stopped();
                })
                .onMessage(
                        BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, "the bookie is stopping"))
                .onSignal(Terminated.class, terminated -> Behaviors.same())
                .build();
    }

    private Routed ledger(LedgerId ledgerId) {
        return ledgers.computeIfAbsent(ledgerId, id -> {
            ActorRef<LedgerActor.Command> actor =
                    context.spawn(LedgerActor.create(shared, id), "ledger-" + id + "-" + ++lastLedgerActor);
            context.watch(actor);
            return new Routed(actor);
        });
    }

    /** The ledger of a session of this boot, if its actor lives. */
    private Routed ledgerOf(SessionId session) {
        boolean ours =
                session.bookie().equals(booted.bookie()) && session.bootEpoch().equals(booted.bootEpoch());
        LedgerId ledgerId = ours ? sessionLedgers.get(session.counter()) : null;
        return ledgerId == null ? null : ledgers.get(ledgerId);
    }

    private boolean isForeign(BookieRequest request) {
        if (request.target().equals(booted.bookie())) {
            return false;
        }
        refuse(request, Refusal.WRONG_BOOKIE, "this is bookie " + booted.bookie());
        return true;
    }

    private Behavior<Object> refuse(BookieRequest request, Refusal refusal, String detail) {
        ActorRef<BookieReply> client = Envelope.sender(context);
        if (request instanceof BookieRequest.AddEntries add) {
            add.batches()
                    .forEach(batch -> send(
                            client, new BookieReply.BatchRefused(batch.session(), batch.number(), refusal, detail)));
        } else if (request instanceof BookieRequest.OpenSession open) {
            send(
                    client,
                    new BookieReply.SessionRefused(
                            request.target(), open.requestId(), open.ledgerId(), refusal, detail));
        } else if (request instanceof BookieRequest.ProbeSession probe) {
            send(client, new BookieReply.SessionEnded(probe.session(), refusal, detail));
        } else if (request instanceof BookieRequest.ReadEntries read) {
            send(client, new BookieReply.RequestRefused(request.target(), read.requestId(), refusal, detail));
        } else if (request instanceof BookieRequest.ReadLastAddConfirmed read) {
            send(client, new BookieReply.RequestRefused(request.target(), read.requestId(), refusal, detail));
        } else if (request instanceof BookieRequest.FenceLedger fence) {
            send(client, new BookieReply.RequestRefused(request.target(), fence.requestId(), refusal, detail));
        } else if (request instanceof BookieRequest.IdentifyBookie identify) {
            send(client, new BookieReply.RequestRefused(request.target(), identify.requestId(), refusal, detail));
        }
        return Behaviors.same();
    }

    private static BookieReply unknown(SessionId session) {
        return new BookieReply.SessionEnded(session, Refusal.UNKNOWN_SESSION, "no session of this boot");
    }

    private void send(ActorRef<BookieReply> client, BookieReply reply) {
        Envelope.send(client, reply, context.getSelf());
    }

    private void publishStatus() {
        long free = booted.root().freeBytes();
        publish(free < setup.settings().freeBytesMin() ? BookieStatus.State.READ_ONLY : BookieStatus.State.WRITABLE);
    }

    private void publish(BookieStatus.State state) {
        status = status.next(state, booted.root().freeBytes(), booted.root().totalBytes());
        setup.feed().publish(status);
    }

    private CompletionStage<Boolean> answersAs(String address, BookieId bookie) {
        ActorRef<Object> target = ActorRefResolver.get(context.getSystem()).resolveActorRef(address);
        return Patterns.ask(Adapter.toClassic(target), new BookieRequest.IdentifyBookie(bookie, 1), IDENTIFY_TIMEOUT)
                .thenApply(reply -> reply instanceof BookieReply.BookieIdentified)
                .exceptionally(silence -> false);
    }

    private static String reasonOf(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        return String.valueOf(cause.getMessage());
    }
}
