package io.quire.bookie.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.DigestType;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Brings one ledger of one store out of limbo (R21): makes sure that the store holds every entry that it must hold by the
 * ledger's register, whole, and gets what is missing or damaged from the other members of the entries' write sets.
 *
 * <p>Design note. It takes the register to bound what the store must hold: the ledger is CLOSED, or a later fragment begins
 * behind each one that names the store. What lies in such a fragment was confirmed when the next one was registered, so
 * that no entry of it changes any more. As long as the last fragment of a ledger that is not closed names the store,
 * nothing can be said, and the repair is blocked.
 *
 * <p>It reads the fragments from end to end and journals copies of what is missing. A copy
 * counts when its digest is right, as far as that can be told without the ledger's password; where there is no digest two
 * others must agree (H78). Whoever does not answer, or does not have an entry, is not asked for it again in this run.
 *
 * <p>There is one thing under way at a time. Not thread-safe.
 */
public final class LedgerRepair {
    private final BookieId self;
    private final LedgerMetadata metadata;
    private final Limits limits;
    private final List<Held> mustHold = new ArrayList<>();

    private final TreeSet<Long> wanted = new TreeSet<>();
    private final NavigableMap<Long, Payload> fetched = new TreeMap<>();
    /** Copies without a digest that nobody else has confirmed yet. */
    private final NavigableMap<Long, Payload> single = new TreeMap<>();

    private final Set<Asked> asked = new HashSet<>();
    private long fetchedBytes;
    private long copies;
    private int heldIndex;
    private long next;
    private long windowEnd;
    private BookieId askedLast;
    private Optional<String> blockedBecause = Optional.empty();

    /**
     * @param idsMax entries that are looked for at once
     * @param bytesMax encoded bytes of copies that are stored at once, except that one entry always fits
     */
    public record Limits(int idsMax, long bytesMax) {}

    private record Asked(long entryId, BookieId bookie) {}

    /** Where the store stands in a fragment that ends. */
    private record Held(Fragment fragment, int position, long first, long last) {}

    /**
     * @param metadata as a linearizable read gave it, not deleted
     */
    public LedgerRepair(BookieId self, LedgerMetadata metadata, Limits limits) {
        this.self = self;
        this.metadata = metadata;
        this.limits = limits;
    }

    /** Why the repair ended without success; empty while it runs, and when it has done all. */
    public Optional<String> blockedBecause() {
        return blockedBecause;
    }

    /** How many copies came from others. */
    public long copies() {
        return copies;
    }

    private Optional<RepairEffect> blocked(String reason) {
        blockedBecause = Optional.of(reason);
        return Optional.empty();
    }

    /** Starts the repair. Call once, first. Like all inputs it gives nothing when the repair has ended. */
    public Optional<RepairEffect> start() {
        List<Fragment> fragments = metadata.fragments();
        if (metadata.state() == LedgerState.IN_RECOVERY) {
            return blocked(
                    "the ledger is in recovery, which may have given this store copies that no register speaks of:"
                            + " what it must hold is not known yet");
        }
        for (int i = 0; i < fragments.size(); i++) {
            Fragment fragment = fragments.get(i);
            int position = fragment.ensemble().bookies().indexOf(self);
            boolean bounded = i < fragments.size() - 1 || metadata.isClosed();
            if (position >= 0 && !bounded) {
                return blocked("the ledger is " + metadata.state()
                        + " and its last fragment names this store: what it must hold is not known yet");
            }
            long last = i < fragments.size() - 1 ? fragments.get(i + 1).firstEntryId() - 1 : metadata.lastEntryId();
            if (position >= 0 && last >= fragment.firstEntryId()) {
                mustHold.add(new Held(fragment, position, fragment.firstEntryId(), last));
            }
        }
        return readOwn();
    }

    private Optional<RepairEffect> readOwn() {
        while (heldIndex < mustHold.size()) {
            Held held = mustHold.get(heldIndex);
            next = Math.max(next, held.first());
            List<Long> window = expected(held, next, held.last());
            if (!window.isEmpty()) {
                windowEnd = window.get(window.size() - 1);
                return Optional.of(new RepairEffect.ReadOwn(window.get(0), windowEnd));
            }
            heldIndex++;
        }
        return Optional.empty();
    }

    /**
     * The store's own entries were read.
     *
     * @param coveredTo the read speaks of every id below this
     */
    public Optional<RepairEffect> ownRead(EntryBatch entries, long coveredTo) {
        Held held = mustHold.get(heldIndex);
        long end = Math.min(coveredTo - 1, windowEnd);
        Set<Long> found = new HashSet<>();
        for (Payload entry : entries.entries()) {
            if (isGood(entry)) {
                found.add(EntryFormat.entryIdOf(entry));
            }
        }
        List<Long> missing = expected(held, next, end);
        missing.removeAll(found);
        next = end + 1;
        if (missing.isEmpty()) {
            return readOwn();
        }
        want(missing);
        return fetch();
    }

    /** Copies were journaled. */
    public Optional<RepairEffect> stored() {
        return wanted.isEmpty() ? readOwn() : fetch();
    }

    private void want(Collection<Long> ids) {
        wanted.addAll(ids);
        asked.clear();
        single.clear();
    }

    /** Asks for the first entry that is wanted, or hands on what there is. */
    private Optional<RepairEffect> fetch() {
        if (wanted.isEmpty() || fetchedBytes >= limits.bytesMax()) {
            return handOn();
        }
        long first = wanted.first();
        Fragment fragment = metadata.fragmentOf(first);
        Replication replication = metadata.replication();
        long last = wanted.floor(lastOf(fragment));
        for (int position = 0; position < fragment.ensemble().size(); position++) {
            BookieId bookie = fragment.ensemble().at(position);
            if (!bookie.equals(self)
                    && replication.isInWriteSet(first, position)
                    && asked.add(new Asked(first, bookie))) {
                askedLast = bookie;
                return Optional.of(new RepairEffect.AskPeer(bookie, first, last));
            }
        }
        if (!fetched.isEmpty()) {
            // What others have is good to have, whatever becomes of the rest.
            return handOn();
        }
        return blocked("entry " + first + " is missing here, and no other bookie gave a good copy of it");
    }

    private Optional<RepairEffect> handOn() {
        EntryBatch entries = EntryBatch.of(List.copyOf(fetched.values()));
        fetched.clear();
        fetchedBytes = 0;
        copies += entries.count();
        return Optional.of(new RepairEffect.Store(entries));
    }

    /** A bookie that was asked has answered, with a prefix of what it was asked for. */
    public Optional<RepairEffect> peerRead(EntryBatch entries) {
        for (Payload entry : entries.entries()) {
            if (isGood(entry)) {
                take(entry);
            }
        }
        return fetch();
    }

    private void take(Payload entry) {
        long entryId = EntryFormat.entryIdOf(entry);
        if (!wanted.contains(entryId) || fetchedBytes >= limits.bytesMax()) {
            return;
        }
        if (metadata.digest() == DigestType.DUMMY) {
            asked.add(new Asked(entryId, askedLast));
            Payload other = single.putIfAbsent(entryId, entry);
            if (other == null || !other.equals(entry)) {
                return;
            }
        }
        wanted.remove(entryId);
        fetched.put(entryId, entry);
        fetchedBytes += entry.length();
    }

    /** A bookie that was asked did not answer, or refused. */
    public Optional<RepairEffect> peerFailed() {
        return fetch();
    }

    private boolean isGood(Payload entry) {
        try {
            EntryFormat.verify(entry);
        } catch (EntryFormat.DamagedEntryException e) {
            return false;
        }
        return EntryFormat.ledgerIdOf(entry) == metadata.ledgerId().value()
                && EntryFormat.isGuardedBy(entry, metadata.digest());
    }

    private long lastOf(Fragment fragment) {
        return mustHold.stream()
                .filter(held -> held.fragment().equals(fragment))
                .mapToLong(Held::last)
                .findFirst()
                .orElseThrow();
    }

    /** The first ids in {@code [from, to]} that the store must hold, as many as are looked for at once. */
    private List<Long> expected(Held held, long from, long to) {
        List<Long> ids = new ArrayList<>();
        for (long entryId = from; entryId <= to && ids.size() < limits.idsMax(); entryId++) {
            if (metadata.replication().isInWriteSet(entryId, held.position())) {
                ids.add(entryId);
            }
        }
        return ids;
    }
}
