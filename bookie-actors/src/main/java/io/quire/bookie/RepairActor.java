package io.quire.bookie;

import io.quire.bookie.core.LedgerRepair;
import io.quire.bookie.core.RepairEffect;
import io.quire.bookie.core.StoreRepair;
import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.RegisterValue;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import io.quire.protocol.wire.Bundle;
import io.quire.protocol.wire.Envelope;
import io.quire.storage.StorageException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import java.util.function.Supplier;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.actor.typed.javadsl.TimerScheduler;

/**
 * Runs the {@link StoreRepair} of one store: reads its own data, asks the registry and other bookies, and has copies
 * journaled by the ledgers' actors. It works when something is in limbo, at a bounded rate, in rounds; a round that repaired
 * nothing makes the next one come later.
 *
 * <p>A child of {@link BookieActor}, and stopped by it; a failure of what it does for one ledger ends in that ledger's being
 * tried again.
 */
final class RepairActor {
    private static final int LIST_PAGE = 500;
    private static final int BACK_OFF_MAX = 16;

    private final ActorContext<Object> context;
    private final TimerScheduler<Object> timers;
    private final Setup setup;
    private final StoreRepair core;
    private final Map<BookieId, ActorRef<Object>> addresses = new HashMap<>();
    private boolean running;
    private boolean wanted;
    private long clearedBefore;
    private int backOff = 1;
    private long lastRequest;
    /** The answer that is waited for; 0 for none. */
    private long awaited;

    /** Whether the awaited answer is that of a ledger's actor of this store. */
    private boolean storing;

    private Map<?, String> lastBlocked = Map.of();

    /** Something is in limbo: start a round, unless one is under way. */
    enum Start {
        INSTANCE
    }

    private enum Round {
        INSTANCE
    }

    private record Input(Supplier<Optional<RepairEffect>> apply) {}

    private record Failed(Throwable failure) {}

    private record Address(RepairEffect.AskPeer ask, RegisterValue value, Throwable failure) {}

    private record TimedOut(long requestId) {}

    private record Go(RepairEffect effect) {}

    /**
     * @param bookieActor told of ledgers that have left limbo, and asked to have copies journaled
     */
    record Setup(
            BookieId bookie,
            BookieStore store,
            BookieSettings.Repair settings,
            Registry registry,
            BookieMetrics metrics,
            Executor blocking,
            ActorRef<BookieActor.Command> bookieActor) {}

    private RepairActor(ActorContext<Object> context, TimerScheduler<Object> timers, Setup setup) {
        this.context = context;
        this.timers = timers;
        this.setup = setup;
        this.core = new StoreRepair(
                setup.bookie(),
                new LedgerRepair.Limits(
                        setup.settings().idsMax(), setup.settings().bytesMax()));
    }

    static Behavior<Object> create(Setup setup) {
        return Behaviors.setup(
                context -> Behaviors.withTimers(timers -> new RepairActor(context, timers, setup).serving()));
    }

    private Behavior<Object> serving() {
        if (!setup.store().limbo().isEmpty()) {
            context.getSelf().tell(Start.INSTANCE);
        }
        return Behaviors.receive(Object.class)
                .onMessage(Start.class, start -> onStart())
                .onMessage(Round.class, round -> onRound())
                .onMessage(Input.class, input -> advance(input.apply().get()))
                .onMessage(Failed.class, this::onFailed)
                .onMessage(Address.class, this::onAddress)
                .onMessage(Go.class, go -> run(go.effect()))
                .onMessage(TimedOut.class, timedOut -> onTimedOut(timedOut.requestId()))
                .onMessage(BookieReply.class, this::onReply)
                .onMessage(Bundle.class, this::onBundle)
                .build();
    }

    private Behavior<Object> onStart() {
        if (running) {
            wanted = true;
            return Behaviors.same();
        }
        backOff = 1;
        timers.cancel(Round.INSTANCE);
        return onRound();
    }

    private Behavior<Object> onRound() {
        if (running || setup.store().limbo().isEmpty()) {
            return Behaviors.same();
        }
        running = true;
        wanted = false;
        clearedBefore = core.cleared();
        return advance(core.begin(setup.store().limbo().isEverything()));
    }

    private Behavior<Object> advance(Optional<RepairEffect> next) {
        return next.isPresent() ? run(next.get()) : endRound();
    }

    private Behavior<Object> endRound() {
        running = false;
        addresses.clear();
        sayWhatIsBlocked();
        if (wanted) {
            return onStart();
        }
        if (!setup.store().limbo().isEmpty()) {
            backOff = core.cleared() > clearedBefore ? 1 : Math.min(2 * backOff, BACK_OFF_MAX);
            timers.startSingleTimer(
                    Round.INSTANCE, Round.INSTANCE, setup.settings().interval().multipliedBy(backOff));
        }
        return Behaviors.same();
    }

    private void sayWhatIsBlocked() {
        setup.metrics().repairBlocked.set(core.blocked().size());
        if (!core.blocked().equals(lastBlocked)) {
            core.blocked().forEach((ledgerId, reason) -> context.getLog()
                    .warn("Ledger {} stays in limbo: {}", ledgerId, reason));
        }
        lastBlocked = core.blocked();
    }

    /**
     * Another round may do better, unless something could not be written: then nobody knows what the ledger store holds, and
     * the bookie stops (H53).
     */
    private Behavior<Object> onFailed(Failed failed) {
        Throwable cause = failed.failure() instanceof CompletionException
                        && failed.failure().getCause() != null
                ? failed.failure().getCause()
                : failed.failure();
        if (cause instanceof StorageException storage && !(cause instanceof StorageException.OutOfSpaceException)) {
            throw storage;
        }
        context.getLog().warn("The repair was interrupted: {}", String.valueOf(failed.failure()));
        return endRound();
    }

    private Behavior<Object> run(RepairEffect effect) {
        effect.accept(handler);
        return Behaviors.same();
    }

    private <T> void whenDone(CompletionStage<T> work, Function<T, Optional<RepairEffect>> input) {
        context.pipeToSelf(
                work, (value, failure) -> failure == null ? new Input(() -> input.apply(value)) : new Failed(failure));
    }

    /** A failure here says something about the ledger, not about the rest. */
    private <T> void whenTried(CompletionStage<T> work, Function<T, Optional<RepairEffect>> input) {
        context.pipeToSelf(
                work,
                (value, failure) -> new Input(() ->
                        failure == null ? input.apply(value) : core.failed(String.valueOf(failure.getMessage()))));
    }

    private <T> CompletionStage<T> blocking(Supplier<T> work) {
        return CompletableFuture.supplyAsync(work, setup.blocking());
    }

    private CompletionStage<Boolean> blocking(Runnable work) {
        return blocking(() -> {
            work.run();
            return true;
        });
    }

    private Behavior<Object> onAddress(Address address) {
        BookieId bookie = address.ask().bookie();
        Optional<String> at = address.failure() == null ? addressOf(address.value()) : Optional.empty();
        if (at.isEmpty()) {
            return advance(core.peerFailed());
        }
        addresses.put(bookie, Envelope.resolve(context.getSystem(), at.get()));
        return run(address.ask());
    }

    private static Optional<String> addressOf(RegisterValue value) {
        if (value.isAbsent()) {
            return Optional.empty();
        }
        BookieRegistration registration = BookieRegistration.decode(value.value());
        return registration.life() == BookieLife.ACTIVE ? Optional.of(registration.address()) : Optional.empty();
    }

    private void ask(RepairEffect.AskPeer ask, ActorRef<Object> target) {
        awaited = ++lastRequest;
        Envelope.send(
                target,
                new BookieRequest.ReadEntries(
                        ask.bookie(),
                        awaited,
                        core.ledgerId(),
                        ask.first(),
                        ask.last(),
                        setup.settings().idsMax(),
                        (int) setup.settings().bytesMax(),
                        false,
                        Payload.EMPTY),
                context.getSelf());
        startTimeout();
    }

    private void startTimeout() {
        timers.startSingleTimer(
                TimedOut.class, new TimedOut(awaited), setup.settings().timeout());
    }

    private Behavior<Object> onTimedOut(long requestId) {
        if (requestId != awaited) {
            return Behaviors.same();
        }
        awaited = 0;
        return advance(storing() ? core.failed("the ledger's actor does not answer") : core.peerFailed());
    }

    private boolean storing() {
        boolean was = storing;
        storing = false;
        return was;
    }

    private Behavior<Object> onReply(BookieReply reply) {
        if (reply instanceof BookieReply.EntriesRead read && isAwaited(read.requestId())) {
            return pace(core.peerRead(read.entries()), read.entries().byteSize());
        }
        if (reply instanceof BookieReply.EntriesRecovered recovered && isAwaited(recovered.requestId())) {
            storing = false;
            return advance(core.stored());
        }
        if (reply instanceof BookieReply.RequestRefused refused && isAwaited(refused.requestId())) {
            return advance(storing() ? core.failed(refused.refusal() + ": " + refused.detail()) : core.peerFailed());
        }
        return Behaviors.same();
    }

    private Behavior<Object> onBundle(Bundle bundle) {
        bundle.messages().forEach(context.getSelf()::tell);
        return Behaviors.same();
    }

    private boolean isAwaited(long requestId) {
        if (requestId != awaited) {
            return false;
        }
        awaited = 0;
        timers.cancel(TimedOut.class);
        return true;
    }

    /** Waits as long as the copied bytes may take. */
    private Behavior<Object> pace(Optional<RepairEffect> next, long bytes) {
        long nanos = bytes * 1_000_000_000L / setup.settings().bytesPerSecond();
        if (next.isEmpty() || nanos == 0) {
            return advance(next);
        }
        timers.startSingleTimer(Go.class, new Go(next.get()), Duration.ofNanos(nanos));
        return Behaviors.same();
    }

    private final RepairEffect.Handler<Void> handler = new RepairEffect.Handler<>() {
        @Override
        public Void listLedgers(RepairEffect.ListLedgers effect) {
            whenDone(
                    setup.registry().list(RegistryKey.LEDGERS, effect.after(), LIST_PAGE),
                    page -> core.listed(understood(page), page.next()));
            return null;
        }

        @Override
        public Void markListed(RepairEffect.MarkListed effect) {
            whenDone(blocking(() -> setup.store().limbo().listed(effect.ledgers())), done -> core.marked());
            return null;
        }

        @Override
        public Void endListing(RepairEffect.EndListing effect) {
            whenDone(blocking(() -> setup.store().limbo().endListing()), done -> {
                context.getLog()
                        .warn(
                                "{} ledgers are in limbo: {}",
                                setup.store().limbo().size(),
                                setup.store().limbo().reason());
                setup.bookieActor().tell(new BookieActor.LimboChanged(Optional.empty()));
                return core.listingEnded();
            });
            return null;
        }

        @Override
        public Void chooseLedger(RepairEffect.ChooseLedger effect) {
            advance(core.chosen(
                    setup.store().limbo().ledgers(effect.from(), 1).stream().findFirst()));
            return null;
        }

        @Override
        public Void prepare(RepairEffect.Prepare effect) {
            whenTried(
                    blocking(() -> setup.store().prune(effect.ledgerId()))
                            .thenCompose(done -> setup.registry().read(RegistryKey.ofLedger(effect.ledgerId()))),
                    core::registerRead);
            return null;
        }

        @Override
        public Void readOwn(RepairEffect.ReadOwn effect) {
            whenTried(
                    blocking(() -> setup.store()
                            .read(
                                    core.ledgerId(),
                                    effect.first(),
                                    effect.last(),
                                    setup.settings().idsMax(),
                                    (int) setup.settings().bytesMax())),
                    range -> core.ownRead(EntryBatch.of(range.entries()), range.coveredTo()));
            return null;
        }

        @Override
        public Void askPeer(RepairEffect.AskPeer effect) {
            ActorRef<Object> known = addresses.get(effect.bookie());
            if (known != null) {
                ask(effect, known);
            } else {
                context.pipeToSelf(
                        setup.registry().read(RegistryKey.ofBookie(effect.bookie())),
                        (value, failure) -> new Address(effect, value, failure));
            }
            return null;
        }

        @Override
        public Void store(RepairEffect.Store effect) {
            awaited = ++lastRequest;
            storing = true;
            setup.bookieActor()
                    .tell(new BookieActor.JournalCopies(
                            core.ledgerId(),
                            new LedgerActor.Repair(
                                    awaited,
                                    core.register(),
                                    effect.entries(),
                                    context.getSelf().narrow())));
            setup.metrics().repairedEntries.increment(effect.entries().count());
            startTimeout();
            return null;
        }

        @Override
        public Void clear(RepairEffect.Clear effect) {
            whenDone(blocking(() -> setup.store().limbo().clear(effect.ledgerId())), done -> {
                context.getLog().info("Ledger {} is in limbo no more", effect.ledgerId());
                setup.bookieActor().tell(new BookieActor.LimboChanged(Optional.of(effect.ledgerId())));
                return core.ledgerCleared();
            });
            return null;
        }
    };

    /** A register that is not understood may name this store: the listing must not pass over it. */
    private static List<LedgerMetadata> understood(Registry.Page page) {
        return page.entries().stream()
                .filter(item -> !item.value().isAbsent() && !item.value().isCollected())
                .map(item -> decode(item.value()))
                .toList();
    }

    private static LedgerMetadata decode(RegisterValue value) {
        try {
            return LedgerMetadata.decode(value.value());
        } catch (Fields.MalformedException e) {
            throw new IllegalStateException("a ledger's register is not understood: " + e.getMessage(), e);
        }
    }
}
