package io.quire.registry;

import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.Deletion;
import io.quire.protocol.Fields;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.Versioned;
import java.util.Collections;
import java.util.List;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.pekko.cluster.ddata.AbstractDeltaReplicatedData;
import org.apache.pekko.cluster.ddata.ReplicatedDelta;

/**
 * One bucket of the feed: the newest known metadata of live and lately ended ledgers and the newest known status of
 * bookies, as replicated data that any two nodes can merge in any order. Immutable and thread-safe.
 *
 * <p>Design. What is known of one ledger only ever climbs a chain:
 *
 * <pre>
 *   nothing  &lt;  version 1  &lt;  version 2  &lt;  ...  &lt;  forgotten
 * </pre>
 *
 * and merging takes the higher of two for each ledger (of two values with one version, which no register produces, the
 * one with the greater bytes). A state is the map of ledgers with a version, and one number: a ledger that is not in the
 * map is <em>forgotten</em> up to {@code forgottenUpTo} and <em>nothing</em> above. So a ledger that ended (closed or
 * purged) is dropped for good without a trace of its own, and a late message with an older version cannot bring it
 * back; ledgers that are open stay in the map however old they are. The price: an id at or below the number that a node
 * had not heard of when it forgot its neighbours counts as forgotten too and is never fed again. Ids are handed out
 * upwards, a hint may be missing, and who needs that ledger reads its register.
 *
 * <p>Forgetting is a step of whoever publishes, never of a merge: a merge is the plain maximum, hence commutative,
 * associative and idempotent, and merging may exceed the limits until the next publication.
 *
 * <p>A delta is a bucket like any other, with the changes alone (all of it after forgetting, since the number says
 * something of every absent ledger); deltas may be lost, repeated and reordered. Nothing here belongs to a cluster
 * member, so no pruning of removed members is needed.
 */
final class FeedBucket extends AbstractDeltaReplicatedData<FeedBucket, FeedBucket> implements ReplicatedDelta {
    /** The {@link #forgottenUpTo()} of a bucket that forgot nothing. */
    static final long NOTHING_FORGOTTEN = -1;

    static final FeedBucket EMPTY =
            new FeedBucket(NOTHING_FORGOTTEN, new TreeMap<>(), new TreeMap<>(), Optional.empty());

    private final long forgottenUpTo;
    private final NavigableMap<LedgerId, Versioned<LedgerMetadata>> ledgers;
    private final NavigableMap<BookieId, BookieStatus> bookies;
    private final Optional<FeedBucket> delta;

    private FeedBucket(
            long forgottenUpTo,
            NavigableMap<LedgerId, Versioned<LedgerMetadata>> ledgers,
            NavigableMap<BookieId, BookieStatus> bookies,
            Optional<FeedBucket> delta) {
        this.forgottenUpTo = forgottenUpTo;
        this.ledgers = Collections.unmodifiableNavigableMap(ledgers);
        this.bookies = Collections.unmodifiableNavigableMap(bookies);
        this.delta = delta;
    }

    /** A bucket with these contents and no delta. Takes the newer where one ledger or bookie stands twice. */
    static FeedBucket of(
            long forgottenUpTo, Iterable<Versioned<LedgerMetadata>> ledgers, Iterable<BookieStatus> bookies) {
        NavigableMap<LedgerId, Versioned<LedgerMetadata>> ledgersById = new TreeMap<>();
        ledgers.forEach(ledger -> ledgersById.merge(ledger.value().ledgerId(), ledger, FeedBucket::newer));
        NavigableMap<BookieId, BookieStatus> bookiesById = new TreeMap<>();
        bookies.forEach(bookie -> bookiesById.merge(bookie.bookieId(), bookie, FeedBucket::newer));
        return new FeedBucket(forgottenUpTo, ledgersById, bookiesById, Optional.empty());
    }

    /** Ledgers up to this id that are not in {@link #ledgers()} are forgotten; {@link #NOTHING_FORGOTTEN} if none. */
    long forgottenUpTo() {
        return forgottenUpTo;
    }

    /** Unmodifiable, by rising id. */
    NavigableMap<LedgerId, Versioned<LedgerMetadata>> ledgers() {
        return ledgers;
    }

    /** Unmodifiable, by rising id. */
    NavigableMap<BookieId, BookieStatus> bookies() {
        return bookies;
    }

    Optional<Versioned<LedgerMetadata>> ledger(LedgerId ledgerId) {
        return Optional.ofNullable(ledgers.get(ledgerId));
    }

    /** Whether publishing {@code ledger} would tell this bucket something. */
    boolean learnsFrom(Versioned<LedgerMetadata> ledger, FeedSettings settings) {
        LedgerId ledgerId = ledger.value().ledgerId();
        Versioned<LedgerMetadata> known = ledgers.get(ledgerId);
        if (known != null) {
            return ledger.version() > known.version();
        }
        return ledgerId.value() > forgottenUpTo
                && (hasEnded(ledger) || ledgers.size() - endedCount() < settings.openLedgersPerBucket());
    }

    /** This bucket with several, as if they had come one by one. */
    FeedBucket with(List<Versioned<LedgerMetadata>> published, FeedSettings settings) {
        FeedBucket changed = this;
        for (Versioned<LedgerMetadata> ledger : published) {
            changed = changed.with(ledger, settings);
        }
        return changed;
    }

    boolean learnsFrom(BookieStatus bookie) {
        BookieStatus known = bookies.get(bookie.bookieId());
        return known == null || bookie.isNewerThan(known);
    }

    /** This bucket with what a register was read or changed to; adds to the delta, forgets nothing. */
    FeedBucket with(Versioned<LedgerMetadata> ledger, FeedSettings settings) {
        return learnsFrom(ledger, settings) ? changedBy(of(NOTHING_FORGOTTEN, List.of(ledger), List.of())) : this;
    }

    /** This bucket with a bookie's status; adds to the delta. */
    FeedBucket with(BookieStatus bookie) {
        return learnsFrom(bookie) ? changedBy(of(NOTHING_FORGOTTEN, List.of(), List.of(bookie))) : this;
    }

    /**
     * This bucket without the lowest ended ledgers beyond what it may keep, if there are markedly more; adds to the
     * delta.
     *
     * @param published stay in any case, so that the end of an old ledger is heard of too
     */
    FeedBucket forgettingEnded(Set<LedgerId> published, FeedSettings settings) {
        int ended = endedCount();
        if (ended <= settings.closedLedgersBeforeForgetting()) {
            return this;
        }
        int surplus = ended - settings.closedLedgersPerBucket();
        NavigableMap<LedgerId, Versioned<LedgerMetadata>> kept = new TreeMap<>(ledgers);
        long forgotten = forgottenUpTo;
        for (Versioned<LedgerMetadata> ledger : ledgers.values()) {
            LedgerId ledgerId = ledger.value().ledgerId();
            if (surplus > 0 && hasEnded(ledger) && !published.contains(ledgerId)) {
                kept.remove(ledgerId);
                forgotten = Math.max(forgotten, ledgerId.value());
                surplus--;
            }
        }
        FeedBucket rest = new FeedBucket(forgotten, kept, bookies, Optional.empty());
        return new FeedBucket(forgotten, kept, bookies, Optional.of(rest));
    }

    @Override
    public FeedBucket mergeData(FeedBucket that) {
        NavigableMap<LedgerId, Versioned<LedgerMetadata>> mergedLedgers;
        if (that.forgottenUpTo == NOTHING_FORGOTTEN) {
            mergedLedgers = new TreeMap<>(ledgers); // as is nearly always so: that is a change of a few
        } else {
            mergedLedgers = new TreeMap<>();
            this.addLedgersNotForgottenBy(that, mergedLedgers);
        }
        that.addLedgersNotForgottenBy(this, mergedLedgers);
        NavigableMap<BookieId, BookieStatus> mergedBookies = new TreeMap<>(bookies);
        that.bookies.forEach((bookieId, bookie) -> mergedBookies.merge(bookieId, bookie, FeedBucket::newer));
        return new FeedBucket(
                Math.max(forgottenUpTo, that.forgottenUpTo), mergedLedgers, mergedBookies, Optional.empty());
    }

    @Override
    public FeedBucket mergeDeltaData(FeedBucket that) {
        return mergeData(that);
    }

    @Override
    public Optional<FeedBucket> deltaData() {
        return delta;
    }

    @Override
    public FeedBucket resetDelta() {
        return delta.isEmpty() ? this : new FeedBucket(forgottenUpTo, ledgers, bookies, Optional.empty());
    }

    @Override
    public FeedBucket zero() {
        return EMPTY;
    }

    private FeedBucket changedBy(FeedBucket change) {
        FeedBucket changed = mergeData(change);
        FeedBucket allChanges = delta.map(earlier -> earlier.mergeData(change)).orElse(change);
        return new FeedBucket(changed.forgottenUpTo, changed.ledgers, changed.bookies, Optional.of(allChanges));
    }

    private void addLedgersNotForgottenBy(FeedBucket other, NavigableMap<LedgerId, Versioned<LedgerMetadata>> target) {
        ledgers.forEach((ledgerId, ledger) -> {
            if (ledgerId.value() > other.forgottenUpTo || other.ledgers.containsKey(ledgerId)) {
                target.merge(ledgerId, ledger, FeedBucket::newer);
            }
        });
    }

    private int endedCount() {
        int count = 0;
        for (Versioned<LedgerMetadata> ledger : ledgers.values()) {
            if (hasEnded(ledger)) {
                count++;
            }
        }
        return count;
    }

    private static boolean hasEnded(Versioned<LedgerMetadata> ledger) {
        return ledger.value().isClosed() || ledger.value().deletion() == Deletion.PURGED;
    }

    private static Versioned<LedgerMetadata> newer(Versioned<LedgerMetadata> one, Versioned<LedgerMetadata> other) {
        if (one.version() != other.version()) {
            return one.version() > other.version() ? one : other;
        }
        return one.value().equals(other.value())
                ? one
                : greaterBytes(one, one.value().encode(), other, other.value().encode());
    }

    private static BookieStatus newer(BookieStatus one, BookieStatus other) {
        if (one.isNewerThan(other)) {
            return one;
        }
        if (other.isNewerThan(one) || one.equals(other)) {
            return other;
        }
        return greaterBytes(one, Fields.encode(256, one::encode), other, Fields.encode(256, other::encode));
    }

    private static <T> T greaterBytes(T one, Payload bytesOfOne, T other, Payload bytesOfOther) {
        return bytesOfOne.asByteBuffer().compareTo(bytesOfOther.asByteBuffer()) > 0 ? one : other;
    }

    /** Whether both say the same; the delta does not count. */
    @Override
    public boolean equals(Object other) {
        return other instanceof FeedBucket that
                && forgottenUpTo == that.forgottenUpTo
                && ledgers.equals(that.ledgers)
                && bookies.equals(that.bookies);
    }

    @Override
    public int hashCode() {
        return (Long.hashCode(forgottenUpTo) * 31 + ledgers.hashCode()) * 31 + bookies.hashCode();
    }

    @Override
    public String toString() {
        return "FeedBucket(forgotten up to " + forgottenUpTo + ", " + ledgers.values() + ", " + bookies.values() + ")";
    }
}
