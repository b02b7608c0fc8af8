package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.OptionalLong;

/** A node refused, or could not do, what it was asked for; made of its problem+json answer. */
final class ServerFailure extends CommandFailure {
    private static final long serialVersionUID = 1;

    private final long acknowledgedTo;

    private ServerFailure(String message, long acknowledgedTo) {
        super(1, message, null);
        this.acknowledgedTo = acknowledgedTo;
    }

    /**
     * @param problem an object with {@code code}, {@code detail} and {@code outcome}
     * @param retryAfter what the node said about trying again, or empty
     */
    static ServerFailure of(JsonNode problem, String retryAfter) {
        String code = problem.path("code").asText();
        String detail = problem.path("detail").asText(problem.path("title").asText());
        StringBuilder message = new StringBuilder(code);
        if (!detail.isEmpty()) {
            message.append(": ").append(detail);
        }
        if (problem.hasNonNull("outcome")) {
            message.append(" (").append(problem.get("outcome").asText()).append(')');
        }
        String advice = advice(code, retryAfter);
        if (!advice.isEmpty()) {
            message.append("; ").append(advice);
        }
        return new ServerFailure(
                message.toString(), problem.path("acknowledgedTo").asLong(-1));
    }

    /** The last entry that was acknowledged all the same, of an append of many. */
    OptionalLong acknowledgedTo() {
        return acknowledgedTo < 0 ? OptionalLong.empty() : OptionalLong.of(acknowledgedTo);
    }

    private static String advice(String code, String retryAfter) {
        return switch (code) {
            case "NoSuchLedger" -> "'quire ledger list' shows those that exist";
            case "NoSuchEntry" -> "'quire ledger show' shows the last one";
            case "NoSuchBookie" -> "'quire ledger show' names the bookies of a ledger";
            case "LedgerClosed", "LedgerFenced" -> "create another ledger to append to";
            case "NoWriter" -> "recover this ledger and create the next one";
            case "Unauthorized" -> "only the Java API takes passwords";
            case "Conflict" -> "look at what is there and try again";
            case "EntryTooLarge" -> "split it into several entries";
            case "Overloaded" -> retryAfter.isEmpty() ? "try again later" : "try again in " + retryAfter + " s";
            case "NotEnoughBookies" -> "'quire bookie list' shows which are there";
            case "Unavailable" -> "try again later";
            case "TimedOut" -> "look at what is there before you try again";
            default -> "";
        };
    }
}
