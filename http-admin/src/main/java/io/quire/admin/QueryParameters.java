package io.quire.admin;

import io.quire.protocol.EntryId;
import io.quire.protocol.LedgerId;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.scaladsl.model.IllegalUriException;
import org.apache.pekko.japi.Pair;

/** The query of one request. What cannot be understood throws InvalidRequest. */
final class QueryParameters {
    private final Map<String, String> values = new LinkedHashMap<>();

    /** Keeps the first value of a name that stands twice. */
    private QueryParameters(List<Pair<String, String>> pairs) {
        for (Pair<String, String> pair : pairs) {
            values.putIfAbsent(pair.first(), pair.second());
        }
    }

    /** The query of {@code request}, in which other names than {@code known}, and names that stand twice, are refused. */
    static QueryParameters strict(HttpRequest request, Set<String> known) {
        List<Pair<String, String>> pairs = pairsOf(request);
        QueryParameters parameters = new QueryParameters(pairs);
        for (String name : parameters.values.keySet()) {
            if (!known.contains(name)) {
                throw Problem.invalid("there is no parameter '" + name + "' here"
                        + (known.isEmpty()
                                ? ""
                                : ", only " + known.stream().sorted().toList()));
            }
        }
        if (pairs.size() != parameters.values.size()) {
            throw Problem.invalid("a parameter stands twice: "
                    + pairs.stream().map(Pair::first).toList());
        }
        return parameters;
    }

    /** The query of {@code request}, in which unknown names are ignored. */
    static QueryParameters lenient(HttpRequest request) {
        return new QueryParameters(pairsOf(request));
    }

    Optional<String> text(String name) {
        return Optional.ofNullable(values.get(name));
    }

    /** Whether the parameter is {@code true}; false where it is absent. */
    boolean flag(String name) {
        return text(name)
                .map(value -> switch (value) {
                    case "true" -> true;
                    case "false" -> false;
                    default -> throw Problem.invalid(name + " must be true or false: '" + value + "'");
                })
                .orElse(false);
    }

    OptionalLong entryId(String name) {
        return text(name).map(QueryParameters::parseEntryId).orElse(OptionalLong.empty());
    }

    Optional<LedgerId> ledgerId(String name) {
        return text(name).map(QueryParameters::parseLedgerId);
    }

    /** A number in {@code [min, max]}. */
    OptionalInt number(String name, int min, int max) {
        Optional<String> value = text(name);
        if (value.isEmpty()) {
            return OptionalInt.empty();
        }
        String digits = value.get();
        // Ten digits hold every int; more are out of any range.
        if (digits.matches("[0-9]{1,10}")) {
            long number = Long.parseLong(digits);
            if (number >= min && number <= max) {
                return OptionalInt.of((int) number);
            }
        }
        throw Problem.invalid(name + " must be a number in [" + min + ", " + max + "]: '" + digits + "'");
    }

    static LedgerId parseLedgerId(String text) {
        try {
            return LedgerId.parse(text);
        } catch (IllegalArgumentException e) {
            throw Problem.invalid(e.getMessage());
        }
    }

    static OptionalLong parseEntryId(String text) {
        try {
            return OptionalLong.of(EntryId.parse(text));
        } catch (IllegalArgumentException e) {
            throw Problem.invalid(e.getMessage());
        }
    }

    private static List<Pair<String, String>> pairsOf(HttpRequest request) {
        try {
            return request.getUri().query().toList();
        } catch (IllegalUriException e) {
            throw Problem.invalid("the query cannot be understood");
        }
    }
}
