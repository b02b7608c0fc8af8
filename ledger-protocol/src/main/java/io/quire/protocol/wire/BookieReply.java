package io.quire.protocol.wire;

import io.quire.protocol.BookieId;
import io.quire.protocol.BootEpoch;
import io.quire.protocol.EntryBatch;
import io.quire.protocol.LedgerId;
import io.quire.protocol.SessionId;
import java.util.List;

/** What a bookie answers. A lost answer is asked for again. */
public sealed interface BookieReply extends WireMessage {
    /** The answer to a {@link BookieRequest.Question}. */
    sealed interface Answer extends BookieReply {
        long requestId();

        /** The same under another id. */
        Answer withRequestId(long requestId);
    }

    /**
     * A session is open.
     *
     * @param creditLimit the highest end offset that a batch may have (R15)
     */
    record SessionOpened(long requestId, LedgerId ledgerId, SessionId session, long creditLimit)
            implements BookieReply {}

    /** No session was opened. */
    record SessionRefused(BookieId bookie, long requestId, LedgerId ledgerId, Refusal refusal, String detail)
            implements BookieReply {}

    /** What is durable, of any number of sessions. */
    record EntriesAdded(List<SessionAck> acks) implements BookieReply {
        public EntriesAdded {
            acks = List.copyOf(acks);
        }
    }

    /**
     * What of one session is durable: every batch up to {@code cumulative}, and those in {@code ranges} (R10).
     *
     * @param creditLimit the highest end offset that a batch may have (R15)
     */
    record SessionAck(SessionId session, long cumulative, List<BatchRange> ranges, long creditLimit) {
        public SessionAck {
            ranges = List.copyOf(ranges);
        }
    }

    /** Batch numbers {@code [first, last]}. */
    record BatchRange(long first, long last) {
        public BatchRange {
            if (first < 1 || last < first) {
                throw new IllegalArgumentException("empty range of batches [" + first + ", " + last + "]");
            }
        }
    }

    /** The session takes nothing more: unknown here, fenced, or its ledger is gone. */
    record SessionEnded(SessionId session, Refusal refusal, String detail) implements BookieReply {}

    /**
     * One batch was taken and will be journaled; it is not durable yet, and is acknowledged in {@link EntriesAdded} once it
     * is. Sent for batches that ask for it.
     */
    record BatchReceived(SessionId session, long number) implements BookieReply {}

    /** One batch was not stored; the session goes on. */
    record BatchRefused(SessionId session, long number, Refusal refusal, String detail) implements BookieReply {}

    /**
     * The ledger is fenced here, durably.
     *
     * @param lastAddConfirmed the highest one known here after everything queued before the fence was applied (R16)
     */
    record LedgerFenced(BookieId bookie, BootEpoch bootEpoch, long requestId, LedgerId ledgerId, long lastAddConfirmed)
            implements Answer {
        @Override
        public Answer withRequestId(long requestId) {
            return new LedgerFenced(bookie, bootEpoch, requestId, ledgerId, lastAddConfirmed);
        }
    }

    /**
     * What the store knows of a prefix of what was asked for, from the first id on.
     *
     * @param entries ascending, as stored
     * @param coveredTo the answer speaks of every id below this: one that is not among {@code entries} is certain not to
     *     be held, an explicit negative (B0); of this id and higher ones it says nothing
     * @param lastAddConfirmed the highest one known here
     */
    record EntriesRead(
            BookieId bookie,
            BootEpoch bootEpoch,
            long requestId,
            LedgerId ledgerId,
            EntryBatch entries,
            long coveredTo,
            long lastAddConfirmed)
            implements Answer {
        @Override
        public Answer withRequestId(long requestId) {
            return new EntriesRead(bookie, bootEpoch, requestId, ledgerId, entries, coveredTo, lastAddConfirmed);
        }
    }

    /**
     * What a subscription gets (R25).
     *
     * @param requestId the subscription
     * @param number counts its pushes from 1; one without entries that repeats the last number is a heartbeat
     * @param endOffset encoded bytes of all its pushes up to and with this one; by it a lost one is noticed
     * @param entries durable here and confirmed, ascending
     * @param coveredTo what the store held of the ids below this when it pushed has been pushed
     * @param lastAddConfirmed the highest one that is durable here, or -1
     */
    record EntriesPushed(
            BookieId bookie,
            BootEpoch bootEpoch,
            long requestId,
            LedgerId ledgerId,
            long number,
            long endOffset,
            EntryBatch entries,
            long coveredTo,
            long lastAddConfirmed)
            implements BookieReply {}

    /** The highest last-add-confirmed known here, or -1. */
    record LastAddConfirmedRead(
            BookieId bookie, BootEpoch bootEpoch, long requestId, LedgerId ledgerId, long lastAddConfirmed)
            implements Answer {
        @Override
        public Answer withRequestId(long requestId) {
            return new LastAddConfirmedRead(bookie, bootEpoch, requestId, ledgerId, lastAddConfirmed);
        }
    }

    /** All entries of a recovery add are held here, durably, at the version it named (R24). */
    record EntriesRecovered(BookieId bookie, BootEpoch bootEpoch, long requestId, LedgerId ledgerId) implements Answer {
        @Override
        public Answer withRequestId(long requestId) {
            return new EntriesRecovered(bookie, bootEpoch, requestId, ledgerId);
        }
    }

    /** Of these ledgers, among those that were asked for, the store holds nothing, durably; the others may be asked again. */
    record DropsConfirmed(BookieId bookie, BootEpoch bootEpoch, long requestId, List<LedgerId> ledgerIds)
            implements BookieReply {
        public DropsConfirmed {
            ledgerIds = List.copyOf(ledgerIds);
        }
    }

    /** The store that answers here. */
    record BookieIdentified(BookieId bookie, BootEpoch bootEpoch, long requestId) implements BookieReply {}

    /** The request was not carried out; of a read this is "unknown", never a negative. */
    record RequestRefused(BookieId bookie, long requestId, Refusal refusal, String detail) implements Answer {
        @Override
        public Answer withRequestId(long requestId) {
            return new RequestRefused(bookie, requestId, refusal, detail);
        }
    }

    /** Why a bookie refuses. */
    enum Refusal {
        /** Another store answers at this address (H29). */
        WRONG_BOOKIE,
        /** The session or subscription is not one of this boot, or was ended. */
        UNKNOWN_SESSION,
        /** The ledger is fenced here. */
        FENCED,
        /** The register says that the ledger is not OPEN, or deleted. */
        NOT_OPEN,
        /** The register knows no such ledger. */
        NO_SUCH_LEDGER,
        /** This store is not in the fragment that the register has last, or it is another fragment. */
        NOT_A_MEMBER,
        /** The store lost something and is being repaired (R21). */
        IN_LIMBO,
        /** The store takes no new entries. */
        READ_ONLY,
        /** Too much at once; try again later. */
        OVERLOADED,
        /** The store could not find out, or is starting or stopping; try again. */
        UNAVAILABLE,
        /** The bytes are not the entries they say they are. */
        DAMAGED,
        /** An entry with these ids and other bytes is stored already (H13, H38). */
        CONFLICTING_BYTES,
        /** The ledger's register is at another version than a recovery add names, or neither IN_RECOVERY nor CLOSED. */
        NOT_RECOVERING,
        /** The proof is not that of the ledger's password; nothing was changed. */
        UNAUTHORIZED
    }
}
