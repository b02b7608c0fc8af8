package io.quire.protocol;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * What the cluster has decided about one ledger; the value of its register {@code /ledgers/<id>}. Immutable; each
 * change is a new value that a compare-and-set registers.
 *
 * @param ledgerId the ledger
 * @param namespace a group of ledgers, {@value #DEFAULT_NAMESPACE} where nobody says otherwise
 * @param replication how each entry is replicated
 * @param digest how each entry is guarded; never changes
 * @param verifier what proofs of the ledger's password are checked against ({@link LedgerKey}), empty for a ledger without
 *     one; never changes. No secret
 * @param state its life
 * @param deletion whether it is deleted
 * @param fragments at least one, first entries strictly rising from 0
 * @param lastEntryId the last entry once CLOSED ({@link EntryId#NONE} when empty); {@link EntryId#NONE} before
 * @param length the payload bytes of all entries once CLOSED; 0 before
 * @param createdMillis when it was created, milliseconds since 1970 by its creator's clock; for people only
 * @param labels the creator's own words, at most {@value #LABELS_MAX}
 * @param incomplete what repair has to look at first (R12)
 * @param acceptedLosses bookies that were destroyed and that a recovery took to hold nothing, because an operator said so
 *     (R23): what only they held is lost
 */
public record LedgerMetadata(
        LedgerId ledgerId,
        String namespace,
        Replication replication,
        DigestType digest,
        Payload verifier,
        LedgerState state,
        Deletion deletion,
        List<Fragment> fragments,
        long lastEntryId,
        long length,
        long createdMillis,
        Map<String, String> labels,
        List<IncompleteRange> incomplete,
        List<BookieId> acceptedLosses) {
    public static final String DEFAULT_NAMESPACE = "default";

    /** The most labels a ledger may have. */
    public static final int LABELS_MAX = 64;

    /** The most characters in a label's key or value. */
    public static final int LABEL_CHARACTERS_MAX = 1024;

    /** Without a verifier. */
    private static final byte FORMAT_1 = 1;

    /** With a verifier behind the digest; only ledgers with a password have this format, so that others stay as they were. */
    private static final byte FORMAT_2 = 2;

    /** As format 2, the verifier perhaps empty, with accepted losses at the end. */
    private static final byte FORMAT_3 = 3;

    public LedgerMetadata {
        fragments = List.copyOf(fragments);
        labels = java.util.Collections.unmodifiableMap(new TreeMap<>(labels));
        incomplete = List.copyOf(incomplete);
        acceptedLosses = List.copyOf(acceptedLosses);
        if (namespace.isEmpty()) {
            throw new IllegalArgumentException("a namespace has a name");
        }
        requireRisingFragments(fragments, replication);
        requireFewLabels(labels);
        EntryId.requireValidOrNone(lastEntryId);
        LedgerKey.requireProofSize(verifier);
        if (digest.needsPassword() && verifier.isEmpty()) {
            throw new IllegalArgumentException("a ledger with digests of type " + digest + " has a password");
        }
        if (length < 0 || createdMillis < 0) {
            throw new IllegalArgumentException("negative length " + length + " or creation time " + createdMillis);
        }
        if (state != LedgerState.CLOSED && (lastEntryId != EntryId.NONE || length != 0)) {
            throw new IllegalArgumentException("only a closed ledger has a last entry and a length: " + state);
        }
        if (lastEntryId == EntryId.NONE && length != 0) {
            throw new IllegalArgumentException("a ledger without entries has a length of " + length);
        }
    }

    /** A new, open ledger without a password, whose first fragment the register's version 1 creates; CRC32C. */
    public static LedgerMetadata create(
            LedgerId ledgerId,
            Replication replication,
            Ensemble ensemble,
            Map<String, String> labels,
            long createdMillis) {
        return new LedgerMetadata(
                ledgerId,
                DEFAULT_NAMESPACE,
                replication,
                DigestType.CRC32C,
                Payload.EMPTY,
                LedgerState.OPEN,
                Deletion.NONE,
                List.of(new Fragment(0, 1, ensemble)),
                EntryId.NONE,
                0,
                createdMillis,
                labels,
                List.of(),
                List.of());
    }

    /**
     * This ledger before it is registered, with entries guarded by {@code digest} and a password whose {@code verifier}
     * this is, or none.
     *
     * @throws IllegalArgumentException when the digest needs a password and there is none
     */
    public LedgerMetadata guardedBy(DigestType digest, Payload verifier) {
        return new LedgerMetadata(
                ledgerId,
                namespace,
                replication,
                digest,
                verifier,
                state,
                deletion,
                fragments,
                lastEntryId,
                length,
                createdMillis,
                labels,
                incomplete,
                acceptedLosses);
    }

    /** What a ledger's register holds, with its version; empty when there is no such ledger. */
    public static Optional<Versioned<LedgerMetadata>> registered(RegisterValue value) {
        return value.isAbsent()
                ? Optional.empty()
                : Optional.of(new Versioned<>(value.version(), decode(value.value())));
    }

    /**
     * This open or recovering ledger with {@code fragment} behind the ones it has, or in place of the last one when both
     * start at the same entry (R8).
     *
     * @param moreIncomplete what repair has to look at beside what is registered already
     */
    public LedgerMetadata withFragment(Fragment fragment, List<IncompleteRange> moreIncomplete) {
        List<Fragment> changed = new ArrayList<>(fragments);
        if (lastFragment().firstEntryId() == fragment.firstEntryId()) {
            changed.remove(changed.size() - 1);
        }
        changed.add(fragment);
        return changed(state, deletion, changed, lastEntryId, length, with(moreIncomplete));
    }

    /** This open ledger, from now on in recovery. */
    public LedgerMetadata inRecovery() {
        if (state != LedgerState.OPEN) {
            throw new IllegalStateException("ledger " + ledgerId + " is " + state + ", recovery starts from OPEN");
        }
        return changed(LedgerState.IN_RECOVERY, deletion, fragments, lastEntryId, length, incomplete);
    }

    /**
     * This ledger, closed for ever after {@code lastEntryId}. Fragments that start behind it are dropped, except the
     * first.
     *
     * @param moreIncomplete what repair has to look at beside what is registered already
     */
    public LedgerMetadata closed(long lastEntryId, long length, List<IncompleteRange> moreIncomplete) {
        if (state == LedgerState.CLOSED) {
            throw new IllegalStateException("ledger " + ledgerId + " is closed already");
        }
        List<Fragment> kept = fragments.stream()
                .filter(fragment -> fragment.firstEntryId() == 0 || fragment.firstEntryId() <= lastEntryId)
                .toList();
        return changed(LedgerState.CLOSED, deletion, kept, lastEntryId, length, with(moreIncomplete));
    }

    /** This ledger with another deletion fact. */
    public LedgerMetadata withDeletion(Deletion deletion) {
        return changed(state, deletion, fragments, lastEntryId, length, incomplete);
    }

    /**
     * This deleted ledger, taken back. What was not closed is in recovery from now on and never open again: its writer may
     * have given it up, and stores may have ended its sessions (R22).
     *
     * @throws IllegalStateException when it is not deleted, or purged
     */
    public LedgerMetadata undeleted() {
        if (deletion != Deletion.DELETED) {
            throw new IllegalStateException(
                    "ledger " + ledgerId + " cannot be taken back: its deletion is " + deletion);
        }
        LedgerState back = state == LedgerState.CLOSED ? state : LedgerState.IN_RECOVERY;
        return changed(back, Deletion.NONE, fragments, lastEntryId, length, incomplete);
    }

    private List<IncompleteRange> with(List<IncompleteRange> more) {
        List<IncompleteRange> all = new ArrayList<>(incomplete);
        more.stream().filter(range -> !incomplete.contains(range)).forEach(all::add);
        return all;
    }

    private LedgerMetadata changed(
            LedgerState state,
            Deletion deletion,
            List<Fragment> fragments,
            long lastEntryId,
            long length,
            List<IncompleteRange> incomplete) {
        return new LedgerMetadata(
                ledgerId,
                namespace,
                replication,
                digest,
                verifier,
                state,
                deletion,
                fragments,
                lastEntryId,
                length,
                createdMillis,
                labels,
                incomplete,
                acceptedLosses);
    }

    /** This ledger, recovered without what only {@code bookies} held (R23). */
    public LedgerMetadata withAcceptedLosses(Collection<BookieId> bookies) {
        TreeSet<BookieId> all = new TreeSet<>(Comparator.comparing(BookieId::value));
        all.addAll(acceptedLosses);
        all.addAll(bookies);
        return new LedgerMetadata(
                ledgerId,
                namespace,
                replication,
                digest,
                verifier,
                state,
                deletion,
                fragments,
                lastEntryId,
                length,
                createdMillis,
                labels,
                incomplete,
                List.copyOf(all));
    }

    public boolean isDeleted() {
        return deletion != Deletion.NONE;
    }

    /** Whether writing, fencing and recovering take a password. */
    public boolean hasPassword() {
        return !verifier.isEmpty();
    }

    public boolean isClosed() {
        return state == LedgerState.CLOSED;
    }

    /** The fragment that new entries go to, or that held the last ones. */
    public Fragment lastFragment() {
        return fragments.get(fragments.size() - 1);
    }

    /** The fragment that holds entry {@code entryId}. */
    public Fragment fragmentOf(long entryId) {
        EntryId.requireValid(entryId);
        Fragment found = fragments.get(0);
        for (Fragment fragment : fragments) {
            if (fragment.firstEntryId() > entryId) {
                break;
            }
            found = fragment;
        }
        return found;
    }

    /** The value to register. */
    public Payload encode() {
        return Fields.encode(512, out -> {
            byte format = format();
            out.put(format);
            out.putLong(ledgerId.value());
            Fields.putString(out, namespace);
            out.put((byte) replication.ensembleSize());
            out.put((byte) replication.writeQuorum());
            out.put((byte) replication.ackQuorum());
            out.put(digest.code());
            if (format != FORMAT_1) {
                Fields.putPayload(out, verifier);
            }
            Fields.putEnum(out, state);
            Fields.putEnum(out, deletion);
            Fields.putList(out, fragments, (o, fragment) -> {
                o.putLong(fragment.firstEntryId()).putLong(fragment.fragmentVersion());
                Fields.putList(o, fragment.ensemble().bookies(), (p, bookie) -> Fields.putUuid(p, bookie.value()));
            });
            out.putLong(lastEntryId).putLong(length).putLong(createdMillis);
            Fields.putLabels(out, labels);
            Fields.putList(out, incomplete, (o, range) -> {
                Fields.putUuid(o, range.bookie().value());
                o.putLong(range.firstEntryId()).putLong(range.lastEntryId());
            });
            if (format == FORMAT_3) {
                Fields.putList(out, acceptedLosses, (o, bookie) -> Fields.putUuid(o, bookie.value()));
            }
        });
    }

    /** The oldest one that tells all. */
    private byte format() {
        if (!acceptedLosses.isEmpty()) {
            return FORMAT_3;
        }
        return hasPassword() ? FORMAT_2 : FORMAT_1;
    }

    /**
     * Reads a registered value.
     *
     * @throws Fields.MalformedException when the bytes are not ledger metadata of a known format
     */
    public static LedgerMetadata decode(Payload encoded) {
        return Fields.decodeAll(encoded.asByteBuffer(), LedgerMetadata::decodeFields);
    }

    private static LedgerMetadata decodeFields(ByteBuffer in) {
        byte format = in.get();
        if (format < FORMAT_1 || format > FORMAT_3) {
            throw new IllegalArgumentException("ledger metadata of unknown format " + format);
        }
        return new LedgerMetadata(
                new LedgerId(in.getLong()),
                Fields.getString(in),
                new Replication(in.get(), in.get(), in.get()),
                DigestType.ofCode(in.get()),
                format == FORMAT_1 ? Payload.EMPTY : getVerifier(in, format),
                Fields.getEnum(in, LedgerState.values()),
                Fields.getEnum(in, Deletion.values()),
                Fields.getList(in, 20, LedgerMetadata::decodeFragment),
                in.getLong(),
                in.getLong(),
                in.getLong(),
                Fields.getLabels(in),
                Fields.getList(in, 32, LedgerMetadata::decodeIncomplete),
                format == FORMAT_3 ? getAcceptedLosses(in) : List.of());
    }

    private static List<BookieId> getAcceptedLosses(ByteBuffer in) {
        List<BookieId> losses = Fields.getList(in, 16, i -> new BookieId(Fields.getUuid(i)));
        if (losses.isEmpty()) {
            throw new IllegalArgumentException("an empty list of losses is not written");
        }
        return losses;
    }

    private static Payload getVerifier(ByteBuffer in, byte format) {
        Payload verifier = Fields.getPayload(in);
        if (verifier.isEmpty() && format == FORMAT_2) {
            throw new IllegalArgumentException("an empty verifier is not written");
        }
        return verifier;
    }

    private static Fragment decodeFragment(ByteBuffer in) {
        long firstEntryId = in.getLong();
        long fragmentVersion = in.getLong();
        return new Fragment(
                firstEntryId,
                fragmentVersion,
                new Ensemble(Fields.getList(in, 16, i -> new BookieId(Fields.getUuid(i)))));
    }

    private static IncompleteRange decodeIncomplete(ByteBuffer in) {
        return new IncompleteRange(new BookieId(Fields.getUuid(in)), in.getLong(), in.getLong());
    }

    private static void requireRisingFragments(List<Fragment> fragments, Replication replication) {
        if (fragments.isEmpty() || fragments.get(0).firstEntryId() != 0) {
            throw new IllegalArgumentException("the first fragment of a ledger starts at entry 0");
        }
        for (int i = 0; i < fragments.size(); i++) {
            Fragment fragment = fragments.get(i);
            if (fragment.ensemble().size() != replication.ensembleSize()) {
                throw new IllegalArgumentException(
                        "an ensemble of " + fragment.ensemble().size() + " bookies in a ledger of ensemble size "
                                + replication.ensembleSize());
            }
            if (i > 0 && fragment.firstEntryId() <= fragments.get(i - 1).firstEntryId()) {
                throw new IllegalArgumentException("first entries of fragments must rise: " + fragments);
            }
        }
    }

    private static void requireFewLabels(Map<String, String> labels) {
        if (labels.size() > LABELS_MAX) {
            throw new IllegalArgumentException(labels.size() + " labels, at most " + LABELS_MAX + " are allowed");
        }
        labels.forEach((key, value) -> {
            if (key.isEmpty() || key.length() > LABEL_CHARACTERS_MAX || value.length() > LABEL_CHARACTERS_MAX) {
                throw new IllegalArgumentException(
                        "a label's key has 1 to " + LABEL_CHARACTERS_MAX + " characters, its value at most as many");
            }
        });
    }
}
