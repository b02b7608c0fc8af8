package io.quire.admin;

import com.fasterxml.jackson.databind.JsonNode;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.Replication;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.TreeMap;

/** What a ledger is to be like: the body of {@code POST /ledgers}. */
record CreateLedgerRequest(Replication replication, Map<String, String> labels) {
    CreateLedgerRequest {
        labels = Map.copyOf(labels);
    }

    /**
     * Reads the body; an empty one asks for the defaults.
     *
     * @throws io.quire.protocol.LedgerException InvalidRequest when anything about it is wrong
     */
    static CreateLedgerRequest parse(byte[] body) {
        JsonNode json = Json.parse(body);
        if (json.isMissingNode()) {
            return new CreateLedgerRequest(Replication.DEFAULT, Map.of());
        }
        if (!json.isObject()) {
            throw Problem.invalid("the body must be a JSON object");
        }
        int ensembleSize = Replication.DEFAULT.ensembleSize();
        int writeQuorum = Replication.DEFAULT.writeQuorum();
        int ackQuorum = Replication.DEFAULT.ackQuorum();
        Map<String, String> labels = Map.of();
        for (Map.Entry<String, JsonNode> field : json.properties()) {
            switch (field.getKey()) {
                case "ensembleSize" -> ensembleSize = number(field);
                case "writeQuorum" -> writeQuorum = number(field);
                case "ackQuorum" -> ackQuorum = number(field);
                case "labels" -> labels = labels(field.getValue());
                default ->
                    throw Problem.invalid("there is no field '" + field.getKey()
                            + "' here, only ensembleSize, writeQuorum, ackQuorum and labels");
            }
        }
        try {
            return new CreateLedgerRequest(new Replication(ensembleSize, writeQuorum, ackQuorum), labels);
        } catch (IllegalArgumentException e) {
            throw Problem.invalid(e.getMessage());
        }
    }

    private static int number(Map.Entry<String, JsonNode> field) {
        JsonNode value = field.getValue();
        if (!value.isIntegralNumber() || !value.canConvertToInt()) {
            throw Problem.invalid(field.getKey() + " must be a small whole number: " + shortened(value.toString()));
        }
        return value.intValue();
    }

    private static Map<String, String> labels(JsonNode json) {
        if (!json.isObject()) {
            throw Problem.invalid("labels must be a JSON object of strings");
        }
        if (json.size() > LedgerMetadata.LABELS_MAX) {
            throw Problem.invalid(json.size() + " labels, at most " + LedgerMetadata.LABELS_MAX + " are allowed");
        }
        Map<String, String> labels = new TreeMap<>();
        for (Map.Entry<String, JsonNode> field : json.properties()) {
            if (!field.getValue().isTextual()) {
                throw Problem.invalid("the label '" + shortened(field.getKey()) + "' must be a string");
            }
            if (field.getKey().isEmpty()) {
                throw Problem.invalid("a label's key must not be empty");
            }
            labels.put(labelText(field.getKey()), labelText(field.getValue().textValue()));
        }
        return labels;
    }

    private static String labelText(String text) {
        if (text.length() > LedgerMetadata.LABEL_CHARACTERS_MAX) {
            throw Problem.invalid("a label's key and value have at most " + LedgerMetadata.LABEL_CHARACTERS_MAX
                    + " characters: " + text.length());
        }
        // An unpaired surrogate would be registered as another character than the one that was sent.
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
            throw Problem.invalid("a label must be text");
        }
        return text;
    }

    private static String shortened(String text) {
        return text.length() <= 40 ? text : text.substring(0, 40) + "...";
    }
}
