package io.quire.admin;

import com.fasterxml.jackson.databind.JsonNode;
import io.quire.protocol.VoterId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What the registry's voters shall be: the body of {@code POST /registry/change}.
 *
 * @param voters the whole next set; otherwise the next set is today's with {@code add} and without {@code remove}
 * @param dryRun only says what the change would be
 */
record ChangeVotersRequest(Optional<List<VoterId>> voters, List<VoterId> add, List<VoterId> remove, boolean dryRun) {
    ChangeVotersRequest {
        voters = voters.map(List::copyOf);
        add = List.copyOf(add);
        remove = List.copyOf(remove);
    }

    /**
     * Reads the body.
     *
     * @throws io.quire.protocol.LedgerException InvalidRequest when anything about it is wrong
     */
    static ChangeVotersRequest parse(byte[] body) {
        JsonNode json = Json.parse(body);
        if (!json.isObject()) {
            throw Problem.invalid("the body must be a JSON object");
        }
        Optional<List<VoterId>> voters = Optional.empty();
        List<VoterId> add = List.of();
        List<VoterId> remove = List.of();
        boolean dryRun = false;
        for (Map.Entry<String, JsonNode> field : json.properties()) {
            switch (field.getKey()) {
                case "voters" -> voters = Optional.of(ids(field));
                case "add" -> add = ids(field);
                case "remove" -> remove = ids(field);
                case "dryRun" -> dryRun = flag(field);
                default ->
                    throw Problem.invalid(
                            "there is no field '" + field.getKey() + "' here, only voters, add, remove and dryRun");
            }
        }
        if (voters.isPresent() != (add.isEmpty() && remove.isEmpty())) {
            throw Problem.invalid("either voters, or add or remove, must be given");
        }
        return new ChangeVotersRequest(voters, add, remove, dryRun);
    }

    /**
     * The next set of voters.
     *
     * @param current today's
     * @throws io.quire.protocol.LedgerException InvalidRequest when it adds one of them or removes another one
     */
    List<VoterId> appliedTo(List<VoterId> current) {
        if (voters.isPresent()) {
            return voters.get();
        }
        List<VoterId> next = new ArrayList<>(current);
        for (VoterId voter : remove) {
            if (!next.remove(voter)) {
                throw Problem.invalid(voter + " is not one of the registry's voters");
            }
        }
        for (VoterId voter : add) {
            if (next.contains(voter)) {
                throw Problem.invalid(voter + " is one of the registry's voters already");
            }
            next.add(voter);
        }
        return next;
    }

    private static List<VoterId> ids(Map.Entry<String, JsonNode> field) {
        if (!field.getValue().isArray()) {
            throw Problem.invalid(field.getKey() + " must be a list of voter ids");
        }
        List<VoterId> ids = new ArrayList<>();
        for (JsonNode element : field.getValue()) {
            try {
                ids.add(VoterId.parse(element.isTextual() ? element.textValue() : ""));
            } catch (IllegalArgumentException e) {
                throw Problem.invalid(field.getKey() + " must be a list of voter ids: " + e.getMessage());
            }
        }
        return ids;
    }

    private static boolean flag(Map.Entry<String, JsonNode> field) {
        if (!field.getValue().isBoolean()) {
            throw Problem.invalid(field.getKey() + " must be true or false");
        }
        return field.getValue().booleanValue();
    }
}
