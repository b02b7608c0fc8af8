package io.quire.registry;

import io.quire.protocol.BookieStatus;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Versioned;
import java.util.Collection;
import java.util.Optional;
import java.util.function.Consumer;
import org.apache.pekko.actor.Address;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.actor.typed.Props;
import org.apache.pekko.cluster.typed.Cluster;

/**
 * The feed over Pekko Distributed Data: hints about live ledgers and bookies, which every member of the cluster
 * receives within seconds, also those that join later. Everything is in memory and gone when all members are.
 *
 * <p>What one node shows of a ledger never goes back to a lower version; it may vanish, once the ledger has ended (see
 * {@link FeedBucket} for what is forgotten when). A publication is seen on its own node first. Thread-safe; no method
 * blocks. It lives as long as its actor system.
 */
public final class DistributedDataFeed implements ClusterFeed {
    private final FeedSettings settings;
    private final FeedView view;
    private final ActorRef<FeedActor.Command> actor;

    private DistributedDataFeed(FeedSettings settings, FeedView view, ActorRef<FeedActor.Command> actor) {
        this.settings = settings;
        this.view = view;
        this.actor = actor;
    }

    /**
     * Starts the feed of a node, once per actor system, at boot: members that have not started theirs do not help to
     * spread.
     *
     * @throws RuntimeException when the actor system is no cluster member's or has a feed already
     */
    public static DistributedDataFeed create(ActorSystem<?> system, FeedSettings settings) {
        FeedView view = new FeedView(settings);
        ActorRef<FeedActor.Command> actor =
                system.systemActorOf(FeedActor.create(view, settings, nodeOf(system)), "quire-feed", Props.empty());
        return new DistributedDataFeed(settings, view, actor);
    }

    /** How {@link BookieStatus#node()} has to name the node of this actor system: {@code host:port}. */
    public static String nodeOf(ActorSystem<?> system) {
        return nodeOf(Cluster.get(system).selfMember().address());
    }

    static String nodeOf(Address address) {
        return address.getHost().orElse("") + ":" + address.getPort().orElse(0);
    }

    /**
     * {@inheritDoc}
     *
     * <p>A bookie whose member left the cluster is shown as DOWN, whatever it last said. An immutable snapshot.
     */
    @Override
    public Collection<BookieStatus> bookies() {
        return view.bookies();
    }

    @Override
    public Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId) {
        return view.ledger(ledgerId);
    }

    @Override
    public void publish(BookieStatus status) {
        actor.tell(new FeedActor.PublishBookie(status));
    }

    /** {@inheritDoc} Versions that are known here and metadata that is too long to be spread are left out. */
    @Override
    public void publish(Versioned<LedgerMetadata> metadata) {
        // Every read of a register publishes; most of it is old news, and the feed's mailbox need not see it.
        FeedBucket bucket = view.bucket(settings.bucketOf(metadata.value().ledgerId()));
        if (bucket.learnsFrom(metadata, settings)
                && metadata.value().encode().length() <= settings.metadataBytesMax()) {
            actor.tell(new FeedActor.PublishLedger(metadata));
        }
    }

    /**
     * Calls {@code listener} with what is known of a ledger, if anything, and then with higher and higher versions, on
     * the feed's thread, one at a time. Versions may be skipped, also the last one: a hint may get lost, and a ledger
     * that vanishes from the feed is not told. The listener must not block.
     *
     * @return ends it; one call that has begun may still be running
     */
    public Subscription onLedger(LedgerId ledgerId, Consumer<Versioned<LedgerMetadata>> listener) {
        FeedActor.LedgerListener subscription = new FeedActor.LedgerListener(ledgerId, listener);
        actor.tell(new FeedActor.AddLedgerListener(subscription));
        return () -> {
            subscription.close();
            actor.tell(new FeedActor.RemoveLedgerListener(subscription));
        };
    }

    /**
     * Calls {@code listener} once, and then after every change of {@link #bookies()}, on the feed's thread, one at a
     * time. The listener must not block.
     *
     * @return ends it; one call that has begun may still be running
     */
    public Subscription onBookies(Runnable listener) {
        FeedActor.BookieListener subscription = new FeedActor.BookieListener(listener);
        actor.tell(new FeedActor.AddBookieListener(subscription));
        return () -> {
            subscription.close();
            actor.tell(new FeedActor.RemoveBookieListener(subscription));
        };
    }

    /** A listener that is called until it is closed. Closing twice does nothing. */
    @FunctionalInterface
    public interface Subscription extends AutoCloseable {
        @Override
        void close();
    }
}
