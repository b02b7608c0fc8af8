package io.quire.simulation;

import io.quire.client.core.LedgerRecovery.WriteRefusal;
import io.quire.client.core.LedgerWriter;
import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import java.util.List;

/**
 * How a bookie refuses a request without looking at it: what the product's Refusals say, as far as clients look at it; and
 * what that means to clients.
 */
final class SimulatedRefusals {
    private SimulatedRefusals() {}

    static List<BookieReply> of(BookieRequest request, Refusal refusal, String detail) {
        if (request instanceof BookieRequest.AddEntries add) {
            return add.batches().stream()
                    .<BookieReply>map(
                            batch -> new BookieReply.BatchRefused(batch.session(), batch.number(), refusal, detail))
                    .toList();
        } else if (request instanceof BookieRequest.OpenSession open) {
            return List.of(new BookieReply.SessionRefused(
                    request.target(), open.requestId(), open.ledgerId(), refusal, detail));
        } else if (request instanceof BookieRequest.ProbeSession probe) {
            return List.of(new BookieReply.SessionEnded(probe.session(), refusal, detail));
        } else if (request instanceof BookieRequest.Question question) {
            return refused(request, question.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.SubscribeLedger subscribe) {
            return refused(request, subscribe.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.ConfirmDropped confirm) {
            return refused(request, confirm.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.GrantCredit grant) {
            return refused(request, grant.requestId(), refusal, detail);
        }
        return List.of();
    }

    /** What a refusal means to a writer, who has the ledger's password. */
    static LedgerWriter.Rejection rejectionOf(Refusal refusal) {
        return switch (refusal) {
            case UNKNOWN_SESSION -> LedgerWriter.Rejection.UNKNOWN_SESSION;
            case FENCED, NOT_OPEN, NO_SUCH_LEDGER, NOT_A_MEMBER -> LedgerWriter.Rejection.NOT_WRITABLE;
            case UNAUTHORIZED -> throw new IllegalStateException("the writer has the ledger's password");
            case IN_LIMBO, READ_ONLY -> LedgerWriter.Rejection.CLOSED_TO_ENTRIES;
            default -> LedgerWriter.Rejection.BUSY;
        };
    }

    /** What a refusal means to a recovery that writes copies, and has the ledger's password. */
    static WriteRefusal writeRefusalOf(Refusal refusal) {
        return switch (refusal) {
            case NOT_RECOVERING, NOT_OPEN, NO_SUCH_LEDGER -> WriteRefusal.NOT_RECOVERING;
            case UNAUTHORIZED -> throw new IllegalStateException("the recoverer has the ledger's password");
            case CONFLICTING_BYTES -> WriteRefusal.CONFLICTING_BYTES;
            default -> WriteRefusal.BUSY;
        };
    }

    private static List<BookieReply> refused(BookieRequest request, long requestId, Refusal refusal, String detail) {
        return List.of(new BookieReply.RequestRefused(request.target(), requestId, refusal, detail));
    }
}
