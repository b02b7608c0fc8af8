package io.quire.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.admin.Router.Call;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.RegistryConfig;
import io.quire.protocol.RegistryVoters;
import io.quire.protocol.RegistryVoters.Change;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** The registry's voters under {@code /api/v2/registry}: shown, and changed (R5). Thread-safe. */
final class RegistryRoutes {
    private static final String REGISTRY = "/api/v2/registry";
    private static final int CHANGE_BYTES_MAX = 16_384;

    private final RegistryVoters voters;
    private final RequestBodies bodies;

    RegistryRoutes(RegistryVoters voters, RequestBodies bodies) {
        this.voters = voters;
        this.bodies = bodies;
    }

    void addTo(Router router) {
        router.route("GET", REGISTRY, this::show).routeWithBody("POST", REGISTRY + "/change", this::change);
    }

    private CompletionStage<HttpResponse> show(Call call) {
        QueryParameters.strict(call.request(), Set.of());
        return voters.describe().thenApply(status -> {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("clusterName", status.config().clusterName());
            json.put("clusterId", status.config().clusterId());
            json.put("epoch", status.config().epoch());
            ArrayNode list = json.putArray("voters");
            for (RegistryVoters.Voter voter : status.voters()) {
                ObjectNode one = list.addObject();
                one.put("voterId", voter.id().toString());
                one.put("votes", voter.votes());
                one.put("state", voter.state().name());
                one.put("epoch", voter.epoch());
                voter.address().ifPresent(address -> one.put("address", address));
            }
            return Responses.json(200, json);
        });
    }

    private CompletionStage<HttpResponse> change(Call call) {
        return bodies.read(call.request(), CHANGE_BYTES_MAX, body -> {
            QueryParameters.strict(call.request(), Set.of());
            ChangeVotersRequest request = ChangeVotersRequest.parse(body);
            return voters.describe()
                    .thenCompose(status ->
                            voters.change(request.appliedTo(status.config().voters()), request.dryRun()))
                    .thenApply(RegistryRoutes::answer);
        });
    }

    private static HttpResponse answer(Change change) {
        if (change instanceof Change.Planned planned) {
            return Responses.json(200, config("PLANNED", planned.next()));
        } else if (change instanceof Change.Changed changed) {
            return Responses.json(200, config("CHANGED", changed.config()));
        } else if (change instanceof Change.UnderWay underWay) {
            return Responses.json(202, config("UNDER_WAY", underWay.next()).put("reason", underWay.reason()));
        } else if (change instanceof Change.Refused refused) {
            return Problem.of(Code.Conflict, Outcome.NOT_APPLIED, refused.reason())
                    .toResponse();
        }
        return Problem.of(Code.TimedOut, Outcome.UNKNOWN, ((Change.Unknown) change).reason())
                .toResponse();
    }

    private static ObjectNode config(String result, RegistryConfig config) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("result", result);
        json.put("epoch", config.epoch());
        ArrayNode list = json.putArray("voters");
        config.voters().forEach(voter -> list.add(voter.toString()));
        return json;
    }
}
