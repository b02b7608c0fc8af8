package io.quire.admin;

import io.quire.protocol.LedgerException;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.Http;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.RequestEntity;
import org.apache.pekko.http.javadsl.model.Uri;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.http.javadsl.settings.ConnectionPoolSettings;
import org.apache.pekko.stream.StreamTcpException;

/** Passes requests on to the node where the writer of a ledger lives, once: that node never passes them on. Thread-safe. */
final class WriterProxy {
    private static final String FORWARDED = "X-Quire-Forwarded";
    private static final int CHANGING_CONNECTIONS_MAX = 64;
    private static final int READING_CONNECTIONS_MAX = 128;

    private final ActorSystem<?> system;
    private final ConnectionPoolSettings changing;
    private final ConnectionPoolSettings reading;

    WriterProxy(ActorSystem<?> system) {
        this.system = system;
        // A request that may have been applied is never sent again; and slow readers must not hold up appends, so each
        // kind has connections of its own.
        ConnectionPoolSettings settings =
                ConnectionPoolSettings.create(system.classicSystem()).withMaxRetries(0);
        this.changing = settings.withMaxConnections(CHANGING_CONNECTIONS_MAX).withMaxOpenRequests(1024);
        this.reading = settings.withMaxConnections(READING_CONNECTIONS_MAX).withMaxOpenRequests(1024);
    }

    /** Whether another node passed {@code request} on. */
    static boolean isForwarded(HttpRequest request) {
        return request.getHeader(FORWARDED).isPresent();
    }

    /**
     * Sends {@code request} with {@code body} to the node at {@code url}; its answer is ours.
     *
     * @return fails with Unavailable when there was none; NOT_APPLIED when that node cannot be reached
     */
    CompletionStage<HttpResponse> forward(HttpRequest request, RequestEntity body, boolean isChanging, String url) {
        Uri target = Uri.create(url
                + request.getUri().getPathString()
                + request.getUri().rawQueryString().map(query -> "?" + query).orElse(""));
        HttpRequest forwarded = HttpRequest.create()
                .withMethod(request.method())
                .withUri(target)
                .withEntity(body)
                .addHeader(RawHeader.create(FORWARDED, "1"));
        return Http.get(system)
                .singleRequest(
                        forwarded,
                        Http.get(system).defaultClientHttpsContext(),
                        isChanging ? changing : reading,
                        system.classicSystem().log())
                .thenApply(WriterProxy::passedBack)
                .exceptionallyCompose(failure -> CompletableFuture.failedStage(unreachable(failure, url)));
    }

    private static HttpResponse passedBack(HttpResponse response) {
        HttpResponse ours = HttpResponse.create().withStatus(response.status()).withEntity(response.entity());
        return response.getHeader("Retry-After").map(ours::addHeader).orElse(ours);
    }

    private static LedgerException unreachable(Throwable failure, String url) {
        Throwable cause = Problem.causeOf(failure);
        boolean unsent = cause instanceof StreamTcpException connecting
                && String.valueOf(connecting.getMessage()).contains("Connection refused");
        return new LedgerException(
                Code.Unavailable,
                unsent ? Outcome.NOT_APPLIED : Outcome.UNKNOWN,
                "the node with the ledger's writer, " + url + ", did not answer");
    }
}
