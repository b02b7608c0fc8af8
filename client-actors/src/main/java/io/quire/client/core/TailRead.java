package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.EntryId;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.Versioned;
import io.quire.protocol.WriteSet;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Follows one ledger: gives its confirmed entries in order and without gaps, from any entry on, as they come, until the
 * ledger is closed and its last entry was given (R25).
 *
 * <p>Design note. It subscribes to members of the fragment that holds the next entry, so that every write set is hit. They
 * push what they hold, up to the last-add-confirmed that they know or were told. The highest one heard bounds what is
 * given; it is told to a member that idles below it. When all subscribed members of the next entry's write set have passed
 * it, it is a hole: it is fetched by an ordinary read, which asks all of them. A member that is silent, refuses, or whose
 * push was lost, is left and for a while not chosen again; what it pushed beyond the next entry is forgotten, so that
 * memory stays bounded. When the next entry lies in another fragment all subscriptions move there.
 *
 * <p>Back-pressure: a member may push until its credit is used up; entries that were taken by the application, or came
 * twice, give their credit back.
 *
 * <p>Not thread-safe.
 */
public final class TailRead {
    private static final int FETCH_ENTRIES_MAX = 1000;
    /** So often in a row may all bookies say that a confirmed entry does not exist: their news may be older than ours. */
    private static final int MISSING_MAX = 5;

    private final LedgerKey key;
    private final Settings settings;
    private final int rotation;
    private final TailOutbox outbox;
    private final Map<Long, Subscription> subscriptions = new LinkedHashMap<>();
    private final Map<BookieId, Long> avoidedUntilNanos = new HashMap<>();
    private final TreeMap<Long, Buffered> buffered = new TreeMap<>();
    private final Deque<Buffered> ready = new ArrayDeque<>();
    private Versioned<LedgerMetadata> metadata;
    private Fragment subscribedFragment;
    private long next;
    private long lastAddConfirmed = EntryId.NONE;
    private long lastSubscription;
    private long readyBytes;
    private long fetching;
    private long lastFetch;
    private long fetchAgainNanos;
    private int missing;
    private long refreshedNanos;
    private Failure failure;
    private boolean stopped;

    /**
     * @param creditBytes that one member may push ahead of what was taken
     * @param silenceNanos a member that is silent for so long is left
     * @param avoidNanos how long a member that was left is not chosen again
     * @param refreshNanos how often the register is read while the ledger is open, whatever else is heard of it
     */
    public record Settings(long creditBytes, long silenceNanos, long avoidNanos, long refreshNanos) {}

    private record Buffered(Entry entry, long subscription, int bytes) {}

    private static final class Subscription {
        private final long id;
        private final int position;
        private final BookieId bookie;
        private long number;
        private long received;
        private long released;
        private long granted;
        private long coveredTo;
        private long heardNanos;

        Subscription(long id, int position, BookieId bookie) {
            this.id = id;
            this.position = position;
            this.bookie = bookie;
        }
    }

    /**
     * @param key of the ledger, which entries are verified with
     * @param firstEntryId the first entry that is given
     * @param rotation spreads readers over members: the position that is tried first, modulo the ensemble's size
     */
    public TailRead(
            Versioned<LedgerMetadata> metadata,
            LedgerKey key,
            long firstEntryId,
            int rotation,
            Settings settings,
            TailOutbox outbox) {
        this.metadata = metadata;
        this.key = key;
        this.next = EntryId.requireValid(firstEntryId);
        this.rotation = rotation;
        this.settings = settings;
        this.outbox = outbox;
    }

    /** Begins. Call once, first. */
    public void start(long nowNanos) {
        // The clock may start anywhere, below zero too.
        refreshedNanos = nowNanos;
        fetchAgainNanos = nowNanos;
        advance(nowNanos);
    }

    /** Whether {@link #take} has something to give. */
    public boolean hasReady() {
        return !ready.isEmpty();
    }

    /** Whether everything was taken that will ever be there. */
    public boolean isEnded() {
        return ready.isEmpty() && failure == null && isComplete();
    }

    /** Why it cannot go on, if so; what is ready can still be taken. */
    public Optional<Failure> failure() {
        return Optional.ofNullable(failure);
    }

    /** The highest last-add-confirmed seen, or -1. */
    public long lastAddConfirmed() {
        return lastAddConfirmed;
    }

    /**
     * The next entries, at most about {@code bytesMax} payload bytes except that one always fits; empty if there are none
     * now.
     */
    public List<Entry> take(int entriesMax, long bytesMax, long nowNanos) {
        List<Entry> taken = new ArrayList<>();
        long bytes = 0;
        while (!ready.isEmpty() && taken.size() < entriesMax) {
            long size = ready.peek().entry().payload().length();
            if (!taken.isEmpty() && bytes + size > bytesMax) {
                break;
            }
            Buffered first = ready.remove();
            bytes += size;
            readyBytes -= first.bytes();
            taken.add(first.entry());
            release(first.subscription(), first.bytes());
        }
        advance(nowNanos);
        return taken;
    }

    /** Nobody takes anything any more. */
    public void stop() {
        stopped = true;
        leaveAll();
    }

    /** A bookie pushed. */
    public void pushed(long id, BookieId bookie, Push push, long nowNanos) {
        Subscription subscription = subscriptions.get(id);
        if (subscription == null) {
            outbox.unsubscribe(id, bookie);
            return;
        }
        subscription.heardNanos = nowNanos;
        lastAddConfirmed = Math.max(lastAddConfirmed, push.lastAddConfirmed());
        boolean idle = push.entries().isEmpty() && push.endOffset() == subscription.received;
        boolean inOrder = push.number() == subscription.number + 1
                && push.endOffset() - push.entries().byteSize() == subscription.received;
        if (push.number() < subscription.number || (push.number() == subscription.number && !idle)) {
            return; // came late, or twice
        }
        if (!inOrder && !idle) {
            leave(subscription);
            advance(nowNanos);
            return;
        }
        subscription.number = push.number();
        subscription.received = push.endOffset();
        subscription.coveredTo = Math.max(subscription.coveredTo, push.coveredTo());
        if (!take(subscription, push.entries())) {
            leave(subscription);
            avoid(subscription.bookie, nowNanos);
        } else if (idle) {
            // The bookie wants to hear from us, and may not know what the others confirmed.
            grant(subscription, end());
        }
        advance(nowNanos);
    }

    /**
     * What a bookie pushed.
     *
     * @param number counts pushes from 1; a heartbeat repeats the last one
     * @param endOffset encoded bytes pushed up to and with this one
     * @param coveredTo what the bookie held below this id was pushed
     */
    public record Push(long number, long endOffset, EntryBatch entries, long coveredTo, long lastAddConfirmed) {}

    /** A bookie refused, or cannot be reached. */
    public void refused(long id, long nowNanos) {
        Subscription subscription = subscriptions.get(id);
        if (subscription != null) {
            leave(subscription);
            avoid(subscription.bookie, nowNanos);
            outbox.refresh();
            advance(nowNanos);
        }
    }

    /** What was asked for by {@link TailOutbox#fetch} is there: verified entries, in order, without gaps. */
    public void fetched(long fetch, List<Entry> entries, long nowNanos) {
        if (fetch == fetching) {
            fetching = 0;
            missing = 0;
            for (Entry entry : entries) {
                if (entry.entryId() >= next) {
                    buffered.putIfAbsent(
                            entry.entryId(),
                            new Buffered(entry, 0, entry.payload().length()));
                }
            }
            advance(nowNanos);
        }
    }

    /** A read of a hole failed. */
    public void fetchFailed(long fetch, Failure reason, long nowNanos) {
        if (fetch != fetching) {
            return;
        }
        fetching = 0;
        fetchAgainNanos = nowNanos + settings.avoidNanos();
        missing = reason.code() == Code.NoSuchEntry ? missing + 1 : 0;
        if (missing >= MISSING_MAX) {
            fail(reason);
        } else {
            outbox.refresh();
        }
    }

    /** The ledger's register was read, or somebody said what is in it. */
    public void learned(Versioned<LedgerMetadata> seen, long nowNanos) {
        if (seen.version() <= metadata.version()) {
            return;
        }
        metadata = seen;
        if (seen.value().isDeleted()) {
            fail(Failure.notApplied(
                    Code.NoSuchLedger, "ledger " + seen.value().ledgerId() + " was deleted while it was followed"));
        }
        advance(nowNanos);
    }

    /** Bookies know this last-add-confirmed. */
    public void confirmed(long seen, long nowNanos) {
        if (seen > lastAddConfirmed) {
            lastAddConfirmed = seen;
            advance(nowNanos);
        }
    }

    /** The ledger is gone, or nothing can be known of it any more. */
    public void fail(Failure reason) {
        if (failure == null) {
            failure = reason;
            leaveAll();
        }
    }

    /** Time went on. */
    public void tick(long nowNanos) {
        for (Subscription subscription : List.copyOf(subscriptions.values())) {
            if (nowNanos - subscription.heardNanos >= settings.silenceNanos()) {
                leave(subscription);
                avoid(subscription.bookie, nowNanos);
                refreshedNanos = nowNanos - settings.refreshNanos();
            }
        }
        if (nowNanos - refreshedNanos >= settings.refreshNanos()
                && !isOver()
                && !metadata.value().isClosed()) {
            refreshedNanos = nowNanos;
            outbox.refresh();
        }
        advance(nowNanos);
    }

    /** Takes over pushed entries; whether all were what they said. */
    private boolean take(Subscription subscription, EntryBatch entries) {
        for (Payload encoded : entries.entries()) {
            Entry entry;
            try {
                entry = EntryFormat.decode(encoded, metadata.value().digest(), key);
            } catch (EntryFormat.DamagedEntryException e) {
                return false;
            }
            if (!entry.ledgerId().equals(metadata.value().ledgerId())) {
                return false;
            }
            boolean fresh = entry.entryId() >= next
                    && buffered.putIfAbsent(entry.entryId(), new Buffered(entry, subscription.id, encoded.length()))
                            == null;
            if (!fresh) {
                release(subscription.id, encoded.length());
            }
        }
        return true;
    }

    private void advance(long nowNanos) {
        collect();
        if (isOver()) {
            leaveAll();
            return;
        }
        Fragment fragment = metadata.value().fragmentOf(next);
        if (subscribedFragment != null && !fragment.ensemble().equals(subscribedFragment.ensemble())) {
            leaveAll();
        }
        subscribedFragment = fragment;
        cover(fragment, nowNanos);
        fetchHole(nowNanos);
    }

    /** Moves what is next and confirmed to where it can be taken. */
    private void collect() {
        while (next <= end() && buffered.containsKey(next)) {
            Buffered first = buffered.remove(next);
            ready.add(first);
            readyBytes += first.bytes();
            next++;
        }
    }

    /** The last entry that may be given. */
    private long end() {
        return metadata.value().isClosed() ? metadata.value().lastEntryId() : lastAddConfirmed;
    }

    private boolean isComplete() {
        return metadata.value().isClosed() && next > metadata.value().lastEntryId();
    }

    private boolean isOver() {
        return stopped || failure != null || isComplete();
    }

    /** Subscribes to more members until every write set is hit, as far as there are members that may be chosen. */
    private void cover(Fragment fragment, long nowNanos) {
        Replication replication = metadata.value().replication();
        // What is ready keeps its credit while its subscriptions change: no new credit before it is taken.
        while (readyBytes < settings.creditBytes()) {
            int best = -1;
            int bestHits = 0;
            for (int i = 0; i < replication.ensembleSize(); i++) {
                int position = (rotation + i) % replication.ensembleSize();
                BookieId bookie = fragment.ensemble().at(position);
                long avoidedUntil = avoidedUntilNanos.getOrDefault(bookie, nowNanos);
                int hits = nowNanos - avoidedUntil >= 0 ? hitsOf(position, replication) : 0;
                if (hits > bestHits) {
                    best = position;
                    bestHits = hits;
                }
            }
            if (best < 0) {
                return;
            }
            subscribe(best, fragment.ensemble().at(best), nowNanos);
        }
    }

    /** How many write sets without a subscribed member the one at {@code position} would hit. */
    private int hitsOf(int position, Replication replication) {
        int hits = 0;
        for (int first = 0; first < replication.ensembleSize(); first++) {
            WriteSet writeSet = WriteSet.of(first, replication);
            boolean hit = subscriptions.values().stream().anyMatch(member -> writeSet.contains(member.position));
            hits += !hit && writeSet.contains(position) ? 1 : 0;
        }
        return hits;
    }

    private void subscribe(int position, BookieId bookie, long nowNanos) {
        Subscription subscription = new Subscription(++lastSubscription, position, bookie);
        subscription.heardNanos = nowNanos;
        subscription.granted = settings.creditBytes();
        subscription.coveredTo = next;
        subscriptions.put(subscription.id, subscription);
        outbox.subscribe(subscription.id, bookie, next, end(), subscription.granted);
    }

    private void fetchHole(long nowNanos) {
        boolean due = fetching == 0 && nowNanos - fetchAgainNanos >= 0 && readyBytes < settings.creditBytes();
        if (!due || next > end() || buffered.containsKey(next)) {
            return;
        }
        WriteSet writeSet = WriteSet.of(next, metadata.value().replication());
        long passed = Long.MAX_VALUE;
        for (Subscription member : subscriptions.values()) {
            if (writeSet.contains(member.position)) {
                passed = Math.min(passed, member.coveredTo);
            }
        }
        if (passed > next) {
            long last = Math.min(Math.min(end(), passed - 1), next + FETCH_ENTRIES_MAX - 1);
            Long behind = buffered.higherKey(next);
            fetching = ++lastFetch;
            outbox.fetch(fetching, next, behind == null ? last : Math.min(last, behind - 1));
        }
    }

    private void release(long id, int bytes) {
        Subscription subscription = subscriptions.get(id);
        if (subscription != null) {
            subscription.released += bytes;
            if (subscription.released + settings.creditBytes() - subscription.granted >= settings.creditBytes() / 2) {
                grant(subscription, EntryId.NONE);
            }
        }
    }

    private void grant(Subscription subscription, long knownLastAddConfirmed) {
        subscription.granted = subscription.released + settings.creditBytes();
        outbox.grant(subscription.id, subscription.bookie, knownLastAddConfirmed, subscription.granted);
    }

    private void avoid(BookieId bookie, long nowNanos) {
        avoidedUntilNanos.put(bookie, nowNanos + settings.avoidNanos());
    }

    private void leave(Subscription subscription) {
        subscriptions.remove(subscription.id);
        buffered.values().removeIf(entry -> entry.subscription() == subscription.id);
        outbox.unsubscribe(subscription.id, subscription.bookie);
    }

    private void leaveAll() {
        List.copyOf(subscriptions.values()).forEach(this::leave);
    }
}
