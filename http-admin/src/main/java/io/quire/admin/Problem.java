package io.quire.admin;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.Registry;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletionException;
import org.apache.pekko.http.javadsl.model.HttpHeader;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.Connection;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;

/**
 * An error as HTTP shows it: {@code application/problem+json} (RFC 9457) with two members of our own, {@code code} and
 * {@code outcome}. Never shows more than a sentence of what went wrong.
 *
 * @param status of the response
 * @param detail one sentence for people
 * @param acknowledgedTo the last entry that was acknowledged before the rest of a request failed
 * @param headers further headers of the response
 */
record Problem(
        int status, Code code, Outcome outcome, String detail, OptionalLong acknowledgedTo, List<HttpHeader> headers) {
    static final String TYPE_PREFIX = "urn:quire:problem:";

    Problem {
        headers = List.copyOf(headers);
    }

    /** The problem of a request that was not understood and had no effect. */
    static LedgerException invalid(String detail) {
        return new LedgerException(Code.InvalidRequest, Outcome.NOT_APPLIED, detail);
    }

    /** A problem of its code's own status. */
    static Problem of(Code code, Outcome outcome, String detail) {
        return new Problem(statusOf(code), code, outcome, detail, OptionalLong.empty(), headersOf(code));
    }

    /** No path or method of this interface. */
    static Problem notFound(int status, String detail, List<HttpHeader> headers) {
        return new Problem(status, Code.InvalidRequest, Outcome.NOT_APPLIED, detail, OptionalLong.empty(), headers);
    }

    /**
     * What a failed request means to its sender.
     *
     * @param changing whether the request could have changed anything; one that could not never took effect
     */
    static Problem of(Throwable failure, boolean changing) {
        Throwable cause = causeOf(failure);
        Outcome unknown = changing ? Outcome.UNKNOWN : Outcome.NOT_APPLIED;
        if (cause instanceof LedgerException ledger) {
            Problem problem = of(
                    ledger.code(),
                    changing ? ledger.outcome() : Outcome.NOT_APPLIED,
                    String.valueOf(ledger.getMessage()));
            if (ledger instanceof PartlyAppendedException partly) {
                return new Problem(
                        problem.status,
                        problem.code,
                        problem.outcome,
                        problem.detail,
                        OptionalLong.of(partly.acknowledgedTo()),
                        problem.headers);
            } else if (ledger instanceof BodyTooLargeException body && body.isUnread()) {
                return new Problem(
                        problem.status,
                        problem.code,
                        problem.outcome,
                        problem.detail,
                        problem.acknowledgedTo,
                        List.of(Connection.create("close")));
            }
            return problem;
        } else if (cause instanceof Registry.UnavailableException) {
            return of(Code.Unavailable, unknown, String.valueOf(cause.getMessage()));
        }
        return of(Code.Unavailable, unknown, "the node failed to carry this out; its log says why");
    }

    /** Whether {@code failure} is one of those that users are told about, rather than a fault of the node. */
    static boolean isExpected(Throwable failure) {
        Throwable cause = causeOf(failure);
        return cause instanceof LedgerException || cause instanceof Registry.UnavailableException;
    }

    /** What is behind the wrappers of stages. */
    static Throwable causeOf(Throwable failure) {
        Throwable cause = failure;
        while (cause instanceof CompletionException && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    HttpResponse toResponse() {
        return Responses.withHeaders(Responses.of(status, Responses.PROBLEM, Json.bytes(toJson())), headers);
    }

    ObjectNode toJson() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("type", TYPE_PREFIX + code);
        json.put("title", titleOf(code));
        json.put("status", status);
        json.put("detail", detail);
        json.put("code", code.name());
        json.put("outcome", outcome.name());
        acknowledgedTo.ifPresent(entryId -> json.put("acknowledgedTo", entryId));
        return json;
    }

    static int statusOf(Code code) {
        return switch (code) {
            case InvalidRequest -> 400;
            case Unauthorized -> 403;
            case NoSuchLedger, NoSuchEntry, NoSuchBookie, NoSuchLog -> 404;
            case LedgerClosed, LedgerFenced, NoWriter, NotConfirmed, Conflict -> 409;
            case EntryTooLarge -> 413;
            case Overloaded -> 429;
            case NotImplemented -> 501;
            case NotEnoughBookies, Unavailable -> 503;
            case TimedOut -> 504;
        };
    }

    private static String titleOf(Code code) {
        return switch (code) {
            case InvalidRequest -> "The request cannot be understood";
            case Unauthorized -> "The ledger's password is another one";
            case NoSuchLedger -> "There is no such ledger";
            case NoSuchEntry -> "There is no such entry";
            case NoSuchBookie -> "There is no such bookie";
            case NoSuchLog -> "There is no such log";
            case LedgerClosed -> "The ledger is closed";
            case LedgerFenced -> "The ledger is fenced";
            case NoWriter -> "The ledger has no writer";
            case NotConfirmed -> "The entry is not confirmed";
            case Conflict -> "Others changed it at the same time";
            case EntryTooLarge -> "The entry is too large";
            case Overloaded -> "Too much is under way";
            case NotImplemented -> "Not implemented";
            case NotEnoughBookies -> "There are not enough bookies";
            case Unavailable -> "The service is unavailable";
            case TimedOut -> "There was no answer in time";
        };
    }

    private static List<HttpHeader> headersOf(Code code) {
        return code == Code.Overloaded ? List.of(RawHeader.create("Retry-After", "1")) : List.of();
    }
}
