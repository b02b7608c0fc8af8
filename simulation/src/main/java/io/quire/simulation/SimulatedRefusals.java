package io.quire.simulation;

import io.quire.protocol.wire.BookieReply;
import io.quire.protocol.wire.BookieReply.Refusal;
import io.quire.protocol.wire.BookieRequest;
import java.util.List;

/** How a bookie refuses a request without looking at it: what the product's Refusals say, as far as clients look at it. */
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
        } else if (request instanceof BookieRequest.ReadEntries read) {
            return refused(request, read.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.ReadLastAddConfirmed read) {
            return refused(request, read.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.FenceLedger fence) {
            return refused(request, fence.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.RecoveryAddEntries add) {
            return refused(request, add.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.SubscribeLedger subscribe) {
            return refused(request, subscribe.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.ConfirmDropped confirm) {
            return refused(request, confirm.requestId(), refusal, detail);
        } else if (request instanceof BookieRequest.GrantCredit grant) {
            return refused(request, grant.requestId(), refusal, detail);
        }
        return List.of();
    }

    private static List<BookieReply> refused(BookieRequest request, long requestId, Refusal refusal, String detail) {
        return List.of(new BookieReply.RequestRefused(request.target(), requestId, refusal, detail));
    }
}
