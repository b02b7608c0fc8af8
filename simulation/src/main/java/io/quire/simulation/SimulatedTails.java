package io.quire.simulation;

import io.quire.bookie.core.ReplicaRefusal;
import io.quire.bookie.core.TailEffect;
import io.quire.bookie.core.TailFeed;
import io.quire.bookie.storage.BookieStore;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieRequest;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/** The readers that follow one ledger at a {@link SimulatedBookie}: the production {@link TailFeed}. */
final class SimulatedTails implements TailEffect.Handler<Void> {
    private final SimulatedNode node;
    private final BookieId bookie;
    private final BootEpoch bootEpoch;
    private final LedgerId ledgerId;
    private final TailFeed feed;
    private final BiConsumer<TailEffect.Read, Consumer<BookieStore.EntryRange>> reads;
    private final Map<Subscriber, Long> tokens = new HashMap<>();
    private final Map<Long, Subscriber> subscribers = new HashMap<>();
    private long lastToken;

    private record Subscriber(String address, long requestId) {}

    /**
     * @param reads reads the store, some time later
     */
    SimulatedTails(
            SimulatedNode node,
            BookieId bookie,
            BootEpoch bootEpoch,
            LedgerId ledgerId,
            TailFeed feed,
            BiConsumer<TailEffect.Read, Consumer<BookieStore.EntryRange>> reads) {
        this.node = node;
        this.bookie = bookie;
        this.bootEpoch = bootEpoch;
        this.ledgerId = ledgerId;
        this.feed = feed;
        this.reads = reads;
    }

    void subscribe(String from, BookieRequest.SubscribeLedger request) {
        Subscriber subscriber = new Subscriber(from, request.requestId());
        Long known = tokens.get(subscriber);
        if (known != null) {
            run(feed.grant(known, request.creditLimit(), request.lastAddConfirmed(), node.nanoTime()));
            return;
        }
        long token = ++lastToken;
        tokens.put(subscriber, token);
        subscribers.put(token, subscriber);
        run(feed.subscribe(
                token, request.firstEntryId(), request.lastAddConfirmed(), request.creditLimit(), node.nanoTime()));
    }

    void grant(String from, BookieRequest.GrantCredit request) {
        Subscriber subscriber = new Subscriber(from, request.requestId());
        Long token = tokens.get(subscriber);
        if (token == null) {
            refuse(subscriber, ReplicaRefusal.UNKNOWN_SESSION, "no subscription of this boot");
        } else {
            run(feed.grant(token, request.creditLimit(), request.lastAddConfirmed(), node.nanoTime()));
        }
    }

    void unsubscribe(String from, long requestId) {
        Long token = tokens.get(new Subscriber(from, requestId));
        if (token != null) {
            feed.unsubscribe(token);
            forget(token);
        }
    }

    void confirmed(long lastAddConfirmed) {
        run(feed.confirmed(lastAddConfirmed));
    }

    void end() {
        run(feed.end());
    }

    void tick() {
        run(feed.tick(node.nanoTime()));
        List.copyOf(subscribers.keySet()).stream()
                .filter(token -> !feed.contains(token))
                .forEach(this::forget);
    }

    private void forget(long token) {
        tokens.remove(subscribers.remove(token));
    }

    private void run(List<TailEffect> effects) {
        effects.forEach(effect -> effect.accept(this));
    }

    @Override
    public Void read(TailEffect.Read effect) {
        reads.accept(
                effect,
                range -> run(feed.entriesRead(
                        effect.token(), EntryBatch.of(range.entries()), range.coveredTo(), node.nanoTime())));
        return null;
    }

    @Override
    public Void push(TailEffect.Push effect) {
        Subscriber subscriber = subscribers.get(effect.token());
        node.send(
                subscriber.address(),
                new BookieReply.EntriesPushed(
                        bookie,
                        bootEpoch,
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

    private void refuse(Subscriber subscriber, ReplicaRefusal refusal, String detail) {
        node.send(
                subscriber.address(),
                new BookieReply.RequestRefused(
                        bookie, subscriber.requestId(), BookieReply.Refusal.valueOf(refusal.name()), detail));
    }
}
