package io.quire.admin;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.quire.protocol.LedgerException.Code;
import io.quire.protocol.LedgerException.Outcome;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;
import org.apache.pekko.actor.typed.ActorSystem;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.http.javadsl.model.headers.RawHeader;
import org.apache.pekko.http.javadsl.model.headers.TimeoutAccess;

/**
 * Finds what handles a request, turns failures into problems, and measures. Built once with all routes, then thread-safe.
 *
 * <p>A template is a path whose segments in braces match any one segment. Timers are named {@value #TIMER} and tagged with
 * the template, never with a path, so that there are few of them.
 */
final class Router {
    private static final String TIMER = "http.server.requests";

    private final ActorSystem<?> system;
    private final MeterRegistry meters;
    private final List<Route> routes = new ArrayList<>();

    Router(ActorSystem<?> system, MeterRegistry meters) {
        this.system = system;
        this.meters = meters;
    }

    /** Handles the requests of one route; may throw or fail with anything. */
    interface Handler {
        CompletionStage<HttpResponse> handle(Call call);
    }

    /**
     * @param variables what stands for the segments in braces, in order
     */
    record Call(HttpRequest request, List<String> variables) {
        Call {
            variables = List.copyOf(variables);
        }

        String variable(int index) {
            return variables.get(index);
        }
    }

    private record Route(String method, String template, List<String> segments, boolean readsBody, Handler handler) {
        Optional<List<String>> match(List<String> path) {
            if (path.size() != segments.size()) {
                return Optional.empty();
            }
            List<String> variables = new ArrayList<>();
            for (int i = 0; i < path.size(); i++) {
                if (segments.get(i).startsWith("{") && !path.get(i).isEmpty()) {
                    variables.add(path.get(i));
                } else if (!segments.get(i).equals(path.get(i))) {
                    return Optional.empty();
                }
            }
            return Optional.of(variables);
        }
    }

    private record Match(Route route, List<String> variables) {}

    /** A route whose handler does not look at the body. */
    Router route(String method, String template, Handler handler) {
        routes.add(new Route(method, template, segmentsOf(template), false, handler));
        return this;
    }

    /** A route whose handler consumes the body. */
    Router routeWithBody(String method, String template, Handler handler) {
        routes.add(new Route(method, template, segmentsOf(template), true, handler));
        return this;
    }

    /** Answers every request, whatever it is; the stage does not fail. */
    CompletionStage<HttpResponse> handle(HttpRequest request) {
        Timer.Sample sample = Timer.start(meters);
        answerTimeouts(request);
        List<String> path = segmentsOf(request.getUri().getPathString());
        List<Match> matches = routes.stream()
                .flatMap(route -> route.match(path).map(variables -> new Match(route, variables)).stream())
                .toList();
        Optional<Match> found = matches.stream()
                .filter(match -> match.route().method().equals(request.method().name()))
                .findFirst();
        if (found.isEmpty() || !found.get().route().readsBody()) {
            request.discardEntityBytes(system);
        }
        CompletionStage<HttpResponse> answer = found.map(match -> call(match, request))
                .orElseGet(() -> CompletableFuture.completedStage(noRoute(request, matches)));
        String template = matches.isEmpty() ? "unknown" : matches.get(0).route().template();
        String method = found.isEmpty() ? "OTHER" : request.method().name();
        return answer.exceptionally(failure -> failed(request, failure))
                .whenComplete((response, failure) -> sample.stop(meters.timer(
                        TIMER,
                        "uri",
                        template,
                        "method",
                        method,
                        "status",
                        String.valueOf(response.status().intValue()))));
    }

    private CompletionStage<HttpResponse> call(Match match, HttpRequest request) {
        try {
            return match.route().handler().handle(new Call(request, match.variables()));
        } catch (RuntimeException e) {
            if (match.route().readsBody()) {
                // It threw before it looked at the body, which would otherwise block the connection.
                request.discardEntityBytes(system);
            }
            return CompletableFuture.failedStage(e);
        }
    }

    private HttpResponse failed(HttpRequest request, Throwable failure) {
        if (!Problem.isExpected(failure)) {
            system.log()
                    .error(
                            "{} {} failed",
                            request.method().name(),
                            request.getUri().getPathString(),
                            Problem.causeOf(failure));
        }
        return Problem.of(failure, isChanging(request)).toResponse();
    }

    private static HttpResponse noRoute(HttpRequest request, List<Match> matches) {
        String path = request.getUri().getPathString();
        if (matches.isEmpty()) {
            return Problem.notFound(404, "there is nothing at " + path, List.of())
                    .toResponse();
        }
        String allowed =
                matches.stream().map(match -> match.route().method()).sorted().collect(Collectors.joining(", "));
        return Problem.notFound(
                        405,
                        request.method().name() + " is not possible at " + path + ", only " + allowed,
                        List.of(RawHeader.create("Allow", allowed)))
                .toResponse();
    }

    private static void answerTimeouts(HttpRequest request) {
        request.getHeader(TimeoutAccess.class)
                .ifPresent(header -> header.timeoutAccess().updateHandler(late -> Problem.of(
                                Code.TimedOut,
                                isChanging(late) ? Outcome.UNKNOWN : Outcome.NOT_APPLIED,
                                "the request took longer than this node waits")
                        .toResponse()));
    }

    private static boolean isChanging(HttpRequest request) {
        return !request.method().name().equals("GET")
                && !request.method().name().equals("HEAD");
    }

    private static List<String> segmentsOf(String path) {
        return Arrays.asList(path.split("/", -1));
    }
}
