package io.quire.client.core;

import io.quire.protocol.EntryBatch;
import io.quire.protocol.EntryId;
import io.quire.protocol.SessionId;
import java.util.ArrayDeque;
import java.util.Deque;

/** What a {@link LedgerWriter} knows of one member of the last fragment. Not thread-safe. */
final class WriterMember {
    /** Where the session stands. */
    enum Phase {
        /** None; the next attempt is due at {@code retryAtNanos}. */
        DISCONNECTED,
        /** Asked for at {@code sinceNanos}. */
        OPENING,
        OPEN
    }

    /** A batch that is sent and not acknowledged; its content never changes (R10). */
    static final class SentBatch {
        final long number;
        final long endOffset;
        final long lastAddConfirmed;
        final EntryBatch entries;
        long sentNanos;

        SentBatch(long number, long endOffset, long lastAddConfirmed, EntryBatch entries, long sentNanos) {
            this.number = number;
            this.endOffset = endOffset;
            this.lastAddConfirmed = lastAddConfirmed;
            this.entries = entries;
            this.sentNanos = sentNanos;
        }
    }

    final int position;
    Phase phase = Phase.DISCONNECTED;
    long retryAtNanos;
    long sinceNanos;
    int failures;

    // Of the open session.
    SessionId session;
    long nextNumber;
    long offset;
    long creditLimit;
    /** The next entry to look at for sending. */
    long cursor;

    long lastHeardNanos;
    boolean probing;
    int probes;
    final Deque<SentBatch> inFlight = new ArrayDeque<>();

    /** What the member is known to have journaled, across sessions. */
    long lastAddConfirmedDurable = EntryId.NONE;

    long lastAddConfirmedSent = EntryId.NONE;

    WriterMember(int position) {
        this.position = position;
    }

    void opened(SessionId session, long creditLimit, long firstEntry, long nowNanos) {
        phase = Phase.OPEN;
        failures = 0;
        this.session = session;
        this.creditLimit = creditLimit;
        nextNumber = 1;
        offset = 0;
        cursor = firstEntry;
        lastHeardNanos = nowNanos;
        probing = false;
        probes = 0;
        inFlight.clear();
        lastAddConfirmedSent = lastAddConfirmedDurable;
    }

    void disconnected(long retryAtNanos) {
        phase = Phase.DISCONNECTED;
        this.retryAtNanos = retryAtNanos;
        session = null;
        probing = false;
        inFlight.clear();
    }

    boolean isOpen() {
        return phase == Phase.OPEN;
    }

    boolean isSession(SessionId other) {
        return phase == Phase.OPEN && session.equals(other);
    }
}
