package io.quire.bookie;

import io.micrometer.core.instrument.MeterRegistry;
import io.quire.bookie.core.DiskSpace;
import io.quire.bookie.storage.BookieStore;
import io.quire.bookie.storage.Limbo;
import io.quire.bookie.storage.StoreScrub;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.LedgerId;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Envelope;
import io.quire.storage.StorageException;
import io.quire.storage.StorageException.OutOfSpaceException;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.pekko.actor.ActorPath;
import org.apache.pekko.actor.CoordinatedShutdown;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.ChildFailed;
import org.apache.pekko.actor.typed.DispatcherSelector;
import org.apache.pekko.actor.typed.PostStop;
import org.apache.pekko.actor.typed.Terminated;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.BehaviorBuilder;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

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
    private static final Duration SCRUB_TIMEOUT = Duration.ofSeconds(3);
    private static final String STOPPING = "the bookie is stopping";
    private static final Logger LOG = LoggerFactory.getLogger(BookieActor.class);
    private static final DispatcherSelector BLOCKING = DispatcherSelector.fromConfig("quire.bookie.read-dispatcher");

    private final ActorContext<Object> context;
    private final TimerScheduler<Object> timers;
    private final Setup setup;
    private final Executor blocking;

    private CompletionStage<BookieBoot.Booted> boot;
    /** Which store is being booted, as soon as that is known. */
    private BookieId identity;
    /** What the node is told once the store is closed. */
    private Event outcome = new Event.Failed("its actor was stopped", false);

    private CompletionStage<Void> closing;

    // From here on: only while serving.
    private BookieBoot.Booted booted;
    private BookieMetrics metrics;
    private ActorRef<JournalActor.Command> journal;
    private ActorRef<FlusherActor.Command> flusher;
    private ActorRef<Object> repair;
    private ActorRef<ScrubActor.Command> scrub;
    private ActorRef<GarbageCollectorActor.Command> collector;
    private Registry.Watch ownRegister;
    private SpaceWatch space;
    private StatusBoard status;
    private final GatheredReplies replies = new GatheredReplies();
    private RequestRouter router;

    /** What this actor is told by others than clients. */
    public sealed interface Command {}

    /** Stops the bookie in order: what is acknowledged is flushed, and the store is marked clean. */
    public enum Stop implements Command {
        INSTANCE
    }

    /** Has the bookie take no new entries by an operator's wish, or no longer so; other reasons stay. */
    public record SetReadOnly(boolean readOnly, ActorRef<ReadOnlySet> replyTo) implements Command {}

    /** Whether the bookie is read-only now, for whatever reason. */
    public record ReadOnlySet(boolean readOnly) {}

    /**
     * Starts a garbage collection, unless one is under way.
     *
     * @param force whether it may drop any number of ledgers (H67)
     */
    public record CollectGarbage(boolean force) implements Command {}

    /** Starts to verify everything that is stored, as fast as the settings allow. */
    public enum ScrubNow implements Command {
        INSTANCE
    }

    /** Asks how far verifying what is stored is, and what is in limbo. */
    public record DescribeScrub(ActorRef<ScrubStatus> replyTo) implements Command {}

    /** Asks how garbage collection stands. */
    public record DescribeGarbage(ActorRef<GarbageStatus> replyTo) implements Command {}

    /** What becomes of a bookie, for the node. */
    public sealed interface Event {
        /** It serves. */
        record Started(BookieId bookie, BootEpoch bootEpoch, String name) implements Event {}

        /**
         * It does not serve, or not any more; the actor stops.
         *
         * @param outOfSpace whether it failed for want of room on its disk alone: it may be started again, as a new boot
         */
        record Failed(String reason, boolean outOfSpace) implements Event {}

        /** It stopped in order. */
        record Stopped(BookieId bookie) implements Event {}
    }

    /** What this bookie is about to answer. */
    public sealed interface Outgoing extends Command {}

    /** An acknowledgement to be sent with others to the same client. */
    record AckReady(ActorRef<BookieReply> client, BookieReply.SessionAck ack) implements Outgoing {}

    /** A session ended, or was not opened. */
    record SessionEnded(long counter) implements Command {}

    /** A ledger's actor has nothing to do, after the given number of messages. */
    record LedgerIdle(LedgerId ledgerId, ActorRef<LedgerActor.Command> actor, long routed) implements Command {}

    /** A ledger has left limbo; empty: the ones that were in it only with everything else have. */
    record LimboChanged(Optional<LedgerId> ledgerId) implements Command {}

    /** Has a ledger's actor journal copies of its entries. */
    record JournalCopies(LedgerId ledgerId, LedgerActor.Repair copies) implements Command {}

    private record LedgerDamaged(LedgerId ledgerId) {}

    /** The disk may have changed. */
    enum LookAtDisk implements Command {
        INSTANCE
    }

    /** A part of the store asked for room and got none. */
    record FoundNoRoom(DiskSpace.Waiter waiter) implements Command {}

    /** A part of the store got the room that it waited for. */
    record FoundRoom(DiskSpace.Waiter waiter) implements Command {}

    /** Drops a ledger through its actor; see {@link LedgerActor.Drop}. */
    record DropLedger(LedgerId ledgerId, OptionalLong supersededAt, LedgerActor.DropWaiter waiter) implements Command {}

    private record ScrubDescribed(DescribeScrub question, ScrubActor.Progress progress) {}

    /** Another answer to be sent with others to the same client. */
    record ReplyReady(ActorRef<BookieReply> client, BookieReply reply) implements Outgoing {}

    private enum FlushReplies {
        INSTANCE
    }

    private enum PublishStatus {
        INSTANCE
    }

    private enum CheckIdle {
        INSTANCE
    }

    private record Identified(BookieId bookie) {}

    private record Boot(BookieBoot.Booted booted, Throwable failure) {}

    private record OwnRegister(RegisterValue value) {}

    private record Closed(Throwable failure) {}

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
        ActorRef<Object> self = context.getSelf();
        boot = new BookieBoot(
                        setup.place(),
                        setup.settings(),
                        setup.registry(),
                        new BookieBoot.Surroundings(
                                bookie -> self.tell(new Identified(bookie)),
                                new OtherBookies(context.getSystem())::answersAs),
                        blocking)
                .boot();
        context.pipeToSelf(boot, Boot::new);
        return phase().onMessage(Boot.class, this::onBoot)
                .onMessage(Identified.class, this::onIdentified)
                .onMessage(BookieRequest.class, this::onRequestWhileBooting)
                .onMessage(SetReadOnly.class, set -> Behaviors.same())
                .onMessage(Stop.class, stop -> stopWhenBooted())
                .build();
    }

    private Behavior<Object> onIdentified(Identified identified) {
        identity = identified.bookie();
        return Behaviors.same();
    }

    /** Who asks for another store hears so at once: its boot may wait for that (R7). */
    private Behavior<Object> onRequestWhileBooting(BookieRequest request) {
        return identity != null && !identity.equals(request.target())
                ? refuse(request, Refusal.WRONG_BOOKIE, "this is bookie " + identity)
                : refuse(request, Refusal.UNAVAILABLE, "the bookie is starting");
    }

    /** A boot under way cannot be taken back: wait for it, then close what it opened. */
    private Behavior<Object> stopWhenBooted() {
        return phase().onMessage(Boot.class, done -> {
                    if (done.failure() != null) {
                        return failed(done.failure());
                    }
                    booted = done.booted();
                    return closeStore(true, new Event.Stopped(booted.bookie()));
                })
                .onMessage(BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, STOPPING))
                .build();
    }

    private BehaviorBuilder<Object> phase() {
        return Behaviors.receive(Object.class)
                .onMessage(Bundle.class, this::onBundle)
                .onSignal(PostStop.class, stop -> onPostStop());
    }

    /** What travelled together is handled one by one, by whatever this phase does with it. */
    private Behavior<Object> onBundle(Bundle bundle) {
        ActorRef<BookieReply> client = Envelope.sender(context);
        bundle.messages().forEach(message -> Envelope.send(context.getSelf(), message, client));
        return Behaviors.same();
    }

    /** All children have ended: nobody works with the store any more. */
    private Behavior<Object> onPostStop() {
        if (ownRegister != null) {
            ownRegister.cancel();
        }
        if (metrics != null) {
            metrics.close();
        }
        if (closing != null) {
            closing.whenComplete((done, failure) -> setup.events().tell(outcome));
        } else if (booted == null) {
            boot.whenCompleteAsync((late, failure) -> closeAndTell(late), blocking);
        } else if (CoordinatedShutdown.get(context.getSystem())
                .getShutdownReason()
                .isPresent()) {
            // The end of the actor system waits for this thread, and for no other.
            closeAndTell(booted);
        } else {
            blocking.execute(() -> closeAndTell(booted));
        }
        return Behaviors.same();
    }

    /** May block for long: closing waits for the readers of the store. */
    private void closeAndTell(BookieBoot.Booted opened) {
        try {
            if (opened != null) {
                opened.close(false);
            }
        } catch (RuntimeException e) {
            LOG.error("Bookie {} could not close its store", opened.bookie(), e);
        } finally {
            setup.events().tell(outcome);
        }
    }

    private Behavior<Object> onBoot(Boot done) {
        if (done.failure() != null) {
            return failed(done.failure());
        }
        booted = done.booted();
        BookieStore store = booted.store();
        metrics = new BookieMetrics(setup.meters(), booted.bookie());
        space = new SpaceWatch(booted, setup.settings().space().marks(), metrics);
        BookieReads reads = new BookieReads(booted, setup.settings(), metrics, blocking, context.getSelf());
        AtomicLong journalQueuedBytes = new AtomicLong();
        startStorage(store, journalQueuedBytes);
        AtomicInteger tailCount = new AtomicInteger();
        metrics.gauge("bookie.tail.subscriptions", tailCount, AtomicInteger::get);
        LedgerActor.Store shared = new LedgerActor.Store(
                booted.bookie(),
                booted.bootEpoch(),
                store,
                setup.settings(),
                tailCount,
                setup.registry(),
                journal,
                journalQueuedBytes,
                context.getSelf().narrow(),
                blocking);
        router = new RequestRouter(context, shared, space.space(), metrics, reads);
        metrics.gauge("bookie.read.in.progress", reads, BookieReads::inProgress);
        metrics.gauge("bookie.sessions", router, RequestRouter::sessions);
        startCollector();
        ActorRef<Object> self = context.getSelf();
        ownRegister = setup.registry()
                .watch(RegistryKey.ofBookie(booted.bookie()), value -> self.tell(new OwnRegister(value)));
        startRepair(store);
        status = new StatusBoard(setup, booted, space.space());
        onPublishStatus();
        timers.startTimerWithFixedDelay(
                LookAtDisk.INSTANCE, setup.settings().space().sampleInterval());
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

    private void startStorage(BookieStore store, AtomicLong journalQueuedBytes) {
        metrics.gauge("bookie.journal.queue.bytes", journalQueuedBytes, AtomicLong::get);
        metrics.gauge("bookie.memtable.bytes", store, BookieStore::memtableWeight);
        metrics.gauge("bookie.entry.conflicts", store, BookieStore::conflicts);
        metrics.gauge(
                "bookie.segments.file.bytes", store, of -> of.segmentFigures().fileBytes());
        metrics.gauge(
                "bookie.segments.live.bytes", store, of -> of.segmentFigures().liveBytes());
        metrics.gauge(
                "bookie.segments.copied.bytes", store, of -> of.segmentFigures().copiedBytes());
        metrics.gauge(
                "bookie.segments.quarantined", store, of -> of.segmentFigures().quarantined());
        metrics.gauge("bookie.journal.bytes", store, BookieStore::journalBytes);
        StoreRoom room = new StoreRoom(
                setup.settings().space(),
                space::roomForCommits,
                context.getSelf().narrow());
        flusher = context.spawn(
                FlusherActor.create(store, setup.settings().compactionBytesPerSecond(), metrics, room),
                "flusher",
                FlusherActor.DISPATCHER);
        journal = context.spawn(
                JournalActor.create(new JournalActor.Parts(store, metrics, journalQueuedBytes, room), flusher),
                "journal",
                JournalActor.DISPATCHER);
        flusher.tell(new FlusherActor.Tell(journal));
        context.watch(flusher);
        context.watch(journal);
    }

    private void startRepair(BookieStore store) {
        ActorRef<Object> self = context.getSelf();
        metrics.gauge("bookie.limbo.ledgers", store.limbo(), Limbo::size);
        metrics.gauge("bookie.limbo.everything", store.limbo(), limbo -> limbo.isEverything() ? 1 : 0);
        repair = context.spawn(
                RepairActor.create(new RepairActor.Setup(
                        booted.bookie(),
                        store,
                        setup.settings().repair(),
                        setup.registry(),
                        metrics,
                        blocking,
                        self.narrow())),
                "repair");
        scrub = context.spawn(
                ScrubActor.create(
                        new StoreScrub(store, booted.ledgerFiles()),
                        setup.settings().scrub(),
                        metrics,
                        store::sizeBytes,
                        blocking),
                "scrub");
        context.watch(repair);
        context.watch(scrub);
        store.whenDamaged(ledgerId -> self.tell(new LedgerDamaged(ledgerId)));
    }

    private void startCollector() {
        collector = context.spawn(
                GarbageCollectorActor.create(new GarbageCollectorActor.Setup(
                        booted.bookie(),
                        setup.settings().garbage().collector(),
                        setup.settings().garbage().interval(),
                        booted.store(),
                        setup.registry(),
                        blocking,
                        context.getSelf().narrow(),
                        new CollectorMetrics(metrics),
                        System::nanoTime)),
                "garbage-collector");
        context.watch(collector);
    }

    private Behavior<Object> serving() {
        return phase().onMessage(BookieRequest.class, this::onRequest)
                .onMessage(AckReady.class, this::onAckReady)
                .onMessage(ReplyReady.class, this::onReplyReady)
                .onMessage(FlushReplies.class, flush -> onFlushReplies())
                .onMessage(SessionEnded.class, this::onSessionEnded)
                .onMessage(LedgerIdle.class, this::onLedgerIdle)
                .onMessage(CheckIdle.class, check -> onCheckIdle())
                .onMessage(LedgerDamaged.class, this::onLedgerDamaged)
                .onMessage(LimboChanged.class, this::onLimboChanged)
                .onMessage(JournalCopies.class, this::onJournalCopies)
                .onMessage(PublishStatus.class, publish -> onPublishStatus())
                .onMessage(OwnRegister.class, this::onOwnRegister)
                .onMessage(LookAtDisk.class, look -> onLookAtDisk())
                .onMessage(FoundNoRoom.class, this::onFoundNoRoom)
                .onMessage(FoundRoom.class, this::onFoundRoom)
                .onMessage(SetReadOnly.class, this::onSetReadOnly)
                .onMessage(DropLedger.class, this::onDropLedger)
                .onMessage(CollectGarbage.class, this::onCollectGarbage)
                .onMessage(DescribeGarbage.class, this::onDescribeGarbage)
                .onMessage(ScrubNow.class, now -> onScrubNow())
                .onMessage(DescribeScrub.class, this::onDescribeScrub)
                .onMessage(ScrubDescribed.class, this::onScrubDescribed)
                .onMessage(Stop.class, stop -> drain())
                .onSignal(Terminated.class, this::onChildTerminated)
                .build();
    }

    private Behavior<Object> onRequest(BookieRequest request) {
        router.route(request, Envelope.sender(context));
        return Behaviors.same();
    }

    /** Gathers what the ledgers acknowledge until the mailbox is drained: one message for each client. */
    private Behavior<Object> onAckReady(AckReady ready) {
        flushWhenDrained();
        replies.add(ready.client(), ready.ack());
        return Behaviors.same();
    }

    private Behavior<Object> onReplyReady(ReplyReady ready) {
        flushWhenDrained();
        replies.add(ready.client(), ready.reply());
        return Behaviors.same();
    }

    private void flushWhenDrained() {
        if (replies.isEmpty()) {
            context.getSelf().tell(FlushReplies.INSTANCE);
        }
    }

    private Behavior<Object> onFlushReplies() {
        replies.sendFrom(context.getSelf());
        return Behaviors.same();
    }

    private Behavior<Object> onSessionEnded(SessionEnded ended) {
        router.sessionEnded(ended.counter());
        return Behaviors.same();
    }

    private Behavior<Object> onLedgerIdle(LedgerIdle idle) {
        router.ledgerIdle(idle);
        return Behaviors.same();
    }

    private Behavior<Object> onCheckIdle() {
        router.checkIdle();
        return Behaviors.same();
    }

    private Behavior<Object> onLedgerDamaged(LedgerDamaged damaged) {
        context.getLog()
                .error(
                        "Ledger {} is damaged here and goes into limbo: {}",
                        damaged.ledgerId(),
                        booted.store().limbo().reasonOf(damaged.ledgerId()).orElse(""));
        router.limboChanged(Optional.of(damaged.ledgerId()));
        repair.tell(RepairActor.Start.INSTANCE);
        return Behaviors.same();
    }

    private Behavior<Object> onLimboChanged(LimboChanged changed) {
        router.limboChanged(changed.ledgerId());
        space.limboChanged();
        status.publishIfChanged();
        return Behaviors.same();
    }

    private Behavior<Object> onJournalCopies(JournalCopies journal) {
        router.journalCopies(journal.ledgerId(), journal.copies());
        return Behaviors.same();
    }

    private Behavior<Object> onDropLedger(DropLedger drop) {
        router.drop(drop.ledgerId(), new LedgerActor.Drop(drop.supersededAt(), drop.waiter()));
        return Behaviors.same();
    }

    private Behavior<Object> onCollectGarbage(CollectGarbage collect) {
        collector.tell(new GarbageCollectorActor.Start(collect.force()));
        return Behaviors.same();
    }

    private Behavior<Object> onScrubNow() {
        scrub.tell(ScrubActor.Hurry.INSTANCE);
        return Behaviors.same();
    }

    private Behavior<Object> onDescribeScrub(DescribeScrub describe) {
        context.ask(
                ScrubActor.Progress.class,
                scrub,
                SCRUB_TIMEOUT,
                ScrubActor.GetProgress::new,
                (progress, failure) -> new ScrubDescribed(describe, progress));
        return Behaviors.same();
    }

    /** Without an answer the question stays without one, too. */
    private Behavior<Object> onScrubDescribed(ScrubDescribed described) {
        ScrubActor.Progress progress = described.progress();
        if (progress != null) {
            Limbo limbo = booted.store().limbo();
            described
                    .question()
                    .replyTo()
                    .tell(new ScrubStatus(
                            booted.bookie(),
                            progress.active(),
                            progress.passes(),
                            progress.ledgerId(),
                            progress.bytes(),
                            progress.entries(),
                            progress.damaged(),
                            limbo.isEverything(),
                            limbo.size(),
                            limbo.ledgers(0, ScrubStatus.LEDGERS_SHOWN),
                            limbo.reason()));
        }
        return Behaviors.same();
    }

    private Behavior<Object> onDescribeGarbage(DescribeGarbage describe) {
        collector.tell(new GarbageCollectorActor.Describe(describe.replyTo()));
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
        if (registration.life() != BookieLife.ACTIVE) {
            return failServing("bookie " + booted.bookie() + " was registered as "
                    + registration.life().name().toLowerCase(Locale.ROOT) + "; it will never serve again");
        }
        return Behaviors.same();
    }

    /** A sync that failed is no want of room, whatever it says: what it left is unknown (H53). */
    private Behavior<Object> onChildTerminated(Terminated terminated) {
        String child = terminated.getRef().path().name();
        boolean outOfSpace =
                terminated instanceof ChildFailed failed && failed.getCause() instanceof OutOfSpaceException;
        return outOfSpace
                ? failServing("its " + child + " found no room on the disk", true)
                : failServing("its " + child + " failed; see the log");
    }

    private Behavior<Object> onLookAtDisk() {
        try {
            space.look();
        } catch (StorageException e) {
            return failServing(e.getMessage());
        }
        return onSpaceSeen();
    }

    private Behavior<Object> onFoundNoRoom(FoundNoRoom found) {
        space.foundNoRoom(found.waiter());
        return onSpaceSeen();
    }

    private Behavior<Object> onFoundRoom(FoundRoom found) {
        space.foundRoom(found.waiter());
        return onLookAtDisk();
    }

    private Behavior<Object> onSetReadOnly(SetReadOnly set) {
        space.operatorWishes(set.readOnly());
        set.replyTo().tell(new ReadOnlySet(!space.space().admits(DiskSpace.Work.NORMAL)));
        return onSpaceSeen();
    }

    private Behavior<Object> onSpaceSeen() {
        if (status.publishIfChanged()) {
            context.getLog()
                    .info(
                            "Bookie {} has {} bytes free and {}",
                            booted.bookie(),
                            space.space().freeBytes(),
                            space.space().readOnlyReasons().isEmpty()
                                    ? "takes entries again"
                                    : "is read-only: " + space.space().readOnlyReasons());
        }
        return Behaviors.same();
    }

    /**
     * Crash-only: nothing is flushed or marked clean, the next boot replays the journal. The store is closed once nobody
     * works with it any more.
     */
    private Behavior<Object> failServing(String reason) {
        return failServing(reason, false);
    }

    private Behavior<Object> failServing(String reason, boolean outOfSpace) {
        fail(reason, outOfSpace);
        status.publishDown();
        timers.cancelAll();
        context.getChildren().forEach(child -> {
            context.watch(child);
            context.stop(child);
        });
        return closeWithoutChildren();
    }

    private Behavior<Object> closeWithoutChildren() {
        return context.getChildren().isEmpty()
                ? closeStore(false, outcome)
                : phase().onMessage(BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, STOPPING))
                        .onSignal(Terminated.class, terminated -> closeWithoutChildren())
                        .build();
    }

    private Behavior<Object> failed(Throwable failure) {
        fail(reasonOf(failure), causeOf(failure) instanceof OutOfSpaceException);
        return Behaviors.stopped();
    }

    private void fail(String reason, boolean outOfSpace) {
        context.getLog().error("Bookie '{}' stops: {}", setup.place().name(), reason);
        outcome = new Event.Failed(reason, outOfSpace);
    }

    private Behavior<Object> drain() {
        context.getLog().info("Bookie {} stops", booted.bookie());
        status.publishDown();
        ownRegister.cancel();
        timers.cancelAll();
        context.unwatch(collector);
        context.stop(collector);
        ActorRef<JournalActor.Drained> drained = context.messageAdapter(JournalActor.Drained.class, done -> done);
        journal.tell(new JournalActor.Drain(drained));
        return phase().onMessage(JournalActor.Drained.class, done -> flushAll())
                .onMessage(AckReady.class, this::onAckReady)
                .onMessage(ReplyReady.class, this::onReplyReady)
                .onMessage(FlushReplies.class, flush -> onFlushReplies())
                .onMessage(BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, STOPPING))
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
        return phase().onMessage(FlusherActor.AllFlushed.class, this::onAllFlushed)
                .onMessage(AckReady.class, this::onAckReady)
                .onMessage(ReplyReady.class, this::onReplyReady)
                .onMessage(FlushReplies.class, flush -> onFlushReplies())
                .onMessage(BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, STOPPING))
                .onSignal(Terminated.class, this::onTerminatedWhileStopping)
                .build();
    }

    /** What found no room is in the journal, and is replayed. */
    private Behavior<Object> onAllFlushed(FlusherActor.AllFlushed flushed) {
        return closeStore(flushed == FlusherActor.AllFlushed.ALL, new Event.Stopped(booted.bookie()));
    }

    /**
     * @param clean whether everything is flushed
     * @param ending what the node is told once the store is closed
     */
    private Behavior<Object> closeStore(boolean clean, Event ending) {
        closing = CompletableFuture.runAsync(() -> booted.close(clean), blocking);
        context.pipeToSelf(closing, (done, failure) -> new Closed(failure));
        return phase().onMessage(Closed.class, done -> {
                    if (done.failure() != null) {
                        fail("the store could not be closed: " + reasonOf(done.failure()), false);
                        return Behaviors.stopped();
                    }
                    outcome = ending;
                    return Behaviors.stopped();
                })
                .onMessage(BookieRequest.class, request -> refuse(request, Refusal.UNAVAILABLE, STOPPING))
                .onSignal(Terminated.class, terminated -> Behaviors.same())
                .build();
    }

    private Behavior<Object> refuse(BookieRequest request, Refusal refusal, String detail) {
        ActorRef<BookieReply> client = Envelope.sender(context);
        Refusals.repliesTo(request, refusal, detail).forEach(reply -> Envelope.send(client, reply, context.getSelf()));
        return Behaviors.same();
    }

    private Behavior<Object> onPublishStatus() {
        status.publish();
        return Behaviors.same();
    }

    private static String reasonOf(Throwable failure) {
        return String.valueOf(causeOf(failure).getMessage());
    }

    private static Throwable causeOf(Throwable failure) {
        return failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
    }
}
