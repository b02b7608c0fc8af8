package io.quire.client.core;

import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.Entry;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryFormat;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Payload;
import io.quire.protocol.WriteSet;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Reads a range of entries of one ledger, without gaps, from whichever replicas have them.
 *
 * <p>Design note. The first entry that is still missing decides whom to ask: a member of its write set that has not yet
 * failed for it, the one that answered last if possible, one that is not expected to answer only when no other is left.
 * An answer is taken apart and every entry verified; what is
 * damaged counts as unknown at that member, never as missing. An answer speaks of a prefix of the range: what is not in
 * it is an explicit negative of that member. When all members of the write set said so, the entry does not exist;
 * otherwise, when all were asked in vain, they are asked again until the deadline (B0). The bookies may have changed since
 * the metadata was read: whenever all were asked in vain, the register is read again, and an entry does not exist only by
 * the word of those that the register names (H48).
 *
 * <p>Hedging: a member that is slower than nearly all answers of late gets company, once for each question: another member
 * is asked the same, within a budget, and whoever answers first is heard.
 *
 * <p>Not thread-safe.
 */
public final class RangeRead {
    private final LedgerKey key;
    private final long lastEntryId;
    private final Limits limits;
    private final ReadOutbox outbox;
    private final boolean unconfirmed;
    private final TreeMap<Long, Entry> found = new TreeMap<>();
    private final Map<Integer, String> causes = new HashMap<>();

    private LedgerMetadata metadata;
    /** The fragment that the register was seen to name, behind every negative answer. */
    private Optional<Fragment> confirmedFragment = Optional.empty();

    private boolean readingRegister;
    private long next;
    private long payloadBytes;
    private int preferred = -1;
    private int triedMask;
    private int negativeMask;
    private final Map<Long, Question> asking = new LinkedHashMap<>();
    private long request;
    private boolean hedged;
    private long retryAtNanos;
    private boolean over;

    private record Question(int position, long askedNanos) {}

    /**
     * @param entriesMax entries in the result; fewer than asked for is a result too
     * @param bytesMax payload bytes in the result, except that one entry always fits
     * @param requestEntriesMax entries in one request
     * @param requestBytesMax encoded bytes in one request
     * @param requestTimeoutNanos ask another replica after this long
     * @param hedgeNanos ask another replica beside one that was asked so long ago
     * @param retryNanos the wait before all replicas are asked again
     * @param deadlineNanos when the read gives up
     */
    public record Limits(
            int entriesMax,
            long bytesMax,
            int requestEntriesMax,
            int requestBytesMax,
            long requestTimeoutNanos,
            long hedgeNanos,
            long retryNanos,
            long deadlineNanos) {}

    /**
     * A read of {@code [firstEntryId, lastEntryId]}, which must lie below the ledger's end or last-add-confirmed.
     *
     * @param key of the ledger
     * @param unconfirmed whether the range may reach beyond that: an entry that does not exist then ends the result
     *     instead of failing it
     */
    public RangeRead(
            LedgerMetadata metadata,
            LedgerKey key,
            long firstEntryId,
            long lastEntryId,
            boolean unconfirmed,
            Limits limits,
            ReadOutbox outbox) {
        this.metadata = metadata;
        this.key = key;
        this.next = firstEntryId;
        this.lastEntryId = lastEntryId;
        this.unconfirmed = unconfirmed;
        this.limits = limits;
        this.outbox = outbox;
    }

    /** Starts to ask. Call once, first. */
    public void start(long nowNanos) {
        advance(nowNanos);
    }

    /** Whether the read has ended. */
    public boolean isOver() {
        return over;
    }

    /**
     * A bookie answered.
     *
     * @param coveredTo the answer speaks of every id below this: what is not among {@code entries} is not held there
     */
    public void entriesRead(long request, EntryBatch entries, long coveredTo, long nowNanos) {
        Question question = over ? null : asking.remove(request);
        if (question == null) {
            return;
        }
        int askedPosition = question.position();
        long asked = next;
        boolean damaged = take(entries);
        if (next > asked) {
            asking.clear();
            preferred = askedPosition;
        } else {
            boolean explicit = !damaged && coveredTo > asked;
            if (explicit) {
                negativeMask = AckSet.with(negativeMask, askedPosition);
                confirmedFragment = Optional.empty();
            }
            triedMask = AckSet.with(triedMask, askedPosition);
            causes.put(
                    askedPosition, explicit ? "does not have it" : damaged ? "has it damaged" : "said nothing of it");
        }
        advance(nowNanos);
    }

    /** A bookie refused, or could not be reached: unknown. */
    public void refused(long request, String reason, long nowNanos) {
        Question question = over ? null : asking.remove(request);
        if (question != null) {
            triedMask = AckSet.with(triedMask, question.position());
            causes.put(question.position(), reason);
            advance(nowNanos);
        }
    }

    /** The register was read; empty when there is no such ledger, or no longer. */
    public void registerRead(Optional<LedgerMetadata> current, long nowNanos) {
        readingRegister = false;
        if (over) {
            return;
        }
        if (current.isEmpty() || current.get().isDeleted()) {
            over = true;
            outbox.failed(Failure.notApplied(Code.NoSuchLedger, "ledger " + metadata.ledgerId() + " was deleted"));
            return;
        }
        Fragment before = metadata.fragmentOf(next);
        metadata = current.get();
        Fragment after = metadata.fragmentOf(next);
        confirmedFragment = Optional.of(after);
        if (!after.equals(before)) {
            asking.clear();
            triedMask = 0;
            negativeMask = 0;
            causes.clear();
            advance(nowNanos);
        } else if (asking.isEmpty() && isDenied(after)) {
            missing();
        }
    }

    /** The register could not be read. */
    public void registerUnavailable() {
        readingRegister = false;
    }

    /** Time went on. */
    public void tick(long nowNanos) {
        if (over) {
            return;
        }
        if (nowNanos - limits.deadlineNanos() >= 0) {
            over = true;
            outbox.failed(Failure.notApplied(
                    Code.TimedOut, "entry " + next + " could not be read in time: " + describeCauses()));
        } else if (asking.isEmpty() && nowNanos - retryAtNanos >= 0) {
            triedMask = negativeMask;
            advance(nowNanos);
        } else {
            for (Map.Entry<Long, Question> asked : List.copyOf(asking.entrySet())) {
                waited(asked.getKey(), asked.getValue(), nowNanos);
            }
        }
    }

    private void waited(long asked, Question question, long nowNanos) {
        long waitedNanos = nowNanos - question.askedNanos();
        if (waitedNanos >= limits.requestTimeoutNanos() && asking.containsKey(asked)) {
            outbox.silent(bookieAt(metadata.fragmentOf(next), question.position()));
            refused(asked, "did not answer in time", nowNanos);
        } else if (waitedNanos >= limits.hedgeNanos() && asking.size() == 1 && !hedged) {
            Fragment fragment = metadata.fragmentOf(next);
            int other = bestUntried(fragment, 2);
            if (other >= 0 && outbox.mayHedge()) {
                hedged = true;
                ask(fragment, other, nowNanos);
            }
        }
    }

    /** Takes over verified entries; whether some were damaged. */
    private boolean take(EntryBatch entries) {
        boolean damaged = false;
        for (Payload encoded : entries.entries()) {
            try {
                Entry entry = EntryFormat.decode(encoded, metadata.digest(), key);
                boolean wanted = entry.ledgerId().equals(metadata.ledgerId())
                        && entry.entryId() >= next
                        && entry.entryId() <= lastEntryId;
                if (wanted) {
                    found.putIfAbsent(entry.entryId(), entry);
                }
            } catch (EntryFormat.DamagedEntryException e) {
                damaged = true;
            }
        }
        while (found.containsKey(next)) {
            payloadBytes += found.get(next).payload().length();
            next++;
            triedMask = 0;
            negativeMask = 0;
            causes.clear();
        }
        return damaged;
    }

    private void advance(long nowNanos) {
        if (isEnough()) {
            finish();
            return;
        }
        if (!asking.isEmpty()) {
            return;
        }
        Fragment fragment = metadata.fragmentOf(next);
        int untried = bestUntried(fragment, 1);
        if (untried >= 0) {
            hedged = false;
            ask(fragment, untried, nowNanos);
        } else if (isDenied(fragment)) {
            missing();
        } else {
            retryAtNanos = nowNanos + limits.retryNanos();
            if (!readingRegister) {
                readingRegister = true;
                outbox.readRegister();
            }
        }
    }

    /** The member of the write set that is asked most willingly, of those not asked yet; -1 for none of {@code rankMin}. */
    private int bestUntried(Fragment fragment, int rankMin) {
        int best = -1;
        int bestRank = rankMin - 1;
        for (int position : WriteSet.of(next, metadata.replication()).positions()) {
            int rank = rankOf(fragment, position);
            if (rank > bestRank) {
                bestRank = rank;
                best = position;
            }
        }
        return best;
    }

    /** Whether every member of the write set in {@code fragment}, as registered, said that it does not have the entry. */
    private boolean isDenied(Fragment fragment) {
        return Integer.bitCount(negativeMask) == metadata.replication().writeQuorum()
                && (unconfirmed || confirmedFragment.filter(fragment::equals).isPresent());
    }

    /** How willingly a member is asked: 0 for not at all, since it was. */
    private int rankOf(Fragment fragment, int position) {
        boolean asked = asking.values().stream().anyMatch(question -> question.position() == position);
        if (asked || AckSet.contains(triedMask, position)) {
            return 0;
        }
        if (outbox.isSuspect(bookieAt(fragment, position))) {
            return 1;
        }
        return position == preferred ? 3 : 2;
    }

    private static BookieId bookieAt(Fragment fragment, int position) {
        return fragment.ensemble().at(position);
    }

    private boolean isEnough() {
        long count = found.isEmpty() ? 0 : next - found.firstKey();
        return next > lastEntryId || count >= limits.entriesMax() || (count > 0 && payloadBytes >= limits.bytesMax());
    }

    private void ask(Fragment fragment, int position, long nowNanos) {
        request++;
        asking.put(request, new Question(position, nowNanos));
        BookieId bookie = bookieAt(fragment, position);
        outbox.read(request, bookie, next, endOf(fragment), limits.requestEntriesMax(), limits.requestBytesMax());
    }

    /** The last id to ask for: the range's, or the last one before the next fragment. */
    private long endOf(Fragment fragment) {
        int index = metadata.fragments().indexOf(fragment);
        return index + 1 < metadata.fragments().size()
                ? Math.min(lastEntryId, metadata.fragments().get(index + 1).firstEntryId() - 1)
                : lastEntryId;
    }

    private void missing() {
        if (unconfirmed) {
            finish();
            return;
        }
        over = true;
        outbox.failed(Failure.notApplied(
                Code.NoSuchEntry,
                "none of the bookies that should hold entry " + next + " has it: " + describeCauses()));
    }

    private void finish() {
        over = true;
        List<Entry> result = new ArrayList<>();
        long bytes = 0;
        for (Entry entry : found.headMap(next).values()) {
            boolean full = result.size() >= limits.entriesMax()
                    || (!result.isEmpty() && bytes + entry.payload().length() > limits.bytesMax());
            if (full) {
                break;
            }
            result.add(entry);
            bytes += entry.payload().length();
        }
        outbox.done(result);
    }

    private String describeCauses() {
        Fragment fragment = metadata.fragmentOf(next);
        StringBuilder text = new StringBuilder();
        causes.forEach((position, cause) -> text.append(text.length() == 0 ? "" : ", ")
                .append(fragment.ensemble().at(position))
                .append(' ')
                .append(cause));
        return text.length() == 0 ? "nobody answered" : text.toString();
    }
}
