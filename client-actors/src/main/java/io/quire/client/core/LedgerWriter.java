package io.quire.client.core;

import io.quire.client.core.EntryWindow.PendingEntry;
import io.quire.client.core.WriterMember.Phase;
import io.quire.client.core.WriterMember.SentBatch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Replication;
import io.quire.protocol.SessionId;
import io.quire.protocol.Versioned;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;

/**
 * The single writer of a ledger: gives out entry ids, sends entries to the members of the last fragment, and
 * acknowledges them in order.
 *
 * <p>Design note. An entry is encoded once, when it gets its id (R9), and waits in a window. Each member has a session
 * with a cursor into that window; a pump sends what lies between cursor and end in batches, as far as credits and the
 * bound on batches in flight allow. So batches form from load: what comes while batches are in flight is the next batch.
 *
 * <p>Entry e completes when every entry before it has and an ack quorum of e's write set holds it durably; the last
 * completed one is the last-add-confirmed (R13). The window keeps an entry until its whole write set has it, or until
 * the byte budget is spent; then what is missing is noted as incomplete and registered with the seal (R12).
 *
 * <p>A silent member is probed; what it says it lacks is sent again, with the same number and content (R10). A session
 * that is unknown (the bookie restarted) or stays silent is replaced by a new one, in which everything unacknowledged is
 * sent again. A member that says the ledger is fenced makes the writer read the register: still OPEN means a failed
 * member, anything else means that this writer has lost the ledger (R11).
 *
 * <p>A seal waits until every append has been answered, then freezes completion and registers CLOSED at the
 * last-add-confirmed; what becomes of that decides (R11).
 *
 * <p>Not thread-safe. Each input is given the time; there is no other clock.
 */
public final class LedgerWriter {
    private enum State {
        OPEN,
        /** No more appends; waits for the pending ones. */
        SEALING,
        /** The seal's compare-and-set is under way, or its outcome is not known: nothing completes. */
        FROZEN,
        SEALED,
        /** Somebody else owns the ledger, or it is gone. */
        LOST,
        CLOSED
    }

    /** How a bookie said no. */
    public enum Rejection {
        /** It does not know the session: it restarted, or dropped it. */
        UNKNOWN_SESSION,
        /** It says that the ledger is fenced, not open or not there. */
        NOT_WRITABLE,
        /** It cannot now. */
        BUSY
    }

    private final WriterSettings settings;
    private final WriterOutbox outbox;
    private final LedgerId ledgerId;
    private final Replication replication;
    private final Fragment fragment;
    private final PendingEntries entries;
    private final WriterMember[] members;

    private LedgerMetadata metadata;
    private long version;
    private State state = State.OPEN;
    private boolean readingRegister;
    private boolean appendedSinceTick;
    private long sealStartNanos;
    private long sealRetryNanos;
    /** The value of the seal under way: a retry of one operation carries the same bytes. */
    private LedgerMetadata proposedSeal;

    private Failure lost;

    /**
     * The writer of a ledger that was just created.
     *
     * @param created OPEN, with one fragment
     */
    public LedgerWriter(Versioned<LedgerMetadata> created, WriterSettings settings, WriterOutbox outbox) {
        if (created.value().state() != LedgerState.OPEN || created.value().isDeleted()) {
            throw new IllegalArgumentException("only an open ledger is written: " + created);
        }
        this.settings = settings;
        this.outbox = outbox;
        this.metadata = created.value();
        this.version = created.version();
        this.ledgerId = metadata.ledgerId();
        this.replication = metadata.replication();
        this.fragment = metadata.lastFragment();
        this.entries = new PendingEntries(metadata, settings, outbox);
        this.members = new WriterMember[replication.ensembleSize()];
        for (int position = 0; position < members.length; position++) {
            members[position] = new WriterMember(position);
        }
    }

    /** Asks every member for a session. Call once, first. */
    public void start(long nowNanos) {
        for (WriterMember member : members) {
            open(member, nowNanos);
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
    public long append(Payload payload, long nowNanos) {
        long entryId = entries.append(payload, nowNanos);
        appendedSinceTick = true;
        return entryId;
    }

    /** Sends what can be sent. Call when no more appends are at hand for now, or a batch is full. */
    public void pump(long nowNanos) {
        for (WriterMember member : members) {
            pump(member, nowNanos);
        }
    }

    /** The member at {@code position} opened a session. */
    public void sessionOpened(int position, SessionId session, long creditLimit, long nowNanos) {
        WriterMember member = members[position];
        if (member.phase != Phase.OPENING || isOver()) {
            outbox.closeSession(position, session);
            return;
        }
        member.opened(session, creditLimit, entries.first(), nowNanos);
        pump(member, nowNanos);
    }

    /** The member at {@code position} opened no session. */
    public void sessionRefused(int position, Rejection rejection, long nowNanos) {
        WriterMember member = members[position];
        if (member.phase == Phase.OPENING && !isOver()) {
            member.failures++;
            member.disconnected(nowNanos + retryNanos(member));
            askRegisterIf(rejection);
        }
    }

    /** The member's session takes nothing more. */
    public void sessionEnded(int position, SessionId session, Rejection rejection, long nowNanos) {
        WriterMember member = members[position];
        if (!member.isSession(session) || isOver()) {
            return;
        }
        member.disconnected(nowNanos);
        if (rejection == Rejection.UNKNOWN_SESSION) {
            open(member, nowNanos);
        } else {
            member.failures++;
            member.retryAtNanos = nowNanos + retryNanos(member);
            askRegisterIf(rejection);
        }
    }

    /** The member did not take a batch; it is offered again after a while. */
    public void batchRefused(int position, SessionId session, long number, long nowNanos) {
        WriterMember member = members[position];
        if (member.isSession(session)) {
            member.lastHeardNanos = nowNanos;
            member.probing = false;
        }
    }

    /**
     * Batches of the member's session are durable: all up to {@code cumulative}, and those in {@code ranges}.
     *
     * @param ranges pairs of first and last number
     */
    public void batchesAdded(
            int position, SessionId session, long cumulative, List<long[]> ranges, long creditLimit, long nowNanos) {
        WriterMember member = members[position];
        if (!member.isSession(session) || isOver()) {
            return;
        }
        member.lastHeardNanos = nowNanos;
        member.probes = 0;
        member.creditLimit = Math.max(member.creditLimit, creditLimit);
        for (Iterator<SentBatch> batches = member.inFlight.iterator(); batches.hasNext(); ) {
            SentBatch batch = batches.next();
            if (batch.number > cumulative && ranges.isEmpty()) {
                break;
            }
            if (isIn(batch.number, cumulative, ranges)) {
                batches.remove();
                member.lastAddConfirmedDurable = Math.max(member.lastAddConfirmedDurable, batch.lastAddConfirmed);
                entries.durable(member.position, batch.entries);
            }
        }
        resend(member, member.probing ? Long.MAX_VALUE : lastIn(ranges), nowNanos);
        member.probing = false;
        if (state != State.FROZEN) {
            entries.complete();
        }
        entries.release();
        pump(member, nowNanos);
        trySeal(nowNanos);
    }

    /** The register was read; empty when there is no such ledger, or no longer. */
    public void registerRead(Optional<Versioned<LedgerMetadata>> current, long nowNanos) {
        readingRegister = false;
        if (isOver() || state == State.FROZEN) {
            return; // while frozen, the seal's own outcome decides
        }
        if (current.isEmpty() || current.get().value().isDeleted()) {
            lose(Code.NoSuchLedger, "ledger " + ledgerId + " was deleted");
        } else if (!isStillMine(current.get().value())) {
            lose(
                    Code.LedgerFenced,
                    "ledger " + ledgerId + " was taken over: it is "
                            + current.get().value().state());
        } else {
            metadata = current.get().value();
            version = current.get().version();
        }
    }

    /** The register could not be read; it is tried again when a bookie gives reason to. */
    public void registerUnavailable() {
        readingRegister = false;
    }

    /**
     * Closes the ledger for ever behind the last entry, once every pending append is answered; ends with {@link
     * WriterOutbox#sealed} or {@link WriterOutbox#sealFailed}.
     */
    public void seal(long nowNanos) {
        switch (state) {
            case OPEN -> {
                state = State.SEALING;
                sealStartNanos = nowNanos;
                trySeal(nowNanos);
            }
            case SEALING -> trySeal(nowNanos);
            case FROZEN -> {
                sealStartNanos = nowNanos;
                sealRetryNanos = nowNanos;
            }
            case SEALED -> outbox.sealed(metadata, version);
            case LOST -> outbox.sealFailed(Failure.notApplied(lost.code(), lost.message()));
            case CLOSED ->
                outbox.sealFailed(
                        Failure.notApplied(Code.NoWriter, "the writer of ledger " + ledgerId + " was closed"));
            default -> throw new IllegalStateException("no such state: " + state);
        }
    }

    /** The seal is registered, at {@code newVersion}. */
    public void sealRegistered(long newVersion, long nowNanos) {
        if (state == State.FROZEN) {
            becomeSealed(proposedSeal, newVersion);
        }
    }

    /** The seal was not registered, and never will be as it was proposed; the register holds {@code current}. */
    public void sealConflict(Optional<Versioned<LedgerMetadata>> current, long nowNanos) {
        if (state != State.FROZEN) {
            return;
        }
        if (current.isEmpty() || current.get().value().isDeleted()) {
            lose(Code.NoSuchLedger, "ledger " + ledgerId + " was deleted");
            outbox.sealFailed(Failure.notApplied(lost.code(), lost.message()));
            return;
        }
        LedgerMetadata registered = current.get().value();
        if (registered.isClosed()
                && registered.lastEntryId() == entries.lastAddConfirmed()
                && registered.length() == entries.lengthConfirmed()) {
            becomeSealed(registered, current.get().version());
        } else if (isStillMine(registered)) {
            metadata = registered;
            version = current.get().version();
            proposeSeal();
        } else {
            lose(Code.LedgerFenced, "ledger " + ledgerId + " was taken over: it is " + registered.state());
            outbox.sealFailed(Failure.notApplied(lost.code(), lost.message()));
        }
    }

    /** Nobody knows yet whether the seal is registered. */
    public void sealUnknown(String reason, long nowNanos) {
        if (state != State.FROZEN) {
            return;
        }
        if (nowNanos - sealStartNanos >= settings.sealTimeoutNanos()) {
            outbox.sealFailed(Failure.unknown(Code.TimedOut, "the seal's outcome is not known: " + reason));
            sealRetryNanos = Long.MAX_VALUE;
        } else {
            sealRetryNanos = nowNanos + settings.retryNanos();
        }
    }

    /** Lets go of the ledger; pending appends, and a seal that was proposed already, end with outcome UNKNOWN. */
    public void close() {
        if (state == State.CLOSED) {
            return;
        }
        boolean over = isOver();
        State before = state;
        state = State.CLOSED;
        if (!over) {
            entries.failAll(Failure.unknown(Code.NoWriter, "the writer was closed before the entry was acknowledged"));
            closeSessions();
        }
        if (before == State.SEALING) {
            outbox.sealFailed(Failure.notApplied(Code.NoWriter, "the writer was closed before it could seal"));
        } else if (before == State.FROZEN) {
            outbox.sealFailed(Failure.unknown(Code.NoWriter, "the writer was closed while its seal was under way"));
        }
    }

    /** Whether {@link #tick} has anything to look after. */
    public boolean needsTick() {
        if (isOver()) {
            return false;
        }
        boolean connected = true;
        boolean told = true;
        for (WriterMember member : members) {
            connected &= member.isOpen() && member.inFlight.isEmpty();
            told &= member.lastAddConfirmedSent == entries.lastAddConfirmed();
        }
        return !connected || !told || state != State.OPEN || !entries.isAnswered();
    }

    /** Time went on. */
    public void tick(long nowNanos) {
        if (isOver()) {
            return;
        }
        entries.expire(nowNanos);
        for (WriterMember member : members) {
            look(member, nowNanos);
        }
        if (!appendedSinceTick && entries.lastAddConfirmed() == lastAddPushed()) {
            sendLastAddConfirmedAlone(nowNanos);
        }
        appendedSinceTick = false;
        trySeal(nowNanos);
        if (state == State.FROZEN && sealRetryNanos != Long.MAX_VALUE && nowNanos - sealRetryNanos >= 0) {
            sealRetryNanos = Long.MAX_VALUE;
            outbox.registerSeal(version, proposedSeal);
        }
    }

    private void open(WriterMember member, long nowNanos) {
        member.phase = Phase.OPENING;
        member.sinceNanos = nowNanos;
        outbox.openSession(member.position);
    }

    private void look(WriterMember member, long nowNanos) {
        switch (member.phase) {
            case DISCONNECTED -> {
                if (nowNanos - member.retryAtNanos >= 0) {
                    open(member, nowNanos);
                }
            }
            case OPENING -> {
                if (nowNanos - member.sinceNanos >= settings.openTimeoutNanos()) {
                    member.failures++;
                    member.disconnected(nowNanos + retryNanos(member));
                }
            }
            case OPEN -> lookAtSilence(member, nowNanos);
            default -> throw new IllegalStateException("no such phase: " + member.phase);
        }
    }

    private void lookAtSilence(WriterMember member, long nowNanos) {
        if (member.inFlight.isEmpty() || nowNanos - member.lastHeardNanos < settings.resendNanos()) {
            return;
        }
        if (member.probes >= 3) {
            SessionId silent = member.session;
            member.failures++;
            member.disconnected(nowNanos);
            outbox.closeSession(member.position, silent);
            return;
        }
        member.probing = true;
        member.probes++;
        member.lastHeardNanos = nowNanos;
        outbox.probe(member.position, member.session);
    }

    private void pump(WriterMember member, long nowNanos) {
        if (!member.isOpen() || isOver()) {
            return;
        }
        while (member.inFlight.size() < settings.batchesInFlightMax()) {
            member.cursor = Math.max(member.cursor, entries.first());
            List<Payload> batch = new ArrayList<>();
            int bytes = 0;
            long entryId = member.cursor;
            boolean full = false;
            while (!full && entryId < entries.end()) {
                PendingEntry entry = entries.get(entryId);
                int size = entry.encoded.length();
                if (!entries.isMissingAt(member.position, entry)) {
                    entryId++;
                } else if ((!batch.isEmpty() && bytes + size > settings.batchBytesMax())
                        || member.offset + bytes + size > member.creditLimit) {
                    full = true;
                } else {
                    batch.add(entry.encoded);
                    bytes += size;
                    entryId++;
                    full = batch.size() >= settings.batchEntriesMax();
                }
            }
            member.cursor = entryId;
            if (batch.isEmpty()) {
                return;
            }
            send(member, EntryBatch.of(batch), nowNanos);
        }
    }

    private void send(WriterMember member, EntryBatch content, long nowNanos) {
        if (member.inFlight.isEmpty()) {
            member.lastHeardNanos = nowNanos;
        }
        member.offset += content.byteSize();
        SentBatch batch =
                new SentBatch(member.nextNumber++, member.offset, entries.lastAddConfirmed(), content, nowNanos);
        member.inFlight.add(batch);
        member.lastAddConfirmedSent = entries.lastAddConfirmed();
        send(member, batch);
    }

    private void send(WriterMember member, SentBatch batch) {
        outbox.sendBatch(
                member.position, member.session, batch.number, batch.endOffset, batch.lastAddConfirmed, batch.entries);
    }

    /**
     * Sends again what has been on its way for long, up to the batch {@code lastNumber}. Either the member has just
     * answered what it holds, or it holds later ones: under load a member is never silent, yet may have missed one.
     */
    private void resend(WriterMember member, long lastNumber, long nowNanos) {
        for (SentBatch batch : member.inFlight) {
            if (batch.number > lastNumber) {
                return;
            }
            if (nowNanos - batch.sentNanos >= settings.resendNanos()) {
                batch.sentNanos = nowNanos;
                send(member, batch);
            }
        }
    }

    private void sendLastAddConfirmedAlone(long nowNanos) {
        for (WriterMember member : members) {
            if (member.isOpen()
                    && member.lastAddConfirmedSent < entries.lastAddConfirmed()
                    && member.inFlight.size() < settings.batchesInFlightMax()) {
                send(member, EntryBatch.EMPTY, nowNanos);
            }
        }
    }

    private void trySeal(long nowNanos) {
        if (state != State.SEALING || !entries.isAnswered()) {
            return;
        }
        boolean whole = entries.isEmpty();
        if (!whole && nowNanos - sealStartNanos < settings.sealGraceNanos()) {
            return;
        }
        state = State.FROZEN;
        sealRetryNanos = Long.MAX_VALUE;
        proposeSeal();
    }

    private void proposeSeal() {
        proposedSeal = metadata.closed(entries.lastAddConfirmed(), entries.lengthConfirmed(), entries.incomplete());
        outbox.registerSeal(version, proposedSeal);
    }

    private void becomeSealed(LedgerMetadata sealed, long newVersion) {
        state = State.SEALED;
        metadata = sealed;
        version = newVersion;
        closeSessions();
        outbox.sealed(metadata, version);
    }

    private void askRegisterIf(Rejection rejection) {
        if (rejection == Rejection.NOT_WRITABLE && !readingRegister) {
            readingRegister = true;
            outbox.readRegister();
        }
    }

    private boolean isStillMine(LedgerMetadata current) {
        return current.state() == LedgerState.OPEN
                && current.lastFragment().fragmentVersion() == fragment.fragmentVersion();
    }

    private void lose(Code code, String message) {
        boolean sealing = state == State.SEALING;
        state = State.LOST;
        lost = Failure.unknown(code, message);
        entries.failAll(lost);
        closeSessions();
        if (sealing) {
            outbox.sealFailed(Failure.notApplied(code, message));
        }
    }

    private void closeSessions() {
        for (WriterMember member : members) {
            if (member.isOpen()) {
                outbox.closeSession(member.position, member.session);
            }
            member.disconnected(Long.MAX_VALUE);
        }
    }

    private boolean isOver() {
        return state == State.SEALED || state == State.LOST || state == State.CLOSED;
    }

    private long retryNanos(WriterMember member) {
        return settings.retryNanos() << Math.min(member.failures - 1, 4);
    }

    private static long lastIn(List<long[]> ranges) {
        long last = 0;
        for (long[] range : ranges) {
            last = Math.max(last, range[1]);
        }
        return last;
    }

    private static boolean isIn(long number, long cumulative, List<long[]> ranges) {
        if (number <= cumulative) {
            return true;
        }
        for (long[] range : ranges) {
            if (number >= range[0] && number <= range[1]) {
                return true;
            }
        }
        return false;
    }
}
