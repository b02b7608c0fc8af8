package io.quire.client.core;

import io.quire.client.core.EntryWindow.PendingEntry;
import io.quire.protocol.BookieId;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;

/**
 * One member of the last fragment, as its {@link LedgerWriter} sees it: a session with a cursor into the entries that are
 * kept, what of it is on its way, and whether the member gets anywhere.
 *
 * <p>A pump sends what lies between the cursor and the end, as far as credits and the bound on batches in flight allow. A
 * silent member is probed; what it says it lacks is sent again, with the same number and content (R10). A session that is
 * lost or stays silent is replaced by a new one, in which everything unacknowledged is sent again.
 *
 * <p>A member has failed when it made no progress for long although it had something to do, or said that it will not.
 *
 * <p>Not thread-safe.
 */
final class WriterMember {
    private static final int PROBES_MAX = 3;

    /** Where the session stands. */
    private enum Phase {
        /** None; the next attempt is due at {@code retryAtNanos}. */
        DISCONNECTED,
        /** Asked for at {@code sinceNanos}. */
        OPENING,
        OPEN
    }

    /** A batch that is sent and not acknowledged; its content never changes (R10). */
    private static final class SentBatch {
        private final long number;
        private final long endOffset;
        private final long lastAddConfirmed;
        private final EntryBatch entries;
        /** Whether the member is to say at once that it took the batch. */
        private final boolean receipt;

        private long sentNanos;

        SentBatch(
                long number,
                long endOffset,
                long lastAddConfirmed,
                EntryBatch entries,
                boolean receipt,
                long sentNanos) {
            this.number = number;
            this.endOffset = endOffset;
            this.lastAddConfirmed = lastAddConfirmed;
            this.entries = entries;
            this.receipt = receipt;
            this.sentNanos = sentNanos;
        }
    }

    private final int position;
    private final BookieId bookie;
    private final WriterSettings settings;
    private final PendingEntries entries;
    private final WriterOutbox outbox;
    private Phase phase = Phase.DISCONNECTED;
    private long retryAtNanos;
    private long sinceNanos;
    private int failures;
    /** An answer to an attempt was not waited for any longer, and may still come. */
    private boolean late;

    private boolean hopeless;
    /** When it last acknowledged something, or was seen to have nothing to acknowledge. */
    private long progressNanos;

    // Of the open session.
    private SessionId session;
    private long nextNumber;
    private long offset;
    private long creditLimit;
    /** The next entry to look at for sending. */
    private long cursor;

    private long lastHeardNanos;
    private boolean probing;
    private int probes;
    private final Deque<SentBatch> inFlight = new ArrayDeque<>();

    /** What the member is known to have journaled, across sessions. */
    private long lastAddConfirmedDurable = EntryId.NONE;

    private long lastAddConfirmedSent = EntryId.NONE;

    WriterMember(
            int position,
            BookieId bookie,
            WriterSettings settings,
            PendingEntries entries,
            WriterOutbox outbox,
            long nowNanos) {
        this.position = position;
        this.bookie = bookie;
        this.settings = settings;
        this.entries = entries;
        this.outbox = outbox;
        this.retryAtNanos = nowNanos;
        this.progressNanos = nowNanos;
    }

    int position() {
        return position;
    }

    BookieId bookie() {
        return bookie;
    }

    boolean isOpen() {
        return phase == Phase.OPEN;
    }

    boolean isOpening() {
        return phase == Phase.OPENING;
    }

    /**
     * Whether a session that was asked for is of use. A late one is, too: a bookie that is slow to open sessions would be
     * slower yet if each were opened for nothing and asked for again.
     */
    boolean wantsSession() {
        return phase == Phase.OPENING || (phase == Phase.DISCONNECTED && late);
    }

    boolean isSession(SessionId other) {
        return phase == Phase.OPEN && session.equals(other);
    }

    /** Whether it is connected, and nothing is on its way to it. */
    boolean isQuiet() {
        return phase == Phase.OPEN && inFlight.isEmpty();
    }

    /** Whether the last-add-confirmed {@code entryId} is with it or on its way. */
    boolean wasTold(long entryId) {
        return lastAddConfirmedSent >= entryId;
    }

    /** Whether it ought to be replaced. */
    boolean hasFailed(long nowNanos) {
        return hopeless || nowNanos - progressNanos >= settings.members().timeoutNanos();
    }

    /** It said that it will take nothing more, although the ledger is open. */
    void giveUp() {
        hopeless = true;
    }

    /** The writer itself stood still for so long; nobody else is to blame. */
    void excuse(long nanos, long nowNanos) {
        progressNanos = Math.min(progressNanos + nanos, nowNanos);
    }

    /** It has had nothing to do up to now. */
    void busyFrom(long nowNanos) {
        progressNanos = nowNanos;
    }

    /** Asks for a session. */
    void open(long nowNanos) {
        phase = Phase.OPENING;
        sinceNanos = nowNanos;
        outbox.openSession(position);
    }

    /** The session that was asked for is open. */
    void opened(SessionId opened, long credit, long nowNanos) {
        phase = Phase.OPEN;
        late = false;
        failures = 0;
        hopeless = false;
        session = opened;
        creditLimit = credit;
        nextNumber = 1;
        offset = 0;
        cursor = entries.first();
        lastHeardNanos = nowNanos;
        probing = false;
        probes = 0;
        inFlight.clear();
        lastAddConfirmedSent = lastAddConfirmedDurable;
    }

    /** There is no session, for now. */
    void refused(long nowNanos) {
        late = false;
        tryLater(nowNanos);
    }

    private void tryLater(long nowNanos) {
        failures++;
        disconnect(nowNanos + (settings.retryNanos() << Math.min(failures - 1, 4)));
    }

    /** The session was not known any more; there may be another at once. */
    void forgotten(long nowNanos) {
        disconnect(nowNanos);
        open(nowNanos);
    }

    /** Ends the session, if there is one, for good. */
    void close() {
        if (phase == Phase.OPEN) {
            outbox.closeSession(position, session);
        }
        late = false;
        disconnect(Long.MAX_VALUE);
    }

    /** The member answered, but kept nothing. */
    void heard(long nowNanos) {
        lastHeardNanos = nowNanos;
        probing = false;
    }

    /** Batches are durable: all up to {@code cumulative}, and those in {@code ranges}, pairs of first and last number. */
    void added(long cumulative, List<long[]> ranges, long credit, long nowNanos) {
        lastHeardNanos = nowNanos;
        probes = 0;
        creditLimit = Math.max(creditLimit, credit);
        for (Iterator<SentBatch> batches = inFlight.iterator(); batches.hasNext(); ) {
            SentBatch batch = batches.next();
            if (batch.number > cumulative && ranges.isEmpty()) {
                break;
            }
            if (isIn(batch.number, cumulative, ranges)) {
                batches.remove();
                progressNanos = nowNanos;
                lastAddConfirmedDurable = Math.max(lastAddConfirmedDurable, batch.lastAddConfirmed);
                entries.durable(position, batch.entries);
            }
        }
        resend(probing ? Long.MAX_VALUE : lastIn(ranges), nowNanos);
        probing = false;
    }

    /** Batches were received by the member, and will be journaled. */
    void received(List<long[]> ranges, long nowNanos) {
        lastHeardNanos = nowNanos;
        for (SentBatch batch : inFlight) {
            if (isIn(batch.number, 0, ranges)) {
                entries.received(position, batch.entries);
            }
        }
    }

    /** Sends what can be sent. */
    void pump(long nowNanos) {
        if (phase != Phase.OPEN) {
            return;
        }
        while (inFlight.size() < settings.batchesInFlightMax()) {
            List<Payload> batch = nextBatch();
            if (batch.isEmpty()) {
                return;
            }
            send(EntryBatch.of(batch), nowNanos);
        }
    }

    private List<Payload> nextBatch() {
        cursor = Math.max(cursor, entries.first());
        List<Payload> batch = new ArrayList<>();
        int bytes = 0;
        boolean full = false;
        while (!full && cursor < entries.end()) {
            PendingEntry entry = entries.get(cursor);
            int size = entry.encoded.length();
            if (!entries.isMissingAt(position, entry)) {
                cursor++;
            } else if ((!batch.isEmpty() && bytes + size > settings.batchBytesMax())
                    || offset + bytes + size > creditLimit) {
                full = true;
            } else {
                batch.add(entry.encoded);
                bytes += size;
                cursor++;
                full = batch.size() >= settings.batchEntriesMax();
            }
        }
        return batch;
    }

    /** Sends the last-add-confirmed without entries, unless it is there already (R25). */
    void tell(long lastAddConfirmed, long nowNanos) {
        if (phase == Phase.OPEN && !wasTold(lastAddConfirmed) && inFlight.size() < settings.batchesInFlightMax()) {
            send(EntryBatch.EMPTY, nowNanos);
        }
    }

    /** Time went on. */
    void tick(long nowNanos) {
        switch (phase) {
            case DISCONNECTED -> {
                if (nowNanos - retryAtNanos >= 0) {
                    open(nowNanos);
                }
            }
            case OPENING -> {
                if (nowNanos - sinceNanos >= settings.openTimeoutNanos()) {
                    late = true;
                    tryLater(nowNanos);
                }
            }
            case OPEN -> {
                if (inFlight.isEmpty()) {
                    progressNanos = nowNanos;
                } else if (nowNanos - lastHeardNanos >= settings.resendNanos()) {
                    probe(nowNanos);
                }
            }
            default -> throw new IllegalStateException("no such phase: " + phase);
        }
    }

    private void probe(long nowNanos) {
        if (probes >= PROBES_MAX) {
            SessionId silent = session;
            failures++;
            disconnect(nowNanos);
            outbox.closeSession(position, silent);
            return;
        }
        probing = true;
        probes++;
        lastHeardNanos = nowNanos;
        outbox.probe(position, session);
    }

    private void disconnect(long retryAt) {
        entries.forgotten(position);
        phase = Phase.DISCONNECTED;
        retryAtNanos = retryAt;
        session = null;
        probing = false;
        inFlight.clear();
    }

    private void send(EntryBatch content, long nowNanos) {
        if (inFlight.isEmpty()) {
            lastHeardNanos = nowNanos;
        }
        offset += content.byteSize();
        SentBatch batch = new SentBatch(
                nextNumber++, offset, entries.lastAddConfirmed(), content, entries.wantReceipt(content), nowNanos);
        inFlight.add(batch);
        lastAddConfirmedSent = entries.lastAddConfirmed();
        send(batch);
    }

    private void send(SentBatch batch) {
        outbox.sendBatch(
                position, session, batch.number, batch.endOffset, batch.lastAddConfirmed, batch.entries, batch.receipt);
    }

    /**
     * Sends again what has been on its way for long, up to the batch {@code lastNumber}. Either the member has just
     * answered what it holds, or it holds later ones: under load a member is never silent, yet may have missed one.
     */
    private void resend(long lastNumber, long nowNanos) {
        for (SentBatch batch : inFlight) {
            if (batch.number > lastNumber) {
                return;
            }
            if (nowNanos - batch.sentNanos >= settings.resendNanos()) {
                batch.sentNanos = nowNanos;
                send(batch);
            }
        }
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
