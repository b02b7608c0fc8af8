package io.quire.admin;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.admin.Router.Call;
import io.quire.client.LedgerClient;
import io.quire.protocol.BookieId;
import io.quire.protocol.BookieStatus;
import io.quire.protocol.BookieStatus.State;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.Entry;
import io.quire.protocol.Fragment;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.NotUsed;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.japi.Pair;
import org.apache.pekko.stream.javadsl.Source;
import org.apache.pekko.util.ByteString;

/**
 * What operators of BookKeeper know under {@code /api/v1}: the same paths, parameters and meaning, as far as they are
 * there. Unknown parameters are ignored. "The bookie" of a node stands for all its stores. Thread-safe.
 */
final class CompatibilityRoutes {
    private static final String PREFIX = "/api/v1/";
    private static final int PAGE = 100;
    private static final int LISTED_AT_ONCE = 1000;

    private final LedgerClient client;
    private final ClusterFeed feed;
    private final String node;
    private final LedgerRoutes ledgers;
    private final EntryRange ranges;

    /**
     * @param node this node, named as in {@link BookieStatus#node()}
     */
    CompatibilityRoutes(LedgerClient client, ClusterFeed feed, String node, LedgerRoutes ledgers, EntryRange ranges) {
        this.client = client;
        this.feed = feed;
        this.node = node;
        this.ledgers = ledgers;
        this.ranges = ranges;
    }

    void addTo(Router router) {
        router.route("GET", PREFIX + "ledger/list", this::listLedgers)
                .route("GET", PREFIX + "ledger/metadata", this::ledgerMetadata)
                .route("GET", PREFIX + "ledger/read", this::readLedger)
                .route("DELETE", PREFIX + "ledger/delete", this::deleteLedger)
                .route("GET", PREFIX + "bookie/list_bookies", call -> answer(listBookies(call)))
                .route("GET", PREFIX + "bookie/list_bookie_info", call -> answer(listBookieInfo()))
                .route("GET", PREFIX + "bookie/info", call -> answer(bookieInfo()))
                .route("GET", PREFIX + "bookie/is_ready", call -> isReady())
                .route("GET", PREFIX + "bookie/state", call -> answer(bookieState()));
    }

    /** An object from id to null, or to metadata; pages of 100 count from 1 and exist with metadata only. */
    private CompletionStage<HttpResponse> listLedgers(Call call) {
        QueryParameters query = QueryParameters.lenient(call.request());
        boolean printsMetadata = isTrue(query, "print_metadata");
        OptionalInt page = printsMetadata ? pageOf(query) : OptionalInt.empty();
        Source<LedgerMetadata, NotUsed> found = Source.unfoldAsync(new Walk(false, Optional.empty()), this::list)
                .mapConcat(list -> list);
        if (page.isPresent()) {
            found = found.drop((page.getAsInt() - 1L) * PAGE).take(PAGE);
        }
        return CompletableFuture.completedStage(Responses.streamed(
                Responses.JSON,
                members(found.map(ledger -> member(
                        ledger.ledgerId().toString(),
                        printsMetadata ? metadata(ledger) : JsonNodeFactory.instance.nullNode())))));
    }

    /**
     * Where a walk over all ledgers is.
     *
     * @param after go on behind this id; empty at the start
     */
    private record Walk(boolean isOver, Optional<LedgerId> after) {}

    private CompletionStage<Optional<Pair<Walk, List<LedgerMetadata>>>> list(Walk walk) {
        if (walk.isOver()) {
            return CompletableFuture.completedStage(Optional.empty());
        }
        LedgerClient.ListBuilder list = client.newListLedgersOp().withLimit(LISTED_AT_ONCE);
        walk.after().ifPresent(list::withAfter);
        return list.execute()
                .thenApply(
                        page -> Optional.of(Pair.create(new Walk(page.next().isEmpty(), page.next()), page.ledgers())));
    }

    private CompletionStage<HttpResponse> ledgerMetadata(Call call) {
        return client.getLedgerMetadata(ledgerId(QueryParameters.lenient(call.request())))
                .thenApply(found -> {
                    ObjectNode json = JsonNodeFactory.instance.objectNode();
                    json.set(found.value().ledgerId().toString(), metadata(found.value()));
                    return Responses.json(200, json);
                });
    }

    /** An object from entry id to the entry as text; pages of 100 count from 1. */
    private CompletionStage<HttpResponse> readLedger(Call call) {
        QueryParameters query = QueryParameters.lenient(call.request());
        LedgerId ledgerId = ledgerId(query);
        long start = query.entryId("start_entry_id").orElse(0);
        OptionalLong wanted = query.text("end_entry_id").filter("-1"::equals).isPresent()
                ? OptionalLong.empty()
                : query.entryId("end_entry_id");
        OptionalInt page = pageOf(query);
        long first = page.isPresent() ? saturatedAdd(start, (page.getAsInt() - 1L) * PAGE) : start;
        long last = page.isPresent()
                ? Math.min(wanted.orElse(Long.MAX_VALUE), saturatedAdd(first, PAGE - 1))
                : wanted.orElse(Long.MAX_VALUE);
        return ledgers.atWriter(call.request(), ledgerId, ledger -> ledger.end()
                .thenCompose(end -> {
                    long bounded = Math.min(last, end);
                    if (bounded < first) {
                        return CompletableFuture.completedStage(Source.<List<Entry>>empty());
                    }
                    return ranges.read(ledger, new EntryRange.Bounds(first, OptionalLong.of(bounded)));
                })
                .thenApply(pages -> Responses.streamed(
                        Responses.JSON,
                        members(pages.mapConcat(list -> list)
                                .map(entry -> member(
                                        Long.toString(entry.entryId()),
                                        JsonNodeFactory.instance.textNode(
                                                entry.payload().toUtf8())))))));
    }

    private CompletionStage<HttpResponse> deleteLedger(Call call) {
        return ledgers.delete(ledgerId(QueryParameters.lenient(call.request())))
                .thenApply(done -> Responses.of(200, Responses.TEXT, ByteString.emptyByteString()));
    }

    /** An object from bookie to null, or to its host. */
    private JsonNode listBookies(Call call) {
        QueryParameters query = QueryParameters.lenient(call.request());
        boolean readOnly = query.text("type").filter("ro"::equals).isPresent();
        boolean printsHosts = isTrue(query, "print_hostnames");
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        for (BookieStatus bookie : live(feed.bookies().stream().toList())) {
            if (readOnly == (bookie.state() != State.WRITABLE)) {
                json.put(bookie.bookieId().toString(), printsHosts ? hostOf(bookie.node()) : null);
            }
        }
        return json;
    }

    private JsonNode listBookieInfo() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        List<BookieStatus> bookies = live(feed.bookies().stream().toList());
        for (BookieStatus bookie : bookies) {
            json.put(
                    bookie.bookieId().toString(),
                    ": {Free: " + readable(bookie.freeBytes()) + ", Total: " + readable(bookie.totalBytes()) + "},");
        }
        json.put(
                "ClusterInfo: ",
                "{Free: " + readable(freeBytes(bookies)) + ", Total: " + readable(totalBytes(bookies)) + "}");
        return json;
    }

    private JsonNode bookieInfo() {
        List<BookieStatus> here = live(bookiesHere());
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("freeSpace", freeBytes(here));
        json.put("totalSpace", totalBytes(here));
        return json;
    }

    private CompletionStage<HttpResponse> isReady() {
        if (live(bookiesHere()).isEmpty()) {
            throw new LedgerException(Code.Unavailable, Outcome.NOT_APPLIED, "no bookie of this node is ready");
        }
        return CompletableFuture.completedStage(Responses.of(200, Responses.TEXT, ByteString.emptyByteString()));
    }

    private JsonNode bookieState() {
        List<BookieStatus> here = bookiesHere();
        boolean running = !live(here).isEmpty();
        boolean writable = here.stream().anyMatch(bookie -> bookie.state() == State.WRITABLE);
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("running", running);
        json.put("readOnly", running && !writable);
        json.put("shuttingDown", !here.isEmpty() && !running);
        json.put("availableForHighPriorityWrites", running);
        ArrayNode reasons = json.putArray("readOnlyReasons");
        live(here).stream()
                .flatMap(bookie -> bookie.readOnlyReasons().stream())
                .distinct()
                .sorted()
                .forEach(reasons::add);
        return json;
    }

    private List<BookieStatus> bookiesHere() {
        return feed.bookies().stream()
                .filter(bookie -> bookie.node().equals(node))
                .toList();
    }

    private static List<BookieStatus> live(List<BookieStatus> bookies) {
        return bookies.stream()
                .filter(bookie -> bookie.state() != State.DOWN)
                .sorted(java.util.Comparator.comparing(
                        bookie -> bookie.bookieId().toString()))
                .toList();
    }

    private static long freeBytes(List<BookieStatus> bookies) {
        return bookies.stream().mapToLong(BookieStatus::freeBytes).sum();
    }

    private static long totalBytes(List<BookieStatus> bookies) {
        return bookies.stream().mapToLong(BookieStatus::totalBytes).sum();
    }

    /** Metadata under the names that BookKeeper's have. */
    private static ObjectNode metadata(LedgerMetadata ledger) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        json.put("ledgerId", ledger.ledgerId().value());
        json.put("ensembleSize", ledger.replication().ensembleSize());
        json.put("writeQuorumSize", ledger.replication().writeQuorum());
        json.put("ackQuorumSize", ledger.replication().ackQuorum());
        json.put("state", ledger.state().name());
        json.put("lastEntryId", ledger.lastEntryId());
        json.put("length", ledger.length());
        json.put("digestType", ledger.digest().name());
        json.put("ctime", ledger.createdMillis());
        ObjectNode ensembles = json.putObject("allEnsembles");
        for (Fragment fragment : ledger.fragments()) {
            ArrayNode bookies = ensembles.putArray(Long.toString(fragment.firstEntryId()));
            for (BookieId bookie : fragment.ensemble().bookies()) {
                bookies.add(bookie.toString());
            }
        }
        ObjectNode custom = json.putObject("customMetadata");
        ledger.labels().forEach(custom::put);
        return json;
    }

    /** A JSON object that is written member by member. */
    private static Source<ByteString, NotUsed> members(Source<ByteString, NotUsed> members) {
        return members.intersperse(ByteString.fromString("{"), ByteString.fromString(","), ByteString.fromString("}"));
    }

    private static ByteString member(String name, JsonNode value) {
        return ByteString.fromString("\"" + name + "\":").concat(Json.bytes(value));
    }

    private static CompletionStage<HttpResponse> answer(JsonNode json) {
        return CompletableFuture.completedStage(Responses.json(200, json));
    }

    private static LedgerId ledgerId(QueryParameters query) {
        return query.ledgerId("ledger_id").orElseThrow(() -> Problem.invalid("the parameter ledger_id is needed"));
    }

    private static boolean isTrue(QueryParameters query, String name) {
        return query.text(name).filter("true"::equals).isPresent();
    }

    private static OptionalInt pageOf(QueryParameters query) {
        return query.number("page", 1, Integer.MAX_VALUE);
    }

    private static long saturatedAdd(long a, long b) {
        return a > Long.MAX_VALUE - b ? Long.MAX_VALUE : a + b;
    }

    private static String hostOf(String node) {
        int colon = node.lastIndexOf(':');
        return colon < 0 ? node : node.substring(0, colon);
    }

    /** Bytes, and in brackets the same in the largest fitting unit. */
    private static String readable(long bytes) {
        String[] units = {"KB", "MB", "GB", "TB", "PB"};
        double value = bytes;
        String unit = "";
        for (int i = 0; i < units.length && value >= 1024; i++) {
            value /= 1024;
            unit = units[i];
        }
        return unit.isEmpty() ? Long.toString(bytes) : bytes + String.format(Locale.ROOT, "(%.1f%s)", value, unit);
    }
}
