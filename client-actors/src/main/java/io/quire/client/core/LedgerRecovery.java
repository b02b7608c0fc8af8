package io.quire.client.core;

import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.Ensemble;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.FenceCoverage;
import io.quire.protocol.Fragment;
import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Closes a ledger whose writer is gone, or is thought to be: anybody may, any number at once, also while the writer lives.
 *
 * <p>Design note. Four steps, each of which may be taken again:
 *
 * <ol>
 *   <li>Claim: the register goes from OPEN to IN_RECOVERY. Who finds it there joins at the same version without a write
 *       (R23). From now on the writer can change nothing.
 *   <li>Fence the members of the last fragment until no ack quorum is left unfenced in any write set. What they say of
 *       the last-add-confirmed gives the floor, which is never below the fragment (H2).
 *   <li>Read forward from the floor, fencing, from the ensemble as it was registered. An entry exists if any verified
 *       copy is found; it is then written back, with the recovery's version (R24), and is settled when an ack quorum of its
 *       write set holds it. It does not exist only when so many members said so that it cannot have been acknowledged.
 *       Everything else is unknown, and the recovery waits, or fails at its deadline; it never guesses.
 *   <li>Close: one compare-and-set from exactly the version of the claim. Who loses it takes what is registered (H17).
 * </ol>
 *
 * <p>A member that takes no copies while an ack quorum needs it is replaced; that edit stays here until the close (H16).
 * Answers count only from the boot epoch that is registered, or a later one (R7): an older one is a clone.
 *
 * <p>Not thread-safe. Each input is given the time; there is no other clock.
 */
public final class LedgerRecovery {
    private enum State {
        /** Reads the register, or moves it to IN_RECOVERY. */
        CLAIMING,
        FENCING,
        READING,
        /** The end is known; waits for copies beyond ack quorums, then for the length if no entry told it. */
        ENDING,
        CLOSING,
        OVER
    }

    private final LedgerId ledgerId;
    private final LedgerKey key;
    private final Set<BookieId> destroyed;
    private final RecoverySettings settings;
    private final RecoveryOutbox outbox;
    private final long deadlineNanos;

    private State state = State.CLAIMING;
    private LedgerMetadata metadata;
    private long version;
    private boolean claimed;
    private Optional<LedgerMetadata> proposed = Optional.empty();
    private boolean registering;
    private long registerRetryNanos;

    // Of one claim; made anew when the register turns out to have changed.
    private Fragment fragment;
    private RecoveryMember[] members = {};
    private FenceCoverage coverage;
    private RecoveryEntries entries;
    private long lastAddConfirmed;
    private long floor;
    private final TreeMap<Long, Ensemble> edits = new TreeMap<>();
    private Optional<LengthRead> lengthRead = Optional.empty();
    private long copiesWritten;
    private long endNanos;
    private long lastRequest;

    /**
     * @param key of the ledger; a wrong one ends the recovery before it changes anything
     * @param destroyed bookies that are registered as destroyed, and whose loss an operator accepts for this ledger: they
     *     count as fenced, and as holding nothing (R23)
     */
    public LedgerRecovery(
            LedgerId ledgerId,
            LedgerKey key,
            Set<BookieId> destroyed,
            RecoverySettings settings,
            RecoveryOutbox outbox,
            long nowNanos) {
        this.ledgerId = ledgerId;
        this.key = key;
        this.destroyed = Set.copyOf(destroyed);
        this.settings = settings;
        this.outbox = outbox;
        this.deadlineNanos = nowNanos + settings.timeoutNanos();
    }

    /** Begins. Call once, first. */
    public void start(long nowNanos) {
        restart(nowNanos);
    }

    public boolean isOver() {
        return state == State.OVER;
    }

    /** The register was read; empty when there is no such ledger. */
    public void registerRead(Optional<Versioned<LedgerMetadata>> current, long nowNanos) {
        if (state == State.CLAIMING && proposed.isEmpty()) {
            registering = false;
            adopt(current, nowNanos);
        }
    }

    /** The register could not be read; it is tried again. */
    public void registerUnavailable(long nowNanos) {
        if (state == State.CLAIMING && proposed.isEmpty()) {
            registering = false;
            registerRetryNanos = nowNanos + settings.retryNanos();
        }
    }

    /** What was proposed is registered. */
    public void registered(long newVersion, long nowNanos) {
        if (proposed.isEmpty() || isOver()) {
            return;
        }
        LedgerMetadata now = proposed.get();
        proposed = Optional.empty();
        registering = false;
        if (now.isClosed()) {
            finish(new Versioned<>(newVersion, now), true);
        } else {
            adopt(Optional.of(new Versioned<>(newVersion, now)), nowNanos);
        }
    }

    /** What was proposed was not registered, and never will be as it was proposed; the register holds {@code current}. */
    public void registerConflict(Optional<Versioned<LedgerMetadata>> current, long nowNanos) {
        if (proposed.isPresent() && !isOver()) {
            proposed = Optional.empty();
            registering = false;
            adopt(current, nowNanos);
        }
    }

    /** Nobody knows yet whether what was proposed is registered. */
    public void registerUnknown(long nowNanos) {
        registering = false;
        registerRetryNanos = nowNanos + settings.retryNanos();
    }

    /** The register of a bookie was read; empty when there is none. */
    public void bookieRegistered(BookieId bookie, Optional<BootEpoch> bootEpoch, long nowNanos) {
        RecoveryMember member = memberOf(bookie);
        if (member != null && bootEpoch.isPresent()) {
            member.registered(bootEpoch.get(), nowNanos);
            advance(nowNanos);
        }
    }

    /** A bookie has fenced the ledger, durably. */
    public void fenced(BookieId bookie, BootEpoch bootEpoch, long itsLastAddConfirmed, long nowNanos) {
        RecoveryMember member = memberOf(bookie);
        if (member == null || !member.counts(bootEpoch) || (state != State.FENCING && state != State.READING)) {
            return;
        }
        member.fenced(nowNanos);
        coverage.fenced(member.position());
        if (state == State.FENCING) {
            lastAddConfirmed = Math.max(lastAddConfirmed, itsLastAddConfirmed);
        }
        advance(nowNanos);
    }

    /** A bookie answered a read; see {@link io.quire.protocol.wire.BookieReply.EntriesRead}. */
    public void entriesRead(
            long request, BookieId bookie, BootEpoch bootEpoch, EntryBatch found, long coveredTo, long nowNanos) {
        if (lengthRead.filter(read -> read.isFor(request)).isPresent()) {
            lengthRead.get().answered(found);
            advance(nowNanos);
            return;
        }
        RecoveryMember member = memberOf(bookie);
        boolean asking = state == State.READING || state == State.ENDING;
        if (member == null || !asking || !member.isReading(request)) {
            return;
        }
        long first = member.readFrom();
        // The end stands once it is found, whatever a late member holds beyond it.
        long end = state == State.READING ? coveredTo : Math.min(coveredTo, entries.next());
        if (!member.counts(bootEpoch) || coveredTo <= first) {
            member.readFailed(nowNanos + settings.retryNanos());
            return;
        }
        member.readAnswered(nowNanos);
        Optional<String> conflict = entries.heard(member.position(), first, end, found, member.isReplaced());
        if (conflict.isPresent()) {
            fail(Failure.unknown(Code.Conflict, conflict.get() + " of ledger " + ledgerId + "; it stays in recovery"));
            return;
        }
        if (first < end && entries.firstUnheard(member.position(), first).isPresent()) {
            // Its copy is damaged, or forged: asking again at once would tell the same.
            member.readFailed(nowNanos + settings.retryNanos());
        }
        advance(nowNanos);
    }

    /** A bookie did not carry out a read: unknown. */
    public void readRefused(long request, BookieId bookie, long nowNanos) {
        lengthRead.filter(read -> read.isFor(request)).ifPresent(read -> read.failed(nowNanos + settings.retryNanos()));
        RecoveryMember member = memberOf(bookie);
        if (member != null && member.isReading(request)) {
            member.readFailed(nowNanos + settings.retryNanos());
        }
    }

    /**
     * A bookie cannot tell what it holds, since it has lost something (R21): unknown. It takes copies all the same, and gets
     * them also of what it may hold.
     */
    public void readInLimbo(long request, BookieId bookie, long nowNanos) {
        RecoveryMember member = memberOf(bookie);
        if (member != null && member.isReading(request)) {
            member.inLimbo();
        }
        readRefused(request, bookie, nowNanos);
        advance(nowNanos);
    }

    /** A bookie says that the ledger's password is another one, although the register said otherwise. */
    public void unauthorized(BookieId bookie) {
        if (!isOver()) {
            fail(Failure.unknown(
                    Code.Unauthorized,
                    "bookie " + bookie + " says that ledger " + ledgerId
                            + " has another password; it stays in recovery"));
        }
    }

    /** A bookie holds the copies of {@code request}, durably. */
    public void entriesRecovered(long request, BookieId bookie, long nowNanos) {
        for (RecoveryMember member : members) {
            if (member.isWriting(request) && member.target().equals(bookie)) {
                EntryBatch written = member.writeAnswered(nowNanos);
                copiesWritten += written.entries().size();
                entries.written(member.position(), written);
                advance(nowNanos);
            }
        }
    }

    /** How a bookie refused copies. */
    public enum WriteRefusal {
        /** The register has another version than the one that the recovery names. */
        NOT_RECOVERING,
        /** It holds other bytes under the same ids. */
        CONFLICTING_BYTES,
        /** It cannot now. */
        BUSY
    }

    /** A bookie did not take the copies of {@code request}. */
    public void writeRefused(long request, BookieId bookie, WriteRefusal refusal, long nowNanos) {
        for (RecoveryMember member : members) {
            if (member.isWriting(request) && member.target().equals(bookie)) {
                entries.notWritten(member.position(), member.writeFailed(nowNanos + settings.retryNanos()));
                if (refusal == WriteRefusal.CONFLICTING_BYTES) {
                    fail(Failure.unknown(
                            Code.Conflict,
                            "bookie " + bookie + " holds other bytes for an entry of ledger " + ledgerId
                                    + "; it stays in recovery"));
                } else if (refusal == WriteRefusal.NOT_RECOVERING && state != State.CLOSING && !isOver()) {
                    restart(nowNanos);
                }
                return;
            }
        }
    }

    /** Time went on. */
    public void tick(long nowNanos) {
        if (isOver()) {
            return;
        }
        if (nowNanos - deadlineNanos >= 0) {
            fail(Failure.unknown(
                    Code.TimedOut, "ledger " + ledgerId + " could not be recovered in time: " + progress()));
            return;
        }
        if (!registering && nowNanos - registerRetryNanos >= 0) {
            if (proposed.isPresent()) {
                registering = true;
                outbox.register(version, proposed.get());
            } else if (state == State.CLAIMING) {
                registering = true;
                outbox.readRegister();
            }
        }
        for (RecoveryMember member : members) {
            member.tick(nowNanos).ifPresent(lost -> entries.notWritten(member.position(), lost));
        }
        lengthRead.ifPresent(read -> read.tick(nowNanos));
        advance(nowNanos);
    }

    private void restart(long nowNanos) {
        state = State.CLAIMING;
        members = new RecoveryMember[0];
        proposed = Optional.empty();
        lengthRead = Optional.empty();
        edits.clear();
        registering = true;
        registerRetryNanos = nowNanos;
        outbox.readRegister();
    }

    private void adopt(Optional<Versioned<LedgerMetadata>> current, long nowNanos) {
        if (current.isEmpty() || current.get().value().isDeleted()) {
            fail(Failure.notApplied(Code.NoSuchLedger, "there is no ledger " + ledgerId));
            return;
        }
        metadata = current.get().value();
        version = current.get().version();
        if (!key.opens(metadata.verifier())) {
            fail(Failure.notApplied(Code.Unauthorized, "the password of ledger " + ledgerId + " is another one"));
        } else if (metadata.isClosed()) {
            finish(current.get(), false);
        } else if (metadata.state() == LedgerState.OPEN) {
            state = State.CLAIMING;
            claimed = true;
            propose(metadata.inRecovery());
        } else {
            begin(nowNanos);
        }
    }

    private void begin(long nowNanos) {
        state = State.FENCING;
        fragment = metadata.lastFragment();
        coverage = new FenceCoverage(metadata.replication());
        lastAddConfirmed = EntryId.NONE;
        copiesWritten = 0;
        edits.clear();
        lengthRead = Optional.empty();
        members = new RecoveryMember[metadata.replication().ensembleSize()];
        for (int position = 0; position < members.length; position++) {
            BookieId source = fragment.ensemble().at(position);
            boolean lost = destroyed.contains(source);
            members[position] = new RecoveryMember(position, source, lost, settings, outbox, nowNanos);
            if (lost) {
                coverage.fenced(position);
            }
        }
        advance(nowNanos);
    }

    private void propose(LedgerMetadata next) {
        proposed = Optional.of(next);
        registering = true;
        outbox.register(version, next);
    }

    private void advance(long nowNanos) {
        if (state == State.FENCING && coverage.isCovered() && hasHeardSurvivor()) {
            floor = Math.max(lastAddConfirmed, fragment.firstEntryId() - 1);
            long begin = Math.max(lastAddConfirmed, fragment.firstEntryId());
            entries = new RecoveryEntries(metadata, key, begin, lostMask());
            state = State.READING;
        }
        if (state == State.READING) {
            entries.settle();
            entries.forget(ensemble(), settings.windowEntriesMax());
            if (entries.isNextDisproved()) {
                endFound(nowNanos);
            } else {
                readOn(nowNanos);
                replaceStuck(nowNanos);
            }
        }
        if (state == State.READING || state == State.ENDING) {
            writeOn(nowNanos);
        }
        if (state == State.ENDING) {
            // Members that were not needed for the end: what they hold need not be copied to them, nor noted as
            // lacking.
            ask(entries.lastEntryId(), nowNanos);
            entries.settle();
            tryClose(nowNanos);
        }
    }

    private void endFound(long nowNanos) {
        if (entries.lastEntryId() < floor) {
            fail(Failure.unknown(
                    Code.Conflict,
                    "entry " + entries.next() + " of ledger " + ledgerId
                            + " was confirmed and so many bookies do not have it that copies must be lost; it stays in"
                            + " recovery"));
            return;
        }
        state = State.ENDING;
        endNanos = nowNanos;
        if (entries.lengthSettled() < 0 && floor >= 0) {
            lengthRead = Optional.of(new LengthRead(metadata, key, floor, settings, outbox, this::nextRequest));
            lengthRead.get().ask(nowNanos);
        }
    }

    private void readOn(long nowNanos) {
        long window = entries.bytes() >= settings.windowBytesMax() ? 1 : settings.windowEntriesMax();
        ask(Math.min(EntryId.MAX, entries.next() + window - 1), nowNanos);
    }

    private void ask(long last, long nowNanos) {
        for (RecoveryMember member : members) {
            if (member.mayRead(nowNanos)) {
                entries.firstUnheard(member.position(), last)
                        .ifPresent(first -> member.read(nextRequest(), first, last, nowNanos));
            }
        }
    }

    private void writeOn(long nowNanos) {
        for (RecoveryMember member : members) {
            if (member.mayWrite(nowNanos)) {
                EntryBatch batch = entries.nextWrites(
                        member.position(),
                        member.lacksAnything(),
                        settings.batchEntriesMax(),
                        settings.batchBytesMax());
                if (!batch.entries().isEmpty()) {
                    member.write(nextRequest(), version, batch, nowNanos);
                }
            }
        }
    }

    /** Puts another bookie in the place of one that takes no copies, where the next entry needs it for an ack quorum. */
    private void replaceStuck(long nowNanos) {
        int needed = entries.neededForNext();
        for (RecoveryMember member : members) {
            boolean stuck = (needed & (1 << member.position())) != 0 && member.isStuck(nowNanos);
            Optional<BookieId> other = stuck ? outbox.replacementOf(member.target(), ensemble()) : Optional.empty();
            if (other.isPresent()) {
                Ensemble before = ensemble();
                entries.replaced(member.position(), before);
                member.replace(other.get(), nowNanos);
                edits.put(entries.next(), before.with(member.position(), other.get()));
            }
        }
    }

    private void tryClose(long nowNanos) {
        boolean patient = !entries.isAllWhole() && nowNanos - endNanos < settings.graceNanos();
        boolean lengthUnknown =
                lengthRead.isPresent() && lengthRead.get().length().isEmpty();
        if (patient || lengthUnknown) {
            return;
        }
        long last = entries.lastEntryId();
        long length = entries.lengthSettled() >= 0
                ? entries.lengthSettled()
                : lengthRead.map(read -> read.length().orElseThrow()).orElse(0L);
        List<IncompleteRange> incomplete = new ArrayList<>(entries.takeIncomplete(ensemble()));
        unheard().stream()
                .filter(bookie -> fragment.firstEntryId() <= last)
                .forEach(bookie -> incomplete.add(new IncompleteRange(bookie, fragment.firstEntryId(), last)));
        LedgerMetadata edited = metadata;
        for (Map.Entry<Long, Ensemble> edit : edits.entrySet()) {
            if (edit.getKey() <= last) {
                edited = edited.withFragment(new Fragment(edit.getKey(), version + 1, edit.getValue()), List.of());
            }
        }
        state = State.CLOSING;
        propose(edited.closed(last, length, incomplete).withAcceptedLosses(acceptedLosses()));
    }

    private void finish(Versioned<LedgerMetadata> closed, boolean mine) {
        state = State.OVER;
        outbox.recovered(new RecoveryReport(
                closed,
                mine ? Math.max(0, closed.value().lastEntryId() - floor) : 0,
                copiesWritten,
                mine ? unheard() : List.of()));
    }

    private void fail(Failure failure) {
        state = State.OVER;
        outbox.failed(failure);
    }

    /** Whether a member that was not destroyed is fenced, so that its last-add-confirmed is known; or there is none. */
    private boolean hasHeardSurvivor() {
        return Arrays.stream(members).anyMatch(RecoveryMember::isFenced)
                || Arrays.stream(members).allMatch(RecoveryMember::isLost);
    }

    private int lostMask() {
        int mask = AckSet.EMPTY;
        for (RecoveryMember member : members) {
            mask = member.isLost() ? AckSet.with(mask, member.position()) : mask;
        }
        return mask;
    }

    private List<BookieId> acceptedLosses() {
        return Arrays.stream(members)
                .filter(RecoveryMember::isLost)
                .map(RecoveryMember::source)
                .toList();
    }

    private List<BookieId> unheard() {
        List<BookieId> unheard = new ArrayList<>();
        for (RecoveryMember member : members) {
            if (!member.isFenced()) {
                unheard.add(member.source());
            }
        }
        return unheard;
    }

    private String progress() {
        return switch (state) {
            case CLAIMING -> claimed ? "the register did not answer" : "the register could not be read";
            case FENCING -> "too few bookies answered, silent are " + unheard();
            case READING ->
                "entry " + entries.next() + " could neither be settled nor disproved, silent are " + unheard();
            case ENDING -> "the ledger's length could not be read";
            default -> "the register did not answer";
        };
    }

    private Ensemble ensemble() {
        return edits.isEmpty() ? fragment.ensemble() : edits.lastEntry().getValue();
    }

    private RecoveryMember memberOf(BookieId source) {
        for (RecoveryMember member : members) {
            if (member.source().equals(source)) {
                return member;
            }
        }
        return null;
    }

    private long nextRequest() {
        return ++lastRequest;
    }
}
