package io.quire.admin;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.quire.admin.Router.Call;
import io.quire.client.LedgerClient;
import io.quire.client.ReadHandle;
import io.quire.protocol.BookieId;
import io.quire.protocol.ClusterFeed;
import io.quire.protocol.Entry;
import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import io.quire.protocol.LedgerId;
import io.quire.protocol.LedgerMetadata;
import io.quire.protocol.LedgerState;
import io.quire.protocol.Payload;
import io.quire.protocol.Versioned;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorRef;
import org.apache.pekko.http.javadsl.model.HttpEntities;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.RequestEntity;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.util.ByteString;
import org.apache.pekko.util.ByteStringBuilder;

/**
 * The operations on ledgers under {@code /api/v2}. An open ledger is appended to, sealed, shown and read at the node where
 * its writer lives, which other nodes pass requests on to: only the writer knows at once what is confirmed. Thread-safe.
 */
final class LedgerRoutes {
    static final String LEDGERS = "/api/v2/ledgers";

    private static final String LEDGER = LEDGERS + "/{id}";
    private static final Duration KEEP_ALIVE = Duration.ofSeconds(15);
    private static final ByteString LF = ByteString.fromString("\n");
    private static final int LIST_LIMIT_DEFAULT = 100;
    private static final int LIST_LIMIT_MAX = 10_000;

    /** The longest allowed labels, each character escaped, and some room for the rest. */
    private static final int CREATE_BYTES_MAX =
            LedgerMetadata.LABELS_MAX * 2 * LedgerMetadata.LABEL_CHARACTERS_MAX * 6 + 65_536;

    private final LedgerClient client;
    private final ClusterFeed feed;
    private final ActorRef<LedgerWriters.Command> writers;
    private final WriterProxy proxy;
    private final RequestBodies bodies;
    private final HttpSettings settings;
    private final EntryRange ranges;

    LedgerRoutes(
            LedgerClient client,
            ClusterFeed feed,
            ActorRef<LedgerWriters.Command> writers,
            WriterProxy proxy,
            RequestBodies bodies,
            HttpSettings settings) {
        this.client = client;
        this.feed = feed;
        this.writers = writers;
        this.proxy = proxy;
        this.bodies = bodies;
        this.settings = settings;
        this.ranges = new EntryRange(settings.readPageBytes());
    }

    void addTo(Router router) {
        router.routeWithBody("POST", LEDGERS, this::create)
                .route("GET", LEDGERS, this::list)
                .route("GET", LEDGER, this::show)
                .route("DELETE", LEDGER, this::delete)
                .routeWithBody("POST", LEDGER + "/entries", this::append)
                .route("GET", LEDGER + "/entries", this::readRange)
                .route("GET", LEDGER + "/entries/{entry}", this::readEntry)
                .route("POST", LEDGER + "/seal", this::seal)
                .route("POST", LEDGER + "/recover", this::recover)
                .route("POST", LEDGER + "/undelete", this::undelete);
    }

    private CompletionStage<HttpResponse> create(Call call) {
        HttpRequest request = call.request();
        return bodies.read(request, CREATE_BYTES_MAX, body -> {
            QueryParameters.strict(request, Set.of());
            if (body.length > 0) {
                requireContentType(request, Set.of("application/json"));
            }
            CompletableFuture<HostedWriter> created = new CompletableFuture<>();
            writers.tell(new LedgerWriters.Create(CreateLedgerRequest.parse(body), created));
            return created.thenApply(writer -> {
                Versioned<LedgerMetadata> metadata = writer.handle().getLedgerMetadata();
                ObjectNode json = LedgerJson.ledger(metadata, OptionalLong.of(-1), OptionalLong.of(0));
                return Responses.json(201, json)
                        .addHeader(RawHeader.create(
                                "Location", LEDGERS + "/" + metadata.value().ledgerId()));
            });
        });
    }

    private CompletionStage<HttpResponse> list(Call call) {
        QueryParameters query = QueryParameters.strict(call.request(), Set.of("state", "after", "limit"));
        LedgerClient.ListBuilder list = client.newListLedgersOp()
                .withLimit(query.number("limit", 1, LIST_LIMIT_MAX).orElse(LIST_LIMIT_DEFAULT));
        query.text("state").map(LedgerRoutes::parseState).ifPresent(list::withState);
        query.ledgerId("after").ifPresent(list::withAfter);
        return list.execute().thenApply(page -> Responses.json(200, LedgerJson.page(page)));
    }

    private CompletionStage<HttpResponse> show(Call call) {
        LedgerId ledgerId = ledgerId(call);
        if (QueryParameters.strict(call.request(), Set.of("deleted")).flag("deleted")) {
            return client.getMetadataEvenIfDeleted(ledgerId)
                    .thenCompose(found -> found.value().isDeleted()
                            ? CompletableFuture.completedStage(Responses.json(200, LedgerJson.registered(found)))
                            : showLive(call, ledgerId));
        }
        return showLive(call, ledgerId);
    }

    private CompletionStage<HttpResponse> showLive(Call call, LedgerId ledgerId) {
        return atWriter(
                call.request(), ledgerId, ledger -> describe(ledger).thenApply(json -> Responses.json(200, json)));
    }

    private CompletionStage<HttpResponse> delete(Call call) {
        LedgerId ledgerId = ledgerId(call);
        QueryParameters.strict(call.request(), Set.of());
        return delete(ledgerId).thenApply(done -> Responses.noContent());
    }

    private CompletionStage<HttpResponse> undelete(Call call) {
        QueryParameters.strict(call.request(), Set.of());
        return client.newUndeleteLedgerOp()
                .withLedgerId(ledgerId(call))
                .execute()
                .thenApply(found -> Responses.json(200, LedgerJson.registered(found)));
    }

    /** Deletes a ledger and lets go of its writer, wherever that lives. */
    CompletionStage<Void> delete(LedgerId ledgerId) {
        return client.newDeleteLedgerOp().withLedgerId(ledgerId).execute().whenComplete((done, failure) -> {
            if (failure == null) {
                writers.tell(new LedgerWriters.DropEverywhere(ledgerId));
            }
        });
    }

    private CompletionStage<HttpResponse> append(Call call) {
        HttpRequest request = call.request();
        int entryBytesMax = client.entryBytesMax();
        boolean mayBeSplit = QueryParameters.lenient(request).text("split").isPresent();
        int bytesMax = mayBeSplit ? settings.bodies().requestBytesMax() : entryBytesMax;
        return bodies.read(request, bytesMax, body -> {
            LedgerId ledgerId = ledgerId(call);
            QueryParameters query = QueryParameters.strict(request, Set.of("split"));
            Optional<String> split = query.text("split");
            if (split.isPresent() && !split.get().equals("lines")) {
                throw Problem.invalid("split must be lines: '" + split.get() + "'");
            }
            requireContentType(
                    request,
                    split.isPresent()
                            ? Set.of("application/octet-stream", "text/plain")
                            : Set.of("application/octet-stream"));
            List<Payload> entries = split.isPresent()
                    ? EntryLines.split(body, settings.bodies().requestEntriesMax(), entryBytesMax)
                    : List.of(Payload.wrap(body));
            return locate(request, ledgerId).thenCompose(location -> {
                if (location instanceof LedgerWriters.Here here) {
                    return append(ledgerId, here.writer(), entries);
                } else if (location instanceof LedgerWriters.Elsewhere elsewhere) {
                    RequestEntity copy =
                            HttpEntities.create(request.entity().getContentType(), ByteString.fromArrayUnsafe(body));
                    return proxy.forward(request, copy, true, elsewhere.url());
                }
                return noWriter(ledgerId);
            });
        });
    }

    private CompletionStage<HttpResponse> append(LedgerId ledgerId, HostedWriter writer, List<Payload> entries) {
        return writer.append(entries)
                .whenComplete((appended, failure) -> dropIfLost(ledgerId, failure))
                .thenApply(appended -> {
                    ObjectNode json = JsonNodeFactory.instance.objectNode();
                    json.put("firstEntryId", appended.firstEntryId());
                    json.put("lastEntryId", appended.lastEntryId());
                    return Responses.json(201, json);
                });
    }

    private CompletionStage<HttpResponse> readEntry(Call call) {
        LedgerId ledgerId = ledgerId(call);
        long entryId = QueryParameters.parseEntryId(call.variable(1)).orElseThrow();
        QueryParameters.strict(call.request(), Set.of());
        return atWriter(call.request(), ledgerId, ledger -> ledger.reader()
                .readAsync(entryId, entryId)
                .thenApply(entries -> Responses.of(
                        200, Responses.BYTES, bytesOf(entries.entries().get(0).payload()))));
    }

    private CompletionStage<HttpResponse> readRange(Call call) {
        LedgerId ledgerId = ledgerId(call);
        QueryParameters query = QueryParameters.strict(call.request(), Set.of("from", "to", "follow"));
        EntryRange.Bounds bounds = new EntryRange.Bounds(query.entryId("from").orElse(0), query.entryId("to"));
        if (query.flag("follow")) {
            return follow(ledgerId, bounds);
        }
        return atWriter(call.request(), ledgerId, ledger -> ranges.read(ledger, bounds)
                .thenApply(pages -> Responses.streamed(Responses.LINES, pages.map(LedgerRoutes::lines))));
    }

    /** Any node can follow: bookies push what the writer confirmed, wherever it lives. */
    private CompletionStage<HttpResponse> follow(LedgerId ledgerId, EntryRange.Bounds bounds) {
        if (bounds.to().isPresent()) {
            throw Problem.invalid("to and follow=true exclude each other: a ledger is followed to its end");
        }
        return open(ledgerId)
                .thenApply(reader -> Responses.streamed(
                        Responses.LINES,
                        ranges.follow(reader, bounds.from())
                                .map(LedgerRoutes::lines)
                                // A connection without a byte for long would be closed; empty lines say nothing.
                                .keepAlive(KEEP_ALIVE, () -> LF)));
    }

    private CompletionStage<HttpResponse> seal(Call call) {
        LedgerId ledgerId = ledgerId(call);
        QueryParameters.strict(call.request(), Set.of());
        return locate(call.request(), ledgerId).thenCompose(location -> {
            if (location instanceof LedgerWriters.Here here) {
                return here.writer()
                        .handle()
                        .sealAsync()
                        .whenComplete((closed, failure) -> dropIfLost(ledgerId, failure))
                        .thenApply(closed -> {
                            writers.tell(new LedgerWriters.Drop(ledgerId));
                            return Responses.json(
                                    200,
                                    LedgerJson.closedLedger(
                                            here.writer().handle().getLedgerMetadata()));
                        });
            } else if (location instanceof LedgerWriters.Elsewhere elsewhere) {
                return proxy.forward(call.request(), HttpEntities.EMPTY, true, elsewhere.url());
            }
            // Sealed already: a repeated request gets the answer that the first one may not have seen.
            return open(ledgerId)
                    .thenCompose(reader -> reader.isClosed()
                            ? CompletableFuture.completedStage(
                                    Responses.json(200, LedgerJson.closedLedger(reader.getLedgerMetadata())))
                            : noWriter(ledgerId));
        });
    }

    /** Recovers here, wherever the writer lives; a writer in this cluster finds out by itself that it has lost. */
    private CompletionStage<HttpResponse> recover(Call call) {
        LedgerId ledgerId = ledgerId(call);
        Set<BookieId> acceptedLosses = QueryParameters.strict(call.request(), Set.of("acceptLoss"))
                .text("acceptLoss")
                .map(LedgerRoutes::bookies)
                .orElse(Set.of());
        return client.recover(ledgerId, new byte[0], acceptedLosses).thenApply(report -> {
            writers.tell(new LedgerWriters.Drop(ledgerId));
            return Responses.json(200, LedgerJson.recovered(report));
        });
    }

    private static Set<BookieId> bookies(String text) {
        return Arrays.stream(text.split(",", -1))
                .map(BookieRoutes::parseBookieId)
                .collect(Collectors.toSet());
    }

    /** What is known of a ledger; without what only bookies know when none of them answers. */
    private static CompletionStage<ObjectNode> describe(OpenLedger ledger) {
        if (ledger.isClosed()) {
            return CompletableFuture.completedStage(LedgerJson.closedLedger(ledger.metadata()));
        }
        return ledger.end()
                .thenCompose(end -> lengthUpTo(ledger.reader(), end)
                        .thenApply(length -> LedgerJson.ledger(ledger.metadata(), OptionalLong.of(end), length)))
                .exceptionally(
                        failure -> LedgerJson.ledger(ledger.metadata(), OptionalLong.empty(), OptionalLong.empty()));
    }

    /** Each entry carries the length of the ledger up to itself. */
    private static CompletionStage<OptionalLong> lengthUpTo(ReadHandle reader, long entryId) {
        if (entryId < 0) {
            return CompletableFuture.completedStage(OptionalLong.of(0));
        }
        return reader.readAsync(entryId, entryId)
                .thenApply(entries -> OptionalLong.of(entries.entries().get(0).length()))
                .exceptionally(failure -> OptionalLong.empty());
    }

    /** Carries out a read where the ledger's writer lives, or here when there is none. */
    CompletionStage<HttpResponse> atWriter(
            HttpRequest request, LedgerId ledgerId, Function<OpenLedger, CompletionStage<HttpResponse>> read) {
        return open(ledgerId).thenCompose(reader -> {
            OpenLedger ledger = new OpenLedger(reader, reader.getLedgerMetadata(), false);
            if (ledger.isClosed()) {
                return read.apply(ledger);
            }
            return locate(request, ledgerId).thenCompose(location -> {
                if (location instanceof LedgerWriters.Here here) {
                    return read.apply(new OpenLedger(here.writer().handle(), ledger.metadata(), true));
                } else if (location instanceof LedgerWriters.Elsewhere elsewhere) {
                    return proxy.forward(request, HttpEntities.EMPTY, false, elsewhere.url())
                            .exceptionallyCompose(failure -> read.apply(ledger));
                }
                return read.apply(ledger);
            });
        });
    }

    private CompletionStage<ReadHandle> open(LedgerId ledgerId) {
        return client.newOpenLedgerOp().withLedgerId(ledgerId).execute();
    }

    /** Where the writer of a ledger lives, as far as a passed on request may be passed on again: not at all. */
    private CompletionStage<LedgerWriters.Location> locate(HttpRequest request, LedgerId ledgerId) {
        boolean deleted = feed.ledger(ledgerId)
                .map(metadata -> metadata.value().isDeleted())
                .orElse(false);
        if (deleted) {
            // Deleted at another node; the registry gives the answer, and a writer left here is of no more use.
            writers.tell(new LedgerWriters.Drop(ledgerId));
            return CompletableFuture.completedStage(LedgerWriters.Nowhere.INSTANCE);
        }
        CompletableFuture<LedgerWriters.Location> found = new CompletableFuture<>();
        writers.tell(new LedgerWriters.Locate(ledgerId, !WriterProxy.isForwarded(request), found));
        return found;
    }

    /** Why nobody can append to a ledger whose writer was not found. */
    private <T> CompletionStage<T> noWriter(LedgerId ledgerId) {
        return open(ledgerId).thenCompose(reader -> {
            LedgerState state = reader.getLedgerMetadata().value().state();
            LedgerException refusal =
                    switch (state) {
                        case CLOSED ->
                            new LedgerException(
                                    Code.LedgerClosed, Outcome.NOT_APPLIED, "ledger " + ledgerId + " is closed");
                        case IN_RECOVERY ->
                            new LedgerException(
                                    Code.LedgerFenced,
                                    Outcome.NOT_APPLIED,
                                    "ledger " + ledgerId + " is fenced, it is being recovered");
                        case OPEN ->
                            new LedgerException(
                                    Code.NoWriter,
                                    Outcome.NOT_APPLIED,
                                    "no node has the writer of ledger " + ledgerId
                                            + " any more; recover it and create the next one");
                    };
            return CompletableFuture.failedStage(refusal);
        });
    }

    /** A writer that lost its ledger never gets it back. */
    private void dropIfLost(LedgerId ledgerId, Throwable failure) {
        if (failure != null && Problem.causeOf(failure) instanceof LedgerException ledger) {
            switch (ledger.code()) {
                case LedgerClosed, LedgerFenced, NoSuchLedger, NoWriter ->
                    writers.tell(new LedgerWriters.Drop(ledgerId));
                default -> {}
            }
        }
    }

    /** One line of JSON for each entry; base64 needs no escapes. */
    private static ByteString lines(List<Entry> entries) {
        ByteStringBuilder out = ByteString.createBuilder();
        for (Entry entry : entries) {
            out.append(ByteString.fromString("{\"entryId\":" + entry.entryId() + ",\"payload\":\""
                    + entry.payload().toBase64() + "\"}\n"));
        }
        return out.result();
    }

    private static ByteString bytesOf(Payload payload) {
        return ByteString.fromArrayUnsafe(payload.toByteArray());
    }

    private static LedgerId ledgerId(Call call) {
        return QueryParameters.parseLedgerId(call.variable(0));
    }

    private static LedgerState parseState(String text) {
        try {
            return LedgerState.valueOf(text.toUpperCase(Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new LedgerException(
                    Code.InvalidRequest,
                    Outcome.NOT_APPLIED,
                    "state must be one of " + List.of(LedgerState.values()) + ": '" + text + "'",
                    e);
        }
    }

    private static void requireContentType(HttpRequest request, Set<String> allowed) {
        String type = request.entity().getContentType().mediaType().toString();
        // No content type at all stands for bytes (RFC 9110, 8.3).
        boolean absent = type.equals("none/none");
        if (!allowed.contains(type) && !(absent && allowed.contains("application/octet-stream"))) {
            throw Problem.invalid("the content type must be "
                    + String.join(" or ", allowed.stream().sorted().toList()) + ": " + type);
        }
    }
}
