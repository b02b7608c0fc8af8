package io.quire.admin;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.admin.Router.Call;
import io.quire.protocol.BookieId;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.http.javadsl.model.HttpResponse;

/**
 * Verifying what a bookie of this node stores, and what it cannot vouch for, under {@code /api/v2/bookies/{id}/scrub}: GET
 * tells how far it is, PUT has it begin at once. Another node's bookies are not known here. Thread-safe.
 */
final class ScrubRoutes {
    private static final String PATH = "/api/v2/bookies/{bookie}/scrub";

    private final NodeBookies bookies;

    ScrubRoutes(NodeBookies bookies) {
        this.bookies = bookies;
    }

    void addTo(Router router) {
        router.route("GET", PATH, this::describe).route("PUT", PATH, this::start);
    }

    private CompletionStage<HttpResponse> describe(Call call) {
        QueryParameters.strict(call.request(), Set.of());
        BookieId bookie = BookieRoutes.parseBookieId(call.variables().get(0));
        return bookies.scrubs().thenApply(here -> Responses.json(200, json(find(here, bookie))));
    }

    private CompletionStage<HttpResponse> start(Call call) {
        QueryParameters.strict(call.request(), Set.of());
        BookieId bookie = BookieRoutes.parseBookieId(call.variables().get(0));
        return bookies.scrubs().thenCompose(here -> {
            find(here, bookie);
            return bookies.scrub(bookie)
                    .thenCompose(told -> bookies.scrubs())
                    .thenApply(now -> Responses.json(200, json(find(now, bookie))));
        });
    }

    private static NodeBookies.Scrub find(List<NodeBookies.Scrub> here, BookieId bookie) {
        return here.stream()
                .filter(scrub -> scrub.bookie().equals(bookie))
                .findFirst()
                .orElseThrow(() -> new LedgerException(
                        Code.NoSuchBookie,
                        Outcome.NOT_APPLIED,
                        "bookie " + bookie + " does not serve in this node; ask the node that it is listed at"));
    }

    private static ObjectNode json(NodeBookies.Scrub scrub) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("bookieId", scrub.bookie().toString());
        json.put("active", scrub.active());
        json.put("passes", scrub.passes());
        json.put("ledgerId", scrub.ledgerId());
        json.put("bytesVerified", scrub.bytes());
        json.put("entriesGood", scrub.entries());
        json.put("damaged", scrub.damaged());
        ObjectNode limbo = json.putObject("limbo");
        limbo.put("everything", scrub.everythingInLimbo());
        limbo.put("ledgers", scrub.ledgersInLimbo());
        ArrayNode some = limbo.putArray("someLedgers");
        scrub.someInLimbo().forEach(ledgerId -> some.add(ledgerId.value()));
        if (!scrub.limboReason().isEmpty()) {
            limbo.put("reason", scrub.limboReason());
        }
        return json;
    }
}
