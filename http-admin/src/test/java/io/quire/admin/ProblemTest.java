package io.quire.admin;

import static org.assertj.core.api.Assertions.assertThat;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.Registry;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ProblemTest {
    private static final Map<Code, Integer> STATUSES = Map.ofEntries(
            Map.entry(Code.InvalidRequest, 400),
            Map.entry(Code.Unauthorized, 403),
            Map.entry(Code.NoSuchLedger, 404),
            Map.entry(Code.NoSuchEntry, 404),
            Map.entry(Code.NoSuchBookie, 404),
            Map.entry(Code.NoSuchLog, 404),
            Map.entry(Code.LedgerClosed, 409),
            Map.entry(Code.LedgerFenced, 409),
            Map.entry(Code.NoWriter, 409),
            Map.entry(Code.NotConfirmed, 409),
            Map.entry(Code.Conflict, 409),
            Map.entry(Code.EntryTooLarge, 413),
            Map.entry(Code.Overloaded, 429),
            Map.entry(Code.NotImplemented, 501),
            Map.entry(Code.NotEnoughBookies, 503),
            Map.entry(Code.Unavailable, 503),
            Map.entry(Code.TimedOut, 504));

    @ParameterizedTest
    @DisplayName("each code has the status that is promised, and keeps its outcome")
    @EnumSource
    void statuses(Code code) {
        Problem problem = Problem.of(new CompletionException(new LedgerException(code, Outcome.UNKNOWN, "why")), true);
        assertThat(problem.status()).isEqualTo(STATUSES.get(code));
        assertThat(problem.code()).isEqualTo(code);
        assertThat(problem.outcome()).isEqualTo(Outcome.UNKNOWN);
        assertThat(problem.toResponse().status().intValue()).isEqualTo(STATUSES.get(code));
        assertThat(problem.toResponse().getHeader("Retry-After").isPresent()).isEqualTo(code == Code.Overloaded);
    }

    @Test
    @DisplayName("a problem is rendered with the members of RFC 9457 and ours")
    void json() {
        assertThat(Problem.of(new PartlyAppendedException(Code.TimedOut, "2 of 3", 41), true)
                        .toJson()
                        .toString())
                .isEqualTo("{\"type\":\"urn:quire:problem:TimedOut\",\"title\":\"There was no answer in time\","
                        + "\"status\":504,\"detail\":\"2 of 3\",\"code\":\"TimedOut\",\"outcome\":\"UNKNOWN\","
                        + "\"acknowledgedTo\":41}");
        assertThat(Problem.of(Problem.invalid("why"), true).toJson().has("acknowledgedTo"))
                .isFalse();
    }

    @Test
    @DisplayName("a request that changes nothing never took effect")
    void reads() {
        assertThat(Problem.of(new LedgerException(Code.TimedOut, Outcome.UNKNOWN, "late"), false)
                        .outcome())
                .isEqualTo(Outcome.NOT_APPLIED);
        assertThat(Problem.of(new Registry.UnavailableException("no majority"), false)
                        .outcome())
                .isEqualTo(Outcome.NOT_APPLIED);
        assertThat(Problem.of(new Registry.UnavailableException("no majority"), true)
                        .outcome())
                .isEqualTo(Outcome.UNKNOWN);
    }

    @Test
    @DisplayName("a fault of the node shows nothing of its inside")
    void faults() {
        Problem problem = Problem.of(new CompletionException(new IllegalStateException("secret")), true);
        assertThat(problem.code()).isEqualTo(Code.Unavailable);
        assertThat(problem.outcome()).isEqualTo(Outcome.UNKNOWN);
        assertThat(problem.toJson().toString()).doesNotContain("secret").doesNotContain("Exception");
        assertThat(Problem.isExpected(new IllegalStateException("secret"))).isFalse();
    }

    @Test
    @DisplayName("a body that was left unread ends the connection")
    void unreadBody() {
        assertThat(Problem.of(new BodyTooLargeException("large", true), true)
                        .toResponse()
                        .getHeader("Connection")
                        .orElseThrow()
                        .value())
                .isEqualTo("close");
        assertThat(Problem.of(new BodyTooLargeException("large", false), true)
                        .toResponse()
                        .getHeader("Connection"))
                .isEmpty();
    }
}
