package io.quire.bookie.core;

import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Pushes the durable entries of one ledger at one store to the readers that follow it (R25).
 *
 * <p>Design note. A subscription stands at the next id that was not pushed. It may go up to the last-add-confirmed that is
 * durable here, or, if that is more, that its reader has seen elsewhere. As long as it is behind that and has credit, one
 * read of the store is under way for it; what the read gives is pushed, with the id that the push reaches to: what is held
 * below was pushed, and an entry that comes later than that is not, since the reader gets it from another member. Pushes
 * are numbered and carry their end offset, so that a reader notices a lost one. A subscription without a push for a while
 * gets a heartbeat, which the reader answers by granting its credit once more; one whose reader is silent is dropped.
 *
 * <p>Nothing waits here in memory but the ends of subscriptions, and these are bounded.
 *
 * <p>Not thread-safe.
 */
public final class TailFeed {
    private final Limits limits;
    private final Map<Long, Subscription> subscriptions = new LinkedHashMap<>();
    private long lastAddConfirmed;
    private boolean isEnded;

    /**
     * @param subscriptionsMax of one ledger
     * @param pushBytesMax encoded bytes in one push, except that one entry always fits
     * @param creditBytesMax how far ahead of what was pushed a reader may grant credit
     * @param heartbeatNanos an idle subscription hears this often that it lives
     * @param silenceNanos a subscription is dropped when its reader is silent for so long
     */
    public record Limits(
            int subscriptionsMax, int pushBytesMax, long creditBytesMax, long heartbeatNanos, long silenceNanos) {}

    private static final String ENDED = "the ledger was dropped here";

    private static final class Subscription {
        private final long token;
        private long next;
        private long readerLastAddConfirmed = EntryId.NONE;
        private long creditLimit;
        private long number;
        private long endOffset;
        private long heardNanos;
        private long pushedNanos;
        private boolean reading;

        Subscription(long token, long next, long nowNanos) {
            this.token = token;
            this.next = next;
            this.heardNanos = nowNanos;
            this.pushedNanos = nowNanos;
        }
    }

    /**
     * @param lastAddConfirmed the highest one known durably, or -1
     */
    public TailFeed(Limits limits, long lastAddConfirmed) {
        this.limits = limits;
        this.lastAddConfirmed = lastAddConfirmed;
    }

    /** Whether nobody follows. */
    public boolean isEmpty() {
        return subscriptions.isEmpty();
    }

    /** Whether that subscription goes on. */
    public boolean contains(long token) {
        return subscriptions.containsKey(token);
    }

    /**
     * A reader follows from {@code first} on.
     *
     * @param token names no other subscription
     * @param readerLastAddConfirmed the highest one that the reader knows, or -1
     * @param creditLimit the highest end offset that a push may begin at, from 0
     */
    public List<TailEffect> subscribe(
            long token, long first, long readerLastAddConfirmed, long creditLimit, long nowNanos) {
        if (isEnded) {
            return List.of(new TailEffect.Ended(token, ReplicaRefusal.NOT_OPEN, ENDED));
        }
        if (subscriptions.size() >= limits.subscriptionsMax()) {
            return List.of(new TailEffect.Ended(
                    token, ReplicaRefusal.OVERLOADED, subscriptions.size() + " readers follow the ledger already"));
        }
        subscriptions.put(token, new Subscription(token, first, nowNanos));
        return grant(token, creditLimit, readerLastAddConfirmed, nowNanos);
    }

    /** A reader grants credit, or the same as before, to say that it lives. */
    public List<TailEffect> grant(long token, long creditLimit, long readerLastAddConfirmed, long nowNanos) {
        Subscription subscription = subscriptions.get(token);
        if (subscription == null) {
            return List.of(
                    new TailEffect.Ended(token, ReplicaRefusal.UNKNOWN_SESSION, "there is no such subscription"));
        }
        subscription.heardNanos = nowNanos;
        subscription.readerLastAddConfirmed = Math.max(subscription.readerLastAddConfirmed, readerLastAddConfirmed);
        subscription.creditLimit = Math.max(
                subscription.creditLimit, Math.min(creditLimit, subscription.endOffset + limits.creditBytesMax()));
        return advance(List.of(subscription));
    }

    /** The ledger was dropped here: every subscription ends, and no other begins. */
    public List<TailEffect> end() {
        isEnded = true;
        List<TailEffect> effects = subscriptions.keySet().stream()
                .<TailEffect>map(token -> new TailEffect.Ended(token, ReplicaRefusal.NOT_OPEN, ENDED))
                .toList();
        subscriptions.clear();
        return effects;
    }

    /** A reader is done. */
    public void unsubscribe(long token) {
        subscriptions.remove(token);
    }

    /** A last-add-confirmed is durable here. */
    public List<TailEffect> confirmed(long durableLastAddConfirmed) {
        if (durableLastAddConfirmed <= lastAddConfirmed) {
            return List.of();
        }
        lastAddConfirmed = durableLastAddConfirmed;
        return advance(subscriptions.values());
    }

    /**
     * A read is done.
     *
     * @param coveredTo what is held durably below this id, from where the read began, is among {@code entries}
     */
    public List<TailEffect> entriesRead(long token, EntryBatch entries, long coveredTo, long nowNanos) {
        Subscription subscription = subscriptions.get(token);
        if (subscription == null) {
            return List.of();
        }
        subscription.reading = false;
        subscription.next = Math.max(subscription.next, coveredTo);
        subscription.number++;
        subscription.endOffset += entries.byteSize();
        List<TailEffect> effects = new ArrayList<>();
        effects.add(push(subscription, entries, nowNanos));
        effects.addAll(advance(List.of(subscription)));
        return effects;
    }

    /** A read failed; the reader is better served elsewhere. */
    public List<TailEffect> readFailed(long token, String reason) {
        return subscriptions.remove(token) == null
                ? List.of()
                : List.of(new TailEffect.Ended(token, ReplicaRefusal.UNAVAILABLE, reason));
    }

    /** Time went on. */
    public List<TailEffect> tick(long nowNanos) {
        subscriptions.values().removeIf(subscription -> nowNanos - subscription.heardNanos >= limits.silenceNanos());
        List<TailEffect> effects = new ArrayList<>();
        for (Subscription subscription : subscriptions.values()) {
            if (nowNanos - subscription.pushedNanos >= limits.heartbeatNanos()) {
                effects.add(push(subscription, EntryBatch.EMPTY, nowNanos));
            }
        }
        return effects;
    }

    private TailEffect push(Subscription subscription, EntryBatch entries, long nowNanos) {
        subscription.pushedNanos = nowNanos;
        return new TailEffect.Push(
                subscription.token,
                subscription.number,
                subscription.endOffset,
                entries,
                subscription.next,
                lastAddConfirmed);
    }

    private List<TailEffect> advance(Collection<Subscription> candidates) {
        List<TailEffect> effects = new ArrayList<>();
        for (Subscription subscription : candidates) {
            long end = Math.max(lastAddConfirmed, subscription.readerLastAddConfirmed);
            long credit = subscription.creditLimit - subscription.endOffset;
            if (!subscription.reading && credit > 0 && subscription.next <= end) {
                subscription.reading = true;
                effects.add(new TailEffect.Read(
                        subscription.token, subscription.next, end, (int) Math.min(limits.pushBytesMax(), credit)));
            }
        }
        return effects;
    }
}
