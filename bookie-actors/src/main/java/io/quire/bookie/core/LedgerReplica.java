package io.quire.bookie.core;

import io.quire.protocol.BookieId;
import io.quire.protocol.Deletion;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * What one store does for one ledger: sessions in which its writer adds entries, and the fence that ends them. Every
 * change of the ledger's state at this store passes through here (H10).
 *
 * <p>Design note. A session is opened in two steps: the register is read, and then the session opens if the ledger is
 * OPEN, this store is in the last fragment, the fragment is the one the writer believes in, and no fence has passed since
 * the read was sent (R14). In a session batches come with numbers, in any order, with gaps, more than once. A batch is
 * journaled once; it is acknowledged when it is durable, and again whenever it comes again. An entry that is here already with other bytes is
 * refused, see {@link HeldEntries}.
 *
 * <p>A fence refuses adds from the moment it is asked for, and is answered when it is durable; the journal applies in
 * order, so that everything journaled before it can then be read (R16).
 *
 * <p>Whoever opens a session, fences or recovers shows a proof of the ledger's password. What it is checked against stands
 * in the register and never changes; a fence reads it first if no reading has told it yet. Until then, and with a wrong
 * proof, the fence does nothing (H99).
 *
 * <p>A drop ends everything: sessions, openings, and recovery adds that are not in the journal; it is journaled behind
 * the records that are (R22, H58). A ledger that was purged is gone for ever then, and all that comes is refused. A
 * superseded copy goes only when nothing is under way and nothing is held at the version by which it is superseded, or a
 * later one (R24, H69); then the store is as if it had never heard of the ledger, and may get a copy again.
 *
 * <p>Not thread-safe.
 */
public final class LedgerReplica {
    private static final String LIMBO_DETAIL = "the store has lost something and is being repaired";
    private static final String PURGED = "the ledger is purged";

    private final BookieId bookie;
    private final LedgerId ledgerId;
    private final Limits limits;
    private final Map<Long, Opening> openings = new HashMap<>();
    private final Map<Long, Session> sessions = new LinkedHashMap<>();
    private final Map<Long, AddLookUp> lookUps = new HashMap<>();
    /** Proofs of the fences that wait for the register. */
    private final Map<Long, Payload> fencesToAuthorize = new HashMap<>();

    private final Deque<PendingFence> fences = new ArrayDeque<>();
    /** Who waits for the drop that is in the journal; empty when none is. */
    private final List<Long> drops = new ArrayList<>();

    private final LedgerTerms terms = new LedgerTerms();
    private final HeldEntries held;
    private final RecoveryAdds recoveries;
    private boolean knewNothing;
    /** Whether the ledger is purged, and its drop journaled or in the journal. */
    private boolean purged;

    private int dropsInJournal;
    private boolean fenced;
    private boolean inLimbo;
    private long fencesSeen;
    private long lastAddConfirmed;

    /**
     * What the store knew of the ledger, durably, when the replica was made.
     *
     * @param lastAddConfirmed the highest one known, or -1
     * @param lastEntryId the highest entry held, or -1
     * @param heldAt the highest version of the register at which recovery brought something, or 0
     * @param inLimbo whether the store has lost something of the ledger, or may have (R21)
     */
    public record Known(boolean fenced, long lastAddConfirmed, long lastEntryId, long heldAt, boolean inLimbo) {
        /** Of a ledger that is not in limbo. */
        public Known(boolean fenced, long lastAddConfirmed, long lastEntryId, long heldAt) {
            this(fenced, lastAddConfirmed, lastEntryId, heldAt, false);
        }

        /** The store never heard of the ledger, and would know. */
        public static final Known NOTHING = new Known(false, EntryId.NONE, EntryId.NONE, 0, false);

        /** The store never heard of the ledger, but may have forgotten it. */
        public static final Known NOTHING_IN_LIMBO = new Known(false, EntryId.NONE, EntryId.NONE, 0, true);
    }

    /**
     * @param creditWindowBytes how far a session may send ahead of what is durable
     * @param sessionsMax sessions of one ledger; the oldest ends when another opens
     * @param openingsMax openings of one ledger under way at once; also fences that wait for its register
     */
    public record Limits(long creditWindowBytes, int sessionsMax, int openingsMax) {}

    private record Opening(long fragmentVersion, Payload proof, long fencesSeen) {}

    private record AddLookUp(long counter, long number, long lastAddConfirmed, EntryBatch entries, boolean receipt) {}

    /** A fence in the journal, and who waits for it. */
    private record PendingFence(long recordsBefore, List<Long> tokens) {}

    private static final class Session {
        private final DurableBatches durable = new DurableBatches();
        private final Set<Long> inJournal = new HashSet<>();
        private final Map<Long, Long> endOffsets = new HashMap<>();
        private long durableOffset;

        /** Moves the credit base up to the last batch of the cumulative prefix. */
        private void settle() {
            endOffsets.entrySet().removeIf(batch -> {
                boolean settled = batch.getKey() <= durable.cumulative();
                if (settled) {
                    durableOffset = Math.max(durableOffset, batch.getValue());
                }
                return settled;
            });
        }
    }

    public LedgerReplica(BookieId bookie, LedgerId ledgerId, Known known, Limits limits) {
        this.bookie = bookie;
        this.ledgerId = ledgerId;
        this.knewNothing = known.equals(Known.NOTHING);
        this.fenced = known.fenced();
        this.inLimbo = known.inLimbo();
        this.lastAddConfirmed = known.lastAddConfirmed();
        this.limits = limits;
        this.held = new HeldEntries(ledgerId, known.lastEntryId());
        this.recoveries = new RecoveryAdds(ledgerId, held, terms, known.heldAt(), limits.creditWindowBytes());
    }

    /** What recovery and re-replication bring. */
    public RecoveryAdds recoveries() {
        return recoveries;
    }

    /** The highest last-add-confirmed known durably, or -1. */
    public long lastAddConfirmed() {
        return lastAddConfirmed;
    }

    /**
     * The store cannot vouch for what it has of the ledger, or can again. In limbo it takes no adds: the writer is to go on
     * with another member, so that the fragment ends and can be repaired (R21).
     */
    public List<ReplicaEffect> limboChanged(boolean nowInLimbo) {
        inLimbo = nowInLimbo;
        return nowInLimbo ? endSessions(ReplicaRefusal.IN_LIMBO, LIMBO_DETAIL) : List.of();
    }

    private List<ReplicaEffect> endSessions(ReplicaRefusal refusal, String detail) {
        List<ReplicaEffect> effects = new ArrayList<>();
        sessions.keySet().forEach(counter -> effects.add(new ReplicaEffect.SessionEnded(counter, refusal, detail)));
        sessions.clear();
        return effects;
    }

    /**
     * Whether nothing is under way: a replica that nobody has talked to for long may then be forgotten. Sessions do not
     * keep it, since a writer may be gone without a word; one that comes back is told that its session is unknown, and
     * opens another.
     */
    public boolean isIdle() {
        return openings.isEmpty()
                && fencesToAuthorize.isEmpty()
                && fences.isEmpty()
                && drops.isEmpty()
                && held.isIdle()
                && recoveries.isIdle();
    }

    /**
     * Whether the store holds nothing of the ledger, durably, and nothing that was allowed before can bring anything: a
     * purged ledger is dropped, or the store never heard of the ledger and no reading of its register has told this
     * replica anything that it could go by.
     */
    public boolean holdsNothing() {
        return isIdle() && (purged || (knewNothing && !terms.areKnown() && sessions.isEmpty()));
    }

    /**
     * A writer asks for a session.
     *
     * @param counter the number that the session gets if it opens; never used before at this boot
     * @param proof of the ledger's password, empty for none
     */
    public List<ReplicaEffect> openSession(long counter, long fragmentVersion, Payload proof) {
        if (isDropping()) {
            return List.of(new ReplicaEffect.SessionRefused(counter, whileDropping(), detailWhileDropping()));
        }
        if (isFenced()) {
            return List.of(
                    new ReplicaEffect.SessionRefused(counter, ReplicaRefusal.FENCED, "the ledger is fenced here"));
        }
        if (openings.size() >= limits.openingsMax()) {
            return List.of(new ReplicaEffect.SessionRefused(
                    counter, ReplicaRefusal.OVERLOADED, openings.size() + " sessions are being opened already"));
        }
        openings.put(counter, new Opening(fragmentVersion, proof, fencesSeen));
        return List.of(new ReplicaEffect.ReadRegister(counter));
    }

    /** The register was read for the session {@code counter}; empty: there is no such ledger. */
    public List<ReplicaEffect> registerRead(long counter, Optional<LedgerMetadata> metadata) {
        Opening opening = openings.remove(counter);
        if (opening == null) {
            return List.of();
        }
        metadata.ifPresent(terms::learn);
        Optional<ReplicaEffect> refusal = refusalOf(counter, opening, metadata);
        if (refusal.isPresent()) {
            return List.of(refusal.get());
        }
        List<ReplicaEffect> effects = new ArrayList<>();
        if (sessions.size() >= limits.sessionsMax()) {
            long oldest = sessions.keySet().iterator().next();
            sessions.remove(oldest);
            effects.add(new ReplicaEffect.SessionEnded(
                    oldest, ReplicaRefusal.UNKNOWN_SESSION, "newer sessions took its place"));
        }
        sessions.put(counter, new Session());
        effects.add(new ReplicaEffect.SessionOpened(counter, limits.creditWindowBytes()));
        return effects;
    }

    /** The register could not be read for the session {@code counter}. */
    public List<ReplicaEffect> registerUnavailable(long counter, String reason) {
        return openings.remove(counter) == null
                ? List.of()
                : List.of(new ReplicaEffect.SessionRefused(counter, ReplicaRefusal.UNAVAILABLE, reason));
    }

    /** A batch that is answered only when it is durable. */
    public List<ReplicaEffect> addBatch(
            long counter, long number, long endOffset, long writerLastAddConfirmed, EntryBatch entries) {
        return addBatch(counter, number, endOffset, writerLastAddConfirmed, entries, false);
    }

    /**
     * A batch came in session {@code counter}; its entries are verified here, before anything is kept (H66).
     *
     * @param receipt whether the writer wants to know that the batch was taken, before it is durable
     */
    public List<ReplicaEffect> addBatch(
            long counter,
            long number,
            long endOffset,
            long writerLastAddConfirmed,
            EntryBatch entries,
            boolean receipt) {
        Session session = sessions.get(counter);
        if (session == null) {
            return List.of(noSession(counter));
        }
        if (session.durable.contains(number)) {
            return List.of(ackOf(counter, session));
        }
        if (session.inJournal.contains(number)) {
            return List.of();
        }
        if (endOffset > session.durableOffset + limits.creditWindowBytes()) {
            return List.of(new ReplicaEffect.BatchRefused(
                    counter,
                    number,
                    ReplicaRefusal.OVERLOADED,
                    "the batch ends at " + endOffset + ", credit reaches to "
                            + (session.durableOffset + limits.creditWindowBytes())));
        }
        Optional<String> damage = held.damageOf(entries).or(() -> terms.violationIn(entries));
        if (damage.isPresent()) {
            return List.of(new ReplicaEffect.BatchRefused(counter, number, ReplicaRefusal.DAMAGED, damage.get()));
        }
        session.inJournal.add(number);
        session.endOffsets.put(number, endOffset);
        if (held.mayHold(entries)) {
            long lookUp = held.lookUp(entries);
            lookUps.put(lookUp, new AddLookUp(counter, number, writerLastAddConfirmed, entries, receipt));
            return List.of(new ReplicaEffect.LookUp(lookUp, entries));
        }
        return List.of(journal(counter, number, writerLastAddConfirmed, entries, receipt));
    }

    private ReplicaEffect journal(
            long counter, long number, long writerLastAddConfirmed, EntryBatch entries, boolean receipt) {
        held.journaling(new HeldEntries.RecordKey(counter, number), entries);
        return new ReplicaEffect.JournalBatch(counter, number, writerLastAddConfirmed, entries, receipt);
    }

    /**
     * What was asked for by {@link ReplicaEffect.LookUp} is known.
     *
     * @param durable the entries that are held durably, by id
     */
    public List<ReplicaEffect> lookedUp(long number, Map<Long, Payload> durable) {
        if (held.isForgotten(number)) {
            return List.of();
        }
        AddLookUp add = lookUps.remove(number);
        if (add == null) {
            return recoveries.lookedUp(number, durable).orElseThrow();
        }
        HeldEntries.Comparison comparison = held.compare(number, durable);
        if (!sessions.containsKey(add.counter())) {
            return List.of();
        }
        if (comparison.conflict().isPresent()) {
            return refuseBatch(
                    add,
                    ReplicaRefusal.CONFLICTING_BYTES,
                    "entry " + comparison.conflict().getAsLong() + " is held with other bytes");
        }
        return List.of(journal(add.counter(), add.number(), add.lastAddConfirmed(), add.entries(), add.receipt()));
    }

    /** What was asked for by {@link ReplicaEffect.LookUp} cannot be known. */
    public List<ReplicaEffect> lookUpFailed(long number, String reason) {
        if (held.isForgotten(number)) {
            return List.of();
        }
        held.forget(number);
        AddLookUp add = lookUps.remove(number);
        if (add == null) {
            return recoveries.lookUpFailed(number, reason).orElseThrow();
        }
        return sessions.containsKey(add.counter()) ? refuseBatch(add, ReplicaRefusal.UNAVAILABLE, reason) : List.of();
    }

    private List<ReplicaEffect> refuseBatch(AddLookUp add, ReplicaRefusal refusal, String detail) {
        Session session = sessions.get(add.counter());
        session.inJournal.remove(add.number());
        session.endOffsets.remove(add.number());
        return List.of(new ReplicaEffect.BatchRefused(add.counter(), add.number(), refusal, detail));
    }

    /** A batch is durable and applied. */
    public List<ReplicaEffect> batchJournaled(long counter, long number, long writerLastAddConfirmed) {
        held.journaled(new HeldEntries.RecordKey(counter, number));
        lastAddConfirmed = Math.max(lastAddConfirmed, writerLastAddConfirmed);
        Session session = sessions.get(counter);
        if (session == null) {
            return List.of();
        }
        session.inJournal.remove(number);
        session.durable.add(number);
        session.settle();
        return List.of(ackOf(counter, session));
    }

    /** A batch found no room in the journal; nothing of it was kept (H61). */
    public List<ReplicaEffect> batchNotJournaled(long counter, long number, String reason) {
        held.notJournaled(new HeldEntries.RecordKey(counter, number));
        Session session = sessions.get(counter);
        if (session == null) {
            return List.of();
        }
        session.inJournal.remove(number);
        session.endOffsets.remove(number);
        return List.of(new ReplicaEffect.BatchRefused(counter, number, ReplicaRefusal.READ_ONLY, reason));
    }

    /** A writer asks what of its session is durable. */
    public List<ReplicaEffect> probe(long counter) {
        Session session = sessions.get(counter);
        return List.of(session == null ? noSession(counter) : ackOf(counter, session));
    }

    private ReplicaEffect noSession(long counter) {
        ReplicaRefusal unfenced = inLimbo ? ReplicaRefusal.IN_LIMBO : ReplicaRefusal.UNKNOWN_SESSION;
        ReplicaRefusal other = isFenced() ? ReplicaRefusal.FENCED : unfenced;
        return new ReplicaEffect.SessionEnded(
                counter, purged ? ReplicaRefusal.NOT_OPEN : other, "there is no such session");
    }

    /** A writer needs its session no more. */
    public void closeSession(long counter) {
        sessions.remove(counter);
        openings.remove(counter);
    }

    /**
     * Somebody asks that the ledger be fenced; answered by {@link ReplicaEffect.Fenced} with {@code token}, which names no
     * other fence, or by {@link ReplicaEffect.FenceRefused}. The answer waits for every record that is in the journal when
     * the proof has been found right, also when the ledger is fenced already: recovery adds may be among them (R16).
     *
     * @param proof of the ledger's password, empty for none
     */
    public List<ReplicaEffect> fence(long token, Payload proof) {
        if (isDropping()) {
            return refuseFence(token, whileDropping(), detailWhileDropping());
        }
        if (terms.areKnown()) {
            return terms.isProof(proof)
                    ? fence(token)
                    : refuseFence(token, ReplicaRefusal.UNAUTHORIZED, "the ledger's password is another one");
        }
        if (fencesToAuthorize.size() >= limits.openingsMax()) {
            return refuseFence(
                    token,
                    ReplicaRefusal.OVERLOADED,
                    fencesToAuthorize.size() + " fences wait for the register already");
        }
        fencesToAuthorize.put(token, proof);
        return List.of(new ReplicaEffect.ReadTerms(token));
    }

    /** The register was read for the fence {@code token}; empty: there is no such ledger. */
    public List<ReplicaEffect> termsRead(long token, Optional<LedgerMetadata> metadata) {
        Payload proof = fencesToAuthorize.remove(token);
        if (proof == null) {
            return List.of();
        }
        if (metadata.isEmpty()) {
            return refuseFence(token, ReplicaRefusal.NO_SUCH_LEDGER, "the register knows no ledger " + ledgerId);
        }
        if (metadata.get().deletion() == Deletion.PURGED) {
            // The mark would bring back what was dropped, or keep a store from being done with the ledger (R22).
            return refuseFence(token, ReplicaRefusal.NOT_OPEN, PURGED);
        }
        terms.learn(metadata.get());
        return fence(token, proof);
    }

    /** The register could not be read for the fence {@code token}. */
    public List<ReplicaEffect> termsUnavailable(long token, String reason) {
        return fencesToAuthorize.remove(token) == null
                ? List.of()
                : refuseFence(token, ReplicaRefusal.UNAVAILABLE, reason);
    }

    private static List<ReplicaEffect> refuseFence(long token, ReplicaRefusal refusal, String detail) {
        return List.of(new ReplicaEffect.FenceRefused(token, refusal, detail));
    }

    private List<ReplicaEffect> fence(long token) {
        fencesSeen++;
        if (fenced && fences.isEmpty() && !held.isJournaling()) {
            return List.of(new ReplicaEffect.Fenced(token, lastAddConfirmed));
        }
        if (!fences.isEmpty() && fences.getLast().recordsBefore() == held.recordsAppended()) {
            fences.getLast().tokens().add(token);
            return List.of();
        }
        fences.add(new PendingFence(held.recordsAppended(), new ArrayList<>(List.of(token))));
        List<ReplicaEffect> effects = new ArrayList<>();
        effects.add(new ReplicaEffect.JournalFence());
        effects.addAll(endSessions(ReplicaRefusal.FENCED, "the ledger was fenced"));
        return effects;
    }

    /** The oldest fence in the journal is durable, and everything journaled before it is applied (R16). */
    public List<ReplicaEffect> fenceJournaled() {
        fenced = true;
        return fences.remove().tokens().stream()
                .<ReplicaEffect>map(token -> new ReplicaEffect.Fenced(token, lastAddConfirmed))
                .toList();
    }

    /** The oldest fence found no room in the journal: as if nobody had asked for it, but for the sessions that it ended. */
    public List<ReplicaEffect> fenceNotJournaled(String reason) {
        return fences.remove().tokens().stream()
                .flatMap(token -> refuseFence(token, ReplicaRefusal.READ_ONLY, reason).stream())
                .toList();
    }

    /** Whether the ledger is fenced, durably: another fence then needs no room, unless records are in the journal. */
    public boolean isFencedDurably() {
        return fenced;
    }

    /**
     * The ledger's register was read as purged, or as collected: everything held of it goes (R22). Answered by {@link
     * ReplicaEffect.Dropped} with {@code token}, once that is durable; again at once when it is already.
     */
    public List<ReplicaEffect> drop(long token) {
        if (purged && drops.isEmpty()) {
            return List.of(new ReplicaEffect.Dropped(token));
        }
        boolean again = purged;
        purged = true;
        drops.add(token);
        if (again) {
            return List.of();
        }
        List<ReplicaEffect> effects = new ArrayList<>(endAll(PURGED));
        effects.addAll(recoveries.end(ReplicaRefusal.NOT_OPEN, PURGED));
        held.forgetLookUps();
        effects.add(new ReplicaEffect.JournalDrop());
        return effects;
    }

    /**
     * The ledger's register was read as CLOSED at {@code version}, and names this store in no fragment: its copy goes
     * (R22, R24). Answered like {@link #drop}, or by {@link ReplicaEffect.DropRefused}: then everything stays.
     */
    public List<ReplicaEffect> dropSuperseded(long token, long version) {
        if (purged) {
            return drop(token);
        }
        if (recoveries.heldAt() >= version) {
            return List.of(new ReplicaEffect.DropRefused(
                    token, "the copy is held at version " + recoveries.heldAt() + " of the register"));
        }
        if (!drops.isEmpty() || !fences.isEmpty() || !held.isIdle() || !recoveries.isIdle()) {
            return List.of(new ReplicaEffect.DropRefused(token, "the ledger is being changed here"));
        }
        drops.add(token);
        recoveries.pause(ReplicaRefusal.UNAVAILABLE, detailWhileDropping());
        List<ReplicaEffect> effects = new ArrayList<>(endAll("the ledger is closed"));
        effects.add(new ReplicaEffect.JournalDrop());
        return effects;
    }

    /** A drop is durable and applied: nothing is held of the ledger. */
    public List<ReplicaEffect> dropJournaled() {
        dropsInJournal--;
        if (dropsInJournal > 0) {
            return List.of();
        }
        knewNothing = true;
        fenced = false;
        lastAddConfirmed = EntryId.NONE;
        held.dropped();
        recoveries.dropped();
        List<ReplicaEffect> effects =
                drops.stream().<ReplicaEffect>map(ReplicaEffect.Dropped::new).toList();
        drops.clear();
        return effects;
    }

    /** A drop found no room in the journal: everything stays. */
    public List<ReplicaEffect> dropNotJournaled(String reason) {
        dropsInJournal--;
        if (dropsInJournal > 0) {
            return List.of();
        }
        purged = false;
        recoveries.resume();
        List<ReplicaEffect> effects = drops.stream()
                .<ReplicaEffect>map(token -> new ReplicaEffect.DropRefused(token, reason))
                .toList();
        drops.clear();
        return effects;
    }

    /** Ends sessions, openings and fences that are not in the journal. */
    private List<ReplicaEffect> endAll(String detail) {
        List<ReplicaEffect> effects = endSessions(ReplicaRefusal.NOT_OPEN, detail);
        openings.keySet()
                .forEach(counter ->
                        effects.add(new ReplicaEffect.SessionRefused(counter, ReplicaRefusal.NOT_OPEN, detail)));
        openings.clear();
        fencesToAuthorize
                .keySet()
                .forEach(token -> effects.addAll(refuseFence(token, ReplicaRefusal.NOT_OPEN, detail)));
        fencesToAuthorize.clear();
        lookUps.clear();
        dropsInJournal++;
        return effects;
    }

    private boolean isDropping() {
        return purged || !drops.isEmpty();
    }

    /** A superseded copy is gone in a moment; then the ledger can be asked for again. */
    private ReplicaRefusal whileDropping() {
        return purged ? ReplicaRefusal.NOT_OPEN : ReplicaRefusal.UNAVAILABLE;
    }

    private String detailWhileDropping() {
        return purged ? PURGED : "a superseded copy of the ledger is being dropped";
    }

    private boolean isFenced() {
        return fenced || !fences.isEmpty();
    }

    private Optional<ReplicaEffect> refusalOf(long counter, Opening opening, Optional<LedgerMetadata> metadata) {
        ReplicaRefusal refusal = null;
        String detail = "";
        if (metadata.isPresent() && metadata.get().deletion() == Deletion.PURGED) {
            refusal = ReplicaRefusal.NOT_OPEN;
            detail = PURGED;
        } else if (metadata.isPresent() && !terms.isProof(opening.proof())) {
            refusal = ReplicaRefusal.UNAUTHORIZED;
            detail = "the ledger's password is another one";
        } else if (inLimbo) {
            refusal = ReplicaRefusal.IN_LIMBO;
            detail = LIMBO_DETAIL;
        } else if (isFenced() || opening.fencesSeen() != fencesSeen) {
            refusal = ReplicaRefusal.FENCED;
            detail = "the ledger was fenced here";
        } else if (metadata.isEmpty()) {
            refusal = ReplicaRefusal.NO_SUCH_LEDGER;
            detail = "the register knows no ledger " + ledgerId;
        } else if (metadata.get().isDeleted() || metadata.get().state() != LedgerState.OPEN) {
            refusal = ReplicaRefusal.NOT_OPEN;
            detail = "the ledger is "
                    + (metadata.get().isDeleted() ? "deleted" : metadata.get().state());
        } else if (metadata.get().lastFragment().fragmentVersion() != opening.fragmentVersion()
                || !metadata.get().lastFragment().ensemble().contains(bookie)) {
            refusal = ReplicaRefusal.NOT_A_MEMBER;
            detail = "the last fragment is of version "
                    + metadata.get().lastFragment().fragmentVersion() + " with "
                    + metadata.get().lastFragment().ensemble().bookies();
        }
        return refusal == null
                ? Optional.empty()
                : Optional.of(new ReplicaEffect.SessionRefused(counter, refusal, detail));
    }

    private ReplicaEffect ackOf(long counter, Session session) {
        return new ReplicaEffect.Ack(
                counter,
                session.durable.cumulative(),
                session.durable.ranges().stream()
                        .map(range -> new ReplicaEffect.Range(range.first(), range.last()))
                        .toList(),
                session.durableOffset + limits.creditWindowBytes());
    }
}
