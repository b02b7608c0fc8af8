package io.quire.admin;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.admin.Router.Call;
import io.quire.client.BookieAdmin;
import io.quire.protocol.BookieId;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/** Bookies under {@code /api/v2/bookies}: listed, and registered as destroyed (R23). Thread-safe. */
final class BookieRoutes {
    private static final String BOOKIES = "/api/v2/bookies";

    private final ClusterFeed feed;
    private final BookieAdmin bookies;

    BookieRoutes(ClusterFeed feed, BookieAdmin bookies) {
        this.feed = feed;
        this.bookies = bookies;
    }

    void addTo(Router router) {
        router.route("GET", BOOKIES, this::list).route("POST", BOOKIES + "/{bookie}/destroyed", this::markDestroyed);
    }

    private CompletionStage<HttpResponse> list(Call call) {
        return CompletableFuture.completedStage(Responses.json(200, LedgerJson.bookies(feed.bookies())));
    }

    private CompletionStage<HttpResponse> markDestroyed(Call call) {
        QueryParameters.strict(call.request(), Set.of());
        return bookies.markDestroyed(parseBookieId(call.variables().get(0))).thenApply(registration -> {
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("bookieId", registration.bookieId().toString());
            json.put("name", registration.name());
            json.put("life", registration.life().name());
            return Responses.json(200, json);
        });
    }

    static BookieId parseBookieId(String text) {
        try {
            UUID id = UUID.fromString(text);
            if (id.toString().equalsIgnoreCase(text)) {
                return new BookieId(id);
            }
        } catch (IllegalArgumentException e) {
            // Said below.
        }
        throw new LedgerException(Code.InvalidRequest, Outcome.NOT_APPLIED, "no bookie id: '" + text + "'");
    }
}
