package io.quire.cli;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A ledger's metadata for people: the fields as the node names them, one line each, one for each fragment. */
final class LedgerText {
    private LedgerText() {}

    /** Keys and values in the order in which they are printed. */
    static Map<String, String> of(JsonNode ledger) {
        Map<String, String> lines = new LinkedHashMap<>();
        ledger.properties().forEach(field -> {
            if (field.getKey().equals("fragments")) {
                field.getValue()
                        .forEach(fragment -> lines.put(
                                "fragment " + fragment.path("firstEntryId").asText(),
                                joined(fragment.path("bookies"))));
            } else {
                lines.put(field.getKey(), text(field.getValue()));
            }
        });
        return lines;
    }

    private static String text(JsonNode value) {
        if (value.isObject()) {
            List<String> pairs = new ArrayList<>();
            value.properties()
                    .forEach(pair ->
                            pairs.add(pair.getKey() + "=" + pair.getValue().asText()));
            return String.join(", ", pairs);
        }
        return value.isArray() ? joined(value) : value.asText();
    }

    private static String joined(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(element -> texts.add(element.asText()));
        return String.join(", ", texts);
    }
}
