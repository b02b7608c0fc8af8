package io.quire.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.admin.Router.Call;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * Garbage collection of this node's bookies under {@code /api/v1/bookie/gc}, as operators of BookKeeper know it; "the
 * bookie" stands for all of them. Stores here do not compact: the members that speak of it are there for their readers, and
 * ours beside them. Thread-safe.
 */
final class GarbageRoutes {
    private static final String PATH = "/api/v1/bookie/gc";
    private static final int BODY_BYTES_MAX = 10_000;

    private final NodeBookies bookies;
    private final RequestBodies bodies;

    GarbageRoutes(NodeBookies bookies, RequestBodies bodies) {
        this.bookies = bookies;
        this.bodies = bodies;
    }

    void addTo(Router router) {
        router.routeWithBody("PUT", PATH, this::collect)
                .route("GET", PATH, call -> inProgress())
                .route("GET", PATH + "_details", call -> details());
    }

    /** Forced by {@code force} or {@code forceMajor}, as parameters or in a body of JSON. */
    private CompletionStage<HttpResponse> collect(Call call) {
        return bodies.read(call.request(), BODY_BYTES_MAX, body -> {
            QueryParameters query = QueryParameters.lenient(call.request());
            JsonNode json = parse(body);
            boolean force = query.flag("force")
                    || query.flag("forceMajor")
                    || json.path("force").asBoolean()
                    || json.path("forceMajor").asBoolean();
            return bookies.collectGarbage(force)
                    .thenCompose(told -> bookies.garbage())
                    .thenApply(here -> Responses.json(
                            200,
                            JsonNodeFactory.instance.textNode("Triggered GC on BookieServer: "
                                    + here.stream()
                                            .map(one -> one.bookie().toString())
                                            .collect(Collectors.joining(", ")))));
        });
    }

    private static JsonNode parse(byte[] body) {
        JsonNode json = Json.parse(body);
        if (!json.isMissingNode() && !json.isObject()) {
            throw Problem.invalid("the body must be a JSON object");
        }
        return json;
    }

    private CompletionStage<HttpResponse> inProgress() {
        return bookies.garbage().thenApply(here -> {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("is_in_force_gc", String.valueOf(here.stream().anyMatch(NodeBookies.Garbage::active)));
            return Responses.json(200, json);
        });
    }

    private CompletionStage<HttpResponse> details() {
        return bookies.garbage().thenApply(here -> {
            ArrayNode json = JsonNodeFactory.instance.arrayNode();
            here.forEach(one -> json.add(details(one)));
            return Responses.json(200, json);
        });
    }

    private static ObjectNode details(NodeBookies.Garbage garbage) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("bookieId", garbage.bookie().toString());
        json.put("forceCompacting", garbage.forced());
        json.put("majorCompacting", false);
        json.put("minorCompacting", false);
        json.put("active", garbage.active());
        garbage.next().ifPresent(next -> json.put("nextInMillis", next.toMillis()));
        garbage.lastRun().ifPresent(run -> json.set("lastRun", run(run)));
        return json;
    }

    private static ObjectNode run(NodeBookies.Run run) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("forced", run.forced());
        json.put("endedAgoMillis", run.endedBefore().toMillis());
        json.put("durationMillis", run.took().toMillis());
        json.put("examined", run.examined());
        json.put("dropped", run.dropped());
        json.put("superseded", run.superseded());
        json.put("kept", run.kept());
        json.put("orphans", run.orphans());
        ArrayNode orphans = json.putArray("someOrphans");
        run.someOrphans().forEach(ledgerId -> orphans.add(ledgerId.value()));
        json.put("unread", run.unread());
        json.put("heldBack", run.heldBack());
        if (!run.reason().isEmpty()) {
            json.put("reason", run.reason());
        }
        return json;
    }
}
