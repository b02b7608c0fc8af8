package io.quire.bookie;

import io.quire.bookie.core.ReplicaRefusal;
import io.quire.bookie.core.TailEffect;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorRef;

/**
 * The readers that follow one ledger of one store: runs a {@link TailFeed}. Part of a {@link LedgerActor}, on whose thread
 * it is used; reads of the store happen elsewhere and come back as {@link LedgerActor.TailRead}.
 */
final class LedgerTails {
    private static final int PUSH_ENTRIES_MAX = 10_000;

    private final LedgerActor.Store store;
    private final LedgerId ledgerId;
    private final TailFeed feed;
    private final Reads reads;
    private final Map<Subscriber, Long> tokens = new HashMap<>();
    private final Map<Long, Subscriber> subscribers = new HashMap<>();
    private long lastToken;
    private int counted;

    /** A subscription is named by who subscribed and the number that it gave. */
    private record Subscriber(ActorRef<BookieReply> client, long requestId) {}

    /** How the results of reads come back. */
    interface Reads {
        void whenRead(CompletionStage<BookieStore.EntryRange> read, long token);
    }

    LedgerTails(LedgerActor.Store store, LedgerId ledgerId, long lastAddConfirmed, Reads reads) {
        this.store = store;
        this.ledgerId = ledgerId;
        this.feed = new TailFeed(store.tails(), lastAddConfirmed);
        this.reads = reads;
    }

    boolean isEmpty() {
        return feed.isEmpty();
    }

    void subscribe(BookieRequest.SubscribeLedger request, ActorRef<BookieReply> client) {
        Subscriber subscriber = new Subscriber(client, request.requestId());
        Long known = tokens.get(subscriber);
        if (known != null) {
            run(feed.grant(known, request.creditLimit(), request.lastAddConfirmed(), now()));
            return;
        }
        if (store.tailCount().get() >= store.tailsMax()) {
            refuse(subscriber, ReplicaRefusal.OVERLOADED, store.tailsMax() + " readers follow ledgers here already");
            return;
        }
        long token = ++lastToken;
        tokens.put(subscriber, token);
        subscribers.put(token, subscriber);
        run(feed.subscribe(token, request.firstEntryId(), request.lastAddConfirmed(), request.creditLimit(), now()));
    }

    void grant(BookieRequest.GrantCredit request, ActorRef<BookieReply> client) {
        Subscriber subscriber = new Subscriber(client, request.requestId());
        Long token = tokens.get(subscriber);
        if (token == null) {
            refuse(subscriber, ReplicaRefusal.UNKNOWN_SESSION, "no subscription of this boot");
        } else {
            run(feed.grant(token, request.creditLimit(), request.lastAddConfirmed(), now()));
        }
    }

    void unsubscribe(long requestId, ActorRef<BookieReply> client) {
        Long token = tokens.get(new Subscriber(client, requestId));
        if (token != null) {
            feed.unsubscribe(token);
            forget(token);
        }
    }

    /** What the ledger's replica knows durably. */
    void confirmed(long lastAddConfirmed) {
        run(feed.confirmed(lastAddConfirmed));
    }

    void read(LedgerActor.TailRead read) {
        run(
                read.failure() == null
                        ? feed.entriesRead(
                                read.token(),
                                EntryBatch.of(read.range().entries()),
                                read.range().coveredTo(),
                                now())
                        : feed.readFailed(
                                read.token(), String.valueOf(read.failure().getMessage())));
    }

    void tick() {
        run(feed.tick(now()));
        List.copyOf(subscribers.keySet()).stream()
                .filter(token -> !feed.contains(token))
                .forEach(this::forget);
    }

    /** The ledger was dropped. */
    void end() {
        run(feed.end());
    }

    /** The ledger's actor ends. */
    void close() {
        List.copyOf(subscribers.keySet()).forEach(this::forget);
    }

    private void forget(long token) {
        tokens.remove(subscribers.remove(token));
        updateCount();
    }

    private void run(List<TailEffect> effects) {
        effects.forEach(effect -> effect.accept(handler));
        updateCount();
    }

    private void updateCount() {
        store.tailCount().addAndGet(subscribers.size() - counted);
        counted = subscribers.size();
    }

    private final TailEffect.Handler<Void> handler = new TailEffect.Handler<>() {
        @Override
        public Void read(TailEffect.Read effect) {
            reads.whenRead(
                    CompletableFuture.supplyAsync(
                            () -> store.data()
                                    .read(ledgerId, effect.first(), effect.last(), PUSH_ENTRIES_MAX, effect.bytesMax()),
                            store.blocking()),
                    effect.token());
            return null;
        }

        @Override
        public Void push(TailEffect.Push effect) {
            Subscriber subscriber = subscribers.get(effect.token());
            send(
                    subscriber,
                    new BookieReply.EntriesPushed(
                            store.id(),
                            store.bootEpoch(),
                            subscriber.requestId(),
                            ledgerId,
                            effect.number(),
                            effect.endOffset(),
                            effect.entries(),
                            effect.coveredTo(),
                            effect.lastAddConfirmed()));
            return null;
        }

        @Override
        public Void ended(TailEffect.Ended effect) {
            refuse(subscribers.get(effect.token()), effect.refusal(), effect.detail());
            forget(effect.token());
            return null;
        }
    };

    private void refuse(Subscriber subscriber, ReplicaRefusal refusal, String detail) {
        send(
                subscriber,
                new BookieReply.RequestRefused(
                        store.id(), subscriber.requestId(), BookieReply.Refusal.valueOf(refusal.name()), detail));
    }

    private void send(Subscriber subscriber, BookieReply reply) {
        store.acks().tell(new BookieActor.ReplyReady(subscriber.client(), reply));
    }

    private static long now() {
        return System.nanoTime();
    }
}
