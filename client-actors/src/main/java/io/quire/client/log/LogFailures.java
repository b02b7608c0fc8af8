package io.quire.client.log;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.Registry;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

/** How failures of stages become {@link LedgerException}. Stateless. */
public final class LogFailures {
    private LogFailures() {}

    static LedgerException of(Throwable failure) {
        Throwable cause =
                failure instanceof CompletionException && failure.getCause() != null ? failure.getCause() : failure;
        if (cause instanceof LedgerException ledger) {
            return ledger;
        }
        if (cause instanceof Registry.UnavailableException) {
            return new LedgerException(Code.Unavailable, Outcome.UNKNOWN, cause.getMessage(), cause);
        }
        return new LedgerException(Code.Unavailable, Outcome.UNKNOWN, String.valueOf(cause), cause);
    }

    /** The code of a stage's failure, however it is wrapped. */
    public static Code codeOf(Throwable failure) {
        return of(failure).code();
    }

    static boolean isNoSuchLedger(Throwable failure) {
        return codeOf(failure) == Code.NoSuchLedger;
    }

    static LedgerException noSuchLog(LogName name) {
        return new LedgerException(Code.NoSuchLog, Outcome.NOT_APPLIED, "there is no log '" + name + "'");
    }

    static LedgerException invalid(String why) {
        return new LedgerException(Code.InvalidRequest, Outcome.NOT_APPLIED, why);
    }

    static <T> CompletionStage<T> failed(Code code, Outcome outcome, String why) {
        return CompletableFuture.failedStage(new LedgerException(code, outcome, why));
    }
}
