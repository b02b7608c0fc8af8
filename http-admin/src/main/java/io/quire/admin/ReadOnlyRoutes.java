package io.quire.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.admin.Router.Call;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BookieStatus.State;
import io.quire.protocol.ClusterFeed;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * {@code /api/v1/bookie/state/readonly}: whether the bookies of this node are read-only, and an operator's wish for it.
 * The wish lasts until it is taken back or the process ends, and does not undo other reasons. Thread-safe.
 */
final class ReadOnlyRoutes {
    private static final String PATH = "/api/v1/bookie/state/readonly";
    private static final String FIELD = "readOnly";
    private static final int BODY_BYTES_MAX = 1024;

    private final ClusterFeed feed;
    private final String node;
    private final NodeBookies bookies;
    private final RequestBodies bodies;

    /**
     * @param node this node, named as in {@link BookieStatus#node()}
     */
    ReadOnlyRoutes(ClusterFeed feed, String node, NodeBookies bookies, RequestBodies bodies) {
        this.feed = feed;
        this.node = node;
        this.bookies = bookies;
        this.bodies = bodies;
    }

    void addTo(Router router) {
        router.route("GET", PATH, this::show).routeWithBody("PUT", PATH, this::change);
    }

    private CompletionStage<HttpResponse> show(Call call) {
        List<BookieStatus> here = feed.bookies().stream()
                .filter(bookie -> bookie.node().equals(node) && bookie.state() != State.DOWN)
                .toList();
        return CompletableFuture.completedStage(
                answer(!here.isEmpty() && here.stream().noneMatch(bookie -> bookie.state() == State.WRITABLE)));
    }

    private CompletionStage<HttpResponse> change(Call call) {
        return bodies.read(call.request(), BODY_BYTES_MAX, body -> bookies.setReadOnly(wishIn(body))
                .thenApply(ReadOnlyRoutes::answer));
    }

    private static boolean wishIn(byte[] body) {
        JsonNode wish = Json.parse(body).path(FIELD);
        if (!wish.isBoolean()) {
            throw Problem.invalid("the body must be {\"readOnly\": true} or {\"readOnly\": false}");
        }
        return wish.booleanValue();
    }

    private static HttpResponse answer(boolean readOnly) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put(FIELD, readOnly);
        return Responses.json(200, json);
    }
}
