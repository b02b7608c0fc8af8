package io.quire.protocol.wire;

import io.quire.protocol.BookieId;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerKey;
import io.quire.protocol.Payload;
import io.quire.protocol.SessionId;
import java.util.List;

/**
 * What a bookie is asked. Every request names the store it is for and is idempotent by its ids: loss, duplication and
 * delay are normal. Answers go to the envelope's sender.
 */
public sealed interface BookieRequest extends WireMessage {
    /** The store that this is for; another one answers {@link BookieReply.RequestRefused} (H29). */
    BookieId target();

    /** A request that is answered by one {@link BookieReply.Answer}. */
    sealed interface Question extends BookieRequest {
        /** Unique per sender; echoed. */
        long requestId();

        /** The same under another id. */
        Question withRequestId(long requestId);
    }

    /**
     * Asks for a session in which the writer of {@code ledgerId} may add entries to the fragment that version {@code
     * fragmentVersion} of its register created (R8, R14). Answered by {@link BookieReply.SessionOpened} or {@link
     * BookieReply.SessionRefused}.
     *
     * @param requestId unique per sender; echoed
     * @param proof that the sender has the ledger's password ({@link LedgerKey#proof()}); empty for a ledger without one; so
     *     in all requests
     */
    record OpenSession(BookieId target, long requestId, LedgerId ledgerId, long fragmentVersion, Payload proof)
            implements BookieRequest {
        public OpenSession {
            LedgerKey.requireProofSize(proof);
        }

        /** Of a ledger without a password. */
        public OpenSession(BookieId target, long requestId, LedgerId ledgerId, long fragmentVersion) {
            this(target, requestId, ledgerId, fragmentVersion, Payload.EMPTY);
        }
    }

    /**
     * Adds entries in one or many sessions. Each batch is answered by a {@link BookieReply.SessionAck}, {@link
     * BookieReply.SessionEnded} or {@link BookieReply.BatchRefused} of its session.
     */
    record AddEntries(BookieId target, List<Batch> batches) implements BookieRequest {
        public AddEntries {
            batches = List.copyOf(batches);
        }
    }

    /**
     * The entries that one session adds together; an empty batch carries the last-add-confirmed alone (R25).
     *
     * @param session whose
     * @param number counts the batches of the session from 1; a number names one content for the session's life (R10)
     * @param endOffset the encoded bytes of the session up to and with this batch; what credits count (R15)
     * @param lastAddConfirmed what the writer has confirmed
     * @param entries ascending, gaps allowed
     * @param receipt whether to answer {@link BookieReply.BatchReceived} as soon as the batch is taken (R13)
     */
    record Batch(
            SessionId session,
            long number,
            long endOffset,
            long lastAddConfirmed,
            EntryBatch entries,
            boolean receipt) {
        /** A batch that is answered only when it is durable. */
        public Batch(SessionId session, long number, long endOffset, long lastAddConfirmed, EntryBatch entries) {
            this(session, number, endOffset, lastAddConfirmed, entries, false);
        }

        public Batch {
            if (number < 1 || endOffset < entries.byteSize()) {
                throw new IllegalArgumentException("batch " + number + " of " + entries + " ends at " + endOffset);
            }
        }
    }

    /** Asks what of a session is durable; answered like a batch. */
    record ProbeSession(BookieId target, SessionId session) implements BookieRequest {}

    /** Ends a session; not answered. */
    record CloseSession(BookieId target, SessionId session) implements BookieRequest {}

    /**
     * Fences a ledger: normal adds are refused from now on, durably. Answered by {@link BookieReply.LedgerFenced}, or by
     * {@link BookieReply.RequestRefused}; a wrong proof fences nothing (H99).
     */
    record FenceLedger(BookieId target, long requestId, LedgerId ledgerId, Payload proof) implements Question {
        public FenceLedger {
            LedgerKey.requireProofSize(proof);
        }

        @Override
        public Question withRequestId(long requestId) {
            return new FenceLedger(target, requestId, ledgerId, proof);
        }

        /** Of a ledger without a password. */
        public FenceLedger(BookieId target, long requestId, LedgerId ledgerId) {
            this(target, requestId, ledgerId, Payload.EMPTY);
        }
    }

    /**
     * Reads entries in {@code [firstEntryId, lastEntryId]}; answered by {@link BookieReply.EntriesRead} with a prefix of
     * what the store knows of them.
     *
     * @param entriesMax at most this many, positive
     * @param bytesMax at most this many encoded bytes, except that one entry always fits
     * @param fencing whether to fence the ledger durably before looking (H1)
     * @param proof looked at when fencing only
     */
    record ReadEntries(
            BookieId target,
            long requestId,
            LedgerId ledgerId,
            long firstEntryId,
            long lastEntryId,
            int entriesMax,
            int bytesMax,
            boolean fencing,
            Payload proof)
            implements Question {
        public ReadEntries {
            LedgerKey.requireProofSize(proof);
            if (firstEntryId < 0 || lastEntryId < firstEntryId || entriesMax < 1 || bytesMax < 1) {
                throw new IllegalArgumentException("read of [" + firstEntryId + ", " + lastEntryId + "], at most "
                        + entriesMax + " entries and " + bytesMax + " bytes");
            }
        }

        @Override
        public Question withRequestId(long requestId) {
            return new ReadEntries(
                    target, requestId, ledgerId, firstEntryId, lastEntryId, entriesMax, bytesMax, fencing, proof);
        }

        /** A read that fences nothing, or of a ledger without a password. */
        public ReadEntries(
                BookieId target,
                long requestId,
                LedgerId ledgerId,
                long firstEntryId,
                long lastEntryId,
                int entriesMax,
                int bytesMax,
                boolean fencing) {
            this(target, requestId, ledgerId, firstEntryId, lastEntryId, entriesMax, bytesMax, fencing, Payload.EMPTY);
        }
    }

    /**
     * Adds entries for recovery or re-replication, fenced ledger or not (R24, H12). Answered by {@link
     * BookieReply.EntriesRecovered} once all of them are durable, or by {@link BookieReply.RequestRefused}.
     *
     * @param version of the ledger's register, which the bookie must find at exactly this version, IN_RECOVERY or CLOSED;
     *     the copy is held at it
     * @param entries ascending, gaps allowed
     */
    record RecoveryAddEntries(
            BookieId target, long requestId, LedgerId ledgerId, long version, Payload proof, EntryBatch entries)
            implements Question {
        public RecoveryAddEntries {
            LedgerKey.requireProofSize(proof);
        }

        @Override
        public Question withRequestId(long requestId) {
            return new RecoveryAddEntries(target, requestId, ledgerId, version, proof, entries);
        }

        /** To a ledger without a password. */
        public RecoveryAddEntries(
                BookieId target, long requestId, LedgerId ledgerId, long version, EntryBatch entries) {
            this(target, requestId, ledgerId, version, Payload.EMPTY, entries);
        }
    }

    /**
     * Follows a ledger: durable entries from {@code firstEntryId} on, up to what is confirmed, are pushed as they come, in
     * {@link BookieReply.EntriesPushed} (R25). Answered by {@link BookieReply.RequestRefused} when the subscription cannot
     * begin or has ended.
     *
     * @param requestId names the subscription, unique per sender
     * @param lastAddConfirmed the highest one that the reader has seen, or -1; the store serves up to it
     * @param creditLimit a push begins only below this end offset, counted in encoded bytes from the subscription's start
     */
    record SubscribeLedger(
            BookieId target,
            long requestId,
            LedgerId ledgerId,
            long firstEntryId,
            long lastAddConfirmed,
            long creditLimit)
            implements BookieRequest {
        public SubscribeLedger {
            if (firstEntryId < 0) {
                throw new IllegalArgumentException("a subscription from entry " + firstEntryId);
            }
        }
    }

    /**
     * Raises the credit of a subscription, or repeats it, in answer to a heartbeat: the reader lives. A subscription that
     * is not known is answered by {@link BookieReply.RequestRefused}.
     */
    record GrantCredit(BookieId target, long requestId, LedgerId ledgerId, long lastAddConfirmed, long creditLimit)
            implements BookieRequest {}

    /** Ends a subscription; not answered. */
    record UnsubscribeLedger(BookieId target, long requestId, LedgerId ledgerId) implements BookieRequest {}

    /** Asks for the highest last-add-confirmed that the store knows of; answered by {@link BookieReply.LastAddConfirmedRead}. */
    record ReadLastAddConfirmed(BookieId target, long requestId, LedgerId ledgerId) implements Question {
        @Override
        public Question withRequestId(long requestId) {
            return new ReadLastAddConfirmed(target, requestId, ledgerId);
        }
    }

    /**
     * Asks of which of these ledgers the store holds nothing, durably, and never will again (R4); answered by {@link
     * BookieReply.DropsConfirmed}. Who asks has read the registers of all of them as purged, linearizably: an answer about
     * another ledger is worth nothing.
     *
     * @param ledgerIds at most {@value #CONFIRMED_MAX}
     */
    record ConfirmDropped(BookieId target, long requestId, List<LedgerId> ledgerIds) implements BookieRequest {
        /** The most ledgers that are asked for at once. */
        public static final int CONFIRMED_MAX = 1000;

        public ConfirmDropped {
            ledgerIds = List.copyOf(ledgerIds);
            if (ledgerIds.size() > CONFIRMED_MAX) {
                throw new IllegalArgumentException(ledgerIds.size() + " ledgers are too many to ask for at once");
            }
        }
    }

    /** Asks who is there (R7); answered by {@link BookieReply.BookieIdentified}. */
    record IdentifyBookie(BookieId target, long requestId) implements BookieRequest {}
}
