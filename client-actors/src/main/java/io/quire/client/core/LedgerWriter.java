package io.quire.client.core;

import io.quire.protocol.AckSet;
import io.quire.protocol.BookieId;
import io.quire.protocol.Ensemble;
import io.quire.protocol.Fragment;
import io.quire.protocol.IncompleteRange;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The single writer of a ledger: gives out entry ids, sends entries to the members of the last fragment, and
 * acknowledges them in order.
 *
 * <p>Design note. An entry is encoded once, when it gets its id (R9), and waits in a window ({@link PendingEntries}). Each
 * member has a session with a cursor into that window ({@link WriterMember}). Batches form from load: what comes while
 * batches are in flight is the next batch.
 *
 * <p>Entry e completes when every entry before it has and an ack quorum of e's write set holds it durably; the last
 * completed one is the last-add-confirmed (R13). The window keeps an entry until its whole write set has it, or until
 * the byte budget is spent; then what is missing is noted as incomplete and registered with the next change (R12).
 *
 * <p>A member that gets nowhere is replaced by another bookie: a fragment that starts behind the last-add-confirmed is
 * registered, and only then does the new member get what is pending. From composing that change until its outcome is
 * known nothing completes (R11, H30): appends are taken and sent to the old members meanwhile, deadlines end them as
 * unknown, and nothing else thaws it. Then every acknowledgement of a replaced member is void, for all pending entries,
 * before the first of them completes (R8, H31). Without a replacement the writer goes on as long as ack quorums are met.
 *
 * <p>A member that says the ledger is fenced makes the writer read the register: still OPEN means a failed member,
 * anything else means that this writer has lost the ledger (R11).
 *
 * <p>A seal waits until every append has been answered, then registers CLOSED at the last-add-confirmed, by the same
 * steps.
 *
 * <p>Not thread-safe. Each input is given the time; there is no other clock.
 */
public final class LedgerWriter {
    private enum State {
        OPEN,
        /** No more appends; waits for the pending ones, then for the register. */
        SEALING,
        SEALED,
        /** Somebody else owns the ledger, or it is gone. */
        LOST,
        CLOSED
    }

    /** Somebody waits until {@code entryId} is durable. */
    private record Force(long token, long entryId, long deadlineNanos) {}

    /** How a bookie said no. */
    public enum Rejection {
        /** It does not know the session: it restarted, or dropped it. */
        UNKNOWN_SESSION,
        /** It says that the ledger is fenced, not open or not there. */
        NOT_WRITABLE,
        /** It says that the ledger's password is another one. */
        UNAUTHORIZED,
        /** It takes no entries, for long: it is read-only, or in limbo. */
        CLOSED_TO_ENTRIES,
        /** It cannot now. */
        BUSY
    }

    private final WriterSettings settings;
    private final WriterOutbox outbox;
    private final LedgerId ledgerId;
    private final Replication replication;
    private final PendingEntries entries;
    private final WriterMember[] members;

    private LedgerMetadata metadata;
    private long version;
    private State state = State.OPEN;
    private Optional<MetadataChange> change = Optional.empty();
    private boolean readingRegister;
    /** Members that said the ledger is not writable, until the register has been read. */
    private int deniedMask;

    private final Deque<Force> forces = new ArrayDeque<>();

    /** Whether sessions were asked for; before, there is nothing that a bookie should know. */
    private boolean started;

    /** Whether a session was ever open; without one nothing has been sent. */
    private boolean sessionOpened;

    private boolean appendedSinceTick;
    private long lastTickNanos;
    private long nextChangeNanos;
    private long sealStartNanos;
    /** Whether somebody waits to hear how the seal ends. */
    private boolean sealAwaited;

    private OptionalLong sealExpected = OptionalLong.empty();

    private Failure lost;

    /**
     * The writer of a ledger that was just created.
     *
     * @param created OPEN, with one fragment
     * @param key of the ledger
     */
    public LedgerWriter(
            Versioned<LedgerMetadata> created,
            LedgerKey key,
            WriterSettings settings,
            WriterOutbox outbox,
            long nowNanos) {
        if (created.value().state() != LedgerState.OPEN || created.value().isDeleted()) {
            throw new IllegalArgumentException("only an open ledger is written: " + created);
        }
        this.settings = settings;
        this.outbox = outbox;
        this.metadata = created.value();
        this.version = created.version();
        this.ledgerId = metadata.ledgerId();
        this.replication = metadata.replication();
        this.entries = new PendingEntries(metadata, key, settings, outbox);
        this.members = new WriterMember[replication.ensembleSize()];
        this.lastTickNanos = nowNanos;
        this.nextChangeNanos = nowNanos;
        for (int position = 0; position < members.length; position++) {
            members[position] = member(position, metadata.lastFragment().ensemble(), nowNanos);
        }
    }

    /**
     * Asks every member for a session, unless that was done; the first append does it. A ledger that gets no entry costs
     * its bookies nothing.
     */
    public void start(long nowNanos) {
        if (!started) {
            started = true;
            for (WriterMember member : members) {
                member.busyFrom(nowNanos);
                member.open(nowNanos);
            }
        }
    }

    public LedgerMetadata metadata() {
        return metadata;
    }

    /** The version of {@link #metadata()}. */
    public long version() {
        return version;
    }

    /** The last entry such that it and all before it are acknowledged; -1 for none. */
    public long lastAddConfirmed() {
        return entries.lastAddConfirmed();
    }

    /** The last entry id given out; -1 for none. */
    public long lastAddPushed() {
        return entries.lastAddPushed();
    }

    /** The payload bytes of all entries up to the last-add-confirmed. */
    public long lengthConfirmed() {
        return entries.lengthConfirmed();
    }

    /** Why a payload of that size cannot be appended now, if it cannot. */
    public Optional<Failure> refusalOf(int payloadBytes) {
        if (payloadBytes > settings.entryBytesMax()) {
            return Optional.of(Failure.notApplied(
                    Code.EntryTooLarge,
                    "an entry of " + payloadBytes + " bytes, at most " + settings.entryBytesMax() + " are allowed"));
        }
        if (state == State.LOST) {
            return Optional.of(Failure.notApplied(lost.code(), lost.message()));
        }
        if (state != State.OPEN) {
            return Optional.of(Failure.notApplied(Code.LedgerClosed, "ledger " + ledgerId + " takes no more entries"));
        }
        if (!entries.hasRoomFor(payloadBytes)) {
            return Optional.of(Failure.notApplied(
                    Code.Overloaded, entries.pendingBytes() + " bytes wait to be acknowledged by the bookies already"));
        }
        return Optional.empty();
    }

    /**
     * Gives the next entry id to {@code payload}, for which {@link #refusalOf} is empty. It is sent by the next {@link
     * #pump}.
     */
    public long append(Payload payload, Durability durability, long nowNanos) {
        start(nowNanos);
        if (entries.isEmpty()) {
            for (WriterMember member : members) {
                member.busyFrom(nowNanos);
            }
        }
        long entryId = entries.append(payload, durability, nowNanos);
        appendedSinceTick = true;
        return entryId;
    }

    /** Sends what can be sent. Call when no more appends are at hand for now, or a batch is full. */
    public void pump(long nowNanos) {
        for (WriterMember member : members) {
            member.pump(nowNanos);
        }
    }

    /**
     * A bookie opened a session.
     *
     * @param position of the bookie in the last fragment, or -1 when it is no member any more; so in all inputs
     */
    public void sessionOpened(int position, SessionId session, long creditLimit, long nowNanos) {
        if (position < 0 || !members[position].wantsSession() || isOver()) {
            outbox.closeSession(position, session);
            return;
        }
        sessionOpened = true;
        members[position].opened(session, creditLimit, nowNanos);
        members[position].pump(nowNanos);
    }

    /** The member at {@code position} opened no session. */
    public void sessionRefused(int position, Rejection rejection, long nowNanos) {
        if (position >= 0 && members[position].isOpening() && !isOver()) {
            members[position].refused(nowNanos);
            rejected(members[position], rejection, nowNanos);
        }
    }

    /** The member's session takes nothing more. */
    public void sessionEnded(int position, SessionId session, Rejection rejection, long nowNanos) {
        if (isCurrent(position, session)) {
            if (rejection == Rejection.UNKNOWN_SESSION) {
                members[position].forgotten(nowNanos);
            } else {
                members[position].refused(nowNanos);
                rejected(members[position], rejection, nowNanos);
            }
        }
    }

    /** The member did not take a batch; it is offered again after a while. */
    public void batchRefused(int position, SessionId session, Rejection rejection, long nowNanos) {
        if (isCurrent(position, session)) {
            members[position].heard(nowNanos);
            rejected(members[position], rejection, nowNanos);
        }
    }

    /**
     * Batches of the member's session are durable: all up to {@code cumulative}, and those in {@code ranges}.
     *
     * @param ranges pairs of first and last number
     */
    public void batchesAdded(
            int position, SessionId session, long cumulative, List<long[]> ranges, long creditLimit, long nowNanos) {
        if (!isCurrent(position, session)) {
            return;
        }
        members[position].added(cumulative, ranges, creditLimit, nowNanos);
        if (change.isEmpty()) {
            entries.complete();
        }
        entries.release();
        endForces(nowNanos);
        members[position].pump(nowNanos);
        trySeal(nowNanos);
    }

    /**
     * Batches of the member's session were received and will be journaled; said of batches that ask for it (R13).
     *
     * @param ranges pairs of first and last number
     */
    public void batchesReceived(int position, SessionId session, List<long[]> ranges, long nowNanos) {
        if (isCurrent(position, session)) {
            members[position].received(ranges, nowNanos);
            if (change.isEmpty()) {
                entries.complete();
            }
            trySeal(nowNanos);
        }
    }

    /** The register was read; empty when there is no such ledger, or no longer. */
    public void registerRead(Optional<Versioned<LedgerMetadata>> current, long nowNanos) {
        readingRegister = false;
        int denied = deniedMask;
        deniedMask = 0;
        if (isOver() || change.isPresent()) {
            return; // the change's own outcome decides; who still denies then will be heard again
        }
        if (current.isPresent() && current.get().version() < version) {
            return; // read before the last change
        }
        if (!adopt(current)) {
            return;
        }
        for (WriterMember member : members) {
            if (AckSet.contains(denied, member.position()) && !member.isOpen()) {
                member.giveUp();
            }
        }
        changeEnsemble(nowNanos);
    }

    /**
     * Like {@link #seal(long)}, but only if the ledger then ends with {@code expectedLastEntryId}; otherwise nothing is
     * changed, and the writer goes on. When another seal is under way it decides, and may end elsewhere.
     */
    public void seal(long expectedLastEntryId, long nowNanos) {
        if (state == State.SEALED && metadata.lastEntryId() != expectedLastEntryId) {
            outbox.sealFailed(otherEnd(expectedLastEntryId, metadata.lastEntryId()));
        } else if (state == State.OPEN && lastAddPushed() != expectedLastEntryId) {
            outbox.sealFailed(otherEnd(expectedLastEntryId, lastAddPushed()));
        } else {
            sealExpected = sealAwaited ? sealExpected : OptionalLong.of(expectedLastEntryId);
            sealNow(nowNanos);
        }
    }

    private Failure otherEnd(long expected, long last) {
        return Failure.notApplied(
                Code.InvalidRequest,
                "ledger " + ledgerId + " was to be sealed behind entry " + expected + ", its last one is " + last);
    }

    /** The register could not be read; it is tried again when a bookie gives reason to. */
    public void registerUnavailable() {
        readingRegister = false;
        deniedMask = 0;
    }

    /**
     * Ends, by {@link WriterOutbox#forced} or {@link WriterOutbox#forceFailed} with {@code token}, once every append
     * before it is durable at an ack quorum, or cannot be any more.
     */
    public void force(long token, long nowNanos) {
        if (isOver() && entries.lastAddConfirmed() < lastAddPushed()) {
            outbox.forceFailed(token, notForced(lastAddPushed()));
        } else {
            forces.add(new Force(token, lastAddPushed(), nowNanos + settings.appendTimeoutNanos()));
            endForces(nowNanos);
        }
    }

    private void endForces(long nowNanos) {
        while (!forces.isEmpty()) {
            Force oldest = forces.peek();
            if (entries.lastAddConfirmed() >= oldest.entryId()) {
                outbox.forced(oldest.token());
            } else if (isOver() || nowNanos - oldest.deadlineNanos() >= 0) {
                outbox.forceFailed(oldest.token(), notForced(oldest.entryId()));
            } else {
                return;
            }
            forces.remove();
        }
    }

    private Failure notForced(long entryId) {
        return Failure.unknown(
                isOver() ? Code.NoWriter : Code.TimedOut,
                "entries up to " + entryId + " are not known to be durable, only up to " + entries.lastAddConfirmed());
    }

    /**
     * Closes the ledger for ever behind the last entry, once every pending append is answered; ends with {@link
     * WriterOutbox#sealed} or {@link WriterOutbox#sealFailed}.
     */
    public void seal(long nowNanos) {
        // Wherever the ledger ends: also when another seal, which minds, is under way or has timed out.
        sealExpected = OptionalLong.empty();
        sealNow(nowNanos);
    }

    private void sealNow(long nowNanos) {
        switch (state) {
            case OPEN, SEALING -> {
                state = State.SEALING;
                sealStartNanos = sealAwaited ? sealStartNanos : nowNanos;
                sealAwaited = true;
                change.filter(pending -> pending.kind() == MetadataChange.Kind.SEAL)
                        .ifPresent(pending -> pending.retryAt(nowNanos));
                trySeal(nowNanos);
            }
            case SEALED -> outbox.sealed(metadata, version);
            case LOST -> outbox.sealFailed(Failure.notApplied(lost.code(), lost.message()));
            case CLOSED ->
                outbox.sealFailed(
                        Failure.notApplied(Code.NoWriter, "the writer of ledger " + ledgerId + " was closed"));
            default -> throw new IllegalStateException("no such state: " + state);
        }
    }

    /** The change under way is registered, at {@code newVersion}. */
    public void registered(long newVersion, long nowNanos) {
        if (change.isEmpty()) {
            return;
        }
        MetadataChange done = change.get();
        change = Optional.empty();
        metadata = done.proposed();
        version = newVersion;
        if (done.kind() == MetadataChange.Kind.SEAL) {
            becomeSealed();
        } else {
            replace(done, nowNanos);
        }
    }

    /** The change was not registered, and never will be as it was proposed; the register holds {@code current}. */
    public void registerConflict(Optional<Versioned<LedgerMetadata>> current, long nowNanos) {
        if (change.isEmpty()) {
            return;
        }
        MetadataChange failed = change.get();
        if (failed.kind() == MetadataChange.Kind.SEAL
                && current.filter(this::isMyEnd).isPresent()) {
            change = Optional.empty();
            metadata = current.get().value();
            version = current.get().version();
            becomeSealed();
        } else if (adopt(current)) {
            propose(failed.kind(), failed.replacements(), failed.incomplete());
        }
    }

    /** Nobody knows yet whether the change is registered. */
    public void registerUnknown(String reason, long nowNanos) {
        change.ifPresent(pending -> {
            pending.retryAt(nowNanos + settings.retryNanos());
            if (pending.kind() == MetadataChange.Kind.SEAL && isSealOverdue(nowNanos)) {
                pending.stopRetrying();
                endSeal(Failure.unknown(Code.TimedOut, "the seal's outcome is not known: " + reason));
            }
        });
    }

    /** Lets go of the ledger; pending appends, and a seal that was proposed already, end with outcome UNKNOWN. */
    public void close() {
        if (state == State.CLOSED) {
            return;
        }
        boolean over = isOver();
        boolean proposed = isChanging(MetadataChange.Kind.SEAL);
        state = State.CLOSED;
        change = Optional.empty();
        if (!over) {
            entries.failAll(Failure.unknown(Code.NoWriter, "the writer was closed before the entry was acknowledged"));
            closeSessions();
        }
        endForces(lastTickNanos);
        endSeal(
                proposed
                        ? Failure.unknown(Code.NoWriter, "the writer was closed while its seal was under way")
                        : Failure.notApplied(Code.NoWriter, "the writer was closed before it could seal"));
    }

    /** When {@link #tick} is to be called next. */
    public enum Attention {
        /** Not before the next input. */
        NONE,
        /** For deadlines that are far off. */
        SOMETIME,
        /** Once nothing was appended for a short while. */
        WHEN_QUIET,
        /** Shortly. */
        SOON
    }

    /** When {@link #tick} is to be called next, if there is no other input before. */
    public Attention attention() {
        if (isOver()) {
            return Attention.NONE;
        } else if (state != State.OPEN || change.isPresent() || !forces.isEmpty() || (started && !isConnected())) {
            return Attention.SOON;
        } else if (!entries.isAnswered()) {
            return Attention.SOMETIME;
        }
        return isQuiet() ? Attention.NONE : Attention.WHEN_QUIET;
    }

    private boolean isConnected() {
        for (WriterMember member : members) {
            if (!member.isOpen()) {
                return false;
            }
        }
        return true;
    }

    /** Whether every member has everything, and knows it. */
    private boolean isQuiet() {
        for (WriterMember member : members) {
            if (started && !(member.isQuiet() && member.wasTold(entries.lastAddConfirmed()))) {
                return false;
            }
        }
        return true;
    }

    /** Time went on. */
    public void tick(long nowNanos) {
        if (isOver()) {
            return;
        }
        long stoodStillNanos = nowNanos - lastTickNanos;
        lastTickNanos = nowNanos;
        entries.expire(nowNanos);
        endForces(nowNanos);
        if (started) {
            tickMembers(stoodStillNanos, nowNanos);
        }
        changeEnsemble(nowNanos);
        trySeal(nowNanos);
        change.filter(pending -> pending.isDue(nowNanos))
                .ifPresent(pending -> outbox.register(pending.expectedVersion(), pending.proposed()));
    }

    private void tickMembers(long stoodStillNanos, long nowNanos) {
        for (WriterMember member : members) {
            if (stoodStillNanos > settings.openTimeoutNanos()) {
                member.excuse(stoodStillNanos, nowNanos);
            }
            member.tick(nowNanos);
        }
        if (!appendedSinceTick && entries.lastAddConfirmed() == lastAddPushed()) {
            for (WriterMember member : members) {
                member.tell(entries.lastAddConfirmed(), nowNanos);
            }
        }
        appendedSinceTick = false;
    }

    private void rejected(WriterMember member, Rejection rejection, long nowNanos) {
        if (rejection == Rejection.CLOSED_TO_ENTRIES) {
            member.giveUp();
            changeEnsemble(nowNanos);
        } else if (rejection == Rejection.UNAUTHORIZED) {
            String message = "bookie " + member.bookie() + " says that ledger " + ledgerId + " has another password";
            lose(
                    sessionOpened
                            ? Failure.unknown(Code.Unauthorized, message)
                            : Failure.notApplied(Code.Unauthorized, message));
        } else if (rejection == Rejection.NOT_WRITABLE) {
            deniedMask = AckSet.with(deniedMask, member.position());
            if (!readingRegister) {
                readingRegister = true;
                outbox.readRegister();
            }
        }
    }

    /** Replaces the members that have failed, as far as there are others. */
    private void changeEnsemble(long nowNanos) {
        boolean idle = state == State.SEALING && entries.isAnswered() && entries.isForced();
        if (!started || isOver() || idle || change.isPresent() || nowNanos - nextChangeNanos < 0) {
            return;
        }
        int failedMask = 0;
        for (WriterMember member : members) {
            failedMask = member.hasFailed(nowNanos) ? AckSet.with(failedMask, member.position()) : failedMask;
        }
        if (failedMask == 0 || (settings.members().changeDelayed() && !isQuorumLost(failedMask))) {
            return;
        }
        nextChangeNanos = nowNanos + settings.members().timeoutNanos() / 4;
        Ensemble ensemble = metadata.lastFragment().ensemble();
        List<WriterMember> replacements = new ArrayList<>();
        for (WriterMember member : members) {
            if (AckSet.contains(failedMask, member.position())) {
                Optional<BookieId> other = outbox.replacementOf(member.bookie(), ensemble);
                if (other.isPresent()) {
                    ensemble = ensemble.with(member.position(), other.get());
                    replacements.add(member(member.position(), ensemble, nowNanos));
                }
            }
        }
        if (!replacements.isEmpty()) {
            entries.writeOff(maskOf(replacements));
            propose(MetadataChange.Kind.ENSEMBLE, replacements, List.of());
        }
    }

    /** Whether some write set has no ack quorum without the members in {@code failedMask}. */
    private boolean isQuorumLost(int failedMask) {
        for (int start = 0; start < replication.ensembleSize(); start++) {
            if (Integer.bitCount(replication.writeSetMaskFrom(start) & ~failedMask) < replication.ackQuorum()) {
                return true;
            }
        }
        return false;
    }

    private void trySeal(long nowNanos) {
        if (state != State.SEALING) {
            return;
        }
        boolean whole = entries.isEmpty();
        boolean patient = !whole && nowNanos - sealStartNanos < settings.sealGraceNanos();
        if (change.isEmpty() && !entries.isForced()) {
            if (isSealOverdue(nowNanos)) {
                endSeal(Failure.unknown(
                        Code.TimedOut,
                        "what was acknowledged from memory is not durable; the ledger may yet be sealed"));
            }
            return; // a seal forces (H40)
        }
        boolean ready = change.isEmpty() && entries.isAnswered();
        if (ready && sealExpected.isPresent() && entries.lastAddConfirmed() != sealExpected.getAsLong()) {
            Failure failure = otherEnd(sealExpected.getAsLong(), entries.lastAddConfirmed());
            state = State.OPEN;
            sealExpected = OptionalLong.empty();
            endSeal(failure);
        } else if (ready && !patient) {
            entries.writeOff(replication.allMask());
            propose(MetadataChange.Kind.SEAL, List.of(), List.of());
        } else if (isChanging(MetadataChange.Kind.ENSEMBLE) && isSealOverdue(nowNanos)) {
            endSeal(Failure.unknown(Code.TimedOut, "the register has not answered; the ledger may yet be sealed"));
        }
    }

    /** Registers a change of the metadata as it is known, and freezes completion (R11). */
    private void propose(
            MetadataChange.Kind kind, List<WriterMember> replacements, List<IncompleteRange> incompleteBefore) {
        List<IncompleteRange> incomplete = new ArrayList<>(incompleteBefore);
        incomplete.addAll(entries.takeIncomplete());
        LedgerMetadata proposed;
        if (kind == MetadataChange.Kind.SEAL) {
            proposed = metadata.closed(entries.lastAddConfirmed(), entries.lengthConfirmed(), incomplete);
        } else {
            Ensemble ensemble = metadata.lastFragment().ensemble();
            for (WriterMember replacement : replacements) {
                ensemble = ensemble.with(replacement.position(), replacement.bookie());
            }
            proposed = metadata.withFragment(
                    new Fragment(entries.lastAddConfirmed() + 1, version + 1, ensemble), incomplete);
        }
        change = Optional.of(new MetadataChange(kind, replacements, incomplete, version, proposed));
        outbox.register(version, proposed);
    }

    /** The new members take their places; then, and not before, pending entries may complete. */
    private void replace(MetadataChange done, long nowNanos) {
        if (version != metadata.lastFragment().fragmentVersion()) {
            throw new IllegalStateException("the register of ledger " + ledgerId + " gave version " + version
                    + " to a fragment that expects " + metadata.lastFragment().fragmentVersion());
        }
        for (WriterMember replacement : done.replacements()) {
            members[replacement.position()].close();
            members[replacement.position()] = replacement;
        }
        entries.ensembleChanged(metadata.lastFragment().ensemble(), maskOf(done.replacements()));
        outbox.ensembleChanged(metadata, version);
        done.replacements().forEach(replacement -> replacement.open(nowNanos));
        entries.complete();
        entries.release();
        endForces(nowNanos);
        trySeal(nowNanos);
    }

    /** Goes on with what the register holds, unless the ledger is lost. */
    private boolean adopt(Optional<Versioned<LedgerMetadata>> current) {
        if (current.isEmpty() || current.get().value().isDeleted()) {
            lose(Code.NoSuchLedger, "ledger " + ledgerId + " was deleted");
            return false;
        }
        LedgerMetadata registered = current.get().value();
        if (registered.state() != LedgerState.OPEN || !registered.lastFragment().equals(metadata.lastFragment())) {
            lose(Code.LedgerFenced, "ledger " + ledgerId + " was taken over: it is " + registered.state());
            return false;
        }
        metadata = registered;
        version = current.get().version();
        return true;
    }

    private boolean isMyEnd(Versioned<LedgerMetadata> current) {
        LedgerMetadata registered = current.value();
        return registered.isClosed()
                && !registered.isDeleted()
                && registered.lastEntryId() == entries.lastAddConfirmed()
                && registered.length() == entries.lengthConfirmed();
    }

    private void becomeSealed() {
        state = State.SEALED;
        closeSessions();
        endForces(lastTickNanos);
        sealAwaited = false;
        outbox.sealed(metadata, version);
    }

    private boolean isChanging(MetadataChange.Kind kind) {
        return change.filter(pending -> pending.kind() == kind).isPresent();
    }

    private boolean isSealOverdue(long nowNanos) {
        return nowNanos - sealStartNanos >= settings.sealTimeoutNanos();
    }

    private void endSeal(Failure failure) {
        if (sealAwaited) {
            sealAwaited = false;
            outbox.sealFailed(failure);
        }
    }

    private void lose(Code code, String message) {
        lose(Failure.unknown(code, message));
    }

    /** @param appends how the appends that are pending end */
    private void lose(Failure appends) {
        state = State.LOST;
        change = Optional.empty();
        lost = appends;
        entries.failAll(lost);
        closeSessions();
        endForces(lastTickNanos);
        endSeal(Failure.notApplied(lost.code(), lost.message()));
    }

    private void closeSessions() {
        for (WriterMember member : members) {
            member.close();
        }
    }

    private WriterMember member(int position, Ensemble ensemble, long nowNanos) {
        return new WriterMember(position, ensemble.at(position), settings, entries, outbox, nowNanos);
    }

    private boolean isCurrent(int position, SessionId session) {
        return position >= 0 && members[position].isSession(session) && !isOver();
    }

    private boolean isOver() {
        return state == State.SEALED || state == State.LOST || state == State.CLOSED;
    }

    private static int maskOf(List<WriterMember> members) {
        int mask = 0;
        for (WriterMember member : members) {
            mask = AckSet.with(mask, member.position());
        }
        return mask;
    }
}
