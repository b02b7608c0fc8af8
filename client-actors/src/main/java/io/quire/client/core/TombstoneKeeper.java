package io.quire.client.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieLife;
import io.quire.protocol.BookieRegistration;
import io.quire.protocol.Deletion;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Registry;
import io.quire.protocol.RegistryKey;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Brings deleted ledgers to their end: DELETED, PURGED, collected (R4, R22).
 *
 * <p>Design note. It walks all ledgers' registers, a page at a time. A ledger that has been DELETED at the same version for
 * the undelete window, by this process's own clock from when it first saw it, is registered as PURGED, in place of exactly
 * that version: who takes the deletion back meanwhile wins or loses, nothing between. From then on bookies drop it.
 *
 * <p>The ledgers of a page that are PURGED are collected when no store holds anything of them. To know that, the bookies'
 * registers are listed <em>after</em> the ledgers' were, and every bookie that is ACTIVE is asked; one that is down, or does
 * not answer, postpones all of them. One that is registered later cannot hold anything: whatever brings something reads the
 * ledger's register first. A bookie that is RETIRED or DESTROYED is not asked: it never serves again, so that nothing it
 * holds can come back.
 *
 * <p>Any number of processes may do this at once; who is in charge is a hint that spares the others the work. Each page is
 * begun only by who is in charge.
 *
 * <p>Not thread-safe.
 */
public final class TombstoneKeeper {
    private static final int IN_PROGRESS_MAX = 16;

    private final Settings settings;
    /** Deleted ledgers, by id. */
    private final Map<LedgerId, Seen> deleted = new HashMap<>();
    /** Collections that not all voters had stored. */
    private final Set<LedgerId> incomplete = new LinkedHashSet<>();

    private final Deque<TombstoneEffect> work = new ArrayDeque<>();
    private final Map<BookieId, Set<LedgerId>> confirmed = new HashMap<>();
    private final List<BookieRegistration> bookies = new ArrayList<>();
    private final Set<LedgerId> purged = new TreeSet<>();
    private Phase phase = Phase.IDLE;
    private Optional<RegistryKey> nextPage = Optional.empty();
    private int inProgress;
    private boolean started;
    private long walk;
    private long dueNanos;
    private long purges;
    private long collections;
    private long postponed;
    private long postponedByWalk;

    private enum Phase {
        IDLE,
        LISTING,
        PURGING,
        LISTING_BOOKIES,
        ASKING,
        COLLECTING
    }

    /** A ledger that was deleted when it was last looked at. */
    private record Seen(long version, long sinceNanos, long walk) {}

    /**
     * @param windowNanos how long a ledger stays DELETED
     * @param walkNanos from the end of one walk to the next
     * @param pauseNanos between two pages of a walk
     * @param pageRegisters in one page, at most 1000
     * @param deletedMax ledgers whose deletion is remembered; others wait until there is room
     */
    public record Settings(long windowNanos, long walkNanos, long pauseNanos, int pageRegisters, int deletedMax) {
        public Settings {
            if (windowNanos < 0 || walkNanos < 0 || pauseNanos < 0) {
                throw new IllegalArgumentException("intervals of tombstones must not be negative");
            }
            if (pageRegisters < 1 || pageRegisters > 1000 || deletedMax < 1) {
                throw new IllegalArgumentException("a page has 1 to 1000 registers: " + pageRegisters);
            }
        }
    }

    public TombstoneKeeper(Settings settings) {
        this.settings = settings;
    }

    /** Ledgers that were purged by this process. */
    public long purges() {
        return purges;
    }

    /** Ledgers that were collected by this process, at all voters. */
    public long collections() {
        return collections;
    }

    /** Purged ledgers that could not be collected in the last whole walk, since some bookie did not confirm them. */
    public long postponed() {
        return postponedByWalk;
    }

    /** Ledgers in the undelete window, as far as they are remembered. */
    public long deleted() {
        return deleted.size();
    }

    /**
     * Time went on.
     *
     * @param inCharge whether this process should do the work
     */
    public List<TombstoneEffect> tick(boolean inCharge, long nowNanos) {
        if (phase != Phase.IDLE || !inCharge || (started && nowNanos - dueNanos < 0)) {
            return List.of();
        }
        started = true;
        if (nextPage.isEmpty()) {
            walk++;
            postponed = 0;
        }
        phase = Phase.LISTING;
        return List.of(new TombstoneEffect.ListLedgers(nextPage, settings.pageRegisters()));
    }

    /** A page of ledgers' registers. */
    public List<TombstoneEffect> ledgersListed(Registry.Page page, long nowNanos) {
        purged.clear();
        page.entries().forEach(item -> look(item, nowNanos));
        nextPage = page.next();
        phase = Phase.PURGING;
        return advance(nowNanos);
    }

    /** A list was not to be had: the walk goes on with the same page, later. */
    public List<TombstoneEffect> listFailed(long nowNanos) {
        if (phase == Phase.LISTING_BOOKIES) {
            postponed += purged.size();
        }
        return rest(nowNanos);
    }

    /** A compare-and-set is done, or nobody knows; what came of it is seen by the next walk. */
    public List<TombstoneEffect> purged(LedgerId ledgerId, boolean applied, long nowNanos) {
        inProgress--;
        if (applied) {
            purges++;
            deleted.remove(ledgerId);
        }
        return advance(nowNanos);
    }

    /** A page of bookies' registers. */
    public List<TombstoneEffect> bookiesListed(Registry.Page page, long nowNanos) {
        try {
            for (Registry.Item item : page.entries()) {
                BookieRegistration bookie =
                        BookieRegistration.decode(item.value().value());
                if (bookie.life() == BookieLife.ACTIVE) {
                    bookies.add(bookie);
                }
            }
        } catch (Fields.MalformedException e) {
            // A bookie that cannot be asked has not confirmed anything.
            return listFailed(nowNanos);
        }
        if (page.next().isPresent()) {
            return List.of(new TombstoneEffect.ListBookies(page.next(), settings.pageRegisters()));
        }
        phase = Phase.ASKING;
        bookies.forEach(bookie -> work.add(new TombstoneEffect.Ask(bookie, List.copyOf(purged))));
        return advance(nowNanos);
    }

    /** A bookie holds nothing of these ledgers, durably; none when it did not answer. */
    public List<TombstoneEffect> confirmed(BookieId bookie, Collection<LedgerId> ledgerIds, long nowNanos) {
        inProgress--;
        confirmed.put(bookie, Set.copyOf(ledgerIds));
        return advance(nowNanos);
    }

    /**
     * A collection ended.
     *
     * @param complete whether all voters have stored it; otherwise it is repeated
     */
    public List<TombstoneEffect> collected(LedgerId ledgerId, boolean complete, long nowNanos) {
        inProgress--;
        if (complete) {
            collections++;
            incomplete.remove(ledgerId);
        } else if (incomplete.size() < settings.deletedMax()) {
            incomplete.add(ledgerId);
        }
        return advance(nowNanos);
    }

    private void look(Registry.Item item, long nowNanos) {
        LedgerMetadata metadata;
        try {
            if (item.value().isAbsent()) {
                return;
            }
            metadata = LedgerMetadata.decode(item.value().value());
        } catch (Fields.MalformedException e) {
            return; // Written by a newer version perhaps.
        }
        if (metadata.deletion() == Deletion.PURGED) {
            purged.add(metadata.ledgerId());
        } else if (metadata.deletion() == Deletion.DELETED) {
            lookAtDeleted(metadata, item.value().version(), nowNanos);
        }
    }

    private void lookAtDeleted(LedgerMetadata metadata, long version, long nowNanos) {
        Seen before = deleted.get(metadata.ledgerId());
        if (before == null && deleted.size() >= settings.deletedMax()) {
            return;
        }
        boolean same = before != null && before.version() == version;
        Seen seen = new Seen(version, same ? before.sinceNanos() : nowNanos, walk);
        deleted.put(metadata.ledgerId(), seen);
        if (nowNanos - seen.sinceNanos() >= settings.windowNanos()) {
            work.add(new TombstoneEffect.Purge(metadata.withDeletion(Deletion.PURGED), version));
        }
    }

    private List<TombstoneEffect> advance(long nowNanos) {
        List<TombstoneEffect> effects = new ArrayList<>();
        while (inProgress < IN_PROGRESS_MAX && !work.isEmpty()) {
            inProgress++;
            effects.add(work.remove());
        }
        if (inProgress > 0) {
            return effects;
        }
        if (phase == Phase.PURGING && !purged.isEmpty()) {
            phase = Phase.LISTING_BOOKIES;
            bookies.clear();
            confirmed.clear();
            effects.add(new TombstoneEffect.ListBookies(Optional.empty(), settings.pageRegisters()));
            return effects;
        }
        if (phase == Phase.ASKING) {
            phase = Phase.COLLECTING;
            collectWhatIsGone();
            return advance(nowNanos);
        }
        if (phase == Phase.PURGING && !incomplete.isEmpty()) {
            phase = Phase.COLLECTING;
            incomplete.forEach(ledgerId -> work.add(new TombstoneEffect.Collect(ledgerId)));
            return advance(nowNanos);
        }
        return rest(nowNanos);
    }

    private void collectWhatIsGone() {
        for (LedgerId ledgerId : purged) {
            boolean gone = bookies.stream()
                    .allMatch(bookie ->
                            confirmed.getOrDefault(bookie.bookieId(), Set.of()).contains(ledgerId));
            if (gone) {
                incomplete.remove(ledgerId);
                work.add(new TombstoneEffect.Collect(ledgerId));
            } else {
                postponed++;
            }
        }
        incomplete.forEach(ledgerId -> work.add(new TombstoneEffect.Collect(ledgerId)));
    }

    private List<TombstoneEffect> rest(long nowNanos) {
        boolean walked = phase != Phase.LISTING && nextPage.isEmpty();
        if (walked) {
            deleted.values().removeIf(seen -> seen.walk() < walk);
            postponedByWalk = postponed;
        }
        phase = Phase.IDLE;
        work.clear();
        dueNanos = nowNanos + (walked ? settings.walkNanos() : settings.pauseNanos());
        return List.of();
    }
}
