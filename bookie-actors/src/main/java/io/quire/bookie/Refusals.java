package io.quire.bookie;

import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import java.util.List;

/** How a bookie says no to a whole request. Stateless. */
final class Refusals {
    private Refusals() {}

    /** The answers that refuse {@code request}; none if it is one that is never answered. */
    static List<BookieReply> repliesTo(BookieRequest request, Refusal refusal, String detail) {
        if (request instanceof BookieRequest.AddEntries add) {
            return add.batches().stream()
                    .<BookieReply>map(
                            batch -> new BookieReply.BatchRefused(batch.session(), batch.number(), refusal, detail))
                    .toList();
        }
        if (request instanceof BookieRequest.OpenSession open) {
            return List.of(new BookieReply.SessionRefused(
                    request.target(), open.requestId(), open.ledgerId(), refusal, detail));
        }
        if (request instanceof BookieRequest.ProbeSession probe) {
            return List.of(new BookieReply.SessionEnded(probe.session(), refusal, detail));
        }
        if (request instanceof BookieRequest.Question question) {
            return refused(request, question.requestId(), refusal, detail);
        }
        if (request instanceof BookieRequest.IdentifyBookie identify) {
            return refused(request, identify.requestId(), refusal, detail);
        }
        if (request instanceof BookieRequest.ConfirmDropped confirm) {
            return refused(request, confirm.requestId(), refusal, detail);
        }
        if (request instanceof BookieRequest.SubscribeLedger subscribe) {
            return refused(request, subscribe.requestId(), refusal, detail);
        }
        if (request instanceof BookieRequest.GrantCredit grant) {
            return refused(request, grant.requestId(), refusal, detail);
        }
        return List.of();
    }

    private static List<BookieReply> refused(BookieRequest request, long requestId, Refusal refusal, String detail) {
        return List.of(new BookieReply.RequestRefused(request.target(), requestId, refusal, detail));
    }
}
