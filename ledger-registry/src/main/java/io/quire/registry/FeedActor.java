package io.quire.registry;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.Behavior;
import org.apache.pekko.actor.typed.javadsl.ActorContext;
import org.apache.pekko.actor.typed.javadsl.Behaviors;
import org.apache.pekko.cluster.ClusterEvent.MemberEvent;
import org.apache.pekko.cluster.ClusterEvent.MemberRemoved;
import org.apache.pekko.cluster.ddata.typed.javadsl.DistributedData;
import org.apache.pekko.cluster.ddata.typed.javadsl.Replicator;
import org.apache.pekko.cluster.typed.Cluster;
import org.apache.pekko.cluster.typed.Subscribe;

/**
 * Keeps a {@link FeedView} up to date: merges into it what the replicator reports and what this node publishes, hands
 * publications to the replicator, and calls listeners. One per node; it has one phase and stops with its system.
 *
 * <p>The view is merged, never replaced: the replicator reports with a delay, and a report may be older than a
 * publication that is shown already. Only the replicator's own copy forgets, since it is the fresher one; the view
 * follows.
 */
final class FeedActor {
    /** What the feed's actor understands. */
    sealed interface Command {}

    record PublishLedger(Versioned<LedgerMetadata> ledger) implements Command {}

    record PublishBookie(BookieStatus bookie) implements Command {}

    record AddLedgerListener(LedgerListener listener) implements Command {}

    record RemoveLedgerListener(LedgerListener listener) implements Command {}

    record AddBookieListener(BookieListener listener) implements Command {}

    record RemoveBookieListener(BookieListener listener) implements Command {}

    private record BucketReported(Replicator.SubscribeResponse<?> report) implements Command {}

    private record BucketUpdated(Replicator.UpdateResponse<?> response) implements Command {}

    private enum Spread implements Command {
        INSTANCE
    }

    private record MemberChanged(MemberEvent event) implements Command {}

    /** How long publications gather: a replicated bucket costs as much for one change as for many. */
    private static final Duration GATHERING = Duration.ofMillis(50);

    private final ActorContext<Command> context;
    private final FeedView view;
    private final FeedSettings settings;
    private final ActorRef<Replicator.Command> replicator;
    private final ActorRef<Replicator.UpdateResponse<FeedBucket>> onUpdated;
    private final List<FeedBucketKey> keys;
    private final BookiePresence presence;
    /** What this node published and has not handed to the replicator, by bucket; the newest of each ledger. */
    private final Map<Integer, Map<LedgerId, Versioned<LedgerMetadata>>> gathered = new TreeMap<>();

    private final Map<LedgerId, Set<LedgerListener>> ledgerListeners = new HashMap<>();
    private final Set<BookieListener> bookieListeners = new LinkedHashSet<>();

    private FeedActor(ActorContext<Command> context, FeedView view, FeedSettings settings, String self) {
        this.context = context;
        this.view = view;
        this.settings = settings;
        replicator = DistributedData.get(context.getSystem()).replicator();
        onUpdated = context.messageAdapter(Replicator.UpdateResponse.class, BucketUpdated::new)
                .narrow();
        keys = FeedBucketKey.all(settings.buckets());
        presence = new BookiePresence(self);
    }

    /**
     * @param view written by this actor alone
     * @param self this node, named as in {@link BookieStatus#node()}
     */
    static Behavior<Command> create(FeedView view, FeedSettings settings, String self) {
        return Behaviors.setup(context -> {
            FeedActor actor = new FeedActor(context, view, settings, self);
            actor.subscribe();
            return actor.running();
        });
    }

    private void subscribe() {
        ActorRef<Replicator.SubscribeResponse<FeedBucket>> onReported = context.messageAdapter(
                        Replicator.SubscribeResponse.class, BucketReported::new)
                .narrow();
        keys.forEach(key -> replicator.tell(new Replicator.Subscribe<>(key, onReported)));
        // The members there are now arrive as events too.
        Cluster.get(context.getSystem())
                .subscriptions()
                .tell(new Subscribe<>(
                        context.messageAdapter(MemberEvent.class, MemberChanged::new), MemberEvent.class));
    }

    private Behavior<Command> running() {
        return Behaviors.receive(Command.class)
                .onMessage(PublishLedger.class, this::onPublishLedger)
                .onMessage(Spread.class, spread -> onSpread())
                .onMessage(PublishBookie.class, this::onPublishBookie)
                .onMessage(BucketReported.class, this::onBucketReported)
                .onMessage(BucketUpdated.class, this::onBucketUpdated)
                .onMessage(MemberChanged.class, this::onMemberChanged)
                .onMessage(AddLedgerListener.class, this::onAddLedgerListener)
                .onMessage(RemoveLedgerListener.class, this::onRemoveLedgerListener)
                .onMessage(AddBookieListener.class, this::onAddBookieListener)
                .onMessage(RemoveBookieListener.class, this::onRemoveBookieListener)
                .build();
    }

    private Behavior<Command> onPublishLedger(PublishLedger publish) {
        Versioned<LedgerMetadata> ledger = publish.ledger();
        LedgerId ledgerId = ledger.value().ledgerId();
        int index = settings.bucketOf(ledgerId);
        if (view.bucket(index).learnsFrom(ledger, settings)) {
            show(index, view.bucket(index).with(ledger, settings).resetDelta());
            if (gathered.isEmpty()) {
                context.scheduleOnce(GATHERING, context.getSelf(), Spread.INSTANCE);
            }
            gathered.computeIfAbsent(index, bucket -> new TreeMap<>()).put(ledgerId, ledger);
        }
        return Behaviors.same();
    }

    private Behavior<Command> onSpread() {
        gathered.forEach((index, ledgers) -> {
            List<Versioned<LedgerMetadata>> published = List.copyOf(ledgers.values());
            update(index, bucket -> bucket.with(published, settings).forgettingEnded(ledgers.keySet(), settings));
        });
        gathered.clear();
        return Behaviors.same();
    }

    private Behavior<Command> onPublishBookie(PublishBookie publish) {
        BookieStatus bookie = publish.bookie();
        int index = settings.bucketOf(bookie.bookieId());
        if (view.bucket(index).learnsFrom(bookie)) {
            show(index, view.bucket(index).with(bookie).resetDelta());
            update(index, bucket -> bucket.with(bookie));
        }
        return Behaviors.same();
    }

    private Behavior<Command> onBucketReported(BucketReported reported) {
        int index = keys.indexOf(reported.report().key());
        if (reported.report() instanceof Replicator.Changed<?> changed) {
            show(index, view.bucket(index).mergeData(changed.get(keys.get(index))));
        }
        return Behaviors.same();
    }

    private Behavior<Command> onBucketUpdated(BucketUpdated updated) {
        if (updated.response() instanceof Replicator.ModifyFailure<?> failure) {
            throw new IllegalStateException("a publication failed: " + failure.errorMessage(), failure.cause());
        }
        if (!(updated.response() instanceof Replicator.UpdateSuccess<?>)) {
            context.getLog().warn("A publication of the feed may not spread: {}", updated.response());
        }
        return Behaviors.same();
    }

    private Behavior<Command> onMemberChanged(MemberChanged changed) {
        String node = DistributedDataFeed.nodeOf(changed.event().member().address());
        if (changed.event() instanceof MemberRemoved) {
            presence.memberRemoved(node, heardBookies());
        } else {
            presence.memberSeen(node);
        }
        showBookies();
        return Behaviors.same();
    }

    private Behavior<Command> onAddLedgerListener(AddLedgerListener add) {
        LedgerListener listener = add.listener();
        ledgerListeners
                .computeIfAbsent(listener.ledgerId, id -> new LinkedHashSet<>())
                .add(listener);
        view.ledger(listener.ledgerId).ifPresent(known -> call(() -> listener.offer(known)));
        return Behaviors.same();
    }

    private Behavior<Command> onRemoveLedgerListener(RemoveLedgerListener remove) {
        LedgerId ledgerId = remove.listener().ledgerId;
        Set<LedgerListener> listeners = ledgerListeners.getOrDefault(ledgerId, Set.of());
        if (listeners.contains(remove.listener()) && listeners.size() == 1) {
            ledgerListeners.remove(ledgerId);
        } else {
            listeners.remove(remove.listener());
        }
        return Behaviors.same();
    }

    private Behavior<Command> onAddBookieListener(AddBookieListener add) {
        bookieListeners.add(add.listener());
        call(add.listener()::changed);
        return Behaviors.same();
    }

    private Behavior<Command> onRemoveBookieListener(RemoveBookieListener remove) {
        bookieListeners.remove(remove.listener());
        return Behaviors.same();
    }

    private void show(int index, FeedBucket bucket) {
        FeedBucket before = view.bucket(index);
        view.setBucket(index, bucket);
        if (!before.bookies().equals(bucket.bookies())) {
            showBookies();
        }
        ledgerListeners.forEach((ledgerId, listeners) -> {
            if (settings.bucketOf(ledgerId) == index) {
                bucket.ledger(ledgerId).ifPresent(known -> listeners.forEach(l -> call(() -> l.offer(known))));
            }
        });
    }

    private void showBookies() {
        List<BookieStatus> shown = heardBookies().stream().map(presence::shown).toList();
        if (!shown.equals(view.bookies())) {
            view.setBookies(shown);
            bookieListeners.forEach(listener -> call(listener::changed));
        }
    }

    private List<BookieStatus> heardBookies() {
        Map<BookieId, BookieStatus> heard = new TreeMap<>();
        for (int i = 0; i < settings.buckets(); i++) {
            heard.putAll(view.bucket(i).bookies());
        }
        return new ArrayList<>(heard.values());
    }

    private void update(int index, UnaryOperator<FeedBucket> modify) {
        replicator.tell(
                new Replicator.Update<>(keys.get(index), FeedBucket.EMPTY, Replicator.writeLocal(), onUpdated, modify));
    }

    /** A listener that throws harms nobody but itself. */
    private void call(Runnable listener) {
        try {
            listener.run();
        } catch (RuntimeException e) {
            context.getLog().error("A listener of the feed failed", e);
        }
    }

    /** A subscription to one ledger. Called on the actor's thread, closed on any. */
    static final class LedgerListener {
        private final LedgerId ledgerId;
        private final Consumer<Versioned<LedgerMetadata>> listener;
        private volatile boolean closed;
        private long lastVersion;

        LedgerListener(LedgerId ledgerId, Consumer<Versioned<LedgerMetadata>> listener) {
            this.ledgerId = ledgerId;
            this.listener = listener;
        }

        void close() {
            closed = true;
        }

        private void offer(Versioned<LedgerMetadata> ledger) {
            if (!closed && ledger.version() > lastVersion) {
                lastVersion = ledger.version();
                listener.accept(ledger);
            }
        }
    }

    /** A subscription to the bookies. Called on the actor's thread, closed on any. */
    static final class BookieListener {
        private final Runnable listener;
        private volatile boolean closed;

        BookieListener(Runnable listener) {
            this.listener = listener;
        }

        void close() {
            closed = true;
        }

        private void changed() {
            if (!closed) {
                listener.run();
            }
        }
    }
}
